"""Prices near known ones, by Newton's method on a sample that is corrected for how it differs from everybody.

With many people the use of the limits changes almost smoothly with the prices. What everybody uses at the known prices is counted
once; how that changes is measured on the sample, one limit's price at a time; the step is the least-squares solution with prices >= 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.optimize import nnls

from liftwright.planning.assignment.choice import Chosen, choose
from liftwright.planning.assignment.prices import MANY, find, sample, scales
from liftwright.planning.assignment.problem import Floats, Problem

SAMPLE = 10_000
CORRECTIONS, STEPS = 3, 5
ENOUGH = 1e-5
"""A correction is the last when the one before lowered the bound by less than this share."""
NUDGE = 0.03
"""By how much of itself, or of a typical price where that is more, a price is moved to see what that changes."""


def near(problem: Problem, start: Floats) -> Floats:
    """Prices near `start` at which everybody's choices keep the limits about as closely as the sample can tell.

    With few people they are found from everybody.
    """
    if problem.people <= MANY:
        return find(problem, start=start).prices
    prices, before = np.maximum(start, 0.0), np.inf
    some = sample(problem, SAMPLE)
    share = some.people / problem.people
    for _ in range(CORRECTIONS):
        everybody = choose(problem, prices)
        value = _value(problem, prices, everybody)
        if value > before * (1.0 - ENOUGH):
            break
        limits = choose(some, prices).usage + share * (problem.limits - everybody.usage)
        prices, before = descend(replace(some, limits=np.maximum(limits, 0.0)), prices), value
    return prices


def _value(problem: Problem, prices: Floats, chosen: Chosen) -> float:
    return float(prices @ problem.limits) + chosen.gain


def _slopes(problem: Problem, prices: Floats) -> Floats:
    """(limits, limits): by how much the use of each limit falls when a price rises by one, made symmetric."""
    before = choose(problem, prices).usage
    found = np.zeros((len(prices), len(prices)))
    typical = scales(problem)
    for limit, price in enumerate(prices):
        step = NUDGE * max(price, typical[limit])
        moved = prices.copy()
        moved[limit] += step
        found[limit] = (before - choose(problem, moved).usage) / step
    return np.asarray((found + found.T) / 2.0, dtype=np.float64)


def descend(problem: Problem, prices: Floats) -> Floats:
    """Prices where the dual value is lower: Newton steps while they lower it; a step that does not is halved."""
    now, slopes = choose(problem, prices), _slopes(problem, prices)
    for _ in range(STEPS):
        target = _target(prices, problem.limits - now.usage, slopes)
        for part in (1.0, 0.5, 0.25):
            moved = prices + part * (target - prices)
            then = choose(problem, moved)
            if _value(problem, moved, then) < _value(problem, prices, now):
                break
        else:
            break
        prices, now = moved, then
    return prices


def _target(prices: Floats, gradient: Floats, slopes: Floats) -> Floats:
    """Where the quadratic model is least. A limit that is slack at price zero, or whose use no price changes, stays as it is."""
    live = np.flatnonzero(((prices > 0) | (gradient < 0)) & (np.diag(slopes) > 0))
    if not len(live):
        return prices
    size = np.sqrt(np.diag(slopes)[live])
    values, vectors = np.linalg.eigh(slopes[np.ix_(live, live)] / np.outer(size, size))
    root = np.sqrt(np.maximum(values, 1e-3))[:, None] * vectors.T
    goal = root @ (prices[live] * size) - np.linalg.solve(root.T, gradient[live] / size)
    target = prices.copy()
    target[live] = nnls(root, goal)[0] / size
    return target
