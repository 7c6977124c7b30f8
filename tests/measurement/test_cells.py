"""Sums by cell and arm: nothing is lost, nobody counts twice, and a person weighs what their arm's chance says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.measurement import cells


def people(*, count: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    bought = rng.random(count) < 0.2
    return pa.table(
        {
            "arm": np.where(rng.random(count) < 0.2, "holdout", "treated"),
            "channel": rng.choice(["email", "sms"], count),
            "segment": rng.choice(["recent, quiet", "lapsed, quiet"], count),
            "offer": rng.choice(["none", "save10"], count),
            "expected": rng.random(count),
            "margin": np.where(bought, rng.lognormal(3, 1, count), 0.0),
            "orders": bought.astype(float),
        }
    )


@given(count=st.integers(1, 300), seed=st.integers(0, 1_000), share=st.floats(0.05, 0.5))
def test_the_cells_add_up_to_everybody(count: int, seed: int, share: float) -> None:
    table = people(count=count, seed=seed)
    found = list(cells.by_cell(table, holdout_share=share, cap=None))
    assert [key for key, *_ in found] == sorted({key for key, *_ in found})
    for place, arm, chance in ((1, "treated", 1 - share), (2, "holdout", share)):
        mine = table.filter(pa.array([name == arm for name in table["arm"].to_pylist()]))
        moments = [each[place] for each in found]
        assert sum(each.people for each in moments) == mine.num_rows
        assert sum(each.conversions for each in moments) == int(np.sum(mine["orders"].to_numpy()))
        assert sum(each.total for each in moments) == pytest.approx(float(np.sum(mine["margin"].to_numpy())) / chance)
        assert sum(each.expected for each in moments) == pytest.approx(float(np.sum(mine["expected"].to_numpy())) / chance)
        assert sum(each.weight for each in moments) == pytest.approx(mine.num_rows / chance)


def test_what_lies_above_the_cap_counts_as_the_cap() -> None:
    table = people(count=200, seed=1)
    ((_, plain, _), *_), ((_, capped, _), *_) = (list(cells.by_cell(table, holdout_share=0.2, cap=cap)) for cap in (None, 5.0))
    assert capped.total < plain.total
    assert capped.squares <= capped.conversions * 25.0 / 0.8 + 1e-9
    assert capped.conversions == plain.conversions
