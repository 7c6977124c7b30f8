"""The solver on grids of options x people against brute force, its own certificate and a check that shares no code with it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.planning.assignment import grid_check
from liftwright.planning.assignment.problem import Problem
from liftwright.planning.assignment.settling import settle


def grid(people: int, *, seed: int, slots: int = 2, width: int = 2, kind: Any = np.float64, own_use: bool = False) -> Problem:
    """Options with heavy-tailed values, some not allowed, under one budget, a capacity per slot and a stock per option of a slot."""
    rng = np.random.default_rng(seed)
    options = slots * width
    slot, column = np.divmod(np.arange(options), width)
    value = rng.pareto(2.0, (options, people)).astype(kind)
    value[rng.random(value.shape) < 0.25] = -np.inf
    cost = rng.uniform(0.1, 1.0, (options, people if own_use else 1))
    one = np.ones((options, 1))
    limits = np.concatenate([[0.4 * people], np.floor(rng.uniform(0.1, 0.6, slots + width) * people)])
    kinds = ((np.zeros(options, dtype=np.int64), cost), (1 + slot, one), (1 + slots + column, one))
    return Problem(value=value, slot=slot, kinds=kinds, limits=limits, cap=rng.integers(0, slots + 1, people))


def arrays(problem: Problem) -> dict[str, Any]:
    """What a checker may know."""
    return {name: getattr(problem, name) for name in ("value", "slot", "kinds", "limits", "cap")}


def best(problem: Problem) -> float:
    """The optimum by looking at every combination of everybody's choices."""
    choices = []
    for person in range(problem.people):
        options = [[-1, *np.flatnonzero(problem.slot == slot)] for slot in range(problem.slots)]
        mine = [[o for o in combo if o >= 0] for combo in itertools.product(*options)]
        allowed = [
            c for c in mine if len(c) <= problem.caps(np.array([person]))[0] and np.isfinite(problem.value[c, person]).all()
        ]
        choices.append(
            [(float(problem.value[c, person].sum()), problem.usage(np.array(c, int) * problem.people + person)) for c in allowed]
        )
    found = 0.0
    for combo in itertools.product(*choices):
        if (sum(use for _, use in combo) <= problem.limits + 1e-9).all():
            found = max(found, sum(worth for worth, _ in combo))
    return found


@settings(max_examples=40, deadline=None)
@given(people=st.integers(1, 4), seed=st.integers(0, 100_000), own_use=st.booleans())
def test_no_plan_is_better_than_the_bound_and_the_plan_is_never_better_than_the_best(
    people: int, seed: int, own_use: bool
) -> None:
    problem = grid(people, seed=seed, own_use=own_use)
    found, top = settle(problem, tries=3), best(problem)
    assert grid_check.violations(found.plan, **arrays(problem), objective=found.objective) == []
    assert found.objective <= top + 1e-9 <= found.upper_bound + 2e-9
    assert grid_check.bound(found.prices, **arrays(problem)) <= found.upper_bound * (1 + 1e-9) + 1e-9


@settings(max_examples=15, deadline=None)
@given(people=st.integers(300, 1500), seed=st.integers(0, 1000), kind=st.sampled_from([np.float32, np.float64]))
def test_the_certificate_is_what_an_independent_check_computes(people: int, seed: int, kind: Any) -> None:
    problem = grid(people, seed=seed, slots=3, width=3, kind=kind)
    found = settle(problem, tries=0)
    assert grid_check.violations(found.plan, **arrays(problem), objective=found.objective) == []
    assert grid_check.bound(found.prices, **arrays(problem)) == pytest.approx(found.upper_bound, rel=1e-9)
    assert found.gap < 0.01


