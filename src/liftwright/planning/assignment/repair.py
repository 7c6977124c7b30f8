"""From prices to a plan that keeps every limit: mix the solutions behind the prices, drop what is too much, fill what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liftwright.planning.assignment.prices import Cuts
from liftwright.planning.assignment.problem import Floats, Ints, Problem

Bools = npt.NDArray[np.bool_]
SLACK = 1e-9
_GOLDEN = 0.6180339887498949


def mix(problem: Problem, cuts: Cuts) -> Ints:
    """Each person takes their part of one of the cuts' solutions, in the proportions of the cuts' weights.

    The weighted mean of those solutions keeps the limits; people with the same alternatives are dealt out evenly, so the
    mixture nearly does.
    """
    used = np.flatnonzero(cuts.weights > 1e-9)
    if len(used) < 2:
        best = int(used[0]) if len(used) else int(np.argmin(cuts.values))
        return cuts.rows[best]
    sizes = [len(problem.value)] + [len(cuts.rows[k]) for k in used]
    marks = np.random.default_rng(sum(sizes)).random(len(problem.value))
    signature = np.zeros(problem.people)
    for position, k in enumerate(used):
        rows = cuts.rows[k]
        kind = problem.channel[rows] + marks[: problem.waves][problem.wave[rows]]
        signature += (position + 1.618) * np.bincount(problem.person[rows], weights=kind, minlength=problem.people)
    order = np.argsort(signature, kind="stable")
    draw = np.empty(problem.people)
    draw[order] = ((np.arange(problem.people) + 0.5) * _GOLDEN) % 1.0
    edges = np.cumsum(cuts.weights[used]) / cuts.weights[used].sum()
    which = np.minimum(np.searchsorted(edges, draw, side="right"), len(used) - 1)
    parts = [cuts.rows[k][which[problem.person[cuts.rows[k]]] == position] for position, k in enumerate(used)]
    return np.sort(np.concatenate(parts))


def shed(problem: Problem, rows: Ints, prices: Floats, *, fixed: Bools | None = None) -> Ints:
    """Drop the rows with the least reduced value per unit from every limit that is exceeded; `fixed` rows (a mask) stay."""
    over = np.flatnonzero(problem.usage(rows) > problem.limits + SLACK)
    reduced = problem.reduced(prices) if len(over) else np.zeros(0)
    kept = np.zeros(len(problem.value), dtype=bool)
    kept[rows] = True
    for resource in over:
        for users, use in problem.kinds:
            mine = np.flatnonzero(kept & (users == resource) & (use > 0))
            if not len(mine):
                continue
            excess = use[mine].sum() - problem.limits[resource]
            free = mine if fixed is None else mine[~fixed[mine]]
            order = free[np.argsort(reduced[free] / use[free], kind="stable")]
            before = np.cumsum(use[order]) - use[order]
            kept[order[before < excess - SLACK]] = False
    return np.flatnonzero(kept)


@dataclass
class _Plan:
    """A plan under change. `slot` is person x wave, `line` person x channel; both hold a row or -1."""

    problem: Problem
    slot: Ints
    line: Ints
    count: Ints
    weakest: Ints
    left: Floats

    @classmethod
    def of(cls, problem: Problem, rows: Ints, *, fixed: Bools | None) -> _Plan:
        slot = np.full(problem.people * problem.waves, -1, dtype=np.int64)
        slot[problem.person[rows] * problem.waves + problem.wave[rows]] = rows
        line = np.full(problem.people * problem.channels, -1, dtype=np.int64)
        line[problem.person[rows] * problem.channels + problem.channel[rows]] = rows
        free = rows if fixed is None else rows[~fixed[rows]]
        order = free[np.argsort(-problem.key[free], kind="stable")]
        weakest = np.full(problem.people, -1, dtype=np.int64)
        weakest[problem.person[order]] = order
        count = np.bincount(problem.person[rows], minlength=problem.people)
        return cls(problem, slot, line, count, weakest, problem.limits - problem.usage(rows))

    def rows(self) -> Ints:
        return np.sort(self.slot[self.slot >= 0])

    def replaced(self, rows: Ints) -> Ints:
        """The row that each of `rows` would push out: -1 none, -2 not possible."""
        problem = self.problem
        person = problem.person[rows]
        out = self.slot[person * problem.waves + problem.wave[rows]].copy()
        empty = out < 0
        full = self.count[person] >= problem.cap
        weakest = self.weakest[person]
        out = np.where(empty & full, np.where(weakest >= 0, weakest, -2), out)
        if problem.one_per_channel:
            same = self.line[person * problem.channels + problem.channel[rows]]
            out = np.where((same >= 0) & (same != out), np.where(empty, same, -2), out)
        return np.where(out == rows, -2, out)


def fill(problem: Problem, rows: Ints, prices: Floats, *, fixed: Bools | None = None, room: int | None = None) -> Ints:
    """Add and exchange touches while the value rises and every limit holds. `room`: how many touches may be added at most."""
    reduced = problem.reduced(prices)
    worthwhile = np.flatnonzero(problem.key > 0)
    start = len(rows)
    for _ in range(4):
        before, open_rows = rows, worthwhile
        for _ in range(40):
            plan = _Plan.of(problem, rows, fixed=fixed)
            allowance = None if room is None else start + room - len(rows)
            moves, out, open_rows = _moves(plan, open_rows, reduced, fixed=fixed, room=allowance)
            if not len(moves):
                break
            rows = np.sort(np.concatenate([np.setdiff1d(rows, out[out >= 0], assume_unique=True), moves]))
        if len(rows) == len(before) and (rows == before).all():
            break
    return rows


def _moves(plan: _Plan, rows: Ints, reduced: Floats, *, fixed: Bools | None, room: int | None) -> tuple[Ints, Ints, Ints]:
    """Moves that can all be made at once, the rows they push out, and the rows still worth a look in the next round."""
    problem = plan.problem
    out = plan.replaced(rows)
    possible = out > -2
    if fixed is not None:
        possible &= ~((out >= 0) & fixed[np.maximum(out, 0)])
    if room is not None and room <= 0:
        possible &= out >= 0
    rows, out = rows[possible], out[possible]
    gain = problem.key[rows] - np.where(out >= 0, problem.key[np.maximum(out, 0)], 0.0)
    better = gain > 1e-12
    rows, out = rows[better], out[better]
    fits = np.ones(len(rows), dtype=bool)
    padded = np.append(plan.left, np.inf)
    for resource, _ in problem.kinds:
        fits &= _extra(problem, rows, out, resource) <= padded[resource[rows]] + SLACK
    rows, out = rows[fits], out[fits]
    rank = reduced[rows] - np.where(out >= 0, reduced[np.maximum(out, 0)], 0.0)
    order = np.argsort(-rank, kind="stable")
    first = np.full(problem.people, -1, dtype=np.int64)
    first[problem.person[rows[order[::-1]]]] = order[::-1]
    leading = np.zeros(len(rows), dtype=bool)
    leading[first[first >= 0]] = True
    order = order[leading[order]]
    take = _together(plan, rows[order], out[order], room=room)
    chosen = order[take]
    return rows[chosen], out[chosen], rows


def _extra(problem: Problem, rows: Ints, out: Ints, resource: Ints) -> Floats:
    """Additional use of each row's resource of one kind, net of what the row it replaces frees there."""
    use = next(amount for users, amount in problem.kinds if users is resource)
    other = np.maximum(out, 0)
    freed = np.where((out >= 0) & (resource[other] == resource[rows]), use[other], 0.0)
    return np.asarray(np.maximum(use[rows] - freed, 0.0), dtype=np.float64)


def _together(plan: _Plan, rows: Ints, out: Ints, *, room: int | None) -> Bools:
    """Which of the moves, best first, fit even if all better ones are made."""
    take = np.ones(len(rows), dtype=bool)
    padded = np.append(plan.left, np.inf)
    for resource, _ in plan.problem.kinds:
        extra = _extra(plan.problem, rows, out, resource)
        mine = resource[rows]
        order = np.argsort(mine, kind="stable")
        running = np.cumsum(extra[order])
        starts = np.flatnonzero(np.diff(mine[order], prepend=-1))
        base = np.repeat(running[starts] - extra[order][starts], np.diff(starts, append=len(order)))
        fits = np.empty(len(rows), dtype=bool)
        fits[order] = (running - base) <= padded[mine[order]] + SLACK
        take &= fits
    if room is not None:
        take &= (out >= 0) | (np.cumsum(out < 0) <= room)
    return take
