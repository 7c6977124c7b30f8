"""What every person would choose at given prices: exact, all people at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from liftwright.planning.assignment.problem import Floats, Ints, Problem


@dataclass(frozen=True)
class Chosen:
    """The rows chosen and their total reduced value."""

    rows: Ints
    gain: float


def choose(problem: Problem, prices: Floats, *, true_values: bool = False) -> Chosen:
    """The best set of rows per person at these prices: at most one per wave, `cap` per person, and one per channel if asked.

    `true_values`: without the tie-breaking nudge.
    """
    if not len(problem.value):
        return Chosen(rows=np.zeros(0, dtype=np.int64), gain=0.0)
    reduced = problem.reduced(prices, true_values=true_values)
    best = np.maximum.reduceat(reduced, problem.cell_starts)
    worth = np.flatnonzero(best > 0)
    if problem.one_per_channel:
        cells = _match(problem, best, worth)
    elif problem.cap < problem.waves:
        cells = _top(problem, best, worth)
    else:
        cells = worth
    return Chosen(rows=_rows(problem, reduced, best, cells), gain=float(best[cells].sum()))


def _rows(problem: Problem, reduced: Floats, best: Floats, cells: Ints) -> Ints:
    """The first row of each cell that reaches the cell's best."""
    wanted = np.zeros(len(best), dtype=bool)
    wanted[cells] = True
    hits = np.flatnonzero(reduced == np.where(wanted, best, np.inf)[problem.cell_of])
    owner = problem.cell_of[hits]
    return np.asarray(hits[np.diff(owner, prepend=-1) != 0], dtype=np.int64)


def _top(problem: Problem, best: Floats, worth: Ints) -> Ints:
    """The `cap` best cells of every person."""
    first = problem.cell_starts[worth]
    person, wave = problem.person[first], problem.wave[first]
    grid = np.zeros((problem.people, problem.waves))
    grid[person, wave] = best[worth]
    keep = np.argsort(-grid, axis=1, kind="stable")[:, : max(problem.cap, 0)]
    kept = np.zeros(grid.shape, dtype=bool)
    np.put_along_axis(kept, keep, True, axis=1)
    return np.asarray(worth[kept[person, wave]], dtype=np.int64)


@lru_cache(maxsize=64)
def _masks(channels: int, most: int) -> tuple[int, ...]:
    return tuple(mask for mask in range(1 << channels) if mask.bit_count() <= most)


def _match(problem: Problem, best: Floats, worth: Ints) -> Ints:
    """Dynamic programme over waves with the set of channels already used as state: the best matching of waves to channels."""
    first = problem.cell_starts[worth]
    people, person = np.unique(problem.person[first], return_inverse=True)
    used_channels, channel = np.unique(problem.channel[first], return_inverse=True)
    wave = problem.wave[first]
    grid = np.zeros((problem.waves, len(used_channels), len(people)))
    grid[wave, channel, person] = best[worth]
    masks = _masks(len(used_channels), max(min(problem.cap, problem.waves), 0))
    place = {mask: position for position, mask in enumerate(masks)}
    score = np.full((len(masks), len(people)), -np.inf)
    score[0] = 0.0
    steps = []
    for number in range(problem.waves):
        score, step = _advance(score, grid[number], masks, place)
        steps.append(step)
    state = score.argmax(axis=0)
    taken = np.zeros(grid.shape, dtype=bool)
    everyone = np.arange(len(people))
    back = np.array([[place.get(mask ^ (1 << c), 0) for c in range(len(used_channels))] for mask in masks], dtype=np.int64)
    for number in range(problem.waves - 1, -1, -1):
        step = steps[number][state, everyone]
        moved = step >= 0
        taken[number, step[moved], everyone[moved]] = True
        state = np.where(moved, back[state, np.maximum(step, 0)], state)
    return np.asarray(worth[taken[wave, channel, person]], dtype=np.int64)


def _advance(
    score: Floats, gains: Floats, masks: tuple[int, ...], place: dict[int, int]
) -> tuple[Floats, np.ndarray[tuple[int, ...], np.dtype[np.int8]]]:
    """One wave further: for every set of used channels, the best value and the channel used in this wave (-1 = none)."""
    after = score.copy()
    step = np.full(score.shape, -1, dtype=np.int8)
    for position, mask in enumerate(masks):
        for channel in range(len(gains)):
            if mask >> channel & 1:
                value = score[place[mask ^ (1 << channel)]] + gains[channel]
                better = value > after[position]
                better &= gains[channel] > 0
                after[position] = np.where(better, value, after[position])
                step[position][better] = channel
    return after, step
