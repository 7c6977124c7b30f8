"""What campaigns say of a cell (channel x segment x offer) before the next one runs: empirical Bayes with a between-campaign variance.

The effect of a cell is a mean, plus what its channel, its segment and its offer add, plus what is special to it; a campaign scatters
around that. How large each of these is, is learned from the estimates themselves (type II maximum likelihood with a weak prior;
Efron & Morris 1975, Robinson 1991 on best linear unbiased prediction), so that a thin cell borrows from its channel, segment and offer,
and what one campaign showed never counts as certain for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize

Floats = npt.NDArray[np.float64]
HALF_LIFE_DAYS = 182.0
"""After so many days (two quarters) an estimate counts half."""
MOST_WEIGHT = 0.1
"""What campaigns taught counts at most like a test on this share of the people of the new campaign."""
PARTS = ("channel", "segment", "offer", "cell", "campaign")
_LEAST_BETWEEN = 0.05
"""Campaigns scatter by at least this share of `scale`, however alike they look."""
_USUAL, _UNSURE = 0.3, 1.0
"""Before any data a part is about this share of `scale`, within a factor of e (one standard deviation of its logarithm)."""


class Cell(NamedTuple):
    """What effects are remembered by."""

    channel: str
    segment: str
    offer: str


@dataclass(frozen=True)
class Belief:
    """What is believed before any estimate: the `scale` that effects usually have, and that their common mean lies within about `mean` of 0
    (both in their unit). A `mean` much larger than the errors of estimates says that nothing is known of it."""

    scale: float
    mean: float


@dataclass(frozen=True)
class Shown:
    """One estimate of one campaign: `effect` and its standard `error`, in any one unit.

    cells: the cells it speaks of, with weights that add up to 1. age_days: since the campaign ended. people: effective number of
    people behind it, 1 / (1 / treated + 1 / holdout). source: the row it was computed from.
    """

    campaign: str
    cells: Mapping[Cell, float]
    effect: float
    error: float
    age_days: float = 0.0
    people: float = 0.0
    source: str = ""

    @property
    def aged_error(self) -> float:
        """The error after decay."""
        return float(self.error * 2.0 ** (0.5 * self.age_days / HALF_LIFE_DAYS))


@dataclass(frozen=True)
class Posterior:
    """Means and standard errors in the order of `cells`, and the spread of each of PARTS that was learned."""

    cells: tuple[Cell, ...]
    means: Floats
    errors: Floats
    spreads: dict[str, float]


def posterior(shown: Sequence[Shown], cells: Sequence[Cell], *, belief: Belief, campaign: str | None = None) -> Posterior:
    """The effect of every cell in the next campaign, or in `campaign`, one of those that are shown.

    Without any estimate: 0 with the spread that is believed beforehand.
    """
    wanted = tuple(dict.fromkeys(cells))
    known = tuple(dict.fromkeys([*wanted, *(cell for each in shown for cell in each.cells)]))
    field = _Field.of(shown, known, belief=belief)
    spreads = field.learned()
    weights = np.eye(len(known))[: len(wanted)]
    prior = field.between(weights, weights, spreads) + spreads[-1] ** 2 * np.eye(len(wanted))
    if not shown:
        return Posterior(wanted, np.zeros(len(wanted)), np.sqrt(np.diag(prior)), _named(spreads))
    mine = np.array([each.campaign == campaign for each in shown], dtype=np.float64)
    cross = field.between(weights, field.weights, spreads) + spreads[-1] ** 2 * (weights @ field.weights.T) * mine
    gain = linalg.solve(field.variance(spreads), cross.T, assume_a="pos").T
    left = np.diag(prior) - (gain * cross).sum(axis=1)
    return Posterior(wanted, gain @ field.effects, np.sqrt(np.maximum(left, 0.0)), _named(spreads))


def spreads_of(shown: Sequence[Shown], *, belief: Belief) -> Floats:
    """Spread of each of PARTS, most credible given the estimates and what is believed beforehand."""
    cells = tuple(dict.fromkeys(cell for each in shown for cell in each.cells))
    return _Field.of(shown, cells, belief=belief).learned()


def surprise(earlier: Sequence[Shown], later: Sequence[Shown], *, belief: Belief, spreads: Floats) -> tuple[float, float]:
    """How far the mean of `later` (one campaign, weighted by precision) is from what `earlier` foretold, and the error of that gap.

    spreads: see `spreads_of`.
    """
    everything = [*earlier, *later]
    known = tuple(dict.fromkeys(cell for each in everything for cell in each.cells))
    variance = _Field.of(everything, known, belief=belief).variance(spreads)
    first = len(earlier)
    precision = np.array([each.aged_error**-2 for each in later])
    share = precision / precision.sum()
    told = linalg.solve(variance[:first, :first], variance[:first, first:] @ share, assume_a="pos") if first else np.zeros(0)
    gap = share @ [each.effect for each in later] - told @ [each.effect for each in earlier]
    left = share @ variance[first:, first:] @ share - told @ variance[:first, first:] @ share
    return float(gap), float(np.sqrt(max(left, 0.0)))


def capped(shown: Sequence[Shown], *, people: float) -> list[Shown]:
    """The estimates with errors so much larger that together they count at most like a test on MOST_WEIGHT of `people`."""
    behind = sum(each.people for each in shown)
    factor = max(behind / (MOST_WEIGHT * people), 1.0) ** 0.5 if people > 0 else 1.0
    return [replace(each, error=each.error * factor) for each in shown]


@dataclass(frozen=True)
class _Field:
    """Estimates as arrays: weights (estimates, cells), effects and errors (estimates,), the campaign's number, and for each part but
    the last the (cells, levels) members."""

    weights: Floats
    effects: Floats
    errors: Floats
    same: Floats
    members: tuple[Floats, ...]
    belief: Belief

    @classmethod
    def of(cls, shown: Sequence[Shown], cells: Sequence[Cell], *, belief: Belief) -> _Field:
        place = {cell: number for number, cell in enumerate(cells)}
        weights = np.zeros((len(shown), len(cells)))
        for row, each in enumerate(shown):
            for cell, weight in each.cells.items():
                weights[row, place[cell]] = weight
        campaign = np.array([each.campaign for each in shown], dtype=object)
        return cls(
            weights=weights,
            effects=np.array([each.effect for each in shown], dtype=np.float64),
            errors=np.array([each.aged_error for each in shown], dtype=np.float64),
            same=(campaign[:, None] == campaign[None, :]).astype(np.float64),
            members=(*(_members([cell[part] for cell in cells]) for part in range(3)), np.eye(len(cells))),
            belief=belief,
        )

    def learned(self) -> Floats:
        """Spread of each of PARTS, most credible given the estimates."""
        start = np.full(len(PARTS), np.log(_USUAL * self.belief.scale))
        if not len(self.effects):
            usual: Floats = np.exp(start)
            return usual
        parts = [*((self.weights @ m) @ (self.weights @ m).T for m in self.members), self.same * (self.weights @ self.weights.T)]
        fixed = np.diag(self.errors**2) + self.belief.mean**2

        def loss(logs: Floats) -> tuple[float, Floats]:
            squares = np.exp(2.0 * logs)
            variance = fixed + sum(square * part for square, part in zip(squares, parts, strict=True))
            factor = linalg.cho_factor(variance, lower=True, check_finite=False)
            inverse = linalg.cho_solve(factor, np.eye(len(variance)), check_finite=False)
            answer = inverse @ self.effects
            off = (logs - start) / _UNSURE
            value = float(np.log(np.diag(factor[0])).sum() + 0.5 * self.effects @ answer + 0.5 * off @ off)
            slope = [s * float((inverse * part).sum() - answer @ part @ answer) for s, part in zip(squares, parts, strict=True)]
            return value, np.array(slope) + off / _UNSURE

        bounds = [(None, None)] * (len(PARTS) - 1) + [(float(np.log(_LEAST_BETWEEN * self.belief.scale)), None)]
        found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 60, "ftol": 1e-7})
        learned: Floats = np.exp(found.x)
        return learned

    def between(self, one: Floats, other: Floats, spreads: Floats) -> Floats:
        """Covariance of weighted means of cells, without the scatter of campaigns."""
        common = self.belief.mean**2 * np.outer(one.sum(axis=1), other.sum(axis=1))
        parts = zip(spreads[:-1] ** 2, self.members, strict=True)
        return np.asarray(common + sum(square * (one @ m) @ (other @ m).T for square, m in parts))

    def variance(self, spreads: Floats) -> Floats:
        """Covariance of the estimates."""
        scatter = spreads[-1] ** 2 * self.same * (self.weights @ self.weights.T)
        return np.asarray(self.between(self.weights, self.weights, spreads) + scatter + np.diag(self.errors**2))


def _members(names: Sequence[str]) -> Floats:
    """(cells, levels): 1 where a cell has the level."""
    _, level = np.unique(np.asarray(names, dtype=object).astype(str), return_inverse=True)
    members = np.zeros((len(names), int(level.max(initial=-1)) + 1))
    members[np.arange(len(names)), level] = 1.0
    return members


def _named(spreads: Floats) -> dict[str, float]:
    return dict(zip(PARTS, spreads.tolist(), strict=True))
