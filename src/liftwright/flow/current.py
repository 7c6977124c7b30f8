"""Which versions of the models score people between campaigns: the current ones, until a training makes others."""

from __future__ import annotations

from liftwright.agents.bench import Bench
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

SCORING = ("answers", "propensity", "uplift_margin", "uplift_orders", "uplift_visits")
"""Models by which everybody is scored; the others are asked about single people, contacts or leads."""


def versions(deps: Deps) -> tuple[str, ...] | None:
    """Ids of the current versions that are used, sorted; None before the first training. One stopped uplift model stops them all."""
    cards = [card for card in deps.models.cards() if card.model in SCORING]
    if not cards:
        return None
    is_stopped = any(card.model.startswith("uplift_") and not card.is_used for card in cards)
    return tuple(
        sorted(card.model_id for card in cards if card.is_used and not (is_stopped and card.model.startswith("uplift_")))
    )


def bench(deps: Deps, *, models: tuple[str, ...] | None = None) -> Bench:
    """The newest data as of this morning, one for the whole day; without `models`, on models fitted to that very data."""
    morning = deps.now().replace(hour=0, minute=0, second=0, microsecond=0)
    snapshot_id = newest(deps).snapshot.snapshot_id
    return Bench.open(
        deps, campaign_id="visitors", snapshot_id=snapshot_id, as_of=morning, seed=deps.settings.seed, models=models
    )


def scored(deps: Deps) -> Bench:
    """The bench that scores people between campaigns, by the versions in force."""
    return bench(deps, models=versions(deps))
