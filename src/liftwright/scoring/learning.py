"""The fitting itself: cross-fitted nuisances, ridge by per-fold normal equations, and the test of whether people can be ranked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import linalg
from scipy.stats import norm

from liftwright.scoring.design import CONTROL, Floats, Layout, folds_of

Ints = npt.NDArray[np.int64]
MAIN_GRID = (10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
SHARED_GRID = (300.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0, 300_000.0, 1_000_000.0)
OWN = 30.0
"""Penalty of what a feature changes on one channel or offer, as a multiple of what it changes for any contact: the belief that a
channel's slopes differ from the common ones by a fifth or so (1 / sqrt(30)), unless much data says otherwise."""
CHUNK = 8_192
LIGHT, HEAVY = 0.2, 5.0
"""Bounds of the stabilised weights."""
_MOST_WAVES = 60


@dataclass(frozen=True)
class Sample:
    """Everything the learner sees. `action` -1 is the control; `base` are wave dummies and features; `weight` share / propensity."""

    y: Floats
    z: Floats
    base: Floats
    action: Ints
    propensity: Floats
    weight: Floats
    fold: Ints
    person: Ints
    folds: int
    people: int
    waves: int


@dataclass(frozen=True)
class Solution:
    """Ridge coefficients and their posterior covariance."""

    coefficients: Floats
    covariance: Floats


@dataclass(frozen=True)
class Ridge:
    """Penalties of the mains, of features with any contact, and of features with one channel or offer."""

    main: float
    shared: float
    own: float


@dataclass(frozen=True)
class Learned:
    """`solution` with heterogeneity, `average` without; `is_ranked` whether the first may be used to order people."""

    solution: Solution
    average: Solution
    is_ranked: bool
    quality: dict[str, Any]


