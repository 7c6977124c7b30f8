"""Two runs over the same cases: what flipped, whether chance alone would do that, and the change of a share with its interval. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from liftwright.domain.base import Value

DISTINGUISHABLE = 0.05
Z95 = 1.959963984540054


class Pairs(Value):
    """Cases that both sides judged: passed before and now by case. `p_value` is of the exact test of McNemar (1947), two-sided."""

    improved: tuple[str, ...]
    regressed: tuple[str, ...]
    same: int
    passed_before: int
    passed_now: int
    p_value: float

    @property
    def cases(self) -> int:
        """How many both sides judged."""
        return len(self.improved) + len(self.regressed) + self.same

    @property
    def says(self) -> str:
        """Whether the sides can be told apart, in words."""
        if not self.improved and not self.regressed:
            return "no case changed"
        if self.p_value >= DISTINGUISHABLE:
            return f"not distinguishable (p = {self.p_value:.2g})"
        better = len(self.improved) > len(self.regressed)
        return f"{'better' if better else 'worse'} than chance explains (p = {self.p_value:.2g})"


class Change(Value):
    """Shares that passed, and their difference with its 95 % interval."""

    before: float
    now: float
    low: float
    mid: float
    high: float

    @property
    def is_distinguishable(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def pairs(before: Mapping[str, bool], now: Mapping[str, bool]) -> Pairs:
    """What flipped among the cases of both. Cases are taken as independent."""
    both = [case for case in now if case in before]
    improved = tuple(case for case in both if now[case] and not before[case])
    regressed = tuple(case for case in both if before[case] and not now[case])
    return Pairs(
        improved=improved,
        regressed=regressed,
        same=len(both) - len(improved) - len(regressed),
        passed_before=sum(before[case] for case in both),
        passed_now=sum(now[case] for case in both),
        p_value=_exact(len(improved), len(regressed)),
    )


def change(before: Mapping[str, bool], now: Mapping[str, bool]) -> Change | None:
    """The difference of the shares that passed, for pairs: method 10 of Newcombe (1998); None where no case is in both."""
    found = pairs(before, now)
    n, gained, lost = found.cases, len(found.improved), len(found.regressed)
    if not n:
        return None
    was, is_now = found.passed_before, found.passed_now
    both, neither = was - lost, n - was - gained
    low_was, high_was = _wilson(was, n)
    low_now, high_now = _wilson(is_now, n)
    phi = _phi(both, gained, lost, neither)
    p, q = is_now / n, was / n
    down = _reach(p - low_now, high_was - q, phi)
    up = _reach(high_now - p, q - low_was, phi)
    return Change(before=q, now=p, low=max(-1.0, p - q - down), mid=p - q, high=min(1.0, p - q + up))


def _exact(gained: int, lost: int) -> float:
    """The chance of a split at least this uneven when each flip goes either way with one half."""
    n, few = gained + lost, min(gained, lost)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(few + 1)) / math.pow(2, n))


def _wilson(passed: int, n: int) -> tuple[float, float]:
    """Wilson's score interval (1927)."""
    middle = passed + Z95**2 / 2
    half = Z95 * math.sqrt(passed * (n - passed) / n + Z95**2 / 4)
    return max(0.0, (middle - half) / (n + Z95**2)), min(1.0, (middle + half) / (n + Z95**2))


def _phi(both: int, gained: int, lost: int, neither: int) -> float:
    """Correlation of the pairs, with Newcombe's correction where it is positive."""
    rows = (both + lost) * (gained + neither) * (both + gained) * (lost + neither)
    if not rows:
        return 0.0
    cross, n = both * neither - gained * lost, both + gained + lost + neither
    return (max(cross - n / 2, 0.0) if cross > 0 else cross) / math.sqrt(rows)


def _reach(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one**2 - 2 * phi * one * other + other**2))
