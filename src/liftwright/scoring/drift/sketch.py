"""A column in a few figures: the quantiles and the missing share of numbers, the usual values of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from liftwright.scoring.design import Floats
from liftwright.scoring.drift import distance

KNOTS, PARTS = 50, 10
"""A sketch has a cut for every fiftieth of the rows; the stability index is taken over tenths."""
MARGIN = 0.1
"""How far outside of all values, in standard deviations, a value is another one."""
MOST_TIED = 0.05
"""A column in which more rows than this share one value is compared part by part."""
MOST_LEVELS = 30
_DIGITS = 7


@dataclass(frozen=True)
class Moved:
    """How unlike a column is to its sketch: `chance` that nothing moved, and sizes of the move (`shift` in standard deviations)."""

    chance: float
    stability: float
    divergence: float
    shift: float = 0.0
    largest: float = 0.0


@dataclass(frozen=True)
class NumberSketch:
    """`upto` are the exact shares of the known rows at most each of the `cuts`; `tied` the share that has the most frequent value.

    Cuts lie half-way between neighbouring values, and a little outside all of them, so that a value many rows share may move a little
    without counting as another: days since something do so every day.
    """

    cuts: tuple[float, ...]
    upto: tuple[float, ...]
    tied: float
    missing: float
    mean: float
    spread: float

    @classmethod
    def of(cls, values: Floats) -> NumberSketch:
        """Sketch an array of at least one row; NaN is missing."""
        known = np.sort(values[np.isfinite(values)])
        if not len(known):
            return cls((), (), 0.0, 1.0, 0.0, 0.0)
        mean, spread = float(known.mean()), float(known.std())
        cuts = _cuts(known, margin=MARGIN * spread)
        tied = float(np.unique(known, return_counts=True)[1].max()) / len(known)
        upto, missing = _shares_upto(known, cuts), 1 - len(known) / len(values)
        return cls(tuple(cuts.tolist()), _kept(upto), _digits(tied), _digits(missing), _digits(mean), _digits(spread))

    @property
    def kind(self) -> str:
        """What `as_json` calls it."""
        return "numbers"

    def compare(self, values: Floats, *, rows: int) -> Moved | None:
        """How far these values are from the sketch of `rows` rows; None where either side knows of none.

        The chance is that of the largest distance between the distributions (Kolmogorov-Smirnov), taken at the cuts: never above the true
        one, so on the safe side. Where many rows share a value that test is blind, and the shares of the parts are compared instead.
        """
        known = np.sort(values[np.isfinite(values)])
        if not len(known) or not self.cuts:
            return None
        upto = _shares_upto(known, np.array(self.cuts))
        largest = float(np.abs(upto - self.upto).max())
        known_then = max(round(rows * (1 - self.missing)), 1)
        then, now = self._parts(np.array(self.upto), self.missing), self._parts(upto, 1 - len(known) / len(values))
        if self.tied > MOST_TIED:
            chance = distance.homogeneity(then, now, rows_then=rows, rows_now=len(values))
        else:
            chance = distance.kolmogorov_smirnov(largest, rows_then=known_then, rows_now=len(known))
        return Moved(
            chance=chance,
            stability=distance.stability_index(then, now, rows_then=rows, rows_now=len(values)),
            divergence=distance.jensen_shannon(then, now),
            shift=float((known.mean() - self.mean) / self.spread) if self.spread > 0 else 0.0,
            largest=largest,
        )

    def compare_missing(self, values: Floats, *, rows: int) -> Moved:
        """How far the missing share is from what it was."""
        now = float(1 - np.isfinite(values).mean())
        shares = [np.array([share, 1 - share]) for share in (self.missing, now)]
        return Moved(
            chance=distance.homogeneity(*shares, rows_then=rows, rows_now=len(values)),
            stability=distance.stability_index(*shares, rows_then=rows, rows_now=len(values)),
            divergence=distance.jensen_shannon(*shares),
            largest=abs(now - self.missing),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, **asdict(self)}

    def _parts(self, upto: Floats, missing: float) -> Floats:
        """Shares of all rows in about ten parts between cuts, the missing last."""
        wanted = np.searchsorted(self.upto, np.linspace(0, 1, PARTS + 1)[1:-1] - 1e-9)
        chosen = np.unique([0, *wanted.tolist(), len(self.cuts) - 1])
        inside = np.diff(np.concatenate([[0.0], upto[chosen], [1.0]]))
        return np.concatenate([inside * (1 - missing), [missing]])


@dataclass(frozen=True)
class TextSketch:
    """`shares` of the usual values, most frequent first, of everything else, and of missing rows."""

    levels: tuple[str, ...]
    shares: tuple[float, ...]
    other: float
    missing: float

    @classmethod
    def of(cls, values: Sequence[str | None]) -> TextSketch:
        """Sketch a list of at least one text; None and "" are missing."""
        counts = Counter(value for value in values if value)
        usual = sorted(counts, key=lambda level: (-counts[level], level))[:MOST_LEVELS]
        shares = [counts[level] / len(values) for level in usual]
        missing = 1 - sum(counts.values()) / len(values)
        return cls(tuple(usual), tuple(map(_digits, shares)), _digits(max(1 - missing - sum(shares), 0.0)), _digits(missing))

    @property
    def kind(self) -> str:
        """What `as_json` calls it."""
        return "texts"

    def compare(self, values: Sequence[str | None], *, rows: int) -> Moved:
        """How far the shares of these values are from the sketch of `rows` rows."""
        then, now = self._parts(self.shares, self.other, self.missing), self._now(values)
        return Moved(
            chance=distance.homogeneity(then, now, rows_then=rows, rows_now=len(values)),
            stability=distance.stability_index(then, now, rows_then=rows, rows_now=len(values)),
            divergence=distance.jensen_shannon(then, now),
            largest=float(np.abs(now - then).max()),
        )

    def compare_new(self, values: Sequence[str | None], *, rows: int) -> Moved:
        """How far the share of rows with a value outside the usual ones is from what it was."""
        now = float(self._now(values)[-2])
        shares = [np.array([share, 1 - share]) for share in (self.other, now)]
        return Moved(
            chance=distance.homogeneity(*shares, rows_then=rows, rows_now=len(values)) if now > self.other else 1.0,
            stability=0.0,
            divergence=distance.jensen_shannon(*shares),
            largest=max(now - self.other, 0.0),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, **asdict(self)}

    def _now(self, values: Sequence[str | None]) -> Floats:
        counts = Counter(value for value in values if value)
        shares = [counts[level] / len(values) for level in self.levels]
        missing = 1 - sum(counts.values()) / len(values)
        return self._parts(shares, max(1 - missing - sum(shares), 0.0), missing)

    @staticmethod
    def _parts(shares: Sequence[float], other: float, missing: float) -> Floats:
        return np.array([*shares, other, missing])


Sketch = NumberSketch | TextSketch


def from_json(data: Mapping[str, Any]) -> Sketch:
    """The sketch whose `as_json` this is."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in data.items() if name != "kind"
    }
    return TextSketch(**values) if data["kind"] == "texts" else NumberSketch(**values)


def _cuts(known: Floats, *, margin: float) -> Floats:
    """Rising cuts between sorted values at every fiftieth of them, the first below all and the last above."""
    values = np.unique(known)
    place = np.searchsorted(values, np.quantile(known, np.linspace(0, 1, KNOTS + 1)[1:-1], method="lower"))
    place = np.unique(place[place < len(values) - 1])
    inner = [_digits(cut) for cut in ((values[place] + values[place + 1]) / 2).tolist()]
    low, high = values[0] - margin, values[-1] + margin
    return np.unique([np.nextafter(low, -np.inf), *inner, np.nextafter(high, np.inf)])


def _shares_upto(ordered: Floats, cuts: Floats) -> Floats:
    """Share of sorted values at most each cut."""
    return np.asarray(np.searchsorted(ordered, cuts, side="right") / len(ordered))


def _digits(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _kept(values: Floats) -> tuple[float, ...]:
    return tuple(_digits(value) for value in values.tolist())