def sample(rows: pa.Table, y: Floats, z: Floats, layout: Layout, *, folds: int, seed: int) -> Sample:
    """Arrays from sorted training rows."""
    ids = rows["customer_id"].to_pylist()
    _, person = np.unique(np.asarray(ids, dtype=object), return_inverse=True)
    names = pa.array([*layout.actions], pa.string())
    action = pc.fill_null(pc.index_in(rows["action"], value_set=names), -1).to_numpy().astype(np.int64)
    day = rows["at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy() // 86_400_000_000
    waves, wave = np.unique(day, return_inverse=True)
    if len(waves) > _MOST_WAVES:
        wave = (wave * _MOST_WAVES) // len(waves)
    dummies = np.eye(int(wave.max()) + 1)[wave]
    propensity = rows["propensity"].to_numpy().astype(np.float64)
    cell = wave * (len(layout.actions) + 1) + action + 1
    share = np.bincount(cell)[cell] / np.bincount(wave)[wave]
    weight = np.clip(share / propensity, LIGHT, HEAVY)
    return Sample(
        y=y, z=z, base=np.column_stack([dummies, z]), action=action, propensity=propensity, weight=weight,
        fold=folds_of(ids, count=folds, seed=seed), person=person, folds=folds, people=int(person.max()) + 1, waves=len(waves),
    )  # fmt: skip


def learn(data: Sample, layout: Layout) -> Learned:
    """Fit, choose the ridge by cross-fitted loss, test the ranking."""
    targets = np.column_stack([data.y, np.eye(len(layout.actions) + 1)[data.action + 1][:, 1:]])
    expected = _cross_fitted(data, targets)
    residual, treated = data.y - expected[:, 0], targets[:, 1:] - expected[:, 1:]
    grams, moments, squares = _normal_equations(data, layout, residual, treated)
    ridge = _ridge(data, layout, grams, moments, squares)
    solution = _solve(layout, grams.sum(0), moments.sum(0), squares.sum(), data, ridge=ridge, used=layout.size)
    average = _solve(layout, grams.sum(0), moments.sum(0), squares.sum(), data, ridge=ridge, used=layout.mains)
    quality = _ranking(data, layout, grams, moments, expected, ridge=ridge)
    quality |= {"ridge_main": ridge.main, "ridge_shared": ridge.shared, "ridge_own": ridge.own}
    return Learned(solution, average, quality["qini_low"] > 0.0, quality)


def _cross_fitted(data: Sample, targets: Floats) -> Floats:
    """Weighted ridge projections of the targets on waves and features, each fold predicted from the others."""
    weighted = data.base * data.weight[:, None]
    size = data.base.shape[1]
    gram = np.zeros((data.folds, size, size))
    moment = np.zeros((data.folds, size, targets.shape[1]))
    for fold in range(data.folds):
        mine = data.fold == fold
        gram[fold] = weighted[mine].T @ data.base[mine]
        moment[fold] = weighted[mine].T @ targets[mine]
    penalty = np.diag(np.concatenate([np.full(size - data.z.shape[1], 1e-6), np.full(data.z.shape[1], 10.0)]))
    found = np.zeros_like(targets)
    for fold in range(data.folds):
        mine = data.fold == fold
        others = np.arange(data.folds) != fold
        slopes = linalg.solve(gram[others].sum(0) + penalty, moment[others].sum(0), assume_a="pos")
        found[mine] = data.base[mine] @ slopes
    return found


def _normal_equations(data: Sample, layout: Layout, residual: Floats, treated: Floats) -> tuple[Floats, Floats, Floats]:
    """X'WX, X'Wy and y'Wy per fold, in chunks of rows."""
    grams = np.zeros((data.folds, layout.size, layout.size))
    moments = np.zeros((data.folds, layout.size))
    squares = np.zeros(data.folds)
    grouped = treated @ layout.members()
    root = np.sqrt(data.weight)
    for fold in range(data.folds):
        rows = np.flatnonzero(data.fold == fold)
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            block = grouped[part]
            products = (block[:, :, None] * data.z[part][:, None, :]).reshape(len(part), -1)
            x = np.concatenate([block, treated[part], products], axis=1) * root[part][:, None]
            y = residual[part] * root[part]
            grams[fold] += x.T @ x
            moments[fold] += x.T @ y
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


def _solve(layout: Layout, gram: Floats, moment: Floats, square: float, data: Sample, *, ridge: Ridge, used: int) -> Solution:
    """The ridge solution of the first `used` coefficients; the others are 0 and certain."""
    penalty = layout.penalties(ridge.main, ridge.shared, ridge.own)[:used]
    inverse = linalg.inv(gram[:used, :used] + np.diag(penalty))
    inverse = (inverse + inverse.T) / 2
    beta = inverse @ moment[:used]
    rest = float(square - 2 * beta @ moment[:used] + beta @ gram[:used, :used] @ beta)
    sigma = rest / max(float(data.weight.sum()) - used, 1.0)
    coefficients, covariance = np.zeros(layout.size), np.zeros((layout.size, layout.size))
    coefficients[:used], covariance[:used, :used] = beta, sigma * inverse
    return Solution(coefficients, covariance)


def _ranking(data: Sample, layout: Layout, grams: Floats, moments: Floats, expected: Floats, *, ridge: Ridge) -> dict[str, Any]:
    """Qini of the cross-fitted order against a random one, over all actions, with a normal interval by person.

    With r the share of people placed before a person and psi the doubly robust effect of the action, the area between the value
    curve and its chord is the mean of (1/2 - r) psi; actions are weighted by how often they were tried.
    """
    total, both = grams.sum(0), moments.sum(0)
    penalty = np.diag(layout.penalties(ridge.main, ridge.shared, ridge.own))
    one = np.column_stack([np.ones(len(data.y)), data.z])
    stacks = np.stack([layout.stack(action) for action in layout.actions])
    score = np.zeros((len(data.y), len(layout.actions)))
    average = np.zeros_like(score)
    for fold in range(data.folds):
        mine = data.fold == fold
        beta = linalg.solve(total - grams[fold] + penalty, both - moments[fold], assume_a="pos")
        score[mine] = one[mine] @ (stacks @ beta).T
        average[mine] = (stacks[:, 0, :] @ beta)[None, :]
    untreated = expected[:, 0] - (expected[:, 1:] * average).sum(1)
    tried = np.bincount(data.action[data.action >= 0], minlength=len(layout.actions)).astype(np.float64)
    share = tried / tried.sum()
    control = np.where(data.action < 0, (data.y - untreated) / data.propensity, 0.0)
    gain = np.zeros(len(data.y))
    for a in range(len(layout.actions)):
        mine = np.where(data.action == a, (data.y - untreated - average[:, a]) / data.propensity, 0.0)
        psi = average[:, a] + mine - control
        place = np.empty(len(psi))
        place[np.lexsort((data.person, -score[:, a]))] = (np.arange(len(psi)) + 0.5) / len(psi)
        gain += share[a] * (0.5 - place) * (psi - psi.mean())
    mid = float(gain.mean())
    error = float(np.sqrt((np.bincount(data.person, weights=gain - mid) ** 2).sum())) / len(gain)
    half = float(norm.ppf(0.975)) * error
    return {"qini": 1000 * mid, "qini_low": 1000 * (mid - half), "qini_high": 1000 * (mid + half), "level": 0.95}


__all__ = ["CONTROL", "Learned", "Sample", "Solution", "learn", "sample"]
