"""What a watch saw of one thing: the statistic, its bound, the rows behind it, and how serious it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["input", "missing", "category", "output", "calibration"]
Level = Literal["ok", "warn", "alarm", "block"]
LEVELS: tuple[Level, ...] = ("ok", "warn", "alarm", "block")


@dataclass(frozen=True)
class Signal:
    """One thing that was watched: `value` of a `statistic` against its stated `bound`, over `rows` rows.

    `warn`: it has moved, more than chance and by enough to matter. `alarm`: by much. `block`: by so much that scores mean nothing.
    `measures` has every figure it was judged on.
    """

    kind: Kind
    subject: str
    statistic: str
    value: float
    bound: float
    rows: int
    level: Level
    says: str
    measures: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_beyond(self) -> bool:
        """Whether it has moved at all."""
        return self.level != "ok"


def worst(signals: Iterable[Signal]) -> Level:
    """The most serious level among signals; "ok" without any."""
    return max((signal.level for signal in signals), key=LEVELS.index, default="ok")


def ordered(signals: Iterable[Signal]) -> list[Signal]:
    """Most serious first, then the one furthest beyond its bound."""
    return sorted(signals, key=lambda s: (-LEVELS.index(s.level), -s.value / max(s.bound, 1e-12), s.kind, s.subject))