def test_a_new_budget_from_known_prices_is_as_good_as_from_nothing() -> None:
    problem = grid(20_000, seed=5, slots=4, width=3)
    cold = settle(problem)
    other = replace(problem, limits=problem.limits * np.append(0.9, np.ones(len(problem.limits) - 1)))
    warm, again = settle(other, start=cold.prices), settle(other)
    assert grid_check.violations(warm.plan, **arrays(other), objective=warm.objective) == []
    assert max(cold.gap, warm.gap, again.gap) < 1e-4
    assert warm.objective == pytest.approx(again.objective, rel=1e-4)
    assert warm.objective < cold.objective


def test_useless_prices_to_start_from_do_no_harm() -> None:
    problem = grid(16_000, seed=6, slots=3, width=2)
    good = settle(problem)
    for start in (np.zeros(len(problem.limits)), good.prices * 50.0 + 10.0):
        assert settle(problem, start=start).objective == pytest.approx(good.objective, rel=2e-4)


def test_the_same_problem_gives_the_same_plan_bit_for_bit() -> None:
    for people in (400, 20_000):
        first, second = (settle(grid(people, seed=3, kind=np.float32)) for _ in range(2))
        assert (first.plan == second.plan).all()
        assert (first.prices == second.prices).all()
        assert (first.objective, first.upper_bound) == (second.objective, second.upper_bound)


def test_people_who_are_all_alike_are_no_trouble() -> None:
    problem = grid(800, seed=1, slots=3)
    alike = replace(problem, value=np.repeat(problem.value[:, :1], 800, axis=1), cap=2)
    alike = replace(alike, value=np.where(np.isfinite(alike.value), alike.value, 1.0), nudge=np.linspace(0.9997, 1.0003, 800))
    found = settle(alike)
    assert grid_check.violations(found.plan, **arrays(alike), objective=found.objective) == []
    assert found.gap < 2e-3


@pytest.mark.parametrize("people", [0, 1, 7])
def test_nothing_to_choose_from_is_an_empty_plan(people: int) -> None:
    problem = grid(max(people, 1), seed=2).of(slice(0, people))
    for empty in (
        replace(problem, value=np.full_like(problem.value, -np.inf)),
        replace(problem, value=-np.abs(np.where(np.isfinite(problem.value), problem.value, 1.0))),
        replace(problem, cap=0),
        replace(problem, limits=np.zeros_like(problem.limits)),
    ):
        found = settle(empty)
        assert (found.plan == -1).all()
        assert found.objective == 0.0
        assert found.gap == 0.0


def test_one_giant_value_is_taken_and_leaves_the_certificate_true() -> None:
    problem = grid(500, seed=4)
    value = problem.value.copy()
    value[0, 17] = 1e12
    found = settle(replace(problem, value=value, cap=2))
    assert found.plan[0, 17] == 0
    assert found.upper_bound >= found.objective >= 1e12


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"limits": 0.5}, "is used"),
        ({"cap": 0}, "more options than they may have"),
        ({"forbidden": True}, "not allowed"),
        ({"strange": 99}, "do not exist"),
        ({"swapped": True}, "not theirs"),
        ({"objective": 1.0}, "the objective is"),
    ],
)
def test_the_check_finds_each_kind_of_violation(change: dict[str, Any], says: str) -> None:
    problem = grid(200, seed=7)
    found = settle(problem)
    known, plan, extra = arrays(problem), found.plan.copy(), 0.0
    if "limits" in change:
        known["limits"] = known["limits"] * change["limits"]
    if "cap" in change:
        known["cap"] = change["cap"]
    if "forbidden" in change:
        known["value"] = np.full_like(known["value"], np.nan)
    if "strange" in change:
        plan[0, 0] = change["strange"]
    if "swapped" in change:
        plan = plan[::-1]
    extra = change.get("objective", 0.0)
    assert any(says in line for line in grid_check.violations(plan, **known, objective=found.objective + extra))


def test_a_negative_price_proves_nothing() -> None:
    problem = grid(20, seed=7)
    with pytest.raises(ValueError, match="negative"):
        grid_check.bound(-np.ones(len(problem.limits)), **arrays(problem))
