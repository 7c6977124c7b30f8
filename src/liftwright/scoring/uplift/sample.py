"""What every candidate learns from and is judged by: sorted rows as arrays, cross-fitted nuisances, doubly robust effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import linalg

from liftwright.scoring.design import Floats, Layout, folds_of

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
LIGHT, HEAVY = 0.2, 5.0
"""Bounds of the stabilised weights."""
PROBES = 2_000
"""Rows on which the models of all folds are compared."""
_MOST_WAVES = 60
_WAVE_PENALTY, _NUISANCE_PENALTY = 1e-6, 10.0


@dataclass(frozen=True)
class Sample:
    """Past opportunities, sorted. `action` -1 is the control; `wave` the day; `weight` share / propensity; `z` scaled features."""

    y: Floats
    z: Floats
    wave: Ints
    action: Ints
    actions: int
    propensity: Floats
    weight: Floats
    fold: Ints
    person: Ints
    folds: int
    people: int
    waves: int

    @cached_property
    def base(self) -> Floats:
        """Wave dummies, then features."""
        return np.column_stack([np.eye(int(self.wave.max()) + 1)[self.wave], self.z])

    @property
    def probes(self) -> slice:
        """Rows at even distances, PROBES to twice as many."""
        return slice(None, None, max(len(self.y) // PROBES, 1))

    @cached_property
    def treated(self) -> Floats:
        """(rows, actions) 1 where an action was taken."""
        return indicators(self.action, self.actions)

    @cached_property
    def slopes(self) -> Floats:
        """(folds + 1, base, 1 + actions) weighted ridge projections of the outcome and of each action, without the fold; last of all rows."""
        return _projections(self, np.column_stack([self.y, self.treated]))

    @cached_property
    def expected(self) -> Floats:
        """(rows, 1 + actions) outcome and chance of each action given wave and features, each fold predicted from the others."""
        found = np.zeros((len(self.y), 1 + self.actions))
        for fold in range(self.folds):
            mine = self.fold == fold
            found[mine] = self.base[mine] @ self.slopes[fold]
        return found

    @cached_property
    def share(self) -> Floats:
        """How often each action was tried, as a share of all contacts."""
        tried = self.treated.sum(axis=0)
        return np.asarray(tried / tried.sum())

    @cached_property
    def tried(self) -> Bools:
        """(rows, actions) whether a row's wave drew between the control and the action: only there is their difference known."""
        cell = np.zeros((int(self.wave.max()) + 1, self.actions + 1), dtype=bool)
        cell[self.wave, self.action + 1] = True
        known: Bools = (cell[:, 1:] & cell[:, :1])[self.wave]
        return known

    def psi(self, averages: Floats) -> Floats:
        """(rows, actions) doubly robust effect of every action; its mean over any group of people chosen by features is their effect.

        averages: (folds, actions) average effects learned without the fold. The outcome model is the linear one of `expected` with
        these; a wrong one costs precision only, because the propensities are known (Robins, Rotnitzky & Zhao 1994).
        """
        average = averages[self.fold]
        untreated = self.expected[:, 0] - (self.expected[:, 1:] * average).sum(1)
        control = np.where(self.action < 0, (self.y - untreated) / self.propensity, 0.0)
        taken = self.treated * ((self.y - untreated)[:, None] - average) / self.propensity[:, None]
        return np.asarray(average + taken - control[:, None])


@dataclass(frozen=True)
class Scores:
    """Of one candidate: `held_out` (rows, actions), each fold's by a model of the others; `probes` (folds, probes, actions), every fold's
    model on the same few rows."""

    held_out: Floats
    probes: Floats

    @cached_property
    def noise(self) -> float:
        """Share of noise in the order, 0 to 1, from how far models that share all folds but one disagree.

        Models of K folds less one share (K - 2) / (K - 1) of their data; where their scores are pure noise, so are they correlated, and where they
        are pure signal, by 1.
        """
        centred = self.probes - self.probes.mean(axis=1, keepdims=True)
        size = np.sqrt((centred**2).sum(axis=1))
        folds = len(centred)
        alike = []
        for one in range(folds):
            for other in range(one):
                both, product = size[one] * size[other], (centred[one] * centred[other]).sum(axis=0)
                same = (size[one] == 0.0) & (size[other] == 0.0)
                alike.append(np.where(both > 0.0, product / np.where(both > 0.0, both, 1.0), same.astype(np.float64)).mean())
        return float(np.clip((folds - 1) * (1.0 - np.mean(alike)), 0.0, 1.0))


def cross_fit(data: Sample, score_of: Callable[[int], Callable[[Floats], Floats]]) -> Scores:
    """Scores of a candidate; `score_of` gives, for a fold, the function of scaled features learned without it."""
    held_out = np.zeros((len(data.y), data.actions))
    probes = np.zeros((data.folds, len(data.z[data.probes]), data.actions))
    for fold in range(data.folds):
        mine, score = data.fold == fold, score_of(fold)
        held_out[mine] = score(data.z[mine])
        probes[fold] = score(data.z[data.probes])
    return Scores(held_out, probes)


def actions_of(rows: pa.Table, layout: Layout) -> Ints:
    """The place of each row's action, -1 for the control and what the layout does not know."""
    names = pa.array([*layout.actions], pa.string())
    return np.asarray(pc.fill_null(pc.index_in(rows["action"], value_set=names), -1).to_numpy(), dtype=np.int64)


def indicators(action: Ints, count: int) -> Floats:
    """(rows, count) 1 where an action was taken."""
    return np.asarray(np.eye(count + 1)[action + 1][:, 1:])


def sample(rows: pa.Table, y: Floats, z: Floats, layout: Layout, *, folds: int, seed: int) -> Sample:
    """Arrays from sorted training rows."""
    ids = rows["customer_id"].to_pylist()
    _, person = np.unique(np.asarray(ids, dtype=object), return_inverse=True)
    action = actions_of(rows, layout)
    day = rows["at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy() // 86_400_000_000
    waves, wave = np.unique(day, return_inverse=True)
    if len(waves) > _MOST_WAVES:
        wave = (wave * _MOST_WAVES) // len(waves)
    propensity = rows["propensity"].to_numpy().astype(np.float64)
    cell = wave * (len(layout.actions) + 1) + action + 1
    share = np.bincount(cell)[cell] / np.bincount(wave)[wave]
    return Sample(
        y=y, z=z, wave=wave, action=action, actions=len(layout.actions), propensity=propensity,
        weight=np.clip(share / propensity, LIGHT, HEAVY), fold=folds_of(ids, count=folds, seed=seed),
        person=person, folds=folds, people=int(person.max()) + 1, waves=len(waves),
    )  # fmt: skip


def _projections(data: Sample, targets: Floats) -> Floats:
    weighted = data.base * data.weight[:, None]
    size, width = data.base.shape[1], data.z.shape[1]
    gram = np.zeros((data.folds, size, size))
    moment = np.zeros((data.folds, size, targets.shape[1]))
    for fold in range(data.folds):
        mine = data.fold == fold
        gram[fold] = weighted[mine].T @ data.base[mine]
        moment[fold] = weighted[mine].T @ targets[mine]
    penalty = np.diag(np.concatenate([np.full(size - width, _WAVE_PENALTY), np.full(width, _NUISANCE_PENALTY)]))
    found = np.zeros((data.folds + 1, size, targets.shape[1]))
    for fold in range(data.folds + 1):
        others = np.arange(data.folds) != fold
        found[fold] = linalg.solve(gram[others].sum(0) + penalty, moment[others].sum(0), assume_a="pos")
    return found
