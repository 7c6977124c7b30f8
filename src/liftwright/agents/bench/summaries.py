"""What a model may see: counts and averages of at least 20 people, past tests, offers, channels, lessons, documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from liftwright.agents.bench.data import Data
from liftwright.agents.bench.scores import Scores
from liftwright.audience.features import FEATURES
from liftwright.domain.evidence import Estimate, PastTest
from liftwright.domain.told import Told

SMALLEST_GROUP = 20
"""Fewer people than this are never shown as a group."""


def population(data: Data) -> dict[str, Any]:
    """How many people, where, with which consent, on which channels they may be contacted."""
    people = data.people
    shown: dict[str, Any] = {"people": len(data.ids), "snapshot": data.snapshot.snapshot_id, "as_of": data.as_of.isoformat()}
    if "country" in people.column_names:
        shown["countries"] = grouped(people["country"])
    shown["may_be_contacted"] = {channel: masked(int(mask.sum())) for channel, mask in data.allowed.items()}
    consents = [name for name in people.column_names if name.startswith("consent_")]
    shown["consent"] = {name.removeprefix("consent_"): grouped(people[name]) for name in consents}
    shown["tables"] = {name: table.num_rows for name, table in data.tables.items()}
    return shown


def grouped(column: Any) -> dict[str, int | str]:
    """Counts per value; groups under the smallest size are added up as `other`."""
    counts = {str(e["values"]): int(e["counts"]) for e in pc.value_counts(column).to_pylist()}
    kept: dict[str, int | str] = {name: count for name, count in sorted(counts.items()) if count >= SMALLEST_GROUP}
    rest = sum(count for count in counts.values() if count < SMALLEST_GROUP)
    return kept | ({"other": masked(rest)} if rest else {})


def masked(count: int) -> int | str:
    """A count, or words when it is too small to show."""
    return count if count == 0 or count >= SMALLEST_GROUP else f"fewer than {SMALLEST_GROUP}"


def feature_summary(data: Data) -> list[dict[str, Any]]:
    """Mean and quartiles of every feature over the whole population; nothing when there are fewer than 20 people."""
    if len(data.ids) < SMALLEST_GROUP:
        return []
    says = {feature.name: feature.says for feature in FEATURES}
    shown = []
    for name in data.features.column_names:
        if name == "customer_id":
            continue
        values = data.feature(name)
        low, mid, high = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
        shown.append(
            {"feature": name, "says": says.get(name, name), "mean": round(float(values.mean()), 4), "quartiles": [low, mid, high]}
        )
    return shown


def scores(data: Data, found: Scores) -> dict[str, Any]:
    """What the models expect, on average and by action, and what they cannot say."""
    effects = found.effects
    by_action = {
        action: {
            "average_extra_margin": round(float(effects.values[:, i].mean()), 4),
            "people_with_a_gain_before_costs": masked(int((effects.values[:, i] > 0).sum())),
        }
        for i, action in enumerate(data.actions)
    }
    return {
        "based_on": "a past randomised test"
        if effects.is_tested
        else "a calibrated propensity and a stated assumption; uplift is unknown",
        "people_ranked_by": effects.ranked_by or "nothing: no ranking found, everybody has the average effect",
        "average_buying_chance": round(float(found.buy_chance.mean()), 4),
        "actions": by_action,
        "models": list(found.versions),
    }


def channels(data: Data) -> list[dict[str, Any]]:
    """Configured channels with contact cost, capacity and how many people may be contacted there."""
    settings = data.deps.settings
    return [
        {
            "channel": channel,
            "unit_cost": float(settings.channels[channel].unit_cost),
            "capacity_per_day": settings.channels[channel].capacity_per_day,
            "people": masked(int(data.allowed[channel].sum())),
            "live": settings.channels[channel].live,
        }
        for channel in data.channels
    ]


def lessons(data: Data, query: str) -> list[dict[str, Any]]:
    """Lessons whose words are near the query, each with the interval of its evidence row read by key."""
    rows = {lesson.lesson_id: lesson for lesson in data.deps.lessons.find(now=data.as_of)}
    found = data.deps.memory.search("lessons", query, limit=5) if rows else []
    return [
        {
            "lesson_id": lesson.lesson_id,
            "says": Told("lesson", lesson.says),
            "scope": lesson.scope,
            "metric": lesson.estimate.metric,
            "low": lesson.estimate.low,
            "mid": lesson.estimate.mid,
            "high": lesson.estimate.high,
        }
        for lesson in (rows[hit.item_id] for hit in found if hit.item_id in rows)
    ]


def documents(data: Data, query: str) -> list[dict[str, Any]]:
    """Brand documents near the query; what they say is told, not known."""
    found = data.deps.memory.search("documents", query, limit=3) if "documents" in data.tables else []
    return [
        {
            "document_id": hit.item_id,
            "title": Told("document", hit.metadata.get("title", "")),
            "text": Told("document", hit.text[:1500]),
        }
        for hit in found
    ]


def past_words(data: Data, *, first: Sequence[str] = (), metric: str = "") -> tuple[str, ...]:
    """What past randomised tests showed, in sentences with intervals: what matters most for a plan first.

    `first` names the plan's actions; `metric` is what the goal is judged by; the larger test comes before the smaller.
    """
    found = [(test, effect) for test in data.past_tests for effect in test.effects if effect.mid is not None]
    found.sort(key=lambda pair: (pair[1].metric != metric, pair[0].action not in first, -pair[0].treated))
    return tuple(_effect_words(test, effect) for test, effect in found)


def _effect_words(test: PastTest, effect: Estimate) -> str:
    low, mid, high = (_unit(effect.metric, value or 0.0) for value in (effect.low, effect.mid, effect.high))
    return (
        f"Past test, {test.action} against {test.control} ({test.treated:,} and {test.untreated:,} people): "
        f"{effect.metric} {mid} per person, {effect.level:.0%} interval {low} to {high}."
    )


def _unit(metric: str, value: float) -> str:
    return f"{value * 100:+.2f} points" if metric in ("visits", "orders") else f"{value:+.3f}"
