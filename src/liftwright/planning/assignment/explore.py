"""A randomised share: some touches are drawn uniformly among a person's options so that the next campaign can learn from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from liftwright.planning.assignment.problem import Floats, Ints, Problem
from liftwright.planning.assignment.repair import SLACK, Bools, fill, shed


@dataclass(frozen=True)
class Explored:
    """The plan after drawing: rows, which of them were drawn, and the probability of each row."""

    rows: Ints
    drawn: Bools
    propensity: Floats


def explore(problem: Problem, rows: Ints, prices: Floats, *, share: float, seed: int) -> Explored:
    """Draw at least `share` of the touches uniformly among the options of that person and wave; the rest makes room for them.

    An option takes part in the draw unless its channel or offer is so scarce that drawing it would use more of a limit than
    twice `share`. The probability of the final row is (1 - share) + share / k when it was not drawn or the draw met the
    plan's own choice, share / k otherwise, k being the number of options in the draw (without the second part where the row
    takes no part). At most one touch per person is drawn when a channel may be used once per person.
    """
    share = min(max(share, 0.0), 1.0)
    if share == 0.0 or not len(rows):
        return Explored(rows=rows, drawn=np.zeros(len(rows), dtype=bool), propensity=np.ones(len(rows)))
    rows = np.sort(rows)
    target = math.ceil(share * len(rows) - 1e-9)
    touch, option = _options(problem, rows, _wide_enough(problem, rows, share=share))
    spots, drawn_rows = _draw(problem, rows, touch, option, target=target, seed=seed)
    if len(spots) < target:
        touch, option = _options(problem, rows, _touched(problem, rows))
        spots, drawn_rows = _draw(problem, rows, touch, option, target=target, seed=seed)
    fixed = np.zeros(len(problem.value), dtype=bool)
    fixed[drawn_rows] = True
    planned = np.zeros(len(problem.value), dtype=bool)
    planned[rows] = True
    kept = np.delete(rows, spots)
    trial = shed(problem, np.sort(np.concatenate([kept, drawn_rows])), prices, fixed=fixed)
    final = _trim(problem, fill(problem, trial, prices, fixed=fixed, room=len(rows) - len(trial)), fixed, share=share)
    drawn = fixed[final]
    chance = _propensity(problem, final, drawn, planned[final], option, share=share)
    return Explored(rows=final, drawn=drawn, propensity=chance)


def _slots(problem: Problem) -> Ints:
    return problem.person * problem.waves + problem.wave


def _touched(problem: Problem, rows: Ints) -> Bools:
    """The options of every person and wave that has a touch."""
    slots = _slots(problem)
    touched = np.zeros(problem.people * problem.waves, dtype=bool)
    touched[slots[rows]] = True
    return np.asarray(touched[slots], dtype=bool)


def _trim(problem: Problem, rows: Ints, fixed: Bools, *, share: float) -> Ints:
    drawn = fixed[rows]
    room = int(drawn.sum() / share + 1e-9) - int(drawn.sum())
    others = rows[~drawn]
    if len(others) <= room:
        return rows
    best = others[np.argsort(-problem.key[others], kind="stable")[:room]]
    return np.sort(np.concatenate([rows[drawn], best]))


def _wide_enough(problem: Problem, rows: Ints, *, share: float) -> Bools:
    """Rows that may be drawn: the scarce ones are taken out, worst first, until the expected draw leaves the limits room."""
    slots = _slots(problem)
    open_rows = _touched(problem, rows)
    size = problem.people * problem.waves
    allowed = min(2.0 * share, 1.0) * problem.limits
    while open_rows.any():
        live = np.flatnonzero(open_rows)
        count = np.bincount(slots[live], minlength=size)
        chance = share / count[slots[live]]
        expected = np.zeros(len(problem.limits) + 1)
        for resource, use in problem.kinds:
            expected += np.bincount(resource[live], weights=use[live] * chance, minlength=len(expected))
        excess = expected[:-1] - allowed
        over = np.flatnonzero(excess > SLACK)
        if not len(over):
            break
        worst = over[int(np.argmax(expected[over] / np.maximum(problem.limits[over], SLACK)))]
        open_rows &= ~_scarce(problem, live, chance, int(worst))
    return open_rows


def _scarce(problem: Problem, live: Ints, chance: Floats, resource: int) -> Bools:
    """The rows of one limit; of the common budget the rows of the channel that would spend most."""
    users, use = next(kind for kind in problem.kinds if (kind[0] == resource).any())
    mine = np.asarray((users == resource) & (use > 0), dtype=bool)
    if problem.names[resource][0] != "budget":
        return mine
    spend = np.bincount(problem.channel[live], weights=use[live] * chance, minlength=problem.channels)
    return np.asarray(mine & (problem.channel == int(np.argmax(spend))), dtype=bool)


def _options(problem: Problem, rows: Ints, open_rows: Bools) -> tuple[Ints, Ints]:
    """Pairs (position in `rows`, option row), sorted by position; options that would use a channel twice are left out."""
    slots = _slots(problem)
    owner = np.full(problem.people * problem.waves, -1, dtype=np.int64)
    owner[slots[rows]] = np.arange(len(rows))
    option = np.flatnonzero(open_rows)
    touch = owner[slots[option]]
    if problem.one_per_channel:
        line = np.full(problem.people * problem.channels, -1, dtype=np.int64)
        line[problem.person[rows] * problem.channels + problem.channel[rows]] = np.arange(len(rows))
        taken = line[problem.person[option] * problem.channels + problem.channel[option]]
        free = (taken < 0) | (taken == touch)
        touch, option = touch[free], option[free]
    return touch, option


def _draw(problem: Problem, rows: Ints, touch: Ints, option: Ints, *, target: int, seed: int) -> tuple[Ints, Ints]:
    """Positions of the touches drawn, in random order until `target` draws fit the limits together, and their option rows."""
    generator = np.random.default_rng([seed, 0x11F7])
    count = np.bincount(touch, minlength=len(rows))
    start = np.cumsum(count) - count
    luck = generator.random(len(rows))
    order = generator.permutation(len(rows))
    order = order[count[order] > 0]
    picked = option[start[order] + np.minimum((luck[order] * count[order]).astype(np.int64), count[order] - 1)]
    left = problem.limits.copy()
    chosen: list[int] = []
    lines: set[tuple[int, int]] = set()
    for position, row in enumerate(picked.tolist()):
        if len(chosen) >= target:
            break
        uses = [(int(users[row]), float(use[row])) for users, use in problem.kinds if users[row] < len(left)]
        line = (int(problem.person[row]), int(problem.channel[row])) if problem.one_per_channel else (-1, position)
        if line not in lines and all(use <= left[resource] + SLACK for resource, use in uses):
            lines.add(line)
            for resource, use in uses:
                left[resource] -= use
            chosen.append(position)
    return order[chosen], picked[chosen]


def _propensity(problem: Problem, rows: Ints, drawn: Bools, planned: Bools, option: Ints, *, share: float) -> Floats:
    """`option`: all rows that took part in the draw; `planned`: was the row the plan's own choice?"""
    slots = _slots(problem)
    count = np.bincount(slots[option], minlength=problem.people * problem.waves)[slots[rows]]
    inside = np.zeros(len(problem.value), dtype=bool)
    inside[option] = True
    by_luck = np.where(inside[rows], share / np.maximum(count, 1), 0.0)
    by_plan = np.where(~drawn | planned, np.where(count > 0, 1.0 - share, 1.0), 0.0)
    return np.asarray(by_plan + by_luck, dtype=np.float64)
