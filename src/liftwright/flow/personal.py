"""What the scoring models in use say of one person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench import Bench
from liftwright.ports import Deps
from liftwright.scoring import affinity, incentive, lifetime


def scores(person: str, *, bench: Bench, deps: Deps) -> dict[str, Any]:
    """`{"chance_to_buy", "next_year_margin"?, "answers"?: {channel: rate}, "needs_offer"?: {action: {…}}}`, as of the plan.

    A model that was never trained or is stopped says nothing, and its field is missing.
    """
    index = int(np.flatnonzero(bench.data.ids == person)[0])
    found: dict[str, Any] = {"chance_to_buy": float(bench.scored.buy_chance[index])}
    if (stored := _in_use("lifetime", deps)) is not None:
        found["next_year_margin"] = _margin(lifetime.from_parameters(stored), person, bench, deps)
    if (stored := _in_use("affinity", deps)) is not None:
        found["answers"] = _answers(affinity.from_parameters(stored), person, bench)
    if (stored := _in_use("incentive", deps)) is not None:
        found["needs_offer"] = _needs(incentive.from_parameters(stored), bench.data.features.slice(index, 1))
    return found


def _in_use(model: str, deps: Deps) -> Mapping[str, Any] | None:
    stored = deps.models.load(model)
    return stored[1]["model"] if stored is not None and stored[0].is_used else None


def _mine(table: pa.Table | None, person: str) -> pa.Table | None:
    return None if table is None else table.filter(pc.equal(table["customer_id"].cast(pa.string()), person))


def _margin(model: lifetime.LifetimeModel, person: str, bench: Bench, deps: Deps) -> float:
    events = _mine(bench.data.tables.get("events"), person)
    if events is None or not events.num_rows:
        return 0.0
    orders = lifetime.orders_of(events, margin_rate=deps.settings.margin.rate)
    return model.expected(orders, as_of=bench.data.as_of).get(person, 0.0)


def _answers(model: affinity.AffinityModel, person: str, bench: Bench) -> dict[str, float]:
    treatments = _mine(bench.data.tables.get("treatments"), person)
    if treatments is None or "channel" not in treatments.column_names:
        return dict(model.usual)
    contacts = affinity.answered(treatments, _mine(bench.data.tables.get("events"), person), as_of=bench.data.as_of)
    channels = sorted(model.usual)
    return dict(zip(channels, model.rates(contacts, people=[person], channels=channels)[0].tolist(), strict=True))


def _needs(model: incentive.IncentiveModel, features: pa.Table) -> dict[str, Any]:
    return {action: model.needs(features, action).to_pylist()[0] for action in model.extra.layout.actions}
