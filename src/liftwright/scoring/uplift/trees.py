"""Effects by boosted trees: S (one model that sees the action), X (imputed effects), DR (doubly robust effects). LightGBM throughout.

Künzel, Sekhon, Bickel & Yu 2019 (S, X); Kennedy 2023 (DR).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np

from liftwright.scoring.design import Floats, Layout
from liftwright.scoring.uplift.sample import Bools, Sample, Scores, cross_fit

FEWEST_ROWS = 2_000
"""Rows of the control and of every action below which trees are not tried."""
FEWEST_OUTCOMES = 1_000
"""Rows with an outcome (an order, a visit) below which trees are not tried: five times the fewest rows of a leaf."""
MOST_ACTIONS = 3
"""With more actions X and DR, which learn each action by itself, are not tried; S learns them together."""
MOST_ROWS = 40_000
"""Of more rows trees learn from so many, drawn by person; the order is judged on all."""
_ROUNDS = 120
_SETTINGS = {
    "objective": "regression", "learning_rate": 0.04, "num_leaves": 8, "min_data_in_leaf": 200, "lambda_l2": 10.0, "max_bin": 63,
    "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1, "seed": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Trees:
    """An effect per action as a difference or a mixture of boosters.

    `parts`: per action the boosters that make its effect, each with its factor and the columns of the action it sees beside the
    features (S only): effect = sum of factor x prediction.
    """

    texts: tuple[str, ...]
    parts: tuple[tuple[tuple[int, float, tuple[float, ...]], ...], ...]

    def score(self, z: Floats) -> Floats:
        """(rows, actions) effects, not yet calibrated."""
        boosters = [lightgbm.Booster(model_str=text) for text in self.texts]
        found = np.zeros((len(z), len(self.parts)))
        known: dict[tuple[int, tuple[float, ...]], Floats] = {}
        for action, parts in enumerate(self.parts):
            for place, factor, seen in parts:
                if (place, seen) not in known:
                    x = np.column_stack([z, np.tile(seen, (len(z), 1))]) if seen else z
                    known[place, seen] = _predicted(boosters[place], x)
                found[:, action] += factor * known[place, seen]
        return found

    def contributions(self, z: Floats, action: int) -> Floats:
        """(features,) what each feature of one person adds to the effect (TreeSHAP), in the outcome's unit."""
        found = np.zeros(z.shape[1])
        for place, factor, seen in self.parts[action]:
            row = np.concatenate([z[:1], np.tile(seen, (1, 1))], axis=1) if seen else z[:1]
            booster = lightgbm.Booster(model_str=self.texts[place])
            each = np.asarray(booster.predict(row, pred_contrib=True, num_threads=1))[0]
            found += factor * each[: z.shape[1]]
        return found

    def as_json(self) -> dict[str, Any]:
        """LightGBM's text format and plain values."""
        return {"trees": list(self.texts), "parts": [[[p, f, list(seen)] for p, f, seen in each] for each in self.parts]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Trees:
        parts = tuple(tuple((int(p), float(f), tuple(seen)) for p, f, seen in each) for each in data["parts"])
        return cls(tuple(data["trees"]), parts)


def cross_fitted(data: Sample, layout: Layout) -> dict[str, Scores]:
    """Effects by "S", "X" and "DR", each fold's learned from the others; nothing where the rows do not justify trees."""
    if not is_justified(data):
        return {}
    splits = _splits(data)
    arms = [_arms(data, others) for _, others in splits]
    outcomes = np.zeros((len(data.y), data.actions + 1))
    for (mine, _), models in zip(splits, arms, strict=True):
        outcomes[mine] = np.stack([_predicted(arm, data.z[mine]) for arm in models], axis=1)
    effects = _doubly_robust(data, outcomes)
    return {
        "S": cross_fit(data, lambda fold: learn_s(data, layout, splits[fold][1]).score),
        "X": cross_fit(data, lambda fold: _imputed(data, arms[fold], splits[fold][1]).score),
        "DR": cross_fit(data, lambda fold: _regressed(data, effects, splits[fold][1]).score),
    }


def is_justified(data: Sample) -> bool:
    """Whether there are enough rows in every arm, enough outcomes and few enough actions."""
    fewest = min(int((data.action == action).sum()) for action in range(-1, data.actions))
    return fewest >= FEWEST_ROWS and int((data.y != 0).sum()) >= FEWEST_OUTCOMES and data.actions <= MOST_ACTIONS


def learn(name: str, data: Sample, layout: Layout) -> Trees:
    """The candidate "S", "X" or "DR" on all rows."""
    everyone = _drawn(data)
    if name == "S":
        return learn_s(data, layout, everyone)
    if name == "X":
        return _imputed(data, _arms(data, everyone), everyone)
    outcomes = np.zeros((len(data.y), data.actions + 1))
    for mine, others in _splits(data):
        outcomes[mine] = np.stack([_predicted(arm, data.z[mine]) for arm in _arms(data, others)], axis=1)
    return _regressed(data, _doubly_robust(data, outcomes), everyone)


def learn_s(data: Sample, layout: Layout, rows: Bools) -> Trees:
    """One model of the outcome that sees what was done; the effect is its prediction with the action less that without."""
    members = layout.members()
    seen = np.vstack([np.zeros(members.shape[1]), members])[data.action + 1]
    text = _text(_grow(np.column_stack([data.z, seen])[rows], _rest(data)[rows], data.weight[rows]))
    nothing = tuple(np.zeros(members.shape[1]).tolist())
    return Trees((text,), tuple(((0, 1.0, tuple(row.tolist())), (0, -1.0, nothing)) for row in members))


def _imputed(data: Sample, arms: list[Any], rows: Bools) -> Trees:
    """What the treated gained over the control's model, and the control would have by the treated's; mixed by the share treated."""
    texts: list[str] = []
    parts = []
    rest, control = _rest(data), rows & (data.action < 0)
    for action in range(data.actions):
        treated = rows & (data.action == action)
        share = float(treated.sum() / (treated.sum() + control.sum()))
        gained = rest[treated] - _predicted(arms[0], data.z[treated])
        missed = _predicted(arms[1 + action], data.z[control]) - rest[control]
        for where, effect, factor in ((treated, gained, 1 - share), (control, missed, share)):
            texts.append(_text(_grow(data.z[where], effect, data.weight[where])))
            parts.append((len(texts) - 1, factor, ()))
    return Trees(tuple(texts), tuple((parts[2 * a], parts[2 * a + 1]) for a in range(data.actions)))


def _regressed(data: Sample, effects: Floats, rows: Bools) -> Trees:
    """The doubly robust effects regressed on features."""
    texts = []
    for action in range(data.actions):
        mine = rows & data.tried[:, action]
        texts.append(_text(_grow(data.z[mine], effects[mine, action], np.ones(int(mine.sum())))))
    return Trees(tuple(texts), tuple(((action, 1.0, ()),) for action in range(data.actions)))


def _doubly_robust(data: Sample, outcomes: Floats) -> Floats:
    """(rows, actions) from outcomes per arm (control first) that were predicted from the other folds."""
    rest = _rest(data)
    control = np.where(data.action < 0, (rest - outcomes[:, 0]) / data.propensity, 0.0)
    taken = data.treated * (rest[:, None] - outcomes[:, 1:]) / data.propensity[:, None]
    return np.asarray(outcomes[:, 1:] - outcomes[:, :1] + taken - control[:, None])


def _arms(data: Sample, rows: Bools) -> list[Any]:
    """Outcome models of the control and of every action."""
    rest = _rest(data)
    masks = [rows & (data.action == action) for action in range(-1, data.actions)]
    return [_grow(data.z[mask], rest[mask], data.weight[mask]) for mask in masks]


def _rest(data: Sample) -> Floats:
    """What wave and features do not explain of the outcome, whatever was done: it takes noise out and leaves effects as they are."""
    return np.asarray(data.y - data.expected[:, 0])


def _drawn(data: Sample) -> Bools:
    """The rows trees learn from."""
    kept: Bools = (np.random.default_rng(0).random(data.people) * len(data.y) < MOST_ROWS)[data.person]
    return kept


def _splits(data: Sample) -> list[tuple[Bools, Bools]]:
    """Per fold its rows, and those of the other folds that trees learn from."""
    drawn = _drawn(data)
    return [(data.fold == fold, (data.fold != fold) & drawn) for fold in range(data.folds)]


def _grow(x: Floats, y: Floats, weight: Floats) -> Any:
    table = lightgbm.Dataset(x, label=y, weight=weight, params={"verbosity": -1, "max_bin": _SETTINGS["max_bin"]})
    return lightgbm.train(_SETTINGS, table, num_boost_round=_ROUNDS)


def _predicted(booster: Any, x: Floats) -> Floats:
    return np.asarray(booster.predict(x, num_threads=1), dtype=np.float64)


def _text(booster: Any) -> str:
    return str(booster.model_to_string())
