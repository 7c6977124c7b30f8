"""Segment means: a few coarse groups of people, found in the data, each with its own shrunken effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from liftwright.domain.evidence import Reason
from liftwright.scoring.design import Floats, Scale

Ints = npt.NDArray[np.int64]
MOST_FEATURES = 3
MOST_LEVELS = 4
"""A feature with more values is cut into thirds."""
SEARCH_ROWS = 40_000
"""Of more rows groups are searched on so many, drawn; their effects are those of all."""
SHORTLIST = 12
WIDE = 1_000_000
"""In tables of more rows x features, after the first only the SHORTLIST features with the most evidence of their own are tried."""
WORTH = 2.0
"""Log-likelihood that one more feature has to add: about the difference of a p-value of 0.05."""


@dataclass(frozen=True)
class Segments:
    """Groups of people: the cuts (scaled units) of each feature that makes them, and per group and action how far its effect is off the
    average, with its standard error. Groups are numbered by the levels of the features, the last one fastest."""

    features: tuple[int, ...]
    cuts: tuple[tuple[float, ...], ...]
    offsets: Floats
    errors: Floats

    def groups(self, z: Floats) -> Ints:
        """The group of each row of scaled features."""
        found = np.zeros(len(z), dtype=np.int64)
        for feature, cuts in zip(self.features, self.cuts, strict=True):
            found = found * (len(cuts) + 1) + np.searchsorted(np.array(cuts), z[:, feature], side="left")
        return found

    def score(self, z: Floats) -> Floats:
        """(rows, actions) difference to the average effect."""
        return np.asarray(self.offsets[self.groups(z)])

    def error(self, z: Floats) -> Floats:
        """(rows, actions) standard error of `score`."""
        return np.asarray(self.errors[self.groups(z)])

    def reasons(self, z: Floats, action: int, *, scale: Scale, unit: str) -> list[Reason]:
        """One reason: the group of one person, in words."""
        effect = float(self.score(z)[0, action])
        parts = [_range(scale, f, cuts, float(z[0, f])) for f, cuts in zip(self.features, self.cuts, strict=True)]
        names = ", ".join(scale.names[f] for f in self.features)
        turn = "raises" if effect > 0 else "lowers"
        says = f"belongs to the group where {' and '.join(parts)}, which {turn} the expected extra {unit} by {abs(effect):.4f}"
        return [Reason(feature=names, effect=effect, says=says)] if self.features else []

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "features": list(self.features),
            "cuts": [list(cuts) for cuts in self.cuts],
            "offsets": self.offsets.tolist(),
            "errors": self.errors.tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Segments:
        cuts = tuple(tuple(float(c) for c in each) for each in data["cuts"])
        return cls(tuple(data["features"]), cuts, np.array(data["offsets"]), np.array(data["errors"]))


@dataclass(frozen=True)
class Levels:
    """Features cut coarsely: `cuts` per feature in scaled units, `of` (rows, features) the level of each row."""

    cuts: tuple[tuple[float, ...], ...]
    of: Ints

    @classmethod
    def cut(cls, z: Floats) -> Levels:
        """By the features alone, so that the same cuts serve every fold."""
        cuts = tuple(_cuts(column) for column in z.T)
        found = [np.searchsorted(np.array(c), column, side="left") for c, column in zip(cuts, z.T, strict=True)]
        return cls(cuts, np.stack(found, axis=1).astype(np.int64) if found else np.zeros((len(z), 0), dtype=np.int64))

    def crossed(self, group: Ints, feature: int) -> Ints:
        """Groups split by one more feature."""
        return np.asarray(group * (len(self.cuts[feature]) + 1) + self.of[:, feature])

    def where(self, rows: npt.NDArray[np.bool_]) -> Levels:
        """Of some rows."""
        return Levels(self.cuts, self.of[rows])


def learn(levels: Levels, psi: Floats, tried: npt.NDArray[np.bool_], share: Floats) -> Segments:
    """Find groups by adding the feature that explains most, while it explains enough, and shrink their effects.

    Groups differ by a variance estimated from the data (DerSimonian & Laird 1986); each is shrunk by it, first what it does to any
    contact, then what it does to one action beyond that.
    """
    pooled = np.where(tried, psi, 0.0) @ share
    drawn = np.random.default_rng(0).random(len(pooled)) * len(pooled) < SEARCH_ROWS
    chosen = _searched(levels.where(drawn), pooled[drawn])
    group = np.zeros(len(pooled), dtype=np.int64)
    for feature in chosen:
        group = levels.crossed(group, feature)
    cuts = tuple(levels.cuts[feature] for feature in chosen)
    offsets, errors = _shrunken(group, psi, tried, pooled, count=int(np.prod([len(each) + 1 for each in cuts], dtype=np.int64)))
    return Segments(tuple(chosen), cuts, offsets, errors)


def _searched(levels: Levels, effect: Floats) -> list[int]:
    """The features whose crossed levels explain effects best, one by one."""
    squares = (effect - effect.mean()) ** 2
    chosen: list[int] = []
    group, reached = np.zeros(len(effect), dtype=np.int64), 0.0
    open_ = [feature for feature, cuts in enumerate(levels.cuts) if cuts]
    while len(chosen) < MOST_FEATURES:
        found = [(_evidence(levels.crossed(group, f), effect, squares), -f) for f in open_ if f not in chosen]
        best, feature = max(found, default=(0.0, 0))
        if best < reached + WORTH:
            break
        if not chosen and levels.of.size > WIDE:
            open_ = [-place for _, place in sorted(found, reverse=True)[:SHORTLIST]]
        reached = best
        chosen.append(-feature)
        group = levels.crossed(group, -feature)
    return chosen


def _cuts(column: Floats) -> tuple[float, ...]:
    values = np.unique(column)
    if len(values) <= MOST_LEVELS:
        return tuple(((values[1:] + values[:-1]) / 2).tolist())
    return tuple(np.unique(np.quantile(column, [1 / 3, 2 / 3], method="lower")).tolist())


def _means(group: Ints, y: Floats, squares: Floats, count: int) -> tuple[Floats, Floats, Floats]:
    """Size, mean and squared standard error of each group; the error of small groups leans on that of everybody.

    squares: squared differences of y to its overall mean.
    """
    size = np.bincount(group, minlength=count).astype(np.float64)
    mean = np.bincount(group, weights=y, minlength=count) / np.maximum(size, 1.0)
    square = np.bincount(group, weights=squares, minlength=count) - size * (mean - y.mean()) ** 2
    overall = float(square.sum()) / max(len(y) - count, 1)
    return size, mean, (np.maximum(square, 0.0) + 30.0 * overall) / (size + 30.0) / np.maximum(size, 1.0)


def _spread(mean: Floats, variance: Floats) -> tuple[float, float]:
    """Mean over groups and the variance between them."""
    weight = 1.0 / variance
    centre = float((weight * mean).sum() / weight.sum())
    surplus = float((weight * (mean - centre) ** 2).sum()) - (len(mean) - 1)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max(surplus / scale, 0.0) if scale > 0 else 0.0
    weight = 1.0 / (variance + between)
    return float((weight * mean).sum() / weight.sum()), between


def _evidence(group: Ints, y: Floats, squares: Floats) -> float:
    """Log-likelihood of the group means with a variance between groups, less that without one."""
    size, mean, variance = _means(group, y, squares, int(group.max()) + 1)
    mean, variance = mean[size > 0], variance[size > 0]
    centre, between = _spread(mean, variance)
    if between == 0.0:
        return 0.0
    weight = 1.0 / variance
    alike = float((weight * mean).sum() / weight.sum())
    with_it = -0.5 * float((np.log(variance + between) + (mean - centre) ** 2 / (variance + between)).sum())
    without = -0.5 * float((np.log(variance) + (mean - alike) ** 2 / variance).sum())
    return with_it - without


def _shrunken(group: Ints, psi: Floats, tried: npt.NDArray[np.bool_], pooled: Floats, *, count: int) -> tuple[Floats, Floats]:
    """(groups, actions) offsets from the average effect and their standard errors."""
    common, common_variance = _posterior(group, pooled, count)
    offsets, variances = np.zeros((count, psi.shape[1])), np.zeros((count, psi.shape[1]))
    for action in range(psi.shape[1]):
        mine = tried[:, action]
        own, own_variance = np.zeros(count), np.zeros(count)
        if psi.shape[1] > 1 and mine.any():
            own, own_variance = _posterior(group[mine], psi[mine, action] - common[group[mine]], count)
        offsets[:, action], variances[:, action] = common + own, common_variance + own_variance
    return offsets, np.sqrt(variances)


def _posterior(group: Ints, y: Floats, count: int) -> tuple[Floats, Floats]:
    """Shrunken deviation of each group from the mean, and its variance; groups without people have none and that of the prior."""
    size, mean, variance = _means(group, y, (y - y.mean()) ** 2, count)
    known = size > 0
    if known.sum() < 2:
        return np.zeros(count), np.zeros(count)
    _, between = _spread(mean[known], variance[known])
    keep = np.where(known, between / (between + variance), 0.0) if between > 0 else np.zeros(count)
    offset = keep * (mean - float(y.mean()))
    return offset - float(size @ offset) / float(size.sum()), np.where(known, keep * variance, between)


def _range(scale: Scale, feature: int, cuts: Sequence[float], value: float) -> str:
    """A level in the feature's own unit."""
    place = int(np.searchsorted(np.array(cuts), value, side="left"))
    name = scale.names[feature].replace("_", " ")
    ends = [scale.value_of(feature, cut) for cut in cuts]
    if place == 0:
        return f"{name} is at most {ends[0]:,.4g}"
    if place == len(ends):
        return f"{name} is above {ends[-1]:,.4g}"
    return f"{name} is between {ends[place - 1]:,.4g} and {ends[place]:,.4g}"
