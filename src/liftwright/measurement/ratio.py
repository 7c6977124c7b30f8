"""Ratios of two sums over people, such as margin rate and average order value, by the delta method (Deng et al. 2018, section 3).

The person is the unit that was drawn, so the variance is over people: orders of one person are not independent.
"""

from __future__ import annotations

import math

from scipy.stats import norm

from liftwright.domain.evidence import Estimate, Interval
from liftwright.measurement.estimate import BURN_IN, few, quantile
from liftwright.measurement.moments import Arm

METHOD = "difference of ratios, delta method over people"


def rate(arm: Arm, *, level: float = 0.95, critical: float | None = None) -> Interval | None:
    """Sum of the outcome over sum of the number beside it, in one arm, with its interval; None where there is nothing to divide by."""
    error = _error(arm)
    if error is None:
        return None
    mid = arm.mean / arm.beside
    half = (quantile(level) if critical is None else critical) * error
    return Interval(low=mid - half, mid=mid, high=mid + half, level=level)


def compare(
    treated: Arm, holdout: Arm, *, metric: str, level: float = 0.95, critical: float | None = None, query: str = ""
) -> Estimate:
    """Ratio of the treated arm less ratio of the holdout. Each arm's outcome is the numerator, the number beside it the denominator."""
    blank = Estimate(metric=metric, level=level, treated=treated.people, holdout=holdout.people, query=query)
    one, two = _error(treated), _error(holdout)
    if one is None or two is None:
        return blank.model_copy(update={"reason": "nobody of an arm has anything to divide by"})
    error = math.hypot(one, two)
    if error == 0.0:
        return blank.model_copy(update={"reason": "nobody's outcome differs from the others' of their arm"})
    mid = treated.mean / treated.beside - holdout.mean / holdout.beside
    half = (quantile(level) if critical is None else critical) * error
    seen = min(treated.seen, holdout.seen)
    found = {
        "low": mid - half,
        "mid": mid,
        "high": mid + half,
        "error": error,
        "method": METHOD + ("" if critical is None else ", sequential"),
        "p_value": float(2.0 * norm.sf(abs(mid) / error)),
        "reason": "" if seen >= BURN_IN else few(seen),
    }
    return blank.model_copy(update=found)


def _error(arm: Arm) -> float | None:
    """Standard error of one arm's ratio."""
    if arm.people < 2 or arm.beside <= 0.0:
        return None
    value = arm.mean / arm.beside
    squares = arm.squares - 2.0 * value * arm.products + value * value * arm.beside_squares
    return math.sqrt(max(squares, 0.0) / (arm.people - 1) / arm.people) / arm.beside
