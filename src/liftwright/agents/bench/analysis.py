"""How a plan's outcome will be judged, fixed before launch from the data of before: caps, covariate, planned information, what can be found."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from liftwright.agents.bench.covariates import covariates
from liftwright.agents.bench.data import OUTCOME_DAYS, Data
from liftwright.agents.bench.scores import Scores
from liftwright.agents.bench.values import Assigned
from liftwright.domain.experiment import Analysis, Experiment
from liftwright.domain.goal import Objective
from liftwright.measurement import freezing, outcomes, report

Floats = npt.NDArray[np.float64]


def fixed(data: Data, scores: Scores, objective: Objective, experiment: Experiment, solved: Assigned) -> Experiment:
    """The experiment with its analysis."""
    return experiment.model_copy(update={"analysis": _analysis(data, scores, objective, experiment, solved)})


def _analysis(data: Data, scores: Scores, objective: Objective, experiment: Experiment, solved: Assigned) -> Analysis:
    """The analysis of the people a solved flight compares: those chosen, and those of the holdout who would have been."""
    table = data.deps.lake.get(solved.audience.digest)
    chosen = report.compared(table).filter(pc.field("is_selected"))
    where = np.searchsorted(data.ids.astype(str), np.asarray(chosen["customer_id"].to_pylist(), dtype=str))
    is_holdout = np.asarray(pc.equal(chosen["arm"], "holdout"))
    days = objective.days + OUTCOME_DAYS
    past = _outcomes(data, ends_at=data.as_of, days=days)
    margin = past["margin"]
    chance = freezing.chance_within(scores.buy_chance[where], days=days, of_days=OUTCOME_DAYS)
    treated = max(int((~is_holdout).sum()), 1)
    return freezing.freeze(
        freezing.Past(margin=margin[where], is_holdout=is_holdout, chance=chance),
        all_margin=margin,
        all_revenue=past["revenue"],
        covariates=_explained(data, scores, where),
        expected=solved.forecast.incremental_margin.mid / treated,
        days=objective.days,
        looks=experiment.looks,
        level=experiment.level,
    )


def _explained(data: Data, scores: Scores, where: npt.NDArray[np.int64]) -> dict[str, float]:
    """By covariate, what its value of then explained of the margin of the window before last.

    The last window is left out: the model of the chance to buy has learned from its orders, which would flatter its prediction.
    """
    ends_at = data.as_of - timedelta(days=OUTCOME_DAYS)
    margin = _outcomes(data, ends_at=ends_at, days=OUTCOME_DAYS)["margin"][where]
    cap = freezing.cap_for(margin)
    margin = margin if cap is None else np.minimum(margin, cap)
    features = data.features_at(ends_at - timedelta(days=OUTCOME_DAYS))
    before = covariates(data, scores, features)
    return {name: freezing.explained(margin, before[name][where]) for name in before}


def _outcomes(data: Data, *, ends_at: datetime, days: int) -> dict[str, Floats]:
    """Margin and revenue of everybody in the `days` before a moment, major units."""
    found = outcomes.outcomes(
        data.tables.get("events"),
        customer_ids=list(data.ids),
        starts_at=ends_at - timedelta(days=days),
        ends_at=ends_at,
        margin_rate=data.deps.settings.margin.rate,
    )
    return {name: np.asarray(found[name].to_numpy(), dtype=np.float64) for name in ("margin", "revenue")}
