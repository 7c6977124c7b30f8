"""A hierarchical ridge R-learner: effects of many actions over many waves, rarely tried ones borrow from their channel and offer.

The residual outcome y - m(x) is regressed on (1[a] - e_a(x)) times (any contact, channel, offer, action, and the first three times
features), Nie & Wager 2021; m and e are cross-fitted ridge projections, rows are weighted by arm share / propensity so that logged
propensities which differ between people are taken out (Robins, Hernan & Brumback 2000).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg

from liftwright.scoring.design import Floats, Layout
from liftwright.scoring.uplift.sample import Sample, Scores, cross_fit

MAIN_GRID = (10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
SHARED_GRID = (30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0, 300_000.0, 1_000_000.0)
OWN = 4.0
"""Penalty of what a feature changes on one channel or offer, as a multiple of what it changes for any contact: the belief that a
channel's slopes differ from the common ones by half or so (1 / sqrt(4)), unless much data says otherwise."""
CHUNK = 8_192


@dataclass(frozen=True)
class Solution:
    """Ridge coefficients and their posterior covariance, by `Layout`."""

    coefficients: Floats
    covariance: Floats

    def as_json(self) -> dict[str, Any]:
        """Coefficients in full, the covariance as its lower triangle, little-endian doubles in base64."""
        lower = self.covariance[np.tril_indices(len(self.covariance))]
        return {
            "coefficients": [float(value) for value in self.coefficients],
            "covariance": base64.b64encode(lower.astype("<f8").tobytes()).decode(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Solution:
        size = len(data["coefficients"])
        covariance = np.zeros((size, size))
        covariance[np.tril_indices(size)] = np.frombuffer(base64.b64decode(data["covariance"]), dtype="<f8")
        return cls(np.array(data["coefficients"]), covariance + np.tril(covariance, -1).T)


@dataclass(frozen=True)
class Ridge:
    """Penalties of the mains, of features with any contact, and of features with one channel or offer."""

    main: float
    shared: float
    own: float

    def as_json(self) -> dict[str, float]:
        return {"ridge_main": self.main, "ridge_shared": self.shared, "ridge_own": self.own}


@dataclass(frozen=True)
class Learned:
    """`solution` with heterogeneity, `average` without. `scores`: cross-fitted effects;
    `averages`: (folds, actions) effects on the average person, learned without the fold."""

    solution: Solution
    average: Solution
    scores: Scores
    averages: Floats
    ridge: Ridge


@dataclass(frozen=True)
class Target:
    """What is regressed: `residual` (rows,) on `treated` (rows, actions), rows counting by `weight`."""

    residual: Floats
    treated: Floats
    weight: Floats

    @classmethod
    def usual(cls, data: Sample) -> Target:
        """The R-learner's: what is left of outcome and action beside what people and waves let expect."""
        return cls(data.y - data.expected[:, 0], data.treated - data.expected[:, 1:], data.weight)


def learn(data: Sample, layout: Layout, target: Target | None = None) -> Learned:
    """Fit, with penalties chosen by cross-fitted loss. target: other than the usual one; averages are always those of the usual one."""
    usual = _normal_equations(data, layout, Target.usual(data), used=layout.size if target is None else layout.mains)
    grams, moments, squares = usual if target is None else _normal_equations(data, layout, target, used=layout.size)
    ridge = _ridge(data, layout, grams, moments, squares)
    rows = float((data if target is None else target).weight.sum())
    solution = _solve(layout, grams.sum(0), moments.sum(0), squares.sum(), rows, ridge=ridge, used=layout.size)
    average = _solve(layout, usual[0].sum(0), usual[1].sum(0), usual[2].sum(), data.weight.sum(), ridge=ridge, used=layout.mains)
    scores, averages = _cross_fitted(data, layout, grams, moments, ridge=ridge)
    if target is not None:
        averages = _averages(data, layout, usual[0], usual[1], ridge=ridge)
    return Learned(solution, average, scores, averages, ridge)


def _averages(data: Sample, layout: Layout, grams: Floats, moments: Floats, *, ridge: Ridge) -> Floats:
    """(folds, actions) average effects learned without the fold."""
    penalty = np.diag(layout.penalties(ridge.main, ridge.shared, ridge.own)[: layout.mains])
    stacks = np.stack([layout.stack(action)[0, : layout.mains] for action in layout.actions])
    others = [(grams.sum(0) - grams[fold] + penalty, moments.sum(0) - moments[fold]) for fold in range(data.folds)]
    return np.array([stacks @ linalg.solve(gram, moment, assume_a="pos") for gram, moment in others])


def _cross_fitted(data: Sample, layout: Layout, grams: Floats, moments: Floats, *, ridge: Ridge) -> tuple[Scores, Floats]:
    total, both = grams.sum(0), moments.sum(0)
    penalty = np.diag(layout.penalties(ridge.main, ridge.shared, ridge.own))
    stacks = np.stack([layout.stack(action) for action in layout.actions])
    slopes = np.zeros((data.folds, data.actions, 1 + layout.features))
    for fold in range(data.folds):
        slopes[fold] = stacks @ linalg.solve(total - grams[fold] + penalty, both - moments[fold], assume_a="pos")
    return cross_fit(data, lambda fold: lambda z: slopes[fold, :, 0] + z @ slopes[fold, :, 1:].T), slopes[:, :, 0]


def _normal_equations(data: Sample, layout: Layout, target: Target, *, used: int) -> tuple[Floats, Floats, Floats]:
    """X'WX, X'Wy and y'Wy per fold, in chunks of rows: single precision within a chunk (half the work), double across them.

    used: the first coefficients that are wanted, all or only the mains.
    """
    grams = np.zeros((data.folds, used, used))
    moments = np.zeros((data.folds, used))
    squares = np.zeros(data.folds)
    grouped, z = target.treated @ layout.members(), data.z if used > layout.mains else data.z[:, :0]
    root = np.sqrt(target.weight)
    for fold in range(data.folds):
        rows = np.flatnonzero((data.fold == fold) & (target.weight > 0.0))
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            block = grouped[part]
            products = (block[:, :, None] * z[part][:, None, :]).reshape(len(part), -1)
            x = (np.concatenate([block, target.treated[part], products], axis=1) * root[part][:, None]).astype(np.float32)
            y = target.residual[part] * root[part]
            grams[fold] += x.T @ x
            moments[fold] += x.T @ y.astype(np.float32)
            squares[fold] += float(y @ y)
    return grams, moments, squares


def _ridge(data: Sample, layout: Layout, grams: Floats, moments: Floats, squares: Floats) -> Ridge:
    """Penalties with the smallest cross-fitted loss, first of the products with features, then of the mains; among equals the larger."""

    def loss(ridge: Ridge) -> float:
        penalty, found = np.diag(layout.penalties(ridge.main, ridge.shared, ridge.own)), 0.0
        for fold in range(data.folds):
            beta = linalg.solve(total - grams[fold] + penalty, both - moments[fold], assume_a="pos", check_finite=False)
            found += float(squares[fold] - 2 * beta @ moments[fold] + beta @ (grams[fold] @ beta))
        return found

    total, both = grams.sum(0), moments.sum(0)
    start = MAIN_GRID[-2]
    shared = min((Ridge(start, candidate, OWN * candidate) for candidate in reversed(SHARED_GRID)), key=loss).shared
    return min((Ridge(candidate, shared, OWN * shared) for candidate in reversed(MAIN_GRID)), key=loss)


def _solve(layout: Layout, gram: Floats, moment: Floats, square: float, rows: float, *, ridge: Ridge, used: int) -> Solution:
    """The ridge solution of the first `used` coefficients; the others are 0 and certain. rows: as many as count, by their weights."""
    penalty = layout.penalties(ridge.main, ridge.shared, ridge.own)[:used]
    inverse = linalg.inv(gram[:used, :used] + np.diag(penalty))
    inverse = (inverse + inverse.T) / 2
    beta = inverse @ moment[:used]
    rest = float(square - 2 * beta @ moment[:used] + beta @ gram[:used, :used] @ beta)
    sigma = rest / max(rows - used, 1.0)
    coefficients, covariance = np.zeros(layout.size), np.zeros((layout.size, layout.size))
    coefficients[:used], covariance[:used, :used] = beta, sigma * inverse
    return Solution(coefficients, covariance)
