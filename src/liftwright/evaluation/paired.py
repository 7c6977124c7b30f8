"""Two runs over the same cases: what flipped, whether chance alone would do that, and the difference with its interval. Pure.

The interval is the expanded percentile interval of the paired bootstrap (Hesterberg 2015): percentiles a little further out than the level
says, by what Student's t adds, so that it holds with few units too. What is resampled is the case, or the cluster of cases.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr, ndtri, stdtrit

from liftwright.domain.base import Value

LEVEL = 0.95
POWER = 0.8
FEWEST_CLUSTERS = 10
"""With fewer, an interval over clusters says little; cases are then taken as independent, and that is said."""
FEWEST_UNITS = 6
"""With fewer, not even a change of all of them one way is rarer than one time in twenty."""
EXACT = 12
"""Up to so many units that moved, every way to turn their signs is looked at."""
BLOCK = 2_000_000
"""Draws times units held in memory at once."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Outcome = Literal["better", "non_inferior", "worse", "inconclusive"]


class Pairs(Value):
    """Cases that both sides judged, by whether they passed before and now."""

    improved: tuple[str, ...]
    regressed: tuple[str, ...]
    same: int
    passed_before: int
    passed_now: int

    @property
    def cases(self) -> int:
        """How many both sides judged."""
        return len(self.improved) + len(self.regressed) + self.same


class Difference(Value):
    """Mean scores (0 to 1) of the same cases on both sides, and `mid`, their difference, with its 95 % interval and standard error.

    `changed`: cases with another score than before. `units` were resampled: cases, or clusters of them. `p_value`: the chance of a
    difference so large if each unit's sign were a matter of luck.
    """

    cases: int
    changed: int
    units: int
    before: float
    now: float
    low: float
    mid: float
    high: float
    error: float
    p_value: float

    @property
    def is_distinguishable(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0

    @property
    def detectable(self) -> float:
        """The smallest true difference that so many cases would show four times in five."""
        return _reach() * self.error

    def outcome(self, margin: float) -> Outcome:
        """What the interval says, where losing up to `margin` (a share above 0) would still do."""
        if self.low > 0:
            return "better"
        if self.low > -margin:
            return "non_inferior"
        return "worse" if self.high < 0 else "inconclusive"

    def more_cases(self, margin: float) -> int:
        """About how many further cases would settle it four times in five, if the difference is what it seems; 0 where it is settled."""
        if self.outcome(margin) != "inconclusive":
            return 0
        nearest = max(self.mid + margin, -self.mid)
        return max(1, math.ceil(self.cases * ((_reach() * self.error / nearest) ** 2 - 1)))


def pairs(before: Mapping[str, bool], now: Mapping[str, bool]) -> Pairs:
    """What flipped among the cases of both."""
    both = [case for case in now if case in before]
    improved = tuple(case for case in both if now[case] and not before[case])
    regressed = tuple(case for case in both if before[case] and not now[case])
    return Pairs(
        improved=improved,
        regressed=regressed,
        same=len(both) - len(improved) - len(regressed),
        passed_before=sum(before[case] for case in both),
        passed_now=sum(now[case] for case in both),
    )


def differences(before: Floats, now: Floats, clusters: Sequence[str] | None, *, seed: int, draws: int) -> list[Difference]:
    """One for each column of two tables of the same shape, a row a case. clusters: the cluster of each row; None takes rows as independent."""
    groups = np.arange(len(now)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
    low, high, error = interval(now - before, groups, seed=seed, draws=draws)
    sums, _ = _by_group(now - before, groups)
    return [
        Difference(
            cases=len(now),
            changed=int((now[:, column] != before[:, column]).sum()),
            units=len(sums),
            before=float(before[:, column].mean()),
            now=float(now[:, column].mean()),
            low=float(low[column]),
            mid=float((now - before)[:, column].mean()),
            high=float(high[column]),
            error=float(error[column]),
            p_value=sign_flips(sums[:, column], seed=seed, draws=draws),
        )
        for column in range(now.shape[1])
    ]


def interval(values: Floats, groups: Ints, *, seed: int, draws: int) -> tuple[Floats, Floats, Floats]:
    """Low end, high end and standard error of the mean of each column; `groups` numbers the unit of each row from 0.

    The same draws serve every column. Of scores from 0 to 1 that differ in fewer than FEWEST_UNITS units nothing is known: the ends are -1 and 1.
    """
    sums, sizes = _by_group(values, groups)
    units, columns = sums.shape
    if units < FEWEST_UNITS:
        return np.full(columns, -1.0), np.full(columns, 1.0), np.full(columns, 1 / math.sqrt(units))
    means = np.concatenate([(taken @ sums) / (taken @ sizes)[:, None] for taken in _taken(units, seed, draws)])
    widened = math.sqrt(units / (units - 1))
    tail = float(ndtr(widened * stdtrit(units - 1, (1 - LEVEL) / 2)))
    low, high = np.quantile(means, [tail, 1 - tail], axis=0)
    return low, high, means.std(axis=0) * widened


def sign_flips(sums: Floats, *, seed: int, draws: int) -> float:
    """The chance, two-sided, of a total so far from zero when the sign of each unit's sum is a matter of luck.

    Where all that moved moved equally far it is the exact test of McNemar; with few units every way is counted, else `draws` are.
    """
    moved = sums[np.abs(sums) > 1e-12]
    if not len(moved):
        return 1.0
    if np.ptp(np.abs(moved)) < 1e-12:
        return _exact(int((moved > 0).sum()), int((moved < 0).sum()))
    least = abs(float(moved.sum())) - 1e-9
    if len(moved) <= EXACT:
        ways = (np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved))) & 1
        return float((np.abs((2 * ways - 1) @ moved) >= least).mean())
    luck, as_far, rows = np.random.default_rng(seed), 0, max(1, BLOCK // len(moved))
    for start in range(0, draws, rows):
        signs = luck.integers(0, 2, size=(min(rows, draws - start), len(moved))) * 2 - 1
        as_far += int((np.abs(signs @ moved) >= least).sum())
    return (as_far + 1) / (draws + 1)


def _by_group(values: Floats, groups: Ints) -> tuple[Floats, Floats]:
    """Sum of each column and number of rows, by unit."""
    sizes = np.bincount(groups).astype(np.float64)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, groups, values)
    return sums, sizes


def _taken(units: int, seed: int, draws: int) -> Iterator[Floats]:
    """How often each unit was drawn, a row a draw, in blocks that fit into memory."""
    luck, rows = np.random.default_rng(seed), max(1, BLOCK // units)
    for start in range(0, draws, rows):
        count = min(rows, draws - start)
        drawn = luck.integers(0, units, size=(count, units)) + units * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * units).reshape(count, units).astype(np.float64)


def _exact(gained: int, lost: int) -> float:
    """The chance of a split at least this uneven when each flip goes either way with one half."""
    return min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5)))


def _reach() -> float:
    """Standard errors between zero and a difference that is found with the power asked for."""
    return float(ndtri(0.5 + LEVEL / 2) + ndtri(POWER))
