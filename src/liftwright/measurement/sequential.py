"""Looking every day without fooling oneself: Lan-DeMets bounds with O'Brien-Fleming spending, by recursive integration.

Spending per side: a(t) = 2 - 2 Phi(z_{1 - alpha/4} / sqrt t), alpha two-sided (Lan and DeMets 1983). Error may be spent by another
clock than the information that sets how looks depend on each other (Lan and DeMets 1989). The density of the score process inside
the earlier bounds is carried forward on Gauss-Legendre points (Armitage, McPherson and Rowe 1969).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import norm

Floats = npt.NDArray[np.float64]
POINTS = (96, 128, 192, 256, 384, 512)
"""How many points carry the density; the shorter a step is beside the bound, the more it takes."""
FURTHEST = 8.0
"""Bounds beyond 8 standard errors are cut there; that spends less than 1e-15."""


@dataclass(frozen=True)
class Look:
    """One look. information: in any unit, as long as all looks share it. spending: share of the allowed error spent by then, of 1."""

    information: float
    spending: float


def spent(fraction: float, *, alpha: float = 0.05) -> float:
    """Two-sided error allowed by this share of the information; alpha at 1."""
    fraction = min(max(fraction, 0.0), 1.0)
    if fraction == 0.0:
        return 0.0
    return 4.0 * float(norm.sf(norm.ppf(1.0 - alpha / 4.0) / math.sqrt(fraction)))


def bounds_of(looks: Sequence[Look], *, alpha: float = 0.05) -> tuple[float, ...]:
    """The |z| bounds of a series of looks with rising information, whose spending never falls.

    Raises ValueError for looks that know no more than the one before, or that take back error spent.
    """
    rounded = tuple((round(look.information, 9), round(min(look.spending, 1.0), 9)) for look in looks)
    if not rounded or rounded[0][0] <= 0.0 or any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(rounded)):
        raise ValueError("information must rise and be above 0, and spending must not fall")
    return _walk(rounded, alpha).bounds


@dataclass(frozen=True)
class _Walk:
    """Where a series of looks stands: its bounds, the error spent, and the density of what has not crossed yet."""

    bounds: tuple[float, ...]
    error: float
    grid: Floats
    weight: Floats


@lru_cache(maxsize=4096)
def _walk(looks: tuple[tuple[float, float], ...], alpha: float) -> _Walk:
    before = _walk(looks[:-1], alpha) if len(looks) > 1 else _Walk((), 0.0, np.zeros(1), np.ones(1))
    information, spending = looks[-1]
    step = math.sqrt(information - (looks[-2][0] if len(looks) > 1 else 0.0))
    scale = math.sqrt(information)
    allowed = max(spent(spending, alpha=alpha) - before.error, 0.0)
    limit = _limit(before.grid, before.weight, step=step, scale=scale, allowed=allowed)
    error = before.error + _crossing(limit, before.grid, before.weight, step)
    grid, weight = _forward(before.grid, before.weight, limit=limit, step=step)
    return _Walk((*before.bounds, limit / scale), error, grid, weight)


def _crossing(limit: float, grid: Floats, weight: Floats, step: float) -> float:
    """Chance of leaving (-limit, limit) at this look, having stayed inside until now."""
    return float(weight @ (ndtr((grid - limit) / step) + ndtr((-limit - grid) / step)))


def _limit(grid: Floats, weight: Floats, *, step: float, scale: float, allowed: float) -> float:
    furthest = FURTHEST * scale
    if _crossing(furthest, grid, weight, step) >= allowed:
        return furthest
    return float(brentq(lambda limit: _crossing(limit, grid, weight, step) - allowed, 0.0, furthest, xtol=1e-10))


def _forward(grid: Floats, weight: Floats, *, limit: float, step: float) -> tuple[Floats, Floats]:
    """Density mass on new points inside the bounds."""
    nodes, mass = _points(next((count for count in POINTS if count >= 6.0 * limit / step), POINTS[-1]))
    points: Any = nodes * limit
    density = np.exp(-0.5 * ((points[:, None] - grid[None, :]) / step) ** 2) @ weight / (step * math.sqrt(2.0 * math.pi))
    return points, density * mass * limit


@lru_cache(maxsize=len(POINTS))
def _points(count: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre points and weights on (-1, 1)."""
    nodes, mass = np.polynomial.legendre.leggauss(count)
    return np.asarray(nodes), np.asarray(mass)
