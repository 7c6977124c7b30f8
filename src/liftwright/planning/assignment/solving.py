"""Solve an assignment: the plan, its price list and the certificate of how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.planning.assignment.choice import bound, choose
from liftwright.planning.assignment.explore import Explored, explore, given, logged
from liftwright.planning.assignment.newton import near
from liftwright.planning.assignment.problem import Floats, Ints, Problem
from liftwright.planning.assignment.settling import TRIES, Settled, settle
from liftwright.planning.assignment.table import Listed, build, price_list

STEP = 1_000.0
"""The change of the budget that is worked out for the price list, major units; a tenth of it where the budget is small."""


@dataclass(frozen=True)
class Solution:
    """A feasible plan and its certificate.

    rows: the chosen candidate rows plus randomised (bool), propensity, priority (1 = highest value). objective: sum of value.
    upper_bound: no plan that keeps the limits and carries out the same draws is worth more (without draws: no plan that keeps the
    limits); gap = (upper_bound - objective) / upper_bound.
    prices: see `price_list`; `ranges`: {"budget": {"step", "more", "less"}}, see `_ranges`. candidates: all options with the probability that the policy chooses each (`propensity`) and whether
    the lot did (`randomised`); draws: every decision drawn by lot, those for no contact included (see `explore.logged`).
    exploration_cost: value given up for the randomised share: the plan without draws less this one. undrawn_bound: no plan within
    the limits is worth more, draws or not. dropped_channels: below their least run; where that happens because of
    a draw, the probabilities are those after the channel was dropped.
    """

    rows: pa.Table
    objective: float
    upper_bound: float
    gap: float
    prices: dict[str, Any]
    candidates: pa.Table
    draws: pa.Table
    exploration_cost: float = 0.0
    undrawn_bound: float = 0.0
    dropped_channels: tuple[str, ...] = ()


def solve(
    candidates: pa.Table,
    limits: Mapping[str, Any],
    *,
    seed: int = 0,
    randomised_share: float = 0.0,
    prices: Mapping[str, Any] | None = None,
) -> Solution:
    """Choose touches of greatest total value: one per person and wave, within every limit.

    candidates: columns customer_id, wave, channel, offer, value, cost, stock_use and any others. limits: keys budget,
    channel_capacity (touches per channel and wave), channel_budget, offer_stock, per_person_cap, one_per_channel,
    channel_min_run, randomised_share_min; None or absent = no limit. prices: an earlier price list to start from.
    A channel used less than its least run is dropped and the rest solved again; the bound is the one of the first solve,
    which had every channel. Raises DataError for unusable candidates.
    """
    share = max(float(randomised_share), float(limits.get("randomised_share_min") or 0.0))
    whole = listed = build(candidates, limits)
    dropped: tuple[str, ...] = ()
    start = None if prices is None else whole.prices(prices)
    first = found = settle(whole.problem, start=start, tries=0 if share else TRIES)
    while True:
        explored = explore(listed, found, share=share, seed=seed)
        short = _short_run(candidates, listed, explored.rows, limits)
        if short is None:
            break
        dropped = tuple(sorted((*dropped, short)))
        listed = whole.without(dropped)
        found = settle(listed.problem, start=found.prices, tries=0 if share else TRIES)
    final, upper = _certified(listed.problem, explored)
    if dropped:
        upper = _certified(whole.problem, replace(explored, prices=first.prices))[1]
    listing = price_list(listed, final, dropped=dropped) | {"ranges": _ranges(listed, explored, final)}
    return _solution(candidates, listed, explored, found, listing, (upper, first.upper_bound))


def _certified(problem: Problem, explored: Explored) -> tuple[Floats, float]:
    """Prices, and the bound they prove for every plan that carries out the same draws."""
    fixed, worth = given(problem, explored)
    prices = near(fixed, explored.prices) if len(explored.decided) else explored.prices
    return prices, bound(fixed, prices) + worth


def _ranges(listed: Listed, explored: Explored, prices: Floats) -> dict[str, dict[str, float]]:
    """Of the budget, what a unit of the next `step` would add to the best plan with the same draws, and one of the last `step`
    less would take away: solved again, so that it shows how far the price holds."""
    places = [place for place, name in enumerate(listed.names) if name[0] == "budget"]
    if not places or prices[places[0]] <= 0.0:
        return {}
    fixed, _ = given(listed.problem, explored)
    budget = listed.problem.limits[places[0]]
    step = STEP if budget >= 4 * STEP else float(f"{budget / 10:.1g}")
    change = np.where(np.arange(len(prices)) == places[0], step, 0.0)
    here = bound(fixed, prices)
    worth = []
    for limits in (fixed.limits + change, fixed.limits - change):
        moved = replace(fixed, limits=limits)
        worth.append(abs(bound(moved, near(moved, prices)) - here) / step)
    return {"budget": {"step": step, "more": worth[0], "less": worth[1]}}


def _solution(
    candidates: pa.Table,
    listed: Listed,
    explored: Explored,
    found: Settled,
    prices: dict[str, Any],
    bounds: tuple[float, float],
) -> Solution:
    known, draws = logged(candidates, listed, explored)
    chosen = listed.candidates(explored.rows)
    value = candidates["value"].to_numpy()[chosen]
    priority = np.empty(len(chosen), dtype=np.int64)
    priority[np.argsort(-value, kind="stable")] = np.arange(1, len(chosen) + 1)
    objective = float(value.sum())
    upper, undrawn = (max(each, objective) for each in bounds)
    return Solution(
        rows=known.take(pa.array(chosen)).append_column("priority", pa.array(priority, pa.int64())),
        objective=objective,
        upper_bound=upper,
        gap=(upper - objective) / upper if upper > 0 else 0.0,
        prices=prices,
        candidates=known,
        draws=draws,
        exploration_cost=found.objective - objective,
        undrawn_bound=undrawn,
        dropped_channels=tuple(prices["dropped_channels"]),
    )


def would_get(candidates: pa.Table, prices: Mapping[str, Any], limits: Mapping[str, Any]) -> pa.Table:
    """The candidates that people choose at these prices: at most one a slot and `per_person_cap` a person, each worth more than what it uses.

    The same rule for people of both arms: it looks at a person's own options and the price list, never at the arm.
    """
    listed = build(candidates, limits).without(tuple(prices.get("dropped_channels", ())))
    problem = listed.problem
    if not problem.options or not problem.cap:
        return candidates.slice(0, 0)
    plan = choose(problem, listed.prices(prices), keep=True).plan
    return candidates.take(pa.array(np.sort(listed.candidates(problem.by_person(problem.rows(plan))))))


def _short_run(candidates: pa.Table, listed: Listed, rows: Ints, limits: Mapping[str, Any]) -> str | None:
    """The channel furthest below its least run, if any is used but not enough."""
    least = {name: number for name, number in (limits.get("channel_min_run") or {}).items() if number}
    if not least or not len(rows):
        return None
    names = candidates["channel"].take(pa.array(listed.candidates(rows))).value_counts().to_pylist()
    used = {entry["values"]: entry["counts"] for entry in names}
    short = [(used[name] / least[name], name) for name in sorted(least) if 0 < used.get(name, 0) < least[name]]
    return min(short)[1] if short else None
