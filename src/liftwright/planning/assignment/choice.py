"""What every person would choose at given prices: exact, some thousand people at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from liftwright.planning.assignment.problem import NONE, Bools, Floats, Ints, Plan, Problem, Reals

CHUNK = 1 << 17
"""How many values are worked on at a time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class Chosen:
    """Total reduced value of everybody's best choice, what it uses of every resource, and the choice itself if asked for."""

    gain: float
    usage: Floats
    plan: Plan


def chunks(problem: Problem) -> Iterator[slice]:
    """Ranges of people."""
    width = max(CHUNK // max(problem.options, 1), 256)
    for start in range(0, problem.people, width):
        yield slice(start, min(start + width, problem.people))


def choose(problem: Problem, prices: Floats, *, keep: bool = False) -> Chosen:
    """The best set of options per person at these prices: at most one per slot and line, `cap` per person. `keep`: return it."""
    counts = np.zeros(problem.options)
    used = np.zeros((len(problem.kinds), problem.options))
    plan = np.full((problem.slots, problem.people if keep else 0), NONE, dtype=np.int16)
    gain, charge = 0.0, charges(problem, prices)
    for span in chunks(problem):
        left = reduced(problem, charge, span)
        best = bests(problem, left)
        wanted = _wanted(problem, best, span)
        gain += float(np.where(wanted, best, 0.0).sum(dtype=np.float64))
        hits = _hits(problem, left, best, wanted)
        counts += [np.count_nonzero(hit) for hit in hits]
        for kind, (_, use) in enumerate(problem.kinds):
            if use.shape[1] > 1:
                used[kind] += np.where(hits, use[:, span], 0.0).sum(axis=1, dtype=np.float64)
        if keep:
            for option, slot in enumerate(problem.slot):
                np.putmask(plan[slot, span], hits[option], option)
    usage = np.zeros(len(problem.limits) + 1)
    for kind, (resource, use) in enumerate(problem.kinds):
        amount = used[kind] if use.shape[1] > 1 else counts * use[:, 0]
        usage += np.bincount(resource, weights=amount, minlength=len(usage))
    return Chosen(gain=gain, usage=usage[:-1], plan=plan)


def bound(problem: Problem, prices: Floats) -> float:
    """The dual value: limits at their prices plus everybody's best choice at true values, in double precision."""
    gain, charge = 0.0, charges(problem, prices)
    for span in chunks(problem):
        left = reduced(problem, charge, span, is_true=True)
        best = bests(problem, left)
        gain += float(np.where(_wanted(problem, best, span), best, 0.0).sum())
    return float(prices @ problem.limits) + gain


def charges(problem: Problem, prices: Floats) -> list[tuple[Floats, Reals | None]]:
    """What options cost at these prices: one column for the uses that are the same for everybody, and (price, use) pairs."""
    padded = np.append(prices, 0.0)
    fixed = np.zeros((problem.options, 1))
    varying: list[tuple[Floats, Reals | None]] = []
    for resource, use in problem.kinds:
        price = padded[resource][:, None]
        if use.shape[1] == 1:
            fixed += price * use
        elif price.any():
            varying.append((price, use))
    return [(fixed, None), *varying]


def reduced(problem: Problem, charge: list[tuple[Floats, Reals | None]], span: slice, *, is_true: bool = False) -> Reals:
    """Nudged values less charges of some people; `is_true`: without the nudge, in double precision."""
    kind: Any = np.float64 if is_true else problem.value.dtype
    left = problem.value[:, span].astype(kind)
    if problem.nudge is not None and not is_true:
        left *= problem.nudge[span]
    for price, use in charge:
        left -= price.astype(kind) if use is None else price.astype(kind) * use[:, span]
    return left


def bests(problem: Problem, left: Reals) -> Reals:
    """The best reduced value in every cell: slot, or slot and line; (cells, people)."""
    starts = problem.cells
    ends = [*starts[1:], problem.options]
    best = np.empty((len(starts), left.shape[1]), dtype=left.dtype)
    for cell, (start, end) in enumerate(zip(starts, ends, strict=True)):
        left[start:end].max(axis=0, out=best[cell])
    return best


def _wanted(problem: Problem, best: Reals, span: slice) -> Bools:
    """Which cells a person takes."""
    if problem.line is not None:
        return _matched(problem, best, span)
    wanted: Bools = best > 0
    most = problem.cap if isinstance(problem.cap, int) else int(problem.cap[span].max(initial=0))
    if isinstance(problem.cap, int) and most >= len(best):
        return wanted
    tops = np.zeros((max(min(most, len(best)), 1), best.shape[1]), dtype=best.dtype)
    for values in best:
        falling = values
        for top in tops:
            lower = np.minimum(top, falling)
            np.maximum(top, falling, out=top)
            falling = lower
    cap = np.broadcast_to(np.asarray(problem.cap if isinstance(problem.cap, int) else problem.cap[span]), best.shape[1:])
    least = tops[0]
    for number, top in enumerate(tops[1:], start=2):
        np.copyto(least, top, where=cap >= number)
    wanted &= (best >= least) & (cap > 0)
    tied = np.flatnonzero(wanted.sum(axis=0, dtype=np.int16) > cap)
    if len(tied):
        wanted[:, tied] = _first_of_equals(best[:, tied], wanted[:, tied], cap[tied])
    return wanted


def _first_of_equals(best: Reals, wanted: Bools, cap: Ints) -> Bools:
    """Where equals are more than the cap lets through, the first ones."""
    order = np.argsort(-np.where(wanted, best, -np.inf), axis=0, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(len(best))[:, None], best.shape), axis=0)
    return np.asarray(wanted & (rank < cap), dtype=bool)


