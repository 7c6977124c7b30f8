"""Whether what happens is what the model expected: observed over expected, looked at every day without fooling oneself.

The sum of observed less expected is a martingale when the model is right; its normal-mixture bound holds at all days at once (Robbins
1970; as an asymptotic confidence sequence Waudby-Smith et al. 2021). The variance is that of a right model, so that a few lucky days do not
make their own evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from liftwright.scoring.calibration import GROUPS, Bools, calibration_error
from liftwright.scoring.design import Floats
from liftwright.scoring.drift.signal import Level, Signal

ALPHA = 0.05
"""Chance that a right model is ever called wrong, over all days together."""
TUNED_FOR = 500.0
"""Expected outcomes at which the bound is tightest: about when odds that are off by 15 % can be told."""
FEWEST_EXPECTED = 25.0
"""No alarm before this many outcomes were expected."""
RATIO_BOUND = 1.05
"""Observed over expected, either way, that matters: a training by itself is off by a few per cent."""
DISPLAY_DAYS = 7
DRAWS = 200
"""Draws of the band in which the calibration error of a right model lies."""


@dataclass(frozen=True)
class Batches:
    """One entry per day, in order: outcomes observed, outcomes expected, and the variance of their difference under a right model."""

    observed: Sequence[float]
    expected: Sequence[float]
    variance: Sequence[float]
    rows: int


def of_chances(day: Floats, chance: Floats, happened: Bools) -> Batches:
    """Batches of rows with a chance each, by the day they were scored (any numbers that rise with time)."""
    _, place = np.unique(day, return_inverse=True)
    sums = [np.bincount(place, weights=values) for values in (happened.astype(np.float64), chance, chance * (1 - chance))]
    observed, expected, variance = (found.tolist() for found in sums)
    return Batches(observed, expected, variance, len(chance))


def half_width(variance: float, *, alpha: float = ALPHA, tuned_for: float = TUNED_FOR) -> float:
    """How far a sum of martingale differences may lie from 0 at this variance; holds at all times with 1 - alpha."""
    spread = tuned_for / (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1))
    return math.sqrt((variance + spread) * (math.log((variance + spread) / spread) - 2 * math.log(alpha)))


def observed_over_expected(batches: Batches, *, subject: str = "outcome") -> Signal:
    """An alarm on the first day on which the difference left the bound and mattered, else how things stand on the last day.

    `value` is observed over expected so far, `bound` the ratio above 1 (or one over it below) at which it alarms.
    """
    observed, expected, variance = (np.cumsum(values) for values in (batches.observed, batches.expected, batches.variance))
    days = len(observed)
    last, level = days - 1, "ok"
    for day in range(days):
        off = abs(float(observed[day] - expected[day]))
        ratio = (observed[day] + 0.5) / (expected[day] + 0.5)
        is_far = max(ratio, 1 / ratio) > RATIO_BOUND
        if expected[day] >= FEWEST_EXPECTED and is_far and off > half_width(float(variance[day])):
            last, level = day, "alarm"
            break
    seen, hoped = (float(sums[last]) if days else 0.0 for sums in (observed, expected))
    width = half_width(float(variance[last]) if days else 0.0)
    bound = max(RATIO_BOUND, 1 + width / max(hoped, 1.0))
    ratio = (seen + 0.5) / (hoped + 0.5)
    says = f"{subject.replace('_', ' ')}: {seen:,.0f} over {last + 1} days where {hoped:,.0f} were expected: ratio {ratio:.2f}"
    found: Level = "alarm" if level == "alarm" else "ok"
    measures = {"observed": seen, "expected": hoped, "half_width": width, "days": float(last + 1)}
    return Signal("calibration", subject, "observed_over_expected", ratio, bound, batches.rows, found, says, measures)


def display(day: Floats, chance: Floats, happened: Bools) -> list[Signal]:
    """For the eye, from seven days on: the calibration slope (1 when differences are as large as predicted) and the calibration error.

    The bound of the error is the 95 % quantile of a right model's, from draws. Neither ever alarms: over days the one that does is
    `observed_over_expected`.
    """
    days = len(np.unique(day))
    if days < DISPLAY_DAYS or not 0 < int(happened.sum()) < len(happened):
        return []
    usual = calibration_error(chance, happened)
    draws = np.random.default_rng(0)
    band = float(np.quantile([calibration_error(chance, draws.random(len(chance)) < chance) for _ in range(DRAWS)], 0.95))
    rows = len(chance)
    says = f"calibration error {usual:.4f} over {GROUPS} groups; up to {band:.4f} is chance"
    found = [Signal("calibration", "error", "calibration_error", usual, band, rows, "ok", says, {"days": float(days)})]
    if float(chance.std()) > 0:
        slope, error = _slope(chance, happened)
        says = f"calibration slope {slope:.2f} (standard error {error:.2f})"
        found.append(Signal("calibration", "slope", "slope", slope, 1.0, rows, "ok", says, {"standard_error": error}))
    return found


def _slope(chance: Floats, happened: Bools) -> tuple[float, float]:
    """Slope of a logistic regression of the outcome on the log-odds, and its standard error."""
    z = logit(np.clip(chance, 1e-6, 1 - 1e-6))
    x = np.column_stack([np.ones(len(z)), z])
    beta = np.array([0.0, 1.0])
    for _ in range(25):
        right = expit(x @ beta)
        information = (x * (right * (1 - right))[:, None]).T @ x + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, x.T @ (happened - right))
        beta = beta + np.clip(step, -1.0, 1.0)
        if float(np.abs(step).max()) < 1e-8:
            break
    return float(beta[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))
