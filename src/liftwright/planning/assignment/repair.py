"""From prices to a plan that keeps every limit: drop what is too much, fill what is left."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from liftwright.planning.assignment.choice import charges, choose, reduced
from liftwright.planning.assignment.newton import descend
from liftwright.planning.assignment.prices import Cuts
from liftwright.planning.assignment.problem import NONE, Bools, Floats, Ints, Plan, Problem

SLACK = 1e-9
PART = 40.0
"""Times the root of the number of people: how many are solved again to take up what the limits leave."""
MOVES, PROBE = 4_096, 8
"""About how many moves filling weighs; how promising they must be is judged on every PROBE-th person."""
_GOLDEN = 0.6180339887498949


def mix(problem: Problem, cuts: Cuts) -> Plan:
    """Each person takes the choice at one of the cuts' prices, in the proportions of the cuts' weights.

    The weighted mean of those choices keeps the limits; people are dealt out evenly, so the mixture nearly does.
    """
    draw = ((np.arange(problem.people) + 0.5) * _GOLDEN) % 1.0
    edges = np.cumsum(cuts.weights) / max(cuts.weights.sum(), 1e-12)
    which = np.minimum(np.searchsorted(edges, draw, side="right"), len(edges) - 1)
    plan = np.full((problem.slots, problem.people), NONE, dtype=np.int16)
    for cut in np.unique(which):
        mine = np.flatnonzero(which == cut)
        plan[:, mine] = choose(problem.of(mine), cuts.points[cut], keep=True).plan
    return plan


def shed(problem: Problem, plan: Plan, prices: Floats) -> Plan:
    """Drop the rows with the least reduced value per unit from every limit that is exceeded."""
    rows = problem.rows(plan)
    over = np.flatnonzero(problem.usage(rows) > problem.limits + SLACK)
    if not len(over):
        return plan
    rank, used = problem.reduced(rows, prices), problem.used(rows)
    kept = np.ones(len(rows), dtype=bool)
    for limit in over:
        for resource, use in used:
            mine = np.flatnonzero(kept & (resource == limit) & (use > 0))
            excess = float(use[mine].sum()) - problem.limits[limit]
            if excess > SLACK:
                order = mine[np.argsort(rank[mine] / use[mine], kind="stable")]
                before = np.cumsum(use[order]) - use[order]
                kept[order[before < excess - SLACK]] = False
    option, person = problem.where(rows[~kept])
    lighter = plan.copy()
    lighter[problem.slot[option], person] = NONE
    return lighter


@dataclass
class _State:
    """A plan under change. held: (people,) how many options each has; weakest: their row of least reduced value, -1 = none;
    line: (lines, people) the row that uses a line, or None; left: of every limit."""

    problem: Problem
    prices: Floats
    plan: Plan
    held: Ints
    weakest: Ints
    line: Ints | None
    left: Floats

    @classmethod
    def of(cls, problem: Problem, plan: Plan, prices: Floats) -> _State:
        people, rows = problem.people, problem.rows(plan)
        line = None if problem.line is None else np.full((problem.lines, people), NONE, dtype=np.int64)
        left = problem.limits - problem.usage(rows)
        state = cls(problem, prices, plan.copy(), np.zeros(people, np.int64), np.full(people, NONE, np.int64), line, left)
        state._look(np.arange(people))
        return state

    def _look(self, people: Ints) -> None:
        """Bring what is known of these people's plan up to date."""
        problem, mine = self.problem, self.plan[:, people]
        slot, spot = np.nonzero(mine >= 0)
        rows = mine[slot, spot].astype(np.int64) * problem.people + people[spot]
        self.held[people] = np.bincount(spot, minlength=len(people))
        self.weakest[people] = NONE
        order = np.argsort(-problem.reduced(rows, self.prices), kind="stable")
        self.weakest[people[spot[order]]] = rows[order]
        if self.line is not None and problem.line is not None:
            self.line[:, people] = NONE
            self.line[problem.line[problem.where(rows)[0]], people[spot]] = rows

    def replaced(self, rows: Ints) -> Ints:
        """The row that each of `rows` would push out: -1 none, -2 not possible."""
        problem = self.problem
        option, person = problem.where(rows)
        now = self.plan[problem.slot[option], person].astype(np.int64)
        is_empty = now < 0
        out = np.where(is_empty, NONE, now * problem.people + person)
        is_full = self.held[person] >= problem.caps(person)
        weakest = self.weakest[person]
        out = np.where(is_empty & is_full, np.where(weakest >= 0, weakest, -2), out)
        if self.line is not None and problem.line is not None:
            same = self.line[problem.line[option], person]
            out = np.where((same >= 0) & (same != out), np.where(is_empty, same, -2), out)
        return np.where(out == rows, -2, out)

    def make(self, rows: Ints, out: Ints) -> None:
        """Carry out moves, at most one per person."""
        problem, gone = self.problem, out[out >= 0]
        self.left -= problem.usage(rows) - problem.usage(gone)
        option, person = problem.where(gone)
        self.plan[problem.slot[option], person] = NONE
        option, person = problem.where(rows)
        self.plan[problem.slot[option], person] = option
        self._look(person)