def _hits(problem: Problem, left: Reals, best: Reals, wanted: Bools) -> Bools:
    """Which options are chosen: in every wanted cell the first that reaches the cell's best."""
    starts = problem.cells
    goal = np.where(wanted, best, np.inf)
    sizes = np.diff([*starts, problem.options])
    hits: Bools = left == np.repeat(goal, sizes, axis=0)
    if np.count_nonzero(hits) == np.count_nonzero(wanted):
        return hits
    for start, size in zip(starts, sizes.tolist(), strict=True):
        for option in range(start + 1, start + size):
            hits[option] &= ~hits[start:option].any(axis=0)
    return hits


@lru_cache(maxsize=64)
def _masks(lines: int, most: int) -> tuple[int, ...]:
    return tuple(mask for mask in range(1 << lines) if mask.bit_count() <= most)


def _matched(problem: Problem, best: Reals, span: slice) -> Bools:
    """Dynamic programme over slots with the set of lines already used as state: the best matching of slots to lines."""
    starts = list(problem.cells)
    slot, line = problem.slot[starts], (problem.line if problem.line is not None else problem.slot)[starts]
    everyone = np.arange(best.shape[1])
    grid = np.zeros((problem.slots, problem.lines, len(everyone)))
    grid[slot, line] = np.maximum(best, 0.0)
    cap = np.broadcast_to(np.asarray(problem.cap if isinstance(problem.cap, int) else problem.cap[span]), everyone.shape)
    masks = _masks(problem.lines, int(min(cap.max(initial=0), problem.slots)))
    place = {mask: position for position, mask in enumerate(masks)}
    score = np.full((len(masks), len(everyone)), -np.inf)
    score[0] = 0.0
    steps = []
    for gains in grid:
        score, step = _advance(score, gains, masks, place)
        steps.append(step)
    size = np.array([mask.bit_count() for mask in masks])
    state = np.where(size[:, None] <= cap, score, -np.inf).argmax(axis=0)
    taken = np.zeros(grid.shape, dtype=bool)
    back = np.array([[place.get(mask ^ (1 << c), 0) for c in range(problem.lines)] for mask in masks], dtype=np.int64)
    for number in range(problem.slots - 1, -1, -1):
        step = steps[number][state, everyone]
        moved = step >= 0
        taken[number, step[moved], everyone[moved]] = True
        state = np.where(moved, back[state, np.maximum(step, 0)], state)
    return np.asarray(taken[slot, line], dtype=bool)


def _advance(
    score: Floats, gains: Floats, masks: tuple[int, ...], place: dict[int, int]
) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.int8]]]:
    """One slot further: for every set of used lines, the best value and the line used in this slot (-1 = none)."""
    after = score.copy()
    step = np.full(score.shape, -1, dtype=np.int8)
    for position, mask in enumerate(masks):
        for line in range(len(gains)):
            if mask >> line & 1:
                value = score[place[mask ^ (1 << line)]] + gains[line]
                better = value > after[position]
                better &= gains[line] > 0
                after[position] = np.where(better, value, after[position])
                step[position][better] = line
    return after, step
