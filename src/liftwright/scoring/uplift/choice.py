"""Which candidate orders people best, and whether any order is better than a random one.

The gain of an order is the policy value V(f) of contacting its first share f of people, averaged over all f, less that of a random
order (the Qini of Radcliffe 2007): with r the share of people placed before a person and psi the doubly robust effect of the action,
the mean of (1/2 - r) psi. Every order is learned on other people than it is judged on.

Two folds judge each other's order by the same noise: where an order is all noise, this doubles the variance of the gain (each pair of folds
counts twice), where it is all signal, it adds nothing. So the variance of what an order adds is taken times 1 + its share of noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from liftwright.scoring.design import Floats
from liftwright.scoring.uplift.sample import Sample, Scores

LEVEL = 0.95
SHARES = (0.1, 0.2, 0.3, 0.5)
"""Shares of people contacted first whose policy value is told."""
DRAWS = 20_000


@dataclass(frozen=True)
class Gain:
    """Gain over a random order per person, with its interval; `low` and `high` are wide enough for all candidates at once."""

    mid: float
    low: float
    high: float
    error: float


@dataclass(frozen=True)
class Choice:
    """`chosen` is the simplest candidate within one standard error of `best` whose interval lies above 0; `is_found` whether there is one."""

    chosen: str
    best: str
    gains: Mapping[str, Gain]
    is_found: bool


def choose(data: Sample, psi: Floats, scores: Mapping[str, Scores]) -> Choice:
    """Judge cross-fitted scores, in order of simplicity, by the one-standard-error rule on paired differences.

    A candidate is chosen because it looks best, so its interval alone would promise too much: the intervals of all candidates hold at
    once, by the largest of their correlated errors (Westfall & Young 1993).
    """
    names = list(scores)
    rows = np.stack([gains_of(data, psi, scores[name].held_out) for name in names], axis=1)
    inflated = np.sqrt([1.0 + scores[name].noise for name in names])
    mids, spread = rows.mean(axis=0), _covariance(data, rows) * np.outer(inflated, inflated)
    errors = np.sqrt(np.diag(spread))
    wide = _critical(spread)
    best = int(np.argmax(mids))
    paired = np.sqrt(np.maximum(errors**2 + errors[best] ** 2 - 2 * spread[best], 0.0))
    close = [i for i in range(len(names)) if mids[i] >= mids[best] - paired[i]]
    proven = [i for i in close if mids[i] - wide * errors[i] > 0.0]
    chosen = (proven or close)[0]
    gains = {
        name: Gain(float(mids[i]), float(mids[i] - wide * errors[i]), float(mids[i] + wide * errors[i]), float(errors[i]))
        for i, name in enumerate(names)
    }
    return Choice(names[chosen], names[best], gains, bool(proven))


def places(data: Sample, score: Floats) -> tuple[Floats, Floats]:
    """(rows, actions) shares of people placed before each and not after each, by score; equal scores share one place.

    Within each fold, because every fold has a model, and so a level, of its own.
    """
    before, until = np.zeros_like(score), np.zeros_like(score)
    for fold in range(data.folds):
        mine = np.flatnonzero(data.fold == fold)
        for action in range(score.shape[1]):
            _, inverse, counts = np.unique(-score[mine, action], return_inverse=True, return_counts=True)
            ends = np.cumsum(counts) / max(len(mine), 1)
            until[mine, action] = ends[inverse]
            before[mine, action] = (ends - counts / max(len(mine), 1))[inverse]
    return before, until


def gains_of(data: Sample, psi: Floats, score: Floats) -> Floats:
    """Per row its part in the gain of an order; their mean is the gain. Actions count by how often they were tried."""
    before, until = places(data, score)
    centred = np.where(data.tried, psi - _fold_means(data, psi), 0.0)
    return np.asarray(((1.0 - before - until) / 2 * centred) @ data.share)


def values(data: Sample, psi: Floats, scores: Scores) -> dict[str, dict[str, float]]:
    """V(f): extra outcome per person of the base when the first share f is contacted, for SHARES, with its 95 % interval by person."""
    before, until = places(data, scores.held_out)
    half = float(norm.ppf(0.5 + LEVEL / 2))
    found = {}
    for share in SHARES:
        contacted = np.clip((share - before) / np.maximum(until - before, 1e-12), 0.0, 1.0)
        by_lot = np.where(data.tried, share * psi, 0.0) @ data.share
        by_order = np.where(data.tried, (contacted - share) * psi, 0.0) @ data.share
        mid = float((by_lot + by_order).mean())
        spread = _covariance(data, np.stack([by_lot, by_order], axis=1))
        error = float(np.sqrt(spread.sum() + scores.noise * spread[1, 1]))
        found[f"{share:.0%}"] = {"low": mid - half * error, "mid": mid, "high": mid + half * error}
    return found


def calibration(data: Sample, psi: Floats, score: Floats) -> tuple[float, float]:
    """Slope of true on predicted differences between people and its standard error (1: as large as predicted; 0: not there).

    The best linear predictor of effects given cross-fitted scores (Chernozhukov, Demirer, Duflo & Fernandez-Val 2018).
    """
    x = np.where(data.tried, score - _fold_means(data, score), 0.0)
    y = np.where(data.tried, psi - _fold_means(data, psi), 0.0)
    square = float((x * x).sum(axis=0) @ data.share)
    if square <= 0.0:
        return 0.0, 0.0
    slope = float((x * y).sum(axis=0) @ data.share) / square
    rest = (x * (y - slope * x)) @ data.share
    return slope, float(np.sqrt((np.bincount(data.person, weights=rest) ** 2).sum())) / square


def _fold_means(data: Sample, values: Floats) -> Floats:
    """(rows, actions) mean over the row's fold, of rows whose wave tried the action."""
    means = np.zeros((data.folds, values.shape[1]))
    for fold in range(data.folds):
        mine = data.fold == fold
        count = data.tried[mine].sum(axis=0)
        means[fold] = np.where(data.tried[mine], values[mine], 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.asarray(means[data.fold])


def _covariance(data: Sample, rows: Floats) -> Floats:
    """Covariance of the column means, by person."""
    centred = rows - rows.mean(axis=0)
    sums = np.stack([np.bincount(data.person, weights=column) for column in centred.T], axis=1)
    return np.asarray(sums.T @ sums) / len(rows) ** 2


def _critical(spread: Floats) -> float:
    """How many standard errors hold for the largest of all candidates' errors as often as the normal quantile does for one."""
    one = float(norm.ppf(0.5 + LEVEL / 2))
    errors = np.sqrt(np.diag(spread))
    moves = errors > 0.0
    if not moves.any():
        return one
    errors = errors[moves]
    correlation = spread[np.ix_(moves, moves)] / np.outer(errors, errors)
    weights, vectors = np.linalg.eigh(correlation)
    draws = np.random.default_rng(0).standard_normal((DRAWS, len(errors)))
    largest = (draws @ (vectors * np.sqrt(np.maximum(weights, 0.0))).T).max(axis=1)
    return max(one, float(np.quantile(largest, 0.5 + LEVEL / 2)))
