"""The chance of an order within a window, calibrated. No claim of cause: who is likely to buy, not whom a contact moves."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import ModelCard, Reason
from liftwright.scoring import card as cards
from liftwright.scoring.design import Floats, Scale, folds_of

FOLDS = 3
TREES_FROM_ROWS, TREES_FROM_BUYERS = 2_000, 200
"""With fewer people or fewer buyers than this a logistic regression is used, not trees."""
FEWEST_BUYERS = 10
_TREES = {
    "objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 50, "lambda_l2": 10.0,
    "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1,
}  # fmt: skip
_ROUNDS = 100
_RIDGE = 10.0


@dataclass(frozen=True)
class PropensityModel:
    """`chance` of an order per person. `steps` calibrates: raw scores and the share that bought at each, not decreasing."""

    kind: Literal["trees", "logistic"]
    names: tuple[str, ...]
    scale: Scale
    coefficients: tuple[float, ...]
    trees: str
    steps: tuple[tuple[float, ...], tuple[float, ...]]
    quality: dict[str, float]
    data: dict[str, float]

    @cached_property
    def version(self) -> str:
        """Digest of the parameters."""
        return f"propensity:{hashlib.sha256(json.dumps(self.parameters(), sort_keys=True).encode()).hexdigest()[:16]}"

    def chance(self, features: pa.Table) -> Floats:
        """Calibrated chance of an order per row, between 0 and 1."""
        calibrated: Floats = np.interp(self._raw(features), *self.steps)
        return calibrated

    def why(self, features_row: Mapping[str, float]) -> list[Reason]:
        """The three features that move this person's chance most, in log-odds before calibration."""
        row = pa.table({name: [float(features_row.get(name, self._usual(name)))] for name in self.names})
        if self.kind == "trees":
            parts = np.asarray(self._booster.predict(_matrix(row, self.names), pred_contrib=True))[0, :-1]
            names: Sequence[str] = self.names
        else:
            parts, names = self.scale.apply(row)[0] * np.array(self.coefficients[1:]), self.scale.names
        order = sorted(range(len(parts)), key=lambda j: (-abs(parts[j]), names[j]))[:3]
        return [self._reason(names[j], float(parts[j]), row) for j in order if parts[j] != 0.0]

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
            "data": self.data,
        }

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        return cards.propensity_card(version=self.version, kind=self.kind, data=self.data, quality=self.quality)

    @cached_property
    def _booster(self) -> Any:
        return lightgbm.Booster(model_str=self.trees)

    def _raw(self, features: pa.Table) -> Floats:
        if self.kind == "trees":
            return np.asarray(self._booster.predict(_matrix(features, self.names), num_threads=1), dtype=np.float64)
        return _logistic(self.scale.apply(features), np.array(self.coefficients))

    def _usual(self, name: str) -> float:
        return self.scale.mean_of(name) if name in self.scale.names else 0.0

    def _reason(self, name: str, effect: float, row: pa.Table) -> Reason:
        value, turn = float(row[name][0].as_py()), "raises" if effect > 0 else "lowers"
        says = f"{name.replace('_', ' ')} is {value:,.4g} (usual {self._usual(name):,.4g}), which {turn} the chance of an order"
        return Reason(feature=name, effect=effect, says=says)


def from_parameters(parameters: Mapping[str, Any]) -> PropensityModel:
    """The model whose `parameters()` these are."""
    return PropensityModel(
        kind=parameters["kind"],
        names=tuple(parameters["names"]),
        scale=Scale.from_json(parameters["scale"]),
        coefficients=tuple(parameters["coefficients"]),
        trees=parameters["trees"],
        steps=(tuple(parameters["steps"][0]), tuple(parameters["steps"][1])),
        quality=dict(parameters["quality"]),
        data=dict(parameters["data"]),
    )


