"""One action for each of many people, and learning from what came of it: batched linear Thompson sampling with known chances.

Between two batches nothing is learned, so a batch's chances are fixed numbers: how often each feasible action is best over draws of
the coefficients, sharpened, mixed with a share drawn evenly. The action is then drawn from exactly these chances, which is why they can be logged and a
later evaluation may divide by them. Rewards that are still to come are corrected for by exposure, as for texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from liftwright.planning.bandit import BOLDNESS

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
DRAWS = 200
"""Draws of the coefficients from which a batch's chances are counted."""


@dataclass(frozen=True)
class Sums:
    """All that is kept of the decisions so far, by action: gram (actions, features, features) and moment (actions, features), both
    weighted by exposure; decisions and squares (of the rewards) over all actions. Sums of two batches add."""

    gram: Floats
    moment: Floats
    decisions: float
    squares: float

    @classmethod
    def empty(cls, *, actions: int, features: int) -> Sums:
        """Nothing seen."""
        return cls(np.zeros((actions, features, features)), np.zeros((actions, features)), 0.0, 0.0)

    @property
    def noise(self) -> float:
        """Variance of a reward around what the features explain, at most of what they cannot be without: over all, major units squared."""
        return self.squares / self.decisions if self.decisions >= 1.0 and self.squares > 0.0 else 1.0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.gram + other.gram,
            self.moment + other.moment,
            self.decisions + other.decisions,
            self.squares + other.squares,
        )


def seen(
    features: Floats,
    chosen: npt.NDArray[np.int64],
    rewards: Floats,
    *,
    actions: int,
    exposure: Floats | None = None,
    expected: Floats | None = None,
) -> Sums:
    """The sums of a batch: features (people, features), the place of each chosen action, reward so far in major units.

    exposure: share of each reward that is in by now (missing = all). expected: what the whole reward was expected to be; the
    coefficients then learn what differs from it. Raises ValueError when an action's place is out of range.
    """
    if len(chosen) and not (int(chosen.min()) >= 0 and int(chosen.max()) < actions):
        raise ValueError("a chosen action is not among the actions")
    weight = np.ones(len(chosen)) if exposure is None else np.asarray(exposure, dtype=np.float64)
    rest = rewards if expected is None else rewards - weight * expected
    found = Sums.empty(actions=actions, features=features.shape[1])
    for action in range(actions):
        mine = chosen == action
        found.gram[action] = (features[mine] * weight[mine, None]).T @ features[mine]
        found.moment[action] = features[mine].T @ rest[mine]
    return Sums(found.gram, found.moment, float(weight.sum()), float((rest**2).sum()))


def coefficients(sums: Sums, *, spread: float, draws: int, generator: np.random.Generator) -> Floats:
    """Draws of every action's coefficients, (draws, actions, features).

    The actions share a mean, the ridge fit over all of them, and differ from it with standard deviation `spread` (major units per
    unit of a feature) until their own rewards say otherwise.
    """
    actions, features = sums.moment.shape
    unit, noise = np.eye(features), sums.noise
    common = np.linalg.solve(sums.gram.sum(axis=0) / noise + unit / spread**2, sums.moment.sum(axis=0) / noise)
    found = np.empty((draws, actions, features))
    for action in range(actions):
        precision = sums.gram[action] / noise + unit / spread**2
        mean = np.linalg.solve(precision, sums.moment[action] / noise + common / spread**2)
        root = np.linalg.cholesky(precision)
        found[:, action] = mean + np.linalg.solve(root.T, generator.standard_normal((features, draws))).T
    return found


def chances(
    sums: Sums,
    features: Floats,
    feasible: Bools,
    *,
    spread: float,
    share: float = 0.05,
    seed: int,
    expected: Floats | None = None,
    draws: int = DRAWS,
) -> Floats:
    """The chance of every action for every person, (people, actions): rows add up to 1, what is not feasible has 0.

    feasible: (people, actions). share: of all decisions, those drawn evenly among what is feasible, so that no feasible action is ever
    without a chance. expected: (people, actions) what each action was expected to bring before any of it was tried. Raises ValueError for a person without a feasible action.
    """
    if not feasible.any(axis=1).all():
        raise ValueError("every person needs a feasible action; doing nothing is one")
    generator = np.random.default_rng([seed, 0xC0])
    drawn = coefficients(sums, spread=spread, draws=draws, generator=generator)
    best = np.zeros(feasible.shape)
    closed = np.where(feasible, 0.0 if expected is None else expected, -np.inf)
    people = np.arange(len(features))
    for each in drawn:
        best[people, np.argmax(features @ each.T + closed, axis=1)] += 1.0 / draws
    bold = best**BOLDNESS
    share = min(max(share, 0.0), 1.0)
    even = feasible / feasible.sum(axis=1, keepdims=True)
    return np.asarray(share * even + (1.0 - share) * bold / bold.sum(axis=1, keepdims=True))


def choose(chance: Floats, *, seed: int) -> npt.NDArray[np.int64]:
    """One action for each person, drawn from the chances (people, actions)."""
    luck = np.random.default_rng([seed, 0xC1]).random(len(chance))
    return np.asarray(np.minimum((luck[:, None] >= np.cumsum(chance, axis=1)).sum(axis=1), last_feasible(chance)), dtype=np.int64)


def last_feasible(chance: Floats) -> npt.NDArray[np.int64]:
    """The last action of each row with a chance: where rounding leaves the sum below 1."""
    return np.asarray(chance.shape[1] - 1 - np.argmax(chance[:, ::-1] > 0, axis=1), dtype=np.int64)


def as_parameters(sums: Sums) -> dict[str, Any]:
    """The sums as JSON."""
    return {"gram": sums.gram.tolist(), "moment": sums.moment.tolist(), "decisions": sums.decisions, "squares": sums.squares}


def from_parameters(parameters: dict[str, Any]) -> Sums:
    """The sums that `as_parameters` wrote."""
    return Sums(
        np.asarray(parameters["gram"], dtype=np.float64),
        np.asarray(parameters["moment"], dtype=np.float64),
        float(parameters["decisions"]),
        float(parameters["squares"]),
    )
