"""From past randomised rows to a model: every candidate learned and judged on the same folds, the simplest good one kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.errors import DataError
from liftwright.scoring import history
from liftwright.scoring.design import CONTROL, Floats, Layout, Scale
from liftwright.scoring.uplift import candidates, choice, ridge, spread
from liftwright.scoring.uplift.model import UpliftModel
from liftwright.scoring.uplift.quadrants import quadrants
from liftwright.scoring.uplift.sample import Sample, Scores, sample
from liftwright.scoring.uplift.spread import Weighed

FOLDS = 5
FEWEST = 10
"""People of the control, and of the most frequent action, with a known outcome, below which nothing is fitted."""
CAP_QUANTILE = 0.995
"""Outcomes above this quantile of the positive ones count as that much."""


@dataclass(frozen=True)
class Judged:
    """One history with every candidate's cross-fitted scores, judged on the doubly robust effects `psi`."""

    data: Sample
    scale: Scale
    layout: Layout
    cap: float
    linear: ridge.Learned
    psi: Floats
    scores: Mapping[str, Scores]
    choice: choice.Choice
    weighed: Weighed | None


def fit(
    rows: pa.Table,
    *,
    outcome: str,
    feature_names: Sequence[str],
    seed: int,
    leading: Sequence[str] = (),
) -> UpliftModel:
    """Fit on the rows of `history.training_rows` for one outcome (margin, revenue, orders, visits).

    `ranking` is "found" only when ordering people by the chosen candidate's cross-fitted effect beats a random order, with an interval
    above zero that holds for all candidates at once. `leading`: features along which effects are looked for first. The same rows in any order, with the same seed, give the same model bit for bit.
    Raises DataError UPLIFT-FEW where the outcome is known of too few people of the control or of any action.
    """
    judged = judge(rows, outcome=outcome, feature_names=feature_names, seed=seed, leading=leading)
    data, found = judged.data, judged.choice
    has_own = found.is_found and found.chosen != "ridge"
    made = UpliftModel(
        outcome=outcome,
        scale=judged.scale,
        layout=judged.layout,
        solution=judged.linear.solution if found.is_found and not has_own else judged.linear.average,
        deviation=candidates.deviation(found.chosen, data, judged.layout, psi=judged.psi, scores=judged.scores[found.chosen])
        if has_own
        else None,
        ranking="found" if found.is_found else "none",
        quality=_quality(judged) | judged.linear.ridge.as_json(),
        data={
            "rows": len(data.y),
            "people": data.people,
            "actions": data.actions,
            "cap": judged.cap,
            "waves": data.waves,
            "trees_tried": "S" in judged.scores,
            **({} if judged.weighed is None else {"half_within_hours": judged.weighed.half_within_hours}),
        },
    )
    return replace(made, quality=made.quality | {"quadrants": _quadrants(made, judged)}) if found.is_found else made


def judge(
    rows: pa.Table,
    *,
    outcome: str,
    feature_names: Sequence[str],
    seed: int,
    leading: Sequence[str] = (),
) -> Judged:
    """Learn every candidate on the same folds and choose."""
    rows, data, scale, layout, cap = prepared(rows, outcome=outcome, feature_names=feature_names, seed=seed, leading=leading)
    weighed = weigh(rows, data, layout, cap=cap) if outcome == "orders" else None
    linear = ridge.learn(data, layout, target_of(weighed, data))
    psi = data.psi(linear.averages)
    scores = candidates.cross_fitted(data, layout, ridge=linear.scores, psi=psi, is_weighed=weighed is not None)
    found = choice.choose(data, psi, scores)
    return Judged(data, scale, layout, cap, linear, psi, scores, found, weighed)


def prepared(
    rows: pa.Table, *, outcome: str, feature_names: Sequence[str], seed: int, leading: Sequence[str] = ()
) -> tuple[pa.Table, Sample, Scale, Layout, float]:
    """The usable rows, sorted, and as arrays: sample, scale, layout and the cap on outcomes. Raises DataError UPLIFT-FEW as `fit` does."""
    rows = _usable(rows, outcome)
    scale = Scale.fit(rows, [name for name in feature_names if name in rows.column_names], leading=leading)
    layout = Layout(tuple(sorted(set(rows["action"].unique().to_pylist()) - {CONTROL})), len(scale.names))
    y, cap = _capped(rows[f"y_{outcome}"].to_numpy().astype(np.float64))
    return rows, sample(rows, y, scale.apply(rows), layout, folds=FOLDS, seed=seed), scale, layout, cap


