"""What an analysis fixes before launch, from the past alone: caps, the covariate, the information planned, what it can find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liftwright.domain.experiment import Analysis
from liftwright.measurement import moments, power

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
FEWEST_BUYERS = 100
LEAST_EXPLAINED = 0.001
"""A covariate that explains less of the past outcome is not worth naming."""
OPT_OUT_DAYS = 90.0
"""How long a person who opts out is missed, days."""


@dataclass(frozen=True)
class Past:
    """The past of the people a plan compares, in one order; money in major units.

    margin: of each in a past window as long as the one to be measured. is_holdout: their arm. chance: of an order in the window.
    """

    margin: Floats
    is_holdout: Mask
    chance: Floats


def freeze(
    past: Past,
    *,
    all_margin: Floats,
    all_revenue: Floats,
    covariates: Mapping[str, float],
    expected: float,
    days: int,
    looks: int,
    level: float = 0.95,
) -> Analysis:
    """The analysis of a plan.

    all_margin, all_revenue: of everybody in the past window, for the caps. covariates: by column, the share of a past outcome it explained.
    expected: extra margin per treated person that the plan expects. days: of the flight.
    """
    cap = cap_for(all_margin)
    name, explained = choose(covariates)
    kept = past.margin if cap is None else np.minimum(past.margin, cap)
    held = int(past.is_holdout.sum())
    found = power.detectable(
        treated=len(kept) - held,
        holdout=held,
        mean=float(kept.mean()) if len(kept) else 0.0,
        sd=float(kept.std()) * (1.0 - explained) ** 0.5 if len(kept) else 0.0,
        level=level,
        looks=looks,
    )
    return Analysis(
        conversions=round(float(past.chance.sum()) * min(held, len(kept) - held) / max(len(kept), 1), 2),
        cap=cap,
        stricter_cap=cap_for(all_margin, quantile=0.95),
        revenue_cap=cap_for(all_revenue),
        covariate=name,
        explained=round(explained, 4),
        expected=round(expected, 6),
        detectable=round(found.absolute, 6) if np.isfinite(found.absolute) and found.absolute > 0 else None,
        opt_out_price=round(max(expected, 0.0) * OPT_OUT_DAYS / max(days, 1), 4),
    )


def cap_for(past: npt.ArrayLike, *, quantile: float = 0.99) -> float | None:
    """The cap to fix before launch: a quantile of what past buyers' outcomes were; None below 100 buyers."""
    values = np.asarray(past, dtype=np.float64)
    buyers = values[values > 0]
    return round(float(np.quantile(buyers, quantile)), 4) if len(buyers) >= FEWEST_BUYERS else None


def choose(covariates: Mapping[str, float]) -> tuple[str, float]:
    """The column that explained most of a past outcome, and how much; the first by name where two are equal, none below a thousandth."""
    best = max(sorted(covariates), key=lambda name: covariates[name], default="")
    return (best, covariates[best]) if best and covariates[best] >= LEAST_EXPLAINED else ("", 0.0)


def explained(outcome: Floats, covariate: Floats) -> float:
    """Share of a past outcome that a number known before it explained (R squared)."""
    return moments.explained(moments.arm(outcome, covariate))


def chance_within(chance: Floats, *, days: float, of_days: float) -> Floats:
    """The chance of an order within `days` from the chance within `of_days`, orders coming independently over time."""
    kept = np.clip(1.0 - np.asarray(chance, dtype=np.float64), 0.0, 1.0)
    return np.asarray(1.0 - kept ** (days / of_days), dtype=np.float64)
