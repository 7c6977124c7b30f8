"""Prices of the shared limits: the Lagrangian dual by cutting planes in a trust region.

The dual function g(p) = p . limits + sum over people of their best reduced value is convex; every value is an upper bound on
any plan. The master problem has one variable per limit and is solved by HiGHS (Kelley 1960; box-step, Marsten et al. 1975).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog

from liftwright.planning.assignment.choice import choose
from liftwright.planning.assignment.problem import Floats, Ints, Problem

SAMPLE = 2_000
TOLERANCE = 1e-7


@dataclass
class Cuts:
    """What the dual search found: best prices, the dual value there, and the solutions behind the cuts with their weights."""

    prices: Floats
    value: float
    points: list[Floats] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    slopes: list[Floats] = field(default_factory=list)
    rows: list[Ints] = field(default_factory=list)
    weights: Floats = field(default_factory=lambda: np.zeros(0))

    def add(self, problem: Problem, prices: Floats) -> float:
        """Evaluate the dual function and remember the cut; returns its value."""
        chosen = choose(problem, prices)
        value = float(prices @ problem.limits) + chosen.gain
        self.points.append(prices)
        self.values.append(value)
        self.slopes.append(problem.limits - problem.usage(chosen.rows))
        self.rows.append(chosen.rows)
        return value


def find(problem: Problem, *, start: Floats | None = None, rounds: int = 90) -> Cuts:
    """Minimise the dual function. `start`: prices to start from (yesterday's); otherwise a sample of people gives them."""
    size = len(problem.limits)
    if size == 0:
        cuts = Cuts(prices=np.zeros(0), value=0.0)
        cuts.value = cuts.add(problem, cuts.prices)
        cuts.weights = np.ones(1)
        return cuts
    radius = 1.0
    if start is None:
        start, radius = np.zeros(size), 2.0
        if problem.people > 2 * SAMPLE:
            start, radius = _from_sample(problem), 0.1
    return _descend(problem, start=np.maximum(start, 0.0), radius=radius, rounds=rounds)


def _from_sample(problem: Problem) -> Floats:
    """Prices of an evenly spread sample of people with the limits scaled to it."""
    step = max(problem.people // SAMPLE, 1)
    keep = problem.person % step == 0
    share = ((problem.people + step - 1) // step) / problem.people
    small = problem.subset(keep, limits=problem.limits * share)
    return _descend(small, start=np.zeros(len(problem.limits)), radius=2.0, rounds=120, tolerance=1e-4).prices


def _scales(problem: Problem) -> Floats:
    """A typical price per resource: mean value of the rows that use it over their mean use."""
    value = np.zeros(len(problem.limits) + 1)
    use = np.zeros(len(problem.limits) + 1)
    for resource, amount in problem.kinds:
        using = amount > 0
        value += np.bincount(resource[using], weights=np.maximum(problem.value[using], 0.0), minlength=len(value))
        use += np.bincount(resource[using], weights=amount[using], minlength=len(use))
    scale = np.divide(value, use, out=np.zeros_like(value), where=use > 0)[:-1]
    return np.asarray(np.where(scale > 0, scale, 1.0), dtype=np.float64)


def _descend(problem: Problem, *, start: Floats, radius: float, rounds: int, tolerance: float = TOLERANCE) -> Cuts:
    scale = _scales(problem)
    cuts = Cuts(prices=start, value=0.0)
    cuts.value = cuts.add(problem, start)
    for _ in range(rounds):
        low = np.maximum(cuts.prices - radius * scale, 0.0)
        high = cuts.prices + radius * scale
        target, model, weights = _master(cuts, low, high, scale)
        cuts.weights = weights
        promise = cuts.value - model
        if promise <= tolerance * max(abs(cuts.value), 1e-9):
            if _inside(target, low, high, scale) or radius > 8.0:
                break
            radius *= 4.0
            continue
        value = cuts.add(problem, target)
        cuts.weights = np.append(weights, 0.0)
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
    box = [*zip(low / scale, high / scale, strict=True), (None, None)]
    found = linprog(aim, A_ub=matrix, b_ub=-offsets / unit, bounds=box, method="highs")
    if found.x is None:
        weights = np.zeros(len(slopes))
        weights[int(np.argmin(cuts.values))] = 1.0
        return cuts.prices, cuts.value, weights
    prices = np.clip(found.x[:-1] * scale, low, high)
    model = float((offsets + slopes @ prices).max())
    weights = np.maximum(-np.asarray(found.ineqlin.marginals, dtype=np.float64), 0.0)
    return prices, model, weights / max(weights.sum(), 1e-12)
