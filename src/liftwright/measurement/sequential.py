"""Looking every day without fooling oneself: Lan-DeMets bounds with O'Brien-Fleming spending, by recursive integration.

Spending per side: a(t) = 2 - 2 Phi(z_{1 - alpha/4} / sqrt t), alpha two-sided (Lan and DeMets 1983). The density of the score
process inside the earlier bounds is carried forward on a grid (Armitage, McPherson and Rowe 1969).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import norm

Floats = npt.NDArray[np.float64]
GRID = 801
FURTHEST = 8.0
"""Bounds beyond 8 standard errors are cut there; that spends less than 1e-15."""


def spent(fraction: float, *, alpha: float = 0.05) -> float:
    """Two-sided error allowed by this share of the information; alpha at 1."""
    fraction = min(max(fraction, 0.0), 1.0)
    if fraction == 0.0:
        return 0.0
    return 4.0 * float(norm.sf(norm.ppf(1.0 - alpha / 4.0) / math.sqrt(fraction)))


def bound(fraction: float, *, past: Sequence[float] = (), alpha: float = 0.05) -> float:
    """The |z| needed at a look with this share of the information, after looks at the `past` shares.

    Shares are in (0, 1]; past looks at or after this one are ignored. Raises ValueError for a share that is not above 0.
    """
    return bounds((*(share for share in sorted(set(past)) if share < fraction - 1e-9), fraction), alpha=alpha)[-1]


def bounds(fractions: Sequence[float], *, alpha: float = 0.05) -> tuple[float, ...]:
    """The |z| bounds of a series of looks at rising shares of the information."""
    shares = tuple(round(min(float(share), 1.0), 9) for share in fractions)
    if not shares or shares[0] <= 0.0 or any(b <= a for a, b in pairwise(shares)):
        raise ValueError("the shares of information must rise, be above 0 and at most 1")
    return _bounds(shares, alpha)


@lru_cache(maxsize=512)
def _bounds(shares: tuple[float, ...], alpha: float) -> tuple[float, ...]:
    found: list[float] = []
    grid = np.zeros(1)
    weight = np.ones(1)
    before, error = 0.0, 0.0
    for share in shares:
        step = math.sqrt(share - before)
        allowed = max(spent(share, alpha=alpha) - error, 0.0)
        limit = _limit(grid, weight, step=step, scale=math.sqrt(share), allowed=allowed)
        found.append(limit / math.sqrt(share))
        error += _crossing(limit, grid, weight, step)
        grid, weight = _forward(grid, weight, limit=limit, step=step)
        before = share
    return tuple(found)


def _crossing(limit: float, grid: Floats, weight: Floats, step: float) -> float:
    """Chance of leaving (-limit, limit) at this look, having stayed inside until now."""
    return float(weight @ (ndtr((grid - limit) / step) + ndtr((-limit - grid) / step)))


def _limit(grid: Floats, weight: Floats, *, step: float, scale: float, allowed: float) -> float:
    furthest = FURTHEST * scale
    if _crossing(furthest, grid, weight, step) >= allowed:
        return furthest
    return float(brentq(lambda limit: _crossing(limit, grid, weight, step) - allowed, 0.0, furthest, xtol=1e-10))


def _forward(grid: Floats, weight: Floats, *, limit: float, step: float) -> tuple[Floats, Floats]:
    """Density mass on a new grid inside the bounds (trapezium weights)."""
    points: Any = np.linspace(-limit, limit, GRID)
    density = np.exp(-0.5 * ((points[:, None] - grid[None, :]) / step) ** 2) @ weight / (step * math.sqrt(2.0 * math.pi))
    width = np.full(GRID, points[1] - points[0])
    width[[0, -1]] /= 2.0
    return points, density * width
