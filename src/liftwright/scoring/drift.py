"""Whether a model still sees what it was trained on: its inputs, its scores, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from scipy.stats import norm

from liftwright.scoring.boosting import matrix
from liftwright.scoring.calibration import Bools
from liftwright.scoring.design import Floats

BINS = 10
PSI_BOUND, KS_BOUND = 0.2, 0.1
"""A population stability index above 0.2 is by custom a shift to act on; so is a tenth of the people with other scores."""
RATIO_BOUND = 1.25
"""Observed over expected outcomes, or the reverse."""
SURE = 0.99
"""Chance alone may pass each bound once in a hundred looks at most; bounds are wider where there are few rows."""
FEWEST = 50


@dataclass(frozen=True)
class Signal:
    """One thing that was watched: `value` against its stated `bound`. `is_beyond` says that it has moved."""

    kind: Literal["input", "output", "calibration"]
    subject: str
    value: float
    bound: float
    is_beyond: bool
    says: str


@dataclass(frozen=True)
class Reference:
    """Distributions at training: per feature inner cuts and the share of rows between them (missing last), and the scores' hundredths."""

    cuts: Mapping[str, tuple[float, ...]]
    shares: Mapping[str, tuple[float, ...]]
    scores: tuple[float, ...]
    rows: int

    @classmethod
    def fit(cls, table: pa.Table, names: Sequence[str], scores: Floats) -> Reference:
        """Remember the training rows."""
        x = matrix(table, names)
        cuts = {name: _cuts(x[:, place]) for place, name in enumerate(names)}
        shares = {name: tuple(_shares(x[:, place], cuts[name]).tolist()) for place, name in enumerate(names)}
        return cls(cuts, shares, tuple(np.quantile(scores, np.linspace(0, 1, 101)).tolist()), len(scores))

    def inputs(self, table: pa.Table) -> list[Signal]:
        """The population stability index of every feature, most moved first."""
        x = matrix(table, tuple(self.cuts))
        found = [
            self._stability(name, _shares(x[:, place], self.cuts[name]), table.num_rows) for place, name in enumerate(self.cuts)
        ]
        return sorted(found, key=lambda signal: (-signal.value, signal.subject))

    def output(self, scores: Floats) -> Signal:
        """The largest distance between the distributions of the scores then and now (Kolmogorov-Smirnov)."""
        now = np.sort(scores)
        knots, first = np.unique(self.scores, return_index=True)
        last = np.searchsorted(self.scores, knots, side="right") - 1
        below, upto = (np.searchsorted(now, knots, side=side) / len(now) for side in ("left", "right"))
        distance = float(np.maximum(np.abs(below - first / 100), np.abs(upto - last / 100)).max())
        bound = max(KS_BOUND, float(np.sqrt(-np.log((1 - SURE) / 2) / 2 * (1 / len(now) + 1 / self.rows))) + 0.01)
        says = f"the distribution of the scores moved by {distance:.3f} (bound {bound:.3f})"
        return Signal("output", "score", distance, bound, distance > bound, says)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        features = [[name, list(self.cuts[name]), list(self.shares[name])] for name in self.cuts]
        return {"features": features, "scores": list(self.scores), "rows": self.rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """The reference whose `as_json` this is."""
        cuts = {name: tuple(cut) for name, cut, _ in data["features"]}
        shares = {name: tuple(share) for name, _, share in data["features"]}
        return cls(cuts, shares, tuple(data["scores"]), int(data["rows"]))

    def _stability(self, name: str, now: Floats, rows: int) -> Signal:
        then = np.array(self.shares[name])
        one, other = ((share * n + 0.5) / (n + 0.5 * len(share)) for share, n in ((then, self.rows), (now, rows)))
        index = float(((other - one) * np.log(other / one)).sum())
        freedom = len(then) - 1
        chance = (freedom + float(norm.ppf(SURE)) * (2 * freedom) ** 0.5) * (1 / self.rows + 1 / max(rows, 1))
        bound = max(PSI_BOUND, 1.5 * chance)
        says = (
            f"{name.replace('_', ' ')} is distributed otherwise than in training: stability index {index:.3f} (bound {bound:.3f})"
        )
        return Signal("input", name, index, bound, index > bound, says)


def calibration(chance: Floats, happened: Bools) -> Signal:
    """How often it happened against how often the model expected it, on people whose outcome is known by now."""
    expected, seen = float(chance.sum()), float(happened.sum())
    ratio = (seen + 0.5) / (expected + 0.5)
    off = max(ratio, 1 / ratio)
    noise = float(norm.ppf((1 + SURE) / 2) * np.sqrt((chance * (1 - chance)).sum())) / (expected + 0.5)
    bound = max(RATIO_BOUND, 1 + noise)
    says = f"{seen:,.0f} of {len(chance):,} did it where the model expected {expected:,.0f} (ratio {ratio:.2f}, bound {bound:.2f} either way)"
    return Signal("calibration", "outcome", ratio, bound, off > bound, says)


def _cuts(values: Floats) -> tuple[float, ...]:
    """Inner cuts that part the known values in about ten; each distinct value its own part when there are few."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ()
    cuts = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
    return tuple(cuts[cuts < known.max()].tolist())


def _shares(values: Floats, cuts: tuple[float, ...]) -> Floats:
    """Share of rows at most each cut, above the last, and missing."""
    place = np.where(np.isfinite(values), np.searchsorted(np.array(cuts), values, side="left"), len(cuts) + 1)
    return np.asarray(np.bincount(place.astype(np.int64), minlength=len(cuts) + 2) / max(len(values), 1))
