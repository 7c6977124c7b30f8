"""A calibrated chance of something happening: logistic regression or boosted trees, whichever is better out of fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import lightgbm
import numpy as np
import pyarrow as pa
from scipy.special import expit, logit

from liftwright.domain.errors import DataError
from liftwright.scoring import boosting, calibration
from liftwright.scoring.calibration import Bools
from liftwright.scoring.design import Floats, Scale, folds_of
from liftwright.scoring.explain import Explainer

Kind = Literal["logistic", "trees"]
KINDS: tuple[Kind, ...] = ("logistic", "trees")
FOLDS = 3
TREES_FROM_ROWS, TREES_FROM_POSITIVES = 2_000, 200
"""With fewer rows or fewer positives than this trees are not tried."""
FEWEST = 10
_RIDGE = 10.0


@dataclass(frozen=True)
class Classifier:
    """`chance` per row. Raw scores are chances too; `steps` calibrates them. `quality` is that of cross-fitted scores."""

    kind: Kind
    names: tuple[str, ...]
    scale: Scale
    coefficients: tuple[float, ...]
    trees: str
    steps: calibration.Steps
    quality: dict[str, Any]

    def chance(self, table: pa.Table) -> Floats:
        """Calibrated chance per row, between 0 and 1."""
        calibrated: Floats = np.interp(self._raw(table), *self.steps)
        return calibrated

    def contributions(self, table: pa.Table) -> Floats:
        """(rows, names) exact SHAP values of each feature, in log-odds before calibration."""
        if self.kind == "trees":
            return self._explainer.contributions(boosting.matrix(table, self.names))
        found = np.zeros((table.num_rows, len(self.names)))
        found[:, [self.names.index(name) for name in self.scale.names]] = self.scale.apply(table) * self.coefficients[1:]
        return found

    def usual(self, name: str) -> float:
        """The mean of a feature where the model was fitted; 0 for one that never varied."""
        return self.scale.mean_of(name) if name in self.scale.names else 0.0

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal model."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "scale": self.scale.as_json(),
            "coefficients": list(self.coefficients),
            "trees": self.trees,
            "steps": [list(self.steps[0]), list(self.steps[1])],
            "quality": self.quality,
        }

    @cached_property
    def _booster(self) -> Any:
        return lightgbm.Booster(model_str=self.trees)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.trees)

    def _raw(self, table: pa.Table) -> Floats:
        if self.kind == "trees":
            return np.asarray(self._booster.predict(boosting.matrix(table, self.names), num_threads=1), dtype=np.float64)
        return _logistic(self.scale.apply(table), np.array(self.coefficients))


def from_parameters(parameters: Mapping[str, Any]) -> Classifier:
    """The classifier whose `parameters()` these are."""
    return Classifier(
        kind=parameters["kind"],
        names=tuple(parameters["names"]),
        scale=Scale.from_json(parameters["scale"]),
        coefficients=tuple(parameters["coefficients"]),
        trees=parameters["trees"],
        steps=(tuple(parameters["steps"][0]), tuple(parameters["steps"][1])),
        quality=dict(parameters["quality"]),
    )


def fit(
    table: pa.Table, happened: Bools, *, names: Sequence[str], ids: Sequence[str], seed: int, kinds: Sequence[Kind] = KINDS
) -> Classifier:
    """Choose between the candidates by cross-fitted log-loss (the simpler one within one standard error), calibrate, fit on all.

    `ids` keep a person's rows in one fold. Raises DataError with fewer than 10 positives or 10 negatives. Same input, same model.
    """
    happened = np.asarray(happened, dtype=bool)
    positives = int(happened.sum())
    if min(positives, len(happened) - positives) < FEWEST:
        raise DataError(
            "MODEL-FEW",
            f"{positives} of {len(happened)} rows are positive; a chance cannot be learned from that.",
            next_step="Import more data, or go on without this model.",
        )
    fold = folds_of(ids, count=FOLDS, seed=seed)
    scale = Scale.fit(table, list(names))
    inputs: dict[Kind, Floats] = {"logistic": scale.apply(table)}
    if "trees" in kinds and len(happened) >= TREES_FROM_ROWS and positives >= TREES_FROM_POSITIVES:
        inputs["trees"] = boosting.matrix(table, names)
    scores = {kind: _cross_fitted(kind, x, happened, fold, seed=seed) for kind, x in inputs.items()}
    kind = _chosen(scores, happened)
    steps = calibration.steps(scores[kind], happened)
    chance = np.interp(scores[kind], *steps)
    quality = calibration.quality(scores[kind], chance, happened)
    quality |= {f"log_loss_{each}": float(calibration.log_losses(s, happened).mean()) for each, s in scores.items()}
    return Classifier(
        kind=kind, names=tuple(names), scale=scale, steps=steps, quality=quality,
        coefficients=tuple(_slopes(inputs[kind], happened).tolist()) if kind == "logistic" else (),
        trees=_grown(inputs[kind], happened, seed=seed).model_to_string() if kind == "trees" else "",
    )  # fmt: skip


def _chosen(scores: Mapping[Kind, Floats], happened: Bools) -> Kind:
    if "trees" not in scores:
        return "logistic"
    gain = calibration.log_losses(scores["logistic"], happened) - calibration.log_losses(scores["trees"], happened)
    return "trees" if gain.mean() > gain.std() / np.sqrt(len(gain)) else "logistic"


def _cross_fitted(kind: Kind, x: Floats, happened: Bools, fold: Any, *, seed: int) -> Floats:
    score = np.full(len(happened), float(happened.mean()))
    for each in range(FOLDS):
        mine = fold == each
        if not mine.any() or not 0 < int(happened[~mine].sum()) < int((~mine).sum()):
            continue
        if kind == "trees":
            score[mine] = _grown(x[~mine], happened[~mine], seed=seed).predict(x[mine], num_threads=1)
        else:
            score[mine] = _logistic(x[mine], _slopes(x[~mine], happened[~mine]))
    return score


def _grown(x: Floats, happened: Bools, *, seed: int) -> Any:
    return boosting.grow(x, happened.astype(np.float64), objective="binary", seed=seed)


def _logistic(z: Floats, coefficients: Floats) -> Floats:
    chance: Floats = expit(coefficients[0] + z @ coefficients[1:])
    return chance


def _slopes(z: Floats, happened: Bools) -> Floats:
    """Ridge logistic regression by Newton's method; the intercept is not shrunk."""
    x = np.column_stack([np.ones(len(z)), z])
    penalty = np.concatenate([[1e-9], np.full(z.shape[1], _RIDGE)])
    beta = np.zeros(x.shape[1])
    rate = float(np.clip(happened.mean(), 1e-6, 1 - 1e-6))
    beta[0] = logit(rate)
    for _ in range(50):
        chance = expit(x @ beta)
        slope = x.T @ (happened - chance) - penalty * beta
        step = np.linalg.solve((x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty + 1e-9), slope)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-9:
            break
    return beta