def fit(features: pa.Table, bought: npt.NDArray[Any], *, seed: int) -> PropensityModel:
    """Fit on features as of the start of a window and on whether each row bought within it.

    Trees when there is enough to learn from, else logistic regression; calibrated by isotonic regression on cross-fitted scores.
    Raises DataError with fewer than 10 buyers or 10 others. Same input and seed, same model.
    """
    bought = np.asarray(bought, dtype=bool)
    buyers = int(bought.sum())
    if min(buyers, len(bought) - buyers) < FEWEST_BUYERS:
        raise DataError(
            "PROPENSITY-FEW",
            f"{buyers} of {len(bought)} people bought; a chance to buy cannot be learned from that.",
            next_step="Import more events, or plan without a propensity.",
        )
    names = [name for name in features.column_names if name != "customer_id"]
    kind: Literal["trees", "logistic"] = "trees" if len(bought) >= TREES_FROM_ROWS and buyers >= TREES_FROM_BUYERS else "logistic"
    ids = features["customer_id"].to_pylist() if "customer_id" in features.column_names else [str(i) for i in range(len(bought))]
    fold = folds_of(ids, count=FOLDS, seed=seed)
    scale = Scale.fit(features, names)
    x = _matrix(features, names) if kind == "trees" else scale.apply(features)
    score = np.zeros(len(bought))
    for each in range(FOLDS):
        mine = fold == each
        if mine.any():
            score[mine] = _scored(kind, x[~mine], bought[~mine], x[mine], seed=seed)
    steps = _steps(score, bought)
    calibrated = np.interp(score, *steps)
    trees, coefficients = "", np.zeros(0)
    if kind == "trees":
        trees = _grown(x, bought, seed=seed).model_to_string()
    else:
        coefficients = _slopes(x, bought)
    return PropensityModel(
        kind=kind, names=tuple(names), scale=scale, coefficients=tuple(float(c) for c in coefficients), trees=trees, steps=steps,
        quality={"auc": _auc(score, bought), "log_loss": _log_loss(calibrated, bought), "base_rate": buyers / len(bought)},
        data={"rows": len(bought), "buyers": buyers},
    )  # fmt: skip


def _matrix(table: pa.Table, names: Sequence[str]) -> Floats:
    missing = np.full(table.num_rows, np.nan)
    columns = [
        np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64) if name in table.column_names else missing
        for name in names
    ]
    return np.stack(columns, axis=1) if columns else np.zeros((table.num_rows, 0))


def _scored(kind: str, x: Floats, bought: npt.NDArray[np.bool_], other: Floats, *, seed: int) -> Floats:
    if kind == "trees":
        return np.asarray(_grown(x, bought, seed=seed).predict(other, num_threads=1), dtype=np.float64)
    return _logistic(other, _slopes(x, bought))


def _grown(x: Floats, bought: npt.NDArray[np.bool_], *, seed: int) -> Any:
    data = lightgbm.Dataset(x, label=bought.astype(np.float64), params={"verbosity": -1})
    return lightgbm.train({**_TREES, "seed": seed}, data, num_boost_round=_ROUNDS)


def _logistic(z: Floats, coefficients: Floats) -> Floats:
    chance: Floats = expit(coefficients[0] + z @ coefficients[1:])
    return chance


def _slopes(z: Floats, bought: npt.NDArray[np.bool_]) -> Floats:
    """Ridge logistic regression by Newton's method; the intercept is not shrunk."""
    x = np.column_stack([np.ones(len(z)), z])
    penalty = np.concatenate([[1e-9], np.full(z.shape[1], _RIDGE)])
    beta = np.zeros(x.shape[1])
    rate = float(np.clip(bought.mean(), 1e-6, 1 - 1e-6))
    beta[0] = logit(rate)
    for _ in range(50):
        chance = expit(x @ beta)
        slope = x.T @ (bought - chance) - penalty * beta
        step = np.linalg.solve((x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty + 1e-9), slope)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-9:
            break
    return beta


def _steps(score: Floats, bought: npt.NDArray[np.bool_]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Knots of the isotonic fit; each level is drawn a little to the base rate, so that nobody is certain."""
    order = np.argsort(score, kind="stable")
    found = isotonic_regression(bought[order].astype(np.float64))
    ends = np.asarray(found.blocks)
    rate = float(bought.mean())
    at, share = [], []
    for start, end in itertools.pairwise(ends):
        count = end - start
        at.append(float(score[order][start:end].mean()))
        share.append(float((found.x[start] * count + 2.0 * rate) / (count + 2.0)))
    share = list(np.maximum.accumulate(share))
    knots = sorted(dict(zip(at, (float(s) for s in share), strict=True)).items())
    return tuple(k for k, _ in knots), tuple(v for _, v in knots)


def _auc(score: Floats, bought: npt.NDArray[np.bool_]) -> float:
    """Chance that a buyer scores above another person, ties counting half (Mann-Whitney)."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    buyers = int(bought.sum())
    return float((rank[bought].sum() - buyers * (buyers + 1) / 2) / (buyers * (len(bought) - buyers)))


def _log_loss(chance: Floats, bought: npt.NDArray[np.bool_]) -> float:
    kept = np.clip(chance, 1e-9, 1 - 1e-9)
    return float(-np.mean(np.where(bought, np.log(kept), np.log(1 - kept))))