def weigh(rows: pa.Table, data: Sample, layout: Layout, *, cap: float) -> Weighed | None:
    """Orders weighed by how soon they follow a contact, where their moments are known and tell."""
    if history.DELAYED not in rows.column_names or rows[history.DELAYED].null_count:
        return None
    stamped = rows["at"].cast(history.STAMP).cast(pa.int64()).to_numpy()
    counts = history.counts_of(rows)
    counts *= (cap / np.maximum(counts.sum(axis=1), max(cap, 1e-12)))[:, None]
    return spread.weigh(data, layout, counts, hours=stamped // 3_600_000_000)


def target_of(weighed: Weighed | None, data: Sample) -> ridge.Target | None:
    """What the ridge regresses instead of all orders alike."""
    return None if weighed is None else ridge.Target(weighed.residual, data.treated, weighed.weight)


def _quality(judged: Judged) -> dict[str, Any]:
    """Of the chosen candidate, and the gain of each; per 1,000 people."""
    data, psi, found = judged.data, judged.psi, judged.choice
    scores = judged.scores[found.chosen]
    gains = {name: {"low": 1000 * g.low, "mid": 1000 * g.mid, "high": 1000 * g.high} for name, g in found.gains.items()}
    slope, error = choice.calibration(data, psi, scores.held_out)
    values = choice.values(data, psi, scores)
    return {
        "learner": found.chosen,
        "best": found.best,
        "qini": gains[found.chosen]["mid"],
        "qini_low": gains[found.chosen]["low"],
        "qini_high": gains[found.chosen]["high"],
        "level": choice.LEVEL,
        "noise": scores.noise,
        "candidates": gains,
        "calibration_slope": {"low": slope - 1.96 * error, "mid": slope, "high": slope + 1.96 * error},
        "value_of_first": {name: {key: 1000 * each for key, each in value.items()} for name, value in values.items()},
    }


def _quadrants(made: UpliftModel, judged: Judged) -> dict[str, Any]:
    """Of the people of the history, each as last seen, and a contact of the kinds that were tried, as often as they were."""
    data = judged.data
    last = np.flatnonzero(np.append(data.person[1:] != data.person[:-1], True))
    effects, errors = made.predict_scaled(data.z[last], judged.layout.actions)
    untreated = data.expected[last, 0] - (data.expected[last, 1:] * effects).sum(axis=1)
    is_yes_or_no = bool(np.isin(data.y, (0.0, 1.0)).all())
    return quadrants(effects @ data.share, errors @ data.share, untreated, is_yes_or_no=is_yes_or_no).as_json()


def is_recorded(rows: pa.Table, outcome: str) -> bool:
    """Whether the outcome is known of enough people of the control and of some action."""
    known = rows.filter(pa.array(np.isfinite(rows[f"y_{outcome}"].to_numpy().astype(np.float64))))
    counts = {str(row["values"]): int(row["counts"]) for row in pc.value_counts(known["action"]).to_pylist()}
    return min(counts.pop(CONTROL, 0), max(counts.values(), default=0)) >= FEWEST


def _usable(rows: pa.Table, outcome: str) -> pa.Table:
    """Rows whose outcome is known, sorted."""
    if not is_recorded(rows, outcome):
        raise DataError(
            "UPLIFT-FEW",
            f"Fewer than {FEWEST} people of the control, or of every action, have a known outcome ({outcome}).",
            next_step="Import the outcomes of past tests as events, or run a larger test.",
        )
    rows = rows.filter(pa.array(np.isfinite(rows[f"y_{outcome}"].to_numpy().astype(np.float64))))
    return rows.sort_by([("customer_id", "ascending"), ("at", "ascending"), ("action", "ascending")]).combine_chunks()


def _capped(y: Floats) -> tuple[Floats, float]:
    positive = y[y > 0]
    cap = float(np.quantile(positive, CAP_QUANTILE, method="lower")) if positive.size else 0.0
    return (np.clip(y, -cap, cap), cap) if cap > 0 else (y, 0.0)
