"""Boosted trees as this product grows them: repeatable, small, and shallow enough that exact reasons are cheap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa

from liftwright.scoring.design import Floats

DEPTH = 6
"""Deepest tree. On our data a limit of 6 costs no accuracy against none, and halves the work of explaining."""
DETAIL_FROM_ROWS = 50_000
"""From this many rows on, twice the trees with twice the leaves."""
_SETTINGS = {
    "learning_rate": 0.05, "min_data_in_leaf": 50, "lambda_l2": 10.0,
    "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1,
}  # fmt: skip


def matrix(table: pa.Table, names: Sequence[str]) -> Floats:
    """(rows, names) values as numbers; a column the table does not have is missing everywhere."""
    found = np.full((table.num_rows, len(names)), np.nan)
    for place, name in enumerate(names):
        if name in table.column_names:
            found[:, place] = table[name].to_numpy(zero_copy_only=False)
    return found


def grow(x: Floats, y: Floats, *, objective: str, seed: int, depth: int = DEPTH, detail_from: int = DETAIL_FROM_ROWS) -> Any:
    """A LightGBM booster for "binary", "regression" or "tweedie". The same rows and seed give the same trees bit for bit."""
    is_large = len(x) >= detail_from
    settings = {**_SETTINGS, "objective": objective, "max_depth": depth, "num_leaves": 31 if is_large else 15, "seed": seed}
    data = lightgbm.Dataset(x, label=y, params={"verbosity": -1})
    return lightgbm.train(settings, data, num_boost_round=200 if is_large else 100)
