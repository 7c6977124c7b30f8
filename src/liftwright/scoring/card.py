"""Model cards: what a model is for, what breaks it, how to turn it off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from liftwright.domain.evidence import ModelCard

CADENCE = "when the data changes or after 30 days"
CADENCE_DAYS = 30


def version(model: str, parameters: Mapping[str, Any]) -> str:
    """Name and digest of everything the model is made of."""
    return f"{model}:{hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode()).hexdigest()[:16]}"


def dated(card: ModelCard, *, at: datetime) -> ModelCard:
    """The card with the day its model was trained on and the day by which it has to be trained again."""
    trained_on = at.date()
    due_on = trained_on + timedelta(days=CADENCE_DAYS)
    return card.model_copy(update={"data": {**card.data, "trained_on": trained_on.isoformat(), "due_on": due_on.isoformat()}})


def overdue(card: ModelCard, *, on: date) -> str:
    """Words when the model should have been trained again by now, "" when it is fresh or its age is not known."""
    due = card.data.get("due_on")
    late = (on - date.fromisoformat(due)).days if due else 0
    return f"training is {late} {'day' if late == 1 else 'days'} overdue: liftwright model train {card.model}" if late > 0 else ""


def card_of(
    model: str, version: str, *, optimises: str, data: Mapping[str, Any], quality: Mapping[str, Any], breaks_when: Sequence[str]
) -> ModelCard:
    """A card with the switch and the cadence that every model has."""
    return ModelCard(
        model=model,
        version=version,
        optimises=optimises,
        data=dict(data),
        quality=dict(quality),
        breaks_when=tuple(breaks_when),
        turn_off=f"liftwright model off {model} --as USER",
        cadence=CADENCE,
    )


def uplift_card(
    *, outcome: str, version: str, ranking: str, learner: str, data: Mapping[str, Any], quality: Mapping[str, Any]
) -> ModelCard:
    """Card of an uplift model for one outcome; `learner` says in words how people are ordered."""
    says = (
        f"people are ordered by their expected effect ({learner})"
        if ranking == "found"
        else "no ranking found: everybody has the average effect of the action"
    )
    return card_of(
        f"uplift_{outcome}",
        version,
        optimises=f"extra {outcome} per person caused by a contact, over the outcome window; {says}",
        data=data,
        quality={**quality, "ranking": ranking},
        breaks_when=(
            "past assignment was not random, or its propensities were not logged",
            "an action is planned whose channel was never tried",
            "people, prices or season differ from those of the past tests",
            "several contacts in one window: effects are those of a single contact",
            *(
                ["contacts only bring orders forward: early orders then promise more than all orders of the window hold"]
                if data.get("half_within_hours")
                else []
            ),
            "people who could never get an action (no consent) were counted among those who did not get it by chance",
        ),
    )
