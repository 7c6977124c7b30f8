"""Expected extra outcome per person and action, with errors and reasons: what the history showed on average, and who differs from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from liftwright.domain.evidence import ModelCard, Reason
from liftwright.scoring import card as cards
from liftwright.scoring.design import Floats, Layout, Scale
from liftwright.scoring.uplift.candidates import SAYS
from liftwright.scoring.uplift.deviation import Deviation, strongest
from liftwright.scoring.uplift.ridge import Solution

UNITS = {"margin": "margin", "revenue": "revenue", "orders": "orders", "visits": "visits"}


@dataclass(frozen=True)
class UpliftModel:
    """Effects per person over the outcome window, in the outcome's unit. `ranking` "none": everybody has the average effect.

    `solution` is the ridge: all of it when the ridge was chosen, else its averages only, to which `deviation` adds who differs from them.
    `quality` holds the cross-fitted gain of the ranking over a random order (Qini per 1,000 people) with its interval, for every candidate.
    """

    outcome: str
    scale: Scale
    layout: Layout
    solution: Solution
    deviation: Deviation | None
    ranking: Literal["found", "none"]
    quality: dict[str, Any]
    data: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """Digest of the parameters."""
        text = json.dumps(self.parameters(), sort_keys=True)
        return f"uplift_{self.outcome}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def effects(self, features: pa.Table, actions: Sequence[str]) -> Floats:
        """(people, actions) expected extra outcome. An untried offer on a known channel is the sum of what both did; an unknown channel is 0."""
        return self.predict(features, actions)[0]

    def standard_errors(self, features: pa.Table, actions: Sequence[str]) -> Floats:
        """(people, actions) standard error of `effects`. For an unknown channel, the largest of the known ones."""
        return self.predict(features, actions)[1]

    def predict(self, features: pa.Table, actions: Sequence[str]) -> tuple[Floats, Floats]:
        """`effects` and `standard_errors` at once."""
        return self.predict_scaled(self.scale.apply(features), actions)

    def predict_scaled(self, z: Floats, actions: Sequence[str]) -> tuple[Floats, Floats]:
        """`predict` from scaled features (people, features)."""
        tried = self.layout.actions
        known = {action: self._linear(z, action) for action in {*actions} if self.layout.knows(action)}
        if len(known) < len({*actions}):
            widest = np.max([self._linear(z, action)[1] for action in tried], axis=0)
            known |= {action: (np.zeros(len(z)), widest) for action in actions if action not in known}
        values = np.stack([known[action][0] for action in actions], axis=1) if actions else np.zeros((len(z), 0))
        errors = np.stack([known[action][1] for action in actions], axis=1) if actions else np.zeros((len(z), 0))
        if self.deviation is None:
            return values, errors
        off, unsure = self.deviation.of(z, [tried.index(action) if action in tried else None for action in actions])
        is_known = np.array([self.layout.knows(action) for action in actions], dtype=bool)
        return values + np.where(is_known, off, 0.0), np.sqrt(errors**2 + unsure**2)

    def average(self, action: str) -> float:
        """Effect of an action on the average person of the history."""
        return float(self.layout.stack(action)[0] @ self.solution.coefficients) if self.layout.knows(action) else 0.0

    def average_errors(self, actions: Sequence[str]) -> Floats:
        """Standard error of `average` per action."""
        mean = np.zeros((1, len(self.scale.names)))
        known = [a if self.layout.knows(a) else self.layout.actions[0] for a in actions]
        return np.array([float(self._linear(mean, action)[1][0]) for action in known])

    def why(self, features_row: Mapping[str, float], action: str) -> list[Reason]:
        """The average effect, then the three features that move this person's effect most. Effects add up in the outcome's unit."""
        if not self.layout.knows(action):
            return [Reason(feature="history", effect=0.0, says=f"{action} was never tried in a randomised test")]
        unit = UNITS.get(self.outcome, self.outcome)
        average = self.average(action)
        says = f"on average {action} changes {unit} by {average:+.4f} per person"
        if self.ranking == "none":
            return [Reason(feature="average", effect=average, says=f"{says}; no ranking of people was found")]
        row = pa.table({name: [float(features_row[name])] for name in self.scale.names if name in features_row} or {"_": [0.0]})
        z = self.scale.apply(row)
        first = Reason(feature="average", effect=average, says=says)
        if self.deviation is not None and action in self.layout.actions:
            column = self.layout.actions.index(action)
            return [first, *self.deviation.reasons(z, column, row=features_row, scale=self.scale, unit=unit)]
        parts = z[0] * (self.layout.stack(action) @ self.solution.coefficients)[1:]
        return [first, *strongest(parts, row=features_row, scale=self.scale, unit=unit)]

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal model."""
        return {
            "outcome": self.outcome,
            "scale": self.scale.as_json(),
            "actions": list(self.layout.actions),
            **self.solution.as_json(),
            "deviation": None if self.deviation is None else self.deviation.as_json(),
            "ranking": self.ranking,
            "quality": self.quality,
            "data": self.data,
        }

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        return cards.uplift_card(
            outcome=self.outcome,
            version=self.version,
            ranking=self.ranking,
            learner=SAYS[self.quality.get("learner", "ridge")],
            data=self.data,
            quality=self.quality,
        )

    def _linear(self, z: Floats, action: str) -> tuple[Floats, Floats]:
        """Effect of the ridge on each row of scaled features, and its standard error (posterior)."""
        one, stack = np.column_stack([np.ones(len(z)), z]), self.layout.stack(action)
        spread = stack @ self.solution.covariance @ stack.T
        error = np.sqrt(np.maximum(np.einsum("ij,ij->i", one @ spread, one), 0.0))
        return one @ (stack @ self.solution.coefficients), error


def from_parameters(parameters: Mapping[str, Any]) -> UpliftModel:
    """The model whose `parameters()` these are. Models stored before there were candidates are ridges."""
    scale = Scale.from_json(parameters["scale"])
    kept = parameters.get("deviation")
    return UpliftModel(
        outcome=parameters["outcome"],
        scale=scale,
        layout=Layout(tuple(parameters["actions"]), len(scale.names)),
        solution=Solution.from_json(parameters),
        deviation=None if kept is None else Deviation.from_json(kept),
        ranking=parameters["ranking"],
        quality=dict(parameters["quality"]),
        data=dict(parameters["data"]),
    )
