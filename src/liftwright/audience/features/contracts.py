"""Feature contracts: a stale source, missing values and impossible values, each with the decision it would have spoiled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.features.declared import FEATURES
from liftwright.audience.features.definition import Feature
from liftwright.domain.policy import Finding

MOST_OUT_OF_RANGE = 0.001
"""Share of people whose value may lie outside a feature's range."""
FEWEST_ROWS = 20
"""Fewer rows than this say nothing about the share of missing values."""


def check(
    tables: Mapping[str, pa.Table], computed: pa.Table, *, as_of: datetime, features: Sequence[Feature] = FEATURES
) -> tuple[Finding, ...]:
    """Broken contracts of the features in `computed`, most of all `block`: with any of them nobody may be scored.

    `tables` are those the features came from, nothing in them later than `as_of`. A source or column that was never supplied breaks
    nothing: its features do not exist or say nothing.
    """
    used = [feature for feature in features if feature.name in computed.column_names]
    events = tables.get("events")
    found = []
    if events is not None and events.num_rows:
        past = events.filter(pc.less(events["occurred_at"], pa.scalar(as_of, events["occurred_at"].type)))
        found += _stale(past, used, as_of)
        found += _missing(past, used)
    return (*found, *_out_of_range(computed, used))


def _finding(rule: str, subject: str, features: Sequence[Feature], says: str, fix: str) -> Finding:
    decisions = "; ".join(dict.fromkeys(feature.decides for feature in features))
    names = ", ".join(feature.name for feature in features[:4]) + (f" and {len(features) - 4} more" if len(features) > 4 else "")
    says = f"{says} {names} cannot be trusted, and with them: {decisions}."
    return Finding(rule=rule, severity="block", subject=subject, count=len(features), says=says, fix=fix)


def _stale(events: pa.Table, features: Sequence[Feature], as_of: datetime) -> list[Finding]:
    newest = pc.max(events["occurred_at"]).as_py() if events.num_rows else None
    if newest is None:
        return []
    days = (as_of - newest).total_seconds() / 86_400
    broken = [f for f in features if f.source == "events" and f.fresh_days is not None and days > f.fresh_days]
    if not broken:
        return []
    limit = min(f.fresh_days for f in broken if f.fresh_days is not None)
    says = f"The newest event is of {newest:%Y-%m-%d}, {days:.0f} days before {as_of:%Y-%m-%d}; at most {limit} are allowed."
    fix = "Import the events since then, or plan as of the day the data was taken with --now."
    return [_finding("FEATURE-STALE", "events", broken, says, fix)]


def _missing(events: pa.Table, features: Sequence[Feature]) -> list[Finding]:
    groups: dict[tuple[str, tuple[str, ...], float], list[Feature]] = defaultdict(list)
    for feature in features:
        if feature.needs in events.column_names and feature.source == "events":
            groups[feature.needs, feature.types, feature.most_nulls].append(feature)
    found = []
    for (column, types, limit), group in groups.items():
        rows = events.filter(pc.is_in(events["type"], value_set=pa.array(types, pa.string()))) if types else events
        missing = rows[column].null_count
        if rows.num_rows >= FEWEST_ROWS and limit * rows.num_rows < missing < rows.num_rows:
            kinds = " or ".join(types) or "any type"
            says = f"{missing:,} of {rows.num_rows:,} events of type {kinds} have no {column} ({missing / rows.num_rows:.0%}; at most {limit:.0%})."
            fix = f"Export {column} with every such event and import them again."
            found.append(_finding("FEATURE-NULLS", f"events.{column}", group, says, fix))
    return found


def _out_of_range(computed: pa.Table, features: Sequence[Feature]) -> list[Finding]:
    found = []
    for feature in features:
        values = np.asarray(computed[feature.name].to_numpy(zero_copy_only=False), dtype=np.float64)
        wrong = int(np.count_nonzero(~((values >= feature.low) & (values <= feature.high))))
        if wrong > MOST_OUT_OF_RANGE * len(values):
            says = f"{feature.name} lies outside {feature.low:g} to {feature.high:g} for {wrong:,} of {len(values):,} people."
            fix = f"Look at the rows it is made of ({feature.says}) and import them again."
            found.append(_finding("FEATURE-RANGE", feature.name, [feature], says, fix))
    return found
