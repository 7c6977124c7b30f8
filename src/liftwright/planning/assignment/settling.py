"""A plan and its certificate for a Problem: prices, everybody's choice at them, repaired, and the bound they prove."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from liftwright.planning.assignment.choice import bound, choose
from liftwright.planning.assignment.newton import near
from liftwright.planning.assignment.polish import polished
from liftwright.planning.assignment.prices import MANY, find
from liftwright.planning.assignment.problem import Floats, Plan, Problem
from liftwright.planning.assignment.repair import mix, repaired

GOOD = 1e-5
"""A plan within this share of the bound is not tried again in another way."""


@dataclass(frozen=True)
class Settled:
    """A feasible plan of a Problem with its certificate: no plan within the limits is worth more than `upper_bound`."""

    plan: Plan
    prices: Floats
    objective: float
    upper_bound: float

    @property
    def gap(self) -> float:
        """(upper_bound - objective) / upper_bound."""
        return (self.upper_bound - self.objective) / self.upper_bound if self.upper_bound > 0 else 0.0


FEW, TRIES, SPREADS = 3_000, 8, (0.003, 0.02)
"""A plan for few people is tried again so often, from prices moved by about one of these shares: there a single person counts."""


def settle(problem: Problem, *, start: Floats | None = None, tries: int = TRIES) -> Settled:
    """A plan of greatest total value within every limit. `start`: prices of a similar problem (yesterday's, another budget's).

    With very many people the prices it starts from are corrected on some of them, and taken if the plan they lead to is within a
    tenth of a thousandth of its bound; otherwise, and without them, prices are found from everybody. `tries`: how often a plan for
    few people is tried again.
    """
    if start is not None and problem.people > MANY:
        prices = near(problem, start)
        found = _settled(problem, choose(problem, prices, keep=True).plan, prices)
        if found.gap <= 10 * GOOD:
            return found
    cuts = find(problem, start=start if problem.people <= MANY else None)
    found = _settled(problem, choose(problem, cuts.prices, keep=True).plan, cuts.prices)
    if found.gap > GOOD:
        other = repaired(problem, mix(problem, cuts), cuts.prices)
        objective = problem.objective(problem.rows(other))
        if objective > found.objective:
            found = replace(found, plan=other, objective=objective)
    return _tried_again(problem, found, tries) if problem.people <= FEW else found


def _tried_again(problem: Problem, found: Settled, tries: int) -> Settled:
    """The best of the plan and of plans from prices nearby, each made better by pairs of moves."""
    generator, prices = np.random.default_rng(0), found.prices
    for number in range(tries if found.gap > GOOD else 0):
        plan = polished(problem, repaired(problem, choose(problem, prices, keep=True).plan, prices), found.prices)
        objective = problem.objective(problem.rows(plan))
        if objective > found.objective:
            found = replace(found, plan=plan, objective=objective)
        prices = found.prices * (1.0 + SPREADS[number % 2] * generator.standard_normal(len(found.prices)))
    return found


def _settled(problem: Problem, plan: Plan, prices: Floats) -> Settled:
    plan = repaired(problem, plan, prices)
    objective = problem.objective(problem.rows(plan))
    return Settled(plan, prices, objective, max(bound(problem, prices), objective))
