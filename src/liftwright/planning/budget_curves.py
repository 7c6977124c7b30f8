"""What more money in a channel would still bring: saturating response curves learned from days with different spend.

Response of a day is a B^h / (B^h + k^h) (Hill): `a` the most it can bring, `k` the spend that brings half of it, `h` how sharply it
bends. For every k and h on a grid `a` has a normal posterior, cut off at 0, in closed form, so the curve's mean is exact on the grid; no sampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr

Floats = npt.NDArray[np.float64]
SHARPNESS = np.linspace(0.7, 2.0, 14)
HALF_SPENDS = np.geomspace(0.1, 10.0, 41)
"""Spends that bring half of the most, relative to the usual spend of a day."""
DESIGN = (0.4, 1.0, 1.6)
"""How much of its usual spend a channel gets on the three designed days, in turn."""


@dataclass(frozen=True)
class Day:
    """One day of one channel, major units: what was spent, the margin it caused, and the standard error of that margin."""

    spent: float
    margin: float
    error: float


@dataclass(frozen=True)
class Curve:
    """The posterior of one channel's response: weight of every (half spend, sharpness) pair and the mean of `a` given it."""

    usual: float
    weight: Floats
    most: Floats

    def margin(self, spends: npt.ArrayLike) -> Floats:
        """Expected margin of a day by spend, major units."""
        shape = _shapes(np.asarray(spends, dtype=np.float64) / self.usual)
        return np.asarray(np.einsum("skh,kh->s", shape, self.weight * self.most))

    def scaled(self, *, spend: float, margin: float) -> Curve:
        """The same curve of a day that costs `spend` times and brings `margin` times as much."""
        return Curve(usual=self.usual * spend, weight=self.weight, most=self.most * margin)

    def marginal(self, spend: float, *, step: float = 0.05) -> float:
        """Expected margin of one more unit of money at this spend."""
        width = step * max(spend, 0.1 * self.usual)
        low, high = self.margin([max(spend - width, 0.0), spend + width])
        return float((high - low) / (spend + width - max(spend - width, 0.0)))


def fit(days: Sequence[Day], *, usual: float, expected: float, doubt: float = 0.5) -> Curve:
    """The curve of one channel from its days so far.

    usual: the spend of an ordinary day. expected: the margin such a day was planned to bring; `a` is around twice that (half of the
    most is reached at the usual spend) with a standard deviation of `doubt` times itself, and never below 0.
    Raises ValueError when usual or expected is not above 0.
    """
    if usual <= 0.0 or expected <= 0.0:
        raise ValueError("the usual spend and its expected margin must be above 0")
    prior_mean, prior_precision = 2.0 * expected, 1.0 / (2.0 * expected * doubt) ** 2
    known = [day for day in days if day.error > 0.0]
    spent, margin = np.array([day.spent for day in known]), np.array([day.margin for day in known])
    precision = 1.0 / np.array([day.error for day in known]) ** 2
    shape = _shapes(spent / usual)
    total = prior_precision + np.einsum("skh,s->kh", shape**2, precision)
    pull = prior_precision * prior_mean + np.einsum("skh,s->kh", shape, precision * margin)
    mean, deviation = pull / total, 1.0 / np.sqrt(total)
    score = 0.5 * pull**2 / total - 0.5 * np.log(total) + log_ndtr(mean / deviation)
    weight = np.exp(score - score.max()) * _prior()
    above = np.exp(-0.5 * (mean / deviation) ** 2 - log_ndtr(mean / deviation)) / np.sqrt(2.0 * np.pi)
    return Curve(usual=usual, weight=weight / weight.sum(), most=mean + deviation * above)


def designed(usual: Sequence[float], *, day: int, factors: Sequence[float] = DESIGN) -> Floats:
    """Spends of a designed day (0, 1, 2): every channel gets one of the factors of its usual, in turn, so that its curve can be told.

    Scaled so that the day costs what an ordinary one does.
    """
    factor = np.array([factors[(place + day) % len(factors)] for place in range(len(usual))])
    spends = np.asarray(usual, dtype=np.float64) * factor
    return np.asarray(spends * (float(np.sum(usual)) / float(spends.sum())))


def _shapes(relative: Floats) -> Floats:
    """Share of the most that each spend (relative to the usual) brings, (spends, half spends, sharpness)."""
    ratio = (np.maximum(relative, 0.0)[:, None] / HALF_SPENDS[None, :])[:, :, None] ** SHARPNESS[None, None, :]
    return np.asarray(ratio / (1.0 + ratio))


def _prior() -> Floats:
    """Half spends around the usual one, within a factor of about three; every sharpness alike."""
    return np.asarray(np.exp(-0.5 * (np.log(HALF_SPENDS) / np.log(3.0)) ** 2)[:, None] * np.ones(len(SHARPNESS)))
