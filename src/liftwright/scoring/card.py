"""Model cards: what a model is for, what breaks it, how to turn it off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from liftwright.domain.evidence import ModelCard

CADENCE = "when the data changes or after 30 days"


def uplift_card(*, outcome: str, version: str, ranking: str, data: Mapping[str, Any], quality: Mapping[str, Any]) -> ModelCard:
    """Card of an uplift model for one outcome."""
    says = (
        "people are ordered by their expected effect"
        if ranking == "found"
        else "no ranking found: everybody has the average effect of the action"
    )
    return ModelCard(
        model=f"uplift_{outcome}",
        version=version,
        optimises=f"extra {outcome} per person caused by a contact, over the outcome window; {says}",
        data=dict(data),
        quality={**quality, "ranking": ranking},
        breaks_when=(
            "past assignment was not random, or its propensities were not logged",
            "an action is planned whose channel was never tried",
            "people, prices or season differ from those of the past tests",
            "several contacts in one window: effects are those of a single contact",
        ),
        turn_off=f"liftwright model off uplift_{outcome}",
        cadence=CADENCE,
    )


def propensity_card(*, version: str, kind: str, data: Mapping[str, Any], quality: Mapping[str, Any]) -> ModelCard:
    """Card of a model of the chance to buy."""
    return ModelCard(
        model="propensity",
        version=version,
        optimises=f"the chance of an order within the outcome window ({kind}, calibrated); it says nothing about what a contact changes",
        data=dict(data),
        quality=dict(quality),
        breaks_when=(
            "it is read as uplift: likely buyers mostly buy anyway",
            "a feature was filled after the outcome it is to predict",
            "the base rate moves, for example by season or price",
        ),
        turn_off="liftwright model off propensity",
        cadence=CADENCE,
    )
