"""From past randomised rows to a model: every candidate learned and judged on the same folds, the simplest good one kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.scoring.design import CONTROL, Floats, Layout, Scale
from liftwright.scoring.uplift import candidates, choice, ridge
from liftwright.scoring.uplift.model import UpliftModel
from liftwright.scoring.uplift.sample import Sample, sample

FOLDS = 5
CAP_QUANTILE = 0.995
"""Outcomes above this quantile of the positive ones count as that much."""


def fit(rows: pa.Table, *, outcome: str, feature_names: Sequence[str], seed: int) -> UpliftModel:
    """Fit on the rows of `history.training_rows` for one outcome (margin, revenue, orders, visits).

    `ranking` is "found" only when ordering people by the chosen candidate's cross-fitted effect beats a random order, with an interval
    above zero that holds for all candidates at once. The same rows in any order, with the same seed, give the same model bit for bit.
    """
    rows = _usable(rows, outcome)
    scale = Scale.fit(rows, [name for name in feature_names if name in rows.column_names])
    layout = Layout(tuple(sorted(set(rows["action"].unique().to_pylist()) - {CONTROL})), len(scale.names))
    y, cap = _capped(rows[f"y_{outcome}"].to_numpy().astype(np.float64))
    data = sample(rows, y, scale.apply(rows), layout, folds=FOLDS, seed=seed)
    linear = ridge.learn(data, layout)
    psi = data.psi(linear.averages)
    scores = candidates.cross_fitted(data, layout, ridge=linear.scores, psi=psi)
    found = choice.choose(data, psi, scores)
    keeps_ridge = found.is_found and found.chosen == "ridge"
    return UpliftModel(
        outcome=outcome,
        scale=scale,
        layout=layout,
        solution=linear.solution if keeps_ridge else linear.average,
        deviation=candidates.deviation(found.chosen, data, layout, psi=psi, scores=scores[found.chosen])
        if found.is_found and not keeps_ridge
        else None,
        ranking="found" if found.is_found else "none",
        quality=_quality(data, psi, scores, found) | linear.ridge.as_json(),
        data={"rows": rows.num_rows, "people": data.people, "actions": len(layout.actions), "cap": cap, "waves": data.waves},
    )


def _quality(data: Sample, psi: Floats, scores: dict[str, Floats], found: choice.Choice) -> dict[str, Any]:
    """Of the chosen candidate, and the gain of each; per 1,000 people."""
    gains = {name: {"low": 1000 * g.low, "mid": 1000 * g.mid, "high": 1000 * g.high} for name, g in found.gains.items()}
    chosen = gains[found.chosen]
    slope, error = choice.calibration(data, psi, scores[found.chosen])
    values = choice.values(data, psi, scores[found.chosen])
    return {
        "learner": found.chosen,
        "best": found.best,
        "qini": chosen["mid"],
        "qini_low": chosen["low"],
        "qini_high": chosen["high"],
        "level": choice.LEVEL,
        "candidates": gains,
        "calibration_slope": {"low": slope - 1.96 * error, "mid": slope, "high": slope + 1.96 * error},
        "value_of_first": {name: {key: 1000 * each for key, each in value.items()} for name, value in values.items()},
    }


def _usable(rows: pa.Table, outcome: str) -> pa.Table:
    known = np.isfinite(rows[f"y_{outcome}"].to_numpy().astype(np.float64))
    rows = rows.filter(pa.array(known))
    return rows.sort_by([("customer_id", "ascending"), ("at", "ascending"), ("action", "ascending")]).combine_chunks()


def _capped(y: Floats) -> tuple[Floats, float]:
    positive = y[y > 0]
    cap = float(np.quantile(positive, CAP_QUANTILE, method="lower")) if positive.size else 0.0
    return (np.clip(y, -cap, cap), cap) if cap > 0 else (y, 0.0)
