"""What each model of a plan sees of everybody and says of them: what its drift is judged by.

The reference is everybody as they were scored on the day of the training, not the rows of past tests: those are of other days by nature.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.agents.bench.data import Data
from liftwright.audience.features.declared import FEATURES
from liftwright.domain.policy import Finding
from liftwright.ports import Deps
from liftwright.scoring import drift

OWN_DOING = frozenset(feature.name for feature in FEATURES if feature.source in ("contacts", "people"))
"""Features that move because we contact people, or with the calendar: that is no drift."""

DECIDES = {
    "propensity": "who is a likely buyer, and what an order that comes anyway costs",
    "answers": "along which differences people are told apart",
    "uplift": "who is contacted, how, and with which offer",
    "affinity": "on which channel a person is said to answer",
    "lifetime": "what a person is said to be worth in a year",
    "incentive": "who is said to need an offer",
    "lead": "which lead is worked first",
    "send_time": "at which hour a message is sent",
}


def seen(name: str, model: Any, data: Data, *, features: pa.Table) -> drift.Seen:
    """Today's view of a propensity, answers, uplift or incentive model; `features` of everybody, with answers where uplift has them."""
    if name == "propensity":
        bought = int((np.asarray(data.recent_outcomes["orders"].to_numpy()) > 0).sum())
        return drift.Seen(features, _inputs(model.model.names), {"chance": model.chance(features)}, bought)
    if name == "answers":
        extended = model.extend(features)
        outputs = {column: np.asarray(extended[column].to_numpy()) for column in model.columns}
        return drift.Seen(features, _inputs(model.names), outputs, _orders(data))
    if name == "incentive":
        return drift.Seen(features, _inputs(model.plain.names), {"chance_without": model.plain.chance(features)}, _orders(data))
    effects = model.effects(features, model.layout.actions).mean(axis=1)
    own = [each for each in model.scale.names if each in data.features.column_names]
    return drift.Seen(features, _inputs(own), {"mean_effect": effects}, _orders(data))


def remembered(seen: drift.Seen) -> dict[str, Any]:
    """What the registry keeps beside a model's parameters, as JSON."""
    return {"reference": seen.reference.as_json(), "labels": seen.labels}


def is_watched(model: str) -> bool:
    """Whether a model of the registry can drift: what campaigns taught is learned anew with every plan and cannot."""
    return trainer_of(model) in DECIDES


def trainer_of(model: str) -> str:
    """Name by which a model of the registry is trained: uplift makes several."""
    return "uplift" if model == "answers" or model.startswith("uplift_") else model


def decides(model: str) -> str:
    """The decision that rests on a model."""
    return DECIDES["answers"] if model == "answers" else DECIDES.get(trainer_of(model), "what rests on it")


def stopped(deps: Deps) -> tuple[Finding, ...]:
    """A finding for every model whose scoring the watch has stopped: what it has seen, and the decision that would have spoiled."""
    found = []
    for card in deps.models.cards():
        if card.state == "blocked":
            seen_by = [entry.detail for entry in deps.journal.entries(subject=card.model) if entry.action == "model.watched"]
            moves = [
                str(signal["says"]) for each in reversed(seen_by) for signal in each["signals"] if signal["level"] == "block"
            ]
            says = f"{card.model} does not score: {(moves or ['it drifted'])[0]}."
            says += f" It would have spoiled {decides(card.model)}; its safe fallback decides instead."
            fix = f"Mend the data. If the change is real: liftwright model train {trainer_of(card.model)}."
            found.append(Finding(rule="MODEL-DRIFT", severity="warn", subject=card.model, says=says, fix=fix))
    return tuple(found)


def _inputs(names: Any) -> list[str]:
    return [name for name in names if name not in OWN_DOING]


def _orders(data: Data) -> int:
    """Past opportunities after which somebody bought."""
    if data.rows is None:
        return 0
    orders = np.asarray(data.rows["y_orders"].to_numpy(zero_copy_only=False), dtype=np.float64)
    return int((np.nan_to_num(orders) > 0).sum())
