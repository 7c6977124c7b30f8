"""Campaigns together: the mean effect with the spread of true effects between campaigns.

Between-campaign variance by Paule and Mandel (1982); the interval of the random-effects mean by Hartung and Knapp (2001) with a
t quantile, which keeps its level with few campaigns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import t as student

from liftwright.domain.evidence import Estimate, Interval
from liftwright.domain.figures import Pooled, PooledCampaign
from liftwright.measurement.estimate import quantile


def row(campaign_id: str, estimate: Estimate) -> PooledCampaign | None:
    """A campaign's effect as it enters the pool; None when it has none. Its error is the one that no look widens."""
    if estimate.mid is None or not estimate.error:
        return None
    return PooledCampaign(campaign_id=campaign_id, mid=estimate.mid, error=estimate.error, people=estimate.treated)


def pool(campaigns: Sequence[PooledCampaign], *, level: float = 0.95) -> Pooled:
    """Fixed-effect and random-effects mean of the effect per person. With fewer than two campaigns nothing is pooled and it says so."""
    rows = tuple(campaigns)
    if len(rows) < 2:
        return Pooled(campaigns=rows, reason="effects are pooled from two measured campaigns on")
    mids, errors = np.array([one.mid for one in rows]), np.array([one.error for one in rows])
    weights = errors**-2.0
    fixed, half = float(weights @ mids / weights.sum()), quantile(level) / math.sqrt(float(weights.sum()))
    tau2 = between(mids, errors)
    weights = 1.0 / (errors**2 + tau2)
    middle = float(weights @ mids / weights.sum())
    spread = float(weights @ (mids - middle) ** 2) / (len(rows) - 1)
    reach = float(student.ppf(0.5 + level / 2.0, len(rows) - 1)) * math.sqrt(max(spread, 1.0) / float(weights.sum()))
    return Pooled(
        campaigns=rows,
        fixed=Interval(low=fixed - half, mid=fixed, high=fixed + half, level=level),
        random=Interval(low=middle - reach, mid=middle, high=middle + reach, level=level),
        tau=math.sqrt(tau2),
    )


def between(mids: npt.NDArray[np.float64], errors: npt.NDArray[np.float64]) -> float:
    """Variance of the true effects between campaigns: where the weighted spread equals what chance leaves (Paule and Mandel)."""

    def excess(tau2: float) -> float:
        weights = 1.0 / (errors**2 + tau2)
        middle = float(weights @ mids / weights.sum())
        return float(weights @ (mids - middle) ** 2) - (len(mids) - 1)

    if excess(0.0) <= 0.0:
        return 0.0
    highest = float(np.ptp(mids) ** 2 + errors.max() ** 2)
    while excess(highest) > 0.0:
        highest *= 4.0
    return float(brentq(excess, 0.0, highest))