def repaired(problem: Problem, plan: Plan, prices: Floats) -> Plan:
    """The plan within every limit. Of many people an even part is solved again within what the others leave.

    That part takes up what the limits still have: little, and many people stand near the margin.
    """
    plan = shed(problem, plan, prices)
    step = int(np.sqrt(problem.people) / PART)
    if step < 2:
        return fill(problem, plan, prices)
    some = slice(step // 2, None, step)
    part, left = problem.of(some), problem.limits - problem.usage(problem.rows(plan))
    rows = part.rows(plan[:, some])
    part = replace(part, limits=left + part.usage(rows))
    theirs = descend(part, prices)
    better = fill(part, shed(part, choose(part, theirs, keep=True).plan, theirs), theirs)
    if part.objective(part.rows(better)) > part.objective(rows):
        plan[:, some] = better
    return plan


def fill(problem: Problem, plan: Plan, prices: Floats) -> Plan:
    """Add and exchange options while the value rises and every limit holds."""
    state = _State.of(problem, plan, prices)
    for _ in range(4 if problem.value.size <= 8 * MOVES else 2):
        rows, is_changed = _openings(state), False
        for _ in range(40):
            moves, out, rows = _moves(state, rows)
            if not len(moves):
                break
            state.make(moves, out)
            is_changed = True
        if not is_changed:
            break
    return state.plan


def _openings(state: _State) -> Ints:
    """The rows whose move is possible and raises the value; of very many the most promising at these prices."""
    problem, least = state.problem, -np.inf
    if problem.value.size > 8 * MOVES:
        _, rank = _possible(state, slice(0, None, PROBE), least)
        most = MOVES // PROBE
        least = float(np.partition(rank, len(rank) - most)[len(rank) - most]) if len(rank) > most else least
    return _possible(state, slice(0, None), least)[0]


def _possible(state: _State, some: slice, least: float) -> tuple[Ints, Floats]:
    """Possible improving moves of some people that promise more than `least`, and what each promises."""
    problem = state.problem
    people = np.arange(problem.people)[some]
    rank = reduced(problem, charges(problem, state.prices), some)
    now = state.plan[:, some]
    held = np.where(now >= 0, np.take_along_axis(rank, np.maximum(now, 0).astype(np.int64), axis=0), np.inf)
    weakest = np.where(state.held[some] >= problem.caps(people), held.min(axis=0, initial=np.inf), 0.0)
    floor = np.where(now >= 0, held, weakest)
    option, spot = np.nonzero(rank - floor[problem.slot] > least)
    rows = option * problem.people + people[spot]
    rows, out = _improving(state, rows)
    promised = problem.reduced(rows, state.prices)
    promised -= np.where(out >= 0, problem.reduced(np.maximum(out, 0), state.prices), 0.0)
    return rows, promised


def _improving(state: _State, rows: Ints) -> tuple[Ints, Ints]:
    """Those of the rows that may be chosen, raise the value and fit, and what each pushes out."""
    problem = state.problem
    out = state.replaced(rows)
    rows, out = rows[out > -2], out[out > -2]
    gain = problem.key(rows) - np.where(out >= 0, problem.key(np.maximum(out, 0)), 0.0)
    rows, out = rows[gain > 1e-12], out[gain > 1e-12]
    fits, padded = np.ones(len(rows), dtype=bool), np.append(state.left, np.inf)
    for resource, extra in _extra(problem, rows, out):
        fits &= extra <= padded[resource] + SLACK
    return rows[fits], out[fits]


def _extra(problem: Problem, rows: Ints, out: Ints) -> list[tuple[Ints, Floats]]:
    """Of every kind, each row's resource and its additional use there, net of what the row it replaces frees."""
    found = []
    for (resource, use), (other, freed) in zip(problem.used(rows), problem.used(np.maximum(out, 0)), strict=True):
        back = np.where((out >= 0) & (other == resource), freed, 0.0)
        found.append((resource, np.maximum(use - back, 0.0)))
    return found


def _moves(state: _State, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Moves that can all be made at once, the rows they push out, and the rows still worth a look in the next round."""
    problem = state.problem
    rows, out = _improving(state, rows)
    rank = problem.reduced(rows, state.prices)
    rank -= np.where(out >= 0, problem.reduced(np.maximum(out, 0), state.prices), 0.0)
    order = np.argsort(-rank, kind="stable")
    _, first = np.unique(problem.where(rows[order])[1], return_index=True)
    order = order[np.sort(first)]
    chosen = order[_together(state, rows[order], out[order])]
    return rows[chosen], out[chosen], rows


def _together(state: _State, rows: Ints, out: Ints) -> Bools:
    """Which of the moves, best first, fit even if all better ones are made."""
    take = np.ones(len(rows), dtype=bool)
    padded = np.append(state.left, np.inf)
    for resource, extra in _extra(state.problem, rows, out):
        order = np.argsort(resource, kind="stable")
        running = np.cumsum(extra[order])
        starts = np.flatnonzero(np.diff(resource[order], prepend=-1))
        base = np.repeat(running[starts] - extra[order][starts], np.diff(starts, append=len(order)))
        fits = np.empty(len(rows), dtype=bool)
        fits[order] = (running - base) <= padded[resource[order]] + SLACK
        take &= fits
    return take
