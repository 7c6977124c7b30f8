"""A small plan made better by pairs of moves: one gives up what another can use better, although neither is worth it alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liftwright.planning.assignment.choice import charges, reduced
from liftwright.planning.assignment.problem import NONE, Floats, Ints, Plan, Problem

MOVES, ROUNDS = 400, 60
"""How many moves are paired, those that lose least at the prices, and how often."""


@dataclass(frozen=True)
class _Moves:
    """in_row, out_row: what a person gets and gives up, -1 = nothing; gain of value; extra use of every limit; the person."""

    in_row: Ints
    out_row: Ints
    gain: Floats
    extra: Floats
    person: Ints


def polished(problem: Problem, plan: Plan, prices: Floats) -> Plan:
    """The plan, or a better one within the same limits. Not for problems with lines."""
    if problem.line is not None or not problem.options or not problem.people:
        return plan
    left = reduced(problem, charges(problem, prices), slice(0, problem.people)).astype(np.float64)
    plan = plan.copy()
    room = problem.limits - problem.usage(problem.rows(plan))
    for _ in range(ROUNDS):
        moves = _moves(problem, plan, left)
        pair = _best_pair(moves, room)
        if pair is None:
            break
        for move in pair:
            room -= moves.extra[move]
            for row, is_in in ((moves.out_row[move], False), (moves.in_row[move], True)):
                if row != NONE:
                    option, person = divmod(int(row), problem.people)
                    plan[problem.slot[option], person] = option if is_in else NONE
    return plan


def _moves(problem: Problem, plan: Plan, left: Floats) -> _Moves:
    """Giving up an option, taking one, or exchanging two (of a slot, or for a full person's weakest): those that lose least."""
    everyone = np.arange(problem.people)
    held = np.where(plan >= 0, np.take_along_axis(left, np.maximum(plan, 0).astype(np.int64), axis=0), np.inf)
    weakest = np.argmin(held, axis=0)
    is_full = (plan >= 0).sum(axis=0) >= np.broadcast_to(np.asarray(problem.cap), problem.people)
    slot = np.where((plan >= 0) | ~is_full, np.arange(problem.slots)[:, None], weakest)
    given = np.where(plan[slot, everyone] >= 0, plan[slot, everyone].astype(np.int64) * problem.people + everyone, NONE)
    lost = np.where(given >= 0, held[slot, everyone], 0.0)
    rank = left - lost[problem.slot]
    rank[~np.isfinite(left)] = -np.inf
    rank[:, np.asarray(problem.cap) == 0 if np.ndim(problem.cap) else np.full(problem.people, problem.cap == 0)] = -np.inf
    here = problem.rows(plan)
    rank.ravel()[here] = -np.inf
    flat = np.concatenate([rank.ravel(), -left.ravel()[here]])
    best = np.argpartition(-flat, min(MOVES, len(flat) - 1))[:MOVES]
    best = np.sort(best[np.isfinite(flat[best])])
    is_drop = best >= rank.size
    taken = np.where(is_drop, NONE, best)
    option, person = problem.where(np.maximum(taken, 0))
    out = np.where(is_drop, np.append(here, NONE)[np.maximum(best - rank.size, 0)], given[problem.slot[option], person])
    person = np.where(is_drop, np.maximum(out, 0) % problem.people, person)
    extra, gain = np.zeros((len(best), len(problem.limits) + 1)), np.zeros(len(best))
    for rows, sign in ((taken, 1.0), (out, -1.0)):
        live = np.flatnonzero(rows != NONE)
        gain[live] += sign * problem.value.ravel()[rows[live]]
        for resource, use in problem.used(rows[live]):
            np.add.at(extra, (live, resource), sign * use)
    return _Moves(taken, out, gain, extra[:, :-1], person)


def _best_pair(moves: _Moves, room: Floats) -> tuple[int, ...] | None:
    """The two moves (or the one) that raise the value most and fit together."""
    count = len(moves.gain)
    if not count:
        return None
    gain = np.append(moves.gain, 0.0)
    extra = np.vstack([moves.extra, np.zeros((1, len(room)))])
    person = np.append(moves.person, NONE)
    fits = (gain[:, None] + gain[None, :] > 1e-9) & (person[:, None] != person[None, :])
    for limit, free in enumerate(room):
        use = extra[:, limit]
        fits &= use[:, None] + use[None, :] <= free + 1e-9
    first, second = np.nonzero(fits)
    if not len(first):
        return None
    best = int(np.argmax(gain[first] + gain[second]))
    return tuple(move for move in (int(first[best]), int(second[best])) if move < count)
