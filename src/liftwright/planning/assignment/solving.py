"""Solve an assignment: the plan, its price list and the certificate of how good it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.planning.assignment.choice import choose
from liftwright.planning.assignment.explore import Explored, explore, logged
from liftwright.planning.assignment.prices import Cuts, find
from liftwright.planning.assignment.problem import Floats, Ints, Problem, build
from liftwright.planning.assignment.repair import fill, mix, shed


@dataclass(frozen=True)
class Solution:
    """A feasible plan and its certificate.

    rows: the chosen candidate rows plus randomised (bool), propensity, priority (1 = highest value). objective: sum of value.
    upper_bound: no plan within the limits is worth more; gap = (upper_bound - objective) / upper_bound.
    prices: see `price_list`. candidates: all options with the probability that the policy chooses each (`propensity`) and whether
    the lot did (`randomised`); draws: every decision drawn by lot, those for no contact included (see `explore.logged`).
    exploration_cost: value given up for the randomised share. dropped_channels: below their least run; where that happens because of
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
    dropped: tuple[str, ...] = ()
    bound: float | None = None
    while True:
        problem = build(candidates, limits, dropped=dropped)
        cuts = find(problem, start=_start(problem, prices))
        bound = _bound(problem, cuts) if bound is None else bound
        rows = _plan(problem, cuts)
        explored = explore(problem, rows, cuts.prices, share=share, seed=seed)
        short = _short_run(candidates, problem, explored.rows, limits)
        prices = price_list(problem, cuts.prices, dropped=dropped)
        if short is None:
            return _solution(candidates, problem, rows, explored, bound, prices, dropped)
        dropped = tuple(sorted((*dropped, short)))


def would_choose(candidates: pa.Table, prices: Mapping[str, Any], limits: Mapping[str, Any]) -> set[str]:
    """The people with at least one option worth more than what it uses costs at these prices.

    The same rule for people of both arms: it looks at a person's own options and the price list, never at the arm.
    """
    problem = build(candidates, limits, dropped=tuple(prices.get("dropped_channels", ())))
    if not len(problem.value) or problem.cap < 1:
        return set()
    rows = problem.source[problem.reduced(_start(problem, prices, default=0.0)) > 0]
    return set(candidates["customer_id"].take(pa.array(rows)).to_pylist())


def price_list(problem: Problem, prices: Floats, *, dropped: tuple[str, ...] = ()) -> dict[str, Any]:
    """What one more unit of a limit is worth, in money.

    budget: per unit of money. channel_waves: {channel: {wave: price of one touch}}; channels: their mean over waves.
    channel_budgets: per unit of that channel's money. offers: per redemption. The dual value is computed from `budget`,
    `channel_waves`, `channel_budgets` and `offers`.
    """
    found: dict[str, Any] = {
        "budget": 0.0,
        "channels": {},
        "offers": {},
        "channel_waves": {},
        "channel_budgets": {},
        "dropped_channels": list(dropped),
    }
    for (kind, subject, wave), price in zip(problem.names, prices.tolist(), strict=True):
        if kind == "budget":
            found["budget"] = price
        elif kind == "channel_capacity":
            found["channel_waves"].setdefault(subject, {})[str(wave)] = price
        elif kind == "channel_budget":
            found["channel_budgets"][subject] = price
        else:
            found["offers"][subject] = price
    found["channels"] = {name: sum(by_wave.values()) / len(by_wave) for name, by_wave in found["channel_waves"].items()}
    return found


def _start(problem: Problem, prices: Mapping[str, Any] | None, *, default: float | None = None) -> Any:
    """A price list as an array in the problem's order; None without one."""
    if prices is None:
        return None

    def one(kind: str, subject: str, wave: int) -> float:
        if kind == "budget":
            return float(prices.get("budget", 0.0))
        if kind == "channel_capacity":
            return float(prices.get("channel_waves", {}).get(subject, {}).get(str(wave), default or 0.0))
        return float(prices.get("channel_budgets" if kind == "channel_budget" else "offers", {}).get(subject, default or 0.0))

    return np.array([one(*name) for name in problem.names], dtype=np.float64)


def _bound(problem: Problem, cuts: Cuts) -> float:
    """The dual value at the final prices with the true values, without the tie-breaking nudge."""
    return float(cuts.prices @ problem.limits) + choose(problem, cuts.prices, true_values=True).gain


def _plan(problem: Problem, cuts: Cuts) -> Ints:
    """The better of two repaired plans: the mixture of the cuts' solutions, and the choice at the final prices."""
    plans = []
    for rows in (mix(problem, cuts), choose(problem, cuts.prices).rows):
        plans.append(fill(problem, shed(problem, rows, cuts.prices), cuts.prices))
    return max(plans, key=lambda rows: float(problem.value[rows].sum()))


def _short_run(candidates: pa.Table, problem: Problem, rows: Ints, limits: Mapping[str, Any]) -> str | None:
    """The channel furthest below its least run, if any is used but not enough."""
    least = {name: number for name, number in (limits.get("channel_min_run") or {}).items() if number}
    if not least or not len(rows):
        return None
    names = candidates["channel"].take(pa.array(problem.source[rows])).value_counts().to_pylist()
    used = {entry["values"]: entry["counts"] for entry in names}
    short = [(used[name] / least[name], name) for name in sorted(least) if 0 < used.get(name, 0) < least[name]]
    return min(short)[1] if short else None


def _solution(
    candidates: pa.Table,
    problem: Problem,
    rows: Ints,
    explored: Explored,
    bound: float,
    prices: dict[str, Any],
    dropped: tuple[str, ...],
) -> Solution:
    order = np.lexsort((problem.wave[explored.rows], problem.person[explored.rows]))
    chosen = explored.rows[order]
    value = problem.value[chosen]
    priority = np.empty(len(chosen), dtype=np.int64)
    priority[np.argsort(-value, kind="stable")] = np.arange(1, len(chosen) + 1)
    known, draws = logged(candidates, problem, explored)
    table = known.take(pa.array(problem.source[chosen], pa.int64()))
    table = table.append_column("priority", pa.array(priority, pa.int64()))
    objective = float(value.sum())
    bound = max(bound, objective)
    return Solution(
        rows=table,
        objective=objective,
        upper_bound=bound,
        gap=(bound - objective) / bound if bound > 0 else 0.0,
        prices=prices,
        candidates=known,
        draws=draws,
        exploration_cost=float(problem.value[rows].sum()) - objective,
        dropped_channels=dropped,
    )
