"""Propensity as a ranking: people by their expected outcome, whatever is done. No effect at all, but sometimes ordered like one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from liftwright.scoring.design import Floats
from liftwright.scoring.uplift.sample import Sample, Scores, cross_fit


@dataclass(frozen=True)
class Chance:
    """Slopes of the outcome per scaled feature."""

    slopes: Floats
    actions: int

    def score(self, z: Floats) -> Floats:
        """(rows, actions) expected outcome, less a constant; the same for all actions."""
        return np.asarray(np.repeat((z @ self.slopes)[:, None], self.actions, axis=1))

    def contributions(self, z: Floats, action: int) -> Floats:
        """(features,) what each feature of one person adds to the score."""
        return np.asarray(z[0] * self.slopes)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"slopes": self.slopes.tolist(), "actions": self.actions}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Chance:
        return cls(np.array(data["slopes"]), int(data["actions"]))


def learn(data: Sample) -> Chance:
    """On all rows."""
    return Chance(_slopes(data)[-1], data.actions)


def cross_fitted(data: Sample) -> Scores:
    """Each fold's scores learned from the others."""
    return cross_fit(data, lambda fold: Chance(_slopes(data)[fold], data.actions).score)


def _slopes(data: Sample) -> Floats:
    return np.asarray(data.slopes[:, data.base.shape[1] - data.z.shape[1] :, 0])
