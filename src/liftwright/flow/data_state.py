"""The data at a glance: what is there, whether it is ready, and what the features are made of. Large data are checked only on request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.features.declared import FEATURES
from liftwright.audience.features.definition import Feature
from liftwright.domain.campaign import Snapshot
from liftwright.flow import put_aside, readiness
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

SMALL = 50_000
"""With fewer events than this the data are checked each time they are looked at."""


@dataclass(frozen=True)
class FeatureState:
    """A declared feature and the newest row it is made of; None where there is none or nobody looked. `is_stale`: its contract is broken."""

    feature: Feature
    newest: datetime | None
    is_stale: bool


@dataclass(frozen=True)
class DataState:
    """`ready`: the shape of `readiness --json`, None where nothing was checked."""

    snapshot: Snapshot | None
    ready: dict[str, Any] | None
    features: list[FeatureState]
    aside: list[put_aside.Aside]


def state(*, check: bool, deps: Deps) -> DataState:
    """What there is. It is checked where it is small or `check` asks for it."""
    snapshot = deps.lake.snapshot()
    if snapshot is None:
        return DataState(None, None, [], [])
    is_checked = check or snapshot.rows.get("events", 0) < SMALL
    return DataState(
        snapshot,
        readiness.audit(deps=deps).as_json() if is_checked else None,
        _features(deps, is_checked=is_checked),
        put_aside.every(deps=deps),
    )


def _features(deps: Deps, *, is_checked: bool) -> list[FeatureState]:
    dates = _newest(deps) if is_checked else {}
    last = max(dates.values(), default=None)
    now = deps.now()
    found = []
    for feature in FEATURES:
        mine = [at for kind, at in dates.items() if feature.source == "events" and (not feature.types or kind in feature.types)]
        limit = feature.fresh_days if feature.source == "events" else None
        is_stale = last is not None and limit is not None and (now - last).total_seconds() > limit * 86_400
        found.append(FeatureState(feature, max(mine, default=None), is_stale))
    return found


def _newest(deps: Deps) -> dict[str, datetime]:
    """The newest moment of each type of event that is not after now."""
    events = newest(deps).tables.get("events")
    if events is None or not events.num_rows:
        return {}
    past = events.select(["type", "occurred_at"])
    past = past.filter(pc.less_equal(past["occurred_at"], pa.scalar(deps.now(), past["occurred_at"].type)))
    latest = past.group_by("type").aggregate([("occurred_at", "max")]).to_pylist()
    return {str(row["type"]): row["occurred_at_max"] for row in latest if row["occurred_at_max"] is not None}
