"""Prices of the shared limits: the Lagrangian dual by cutting planes in a trust region.

The dual function g(p) = p . limits + sum over people of their best reduced value is convex; every value is an upper bound on
any plan. The master problem has one variable per limit and is solved by HiGHS (Kelley 1960; box-step, Marsten et al. 1975).
Prices are found on a few people first, then on ever more of them: the error of a sample's prices falls with its size, and what
it costs in the bound with the square of that error.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog

from liftwright.planning.assignment.choice import choose
from liftwright.planning.assignment.problem import Floats, Problem

SAMPLES = (2_000, 20_000)
"""How many people the first prices are found on."""
MANY = 15_000
"""From this many people on, prices near known ones are found by `newton`."""
TOLERANCE = 1e-7
"""The search ends when the master problem promises less than this share of the bound."""


@dataclass
class Cuts:
    """What the dual search found: best prices, the dual value there, and the cuts with the weights of the last master problem."""

    prices: Floats
    value: float
    points: list[Floats] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    slopes: list[Floats] = field(default_factory=list)
    weights: Floats = field(default_factory=lambda: np.zeros(0))

    def add(self, problem: Problem, prices: Floats) -> float:
        """Evaluate the dual function and remember the cut; returns its value."""
        chosen = choose(problem, prices)
        value = float(prices @ problem.limits) + chosen.gain
        self.points.append(prices)
        self.values.append(value)
        self.slopes.append(problem.limits - chosen.usage)
        return value


def find(problem: Problem, *, start: Floats | None = None, radius: float = 0.1, tolerance: float = TOLERANCE) -> Cuts:
    """Minimise the dual function. `start`: prices to start from, expected within `radius` typical prices of the best."""
    if not len(problem.limits):
        cuts = Cuts(prices=np.zeros(0), value=0.0, weights=np.ones(1))
        cuts.value = cuts.add(problem, cuts.prices)
        return cuts
    prices, radius = (np.zeros(len(problem.limits)), 2.0) if start is None else (np.maximum(start, 0.0), radius)
    for size in SAMPLES:
        if start is None and problem.people > 3 * size:
            prices = _descend(sample(problem, size), _first(prices), radius=radius, tolerance=1e-4).prices
            radius = 2.0 / np.sqrt(size)
    return _descend(problem, _first(prices), radius=radius, tolerance=tolerance)


def _first(prices: Floats) -> Cuts:
    return Cuts(prices=prices, value=np.inf)


def sample(problem: Problem, size: int) -> Problem:
    """An evenly spread sample of people with the limits scaled to it."""
    step = problem.people // size
    some = slice(step // 2, None, step)
    share = len(range(problem.people)[some]) / problem.people
    return problem.of(some, limits=problem.limits * share)


def scales(problem: Problem) -> Floats:
    """A typical price per resource: mean value of the options that use it over their mean use, in a sample."""
    some = problem if problem.people <= SAMPLES[0] else sample(problem, SAMPLES[0])
    worth = np.maximum(some.value, 0.0).sum(axis=1, dtype=np.float64)
    allowed = np.isfinite(some.value)
    value, uses = np.zeros(len(problem.limits) + 1), np.zeros(len(problem.limits) + 1)
    for resource, use in some.kinds:
        amount = np.where(allowed, use, 0.0).sum(axis=1, dtype=np.float64)
        value += np.bincount(resource, weights=np.where(amount > 0, worth, 0.0), minlength=len(value))
        uses += np.bincount(resource, weights=amount, minlength=len(uses))
    scale = np.divide(value, uses, out=np.zeros_like(value), where=uses > 0)[:-1]
    return np.asarray(np.where(scale > 0, scale, 1.0), dtype=np.float64)


def _descend(problem: Problem, cuts: Cuts, *, radius: float, tolerance: float, rounds: int = 120) -> Cuts:
    scale = scales(problem)
    if not cuts.points:
        cuts.value = cuts.add(problem, cuts.prices)
    for _ in range(rounds):
        low = np.maximum(cuts.prices - radius * scale, 0.0)
        high = cuts.prices + radius * scale
        target, model, cuts.weights = _master(cuts, low, high, scale)
        promise = cuts.value - model
        if promise <= tolerance * max(abs(cuts.value), 1e-9):
            if _inside(target, low, high, scale) or radius > 8.0:
                break
            radius *= 4.0
            continue
        value = cuts.add(problem, target)
        cuts.weights = np.append(cuts.weights, 0.0)
        if value < cuts.value - 0.1 * promise:
            radius *= 2.0 if not _inside(target, low, high, scale) else 1.0
        elif value > cuts.value:
            radius *= 0.5
        if value < cuts.value:
            cuts.prices, cuts.value = target, value
    return cuts


def _inside(target: Floats, low: Floats, high: Floats, scale: Floats) -> bool:
    """Does the master's optimum stay off the artificial walls of the box? A price of zero is no artificial wall."""
    edge = 1e-7 * scale
    return bool(((target < high - edge) & ((target > low + edge) | (low <= 0.0))).all())


def _master(cuts: Cuts, low: Floats, high: Floats, scale: Floats) -> tuple[Floats, float, Floats]:
    """Minimise the greatest cut over a box; returns prices, the model's value and the weights of the cuts (sum 1)."""
    unit = max(abs(cuts.value), 1e-9)
    slopes = np.array(cuts.slopes)
    offsets = np.array(cuts.values) - np.einsum("ij,ij->i", slopes, np.array(cuts.points))
    matrix = np.hstack([slopes * scale / unit, -np.ones((len(slopes), 1))])
    aim = np.zeros(len(scale) + 1)
    aim[-1] = 1.0
    box = np.column_stack([np.append(low / scale, -np.inf), np.append(high / scale, np.inf)])
    found = linprog(aim, A_ub=matrix, b_ub=-offsets / unit, bounds=box, method="highs")
    if found.x is None:
        weights = np.zeros(len(slopes))
        weights[int(np.argmin(cuts.values))] = 1.0
        return cuts.prices, cuts.value, weights
    prices = np.clip(found.x[:-1] * scale, low, high)
    model = float((offsets + slopes @ prices).max())
    weights = np.maximum(-np.asarray(found.ineqlin.marginals, dtype=np.float64), 0.0)
    return prices, model, weights / max(weights.sum(), 1e-12)
