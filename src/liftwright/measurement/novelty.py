"""Does the effect wear off: the effect of each day since the campaign's first touch, and its trend.

By assignment, like everything else: both arms are counted over the same calendar days, so what changes from day to day in the shop
changes in both. A day on which part of the people has not been touched yet shows a part of the effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from liftwright.domain.figures import DayEffect, Interval, Trend
from liftwright.measurement import anytime

Floats = npt.NDArray[np.float64]
FEWEST_DAYS = 6


def trend(treated: Floats, holdout: Floats, *, people: tuple[int, int], level: float = 0.95, share: float = 1.0) -> Trend:
    """The trend of a daily effect.

    treated, holdout: (days, 2) sums and sums of squares of the outcome per day over everybody of the arm. people: how many each arm
    has. share: part of the flight seen. The slope is a weighted least-squares fit over days; its interval holds at every look
    (asymptotic confidence sequence). "Decaying" when all of it lies below zero.
    """
    days = _days(treated, holdout, people)
    if len(days) < FEWEST_DAYS:
        return Trend(days=days, reason=f"a trend needs {FEWEST_DAYS} days, {len(days)} have been seen")
    at = np.array([day.day for day in days], dtype=np.float64)
    mids, weights = np.array([day.mid for day in days]), np.array([day.error for day in days]) ** -2.0
    centre = float(weights @ at / weights.sum())
    spread = float(weights @ (at - centre) ** 2)
    slope, error = float(weights @ ((at - centre) * mids)) / spread, 1.0 / math.sqrt(spread)
    z = anytime.critical(max(min(share, 1.0), 1e-3), level=level)
    return Trend(
        days=days,
        slope=Interval(low=slope - z * error, mid=slope, high=slope + z * error, level=level),
        is_decaying=slope + z * error < 0.0,
        late=_late(days, z=z, level=level),
    )


def _days(treated: Floats, holdout: Floats, people: tuple[int, int]) -> tuple[DayEffect, ...]:
    """Effect and pooled standard error of every day on which somebody of either arm did something."""
    found = []
    sizes = sum(people)
    for day, (one, two) in enumerate(zip(treated, holdout, strict=True)):
        mean = (one[0] + two[0]) / sizes
        variance = ((one[1] + two[1]) - sizes * mean * mean) / max(sizes - 1, 1)
        error = math.sqrt(max(variance, 0.0) * (1.0 / people[0] + 1.0 / people[1]))
        if error > 0.0:
            found.append(DayEffect(day=day, mid=float(one[0] / people[0] - two[0] / people[1]), error=error))
    return tuple(found)


def _late(days: Sequence[DayEffect], *, z: float, level: float) -> Interval:
    """Weighted mean effect of the last third of the days."""
    last = days[-max(len(days) // 3, 1) :]
    weights = np.array([day.error for day in last]) ** -2.0
    mid = float(weights @ np.array([day.mid for day in last]) / weights.sum())
    half = z / math.sqrt(float(weights.sum()))
    return Interval(low=mid - half, mid=mid, high=mid + half, level=level)
