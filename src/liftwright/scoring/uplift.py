"""Expected extra outcome per person and action: a hierarchical ridge R-learner on randomised history.

The residual outcome y - m(x) is regressed on (1[a] - e_a(x)) times (any contact, channel, offer, action, and the first three times
features), Nie & Wager 2021; m and e are cross-fitted ridge projections, rows are weighted by arm share / propensity so that logged
propensities which differ between people are taken out (Robins, Hernan & Brumback 2000).
"""

from __future__ import annotations

import base64
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
from liftwright.scoring import learning
from liftwright.scoring.design import CONTROL, Floats, Layout, Scale

FOLDS = 5
CAP_QUANTILE = 0.995
"""Outcomes above this quantile of the positive ones count as that much."""
UNITS = {"margin": "margin", "revenue": "revenue", "orders": "orders", "visits": "visits"}


@dataclass(frozen=True)
class UpliftModel:
    """Effects per person over the outcome window, in the outcome's unit. `ranking` "none": everybody has the average effect.

    `quality` holds the cross-fitted gain of the ranking over a random order (Qini per 1,000 people) with its 95 % interval.
    """

    outcome: str
    scale: Scale
    layout: Layout
    coefficients: Floats
    covariance: Floats
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
        z = self._one(features)
        found = [z @ (self.layout.stack(a) @ self.coefficients) if self.layout.knows(a) else np.zeros(len(z)) for a in actions]
        return np.stack(found, axis=1) if found else np.zeros((len(z), 0))

    def standard_errors(self, features: pa.Table, actions: Sequence[str]) -> Floats:
        """(people, actions) standard error of `effects` (ridge posterior). For an unknown channel, the largest of the known ones."""
        z = self._one(features)
        known = {action: self._error(z, action) for action in {*actions} if self.layout.knows(action)}
        if not actions:
            return np.zeros((len(z), 0))
        if len(known) < len({*actions}):
            widest = np.max([self._error(z, action) for action in self.layout.actions], axis=0)
            known |= {action: widest for action in actions if action not in known}
        return np.stack([known[action] for action in actions], axis=1)

    def average(self, action: str) -> float:
        """Effect of an action on the average person of the history."""
        return float(self.layout.stack(action)[0] @ self.coefficients) if self.layout.knows(action) else 0.0

    def average_errors(self, actions: Sequence[str]) -> Floats:
        """Standard error of `average` per action."""
        mean = np.zeros((1, 1 + len(self.scale.names)))
        mean[0, 0] = 1.0
        known = [a if self.layout.knows(a) else self.layout.actions[0] for a in actions]
        return np.array([float(self._error(mean, action)[0]) for action in known])

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
        parts = self.scale.apply(row)[0] * (self.layout.stack(action) @ self.coefficients)[1:]
        order = sorted(range(len(parts)), key=lambda j: (-abs(parts[j]), self.scale.names[j]))[:3]
        return [
            Reason(feature="average", effect=average, says=says),
            *(self._reason(self.scale.names[j], float(parts[j]), features_row, unit) for j in order if parts[j] != 0.0),
        ]

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal model."""
        lower = self.covariance[np.tril_indices(len(self.covariance))]
        return {
            "outcome": self.outcome,
            "scale": self.scale.as_json(),
            "actions": list(self.layout.actions),
            "coefficients": [float(value) for value in self.coefficients],
            "covariance": base64.b64encode(lower.astype("<f8").tobytes()).decode(),
            "ranking": self.ranking,
            "quality": self.quality,
            "data": self.data,
        }

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        return cards.uplift_card(
            outcome=self.outcome, version=self.version, ranking=self.ranking, data=self.data, quality=self.quality
        )

    def _one(self, features: pa.Table) -> Floats:
        return np.column_stack([np.ones(features.num_rows), self.scale.apply(features)])

    def _error(self, z: Floats, action: str) -> Floats:
        stack = self.layout.stack(action)
        spread = stack @ self.covariance @ stack.T
        error: Floats = np.sqrt(np.maximum(np.einsum("ij,ij->i", z @ spread, z), 0.0))
        return error

    def _reason(self, name: str, effect: float, row: Mapping[str, float], unit: str) -> Reason:
        value, mean = float(row.get(name, self.scale.mean_of(name))), self.scale.mean_of(name)
        turn = "raises" if effect > 0 else "lowers"
        says = f"{name.replace('_', ' ')} is {value:,.4g} (usual {mean:,.4g}), which {turn} the expected extra {unit} by {abs(effect):.4f}"
        return Reason(feature=name, effect=effect, says=says)


def from_parameters(parameters: Mapping[str, Any]) -> UpliftModel:
    """The model whose `parameters()` these are."""
    scale = Scale.from_json(parameters["scale"])
    layout = Layout(tuple(parameters["actions"]), len(scale.names))
    lower = np.frombuffer(base64.b64decode(parameters["covariance"]), dtype="<f8")
    covariance = np.zeros((layout.size, layout.size))
    covariance[np.tril_indices(layout.size)] = lower
    covariance = covariance + np.tril(covariance, -1).T
    return UpliftModel(
        outcome=parameters["outcome"],
        scale=scale,
        layout=layout,
        coefficients=np.array(parameters["coefficients"]),
        covariance=covariance,
        ranking=parameters["ranking"],
        quality=dict(parameters["quality"]),
        data=dict(parameters["data"]),
    )


def fit(rows: pa.Table, *, outcome: str, feature_names: Sequence[str], seed: int) -> UpliftModel:
    """Fit on the rows of `history.training_rows` for one outcome (margin, revenue, orders, visits).

    `ranking` is "found" only when ordering people by their cross-fitted effect beats a random order with a 95 % interval above
    zero. The same rows in any order, with the same seed, give the same model bit for bit.
    """
    rows = _usable(rows, outcome)
    scale = Scale.fit(rows, [name for name in feature_names if name in rows.column_names])
    actions = tuple(sorted(set(rows["action"].unique().to_pylist()) - {CONTROL}))
    layout = Layout(actions, len(scale.names))
    y, cap = _capped(rows[f"y_{outcome}"].to_numpy().astype(np.float64))
    sample = learning.sample(rows, y, scale.apply(rows), layout, folds=FOLDS, seed=seed)
    learned = learning.learn(sample, layout)
    keep = learned.solution if learned.is_ranked else learned.average
    return UpliftModel(
        outcome=outcome,
        scale=scale,
        layout=layout,
        coefficients=keep.coefficients,
        covariance=keep.covariance,
        ranking="found" if learned.is_ranked else "none",
        quality=learned.quality,
        data={"rows": rows.num_rows, "people": sample.people, "actions": len(actions), "cap": cap, "waves": sample.waves},
    )


def _usable(rows: pa.Table, outcome: str) -> pa.Table:
    known = np.isfinite(rows[f"y_{outcome}"].to_numpy().astype(np.float64))
    rows = rows.filter(pa.array(known))
    return rows.sort_by([("customer_id", "ascending"), ("at", "ascending"), ("action", "ascending")]).combine_chunks()


def _capped(y: Floats) -> tuple[Floats, float]:
    positive = y[y > 0]
    cap = float(np.quantile(positive, CAP_QUANTILE, method="lower")) if positive.size else 0.0
    return (np.clip(y, -cap, cap), cap) if cap > 0 else (y, 0.0)
