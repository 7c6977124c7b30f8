"""When a delayed send may go: the local hours quiet-hour rules leave open, and the next moment for one row of facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from liftwright.compliance import evaluate
from liftwright.compliance.rules import facts_used
from liftwright.domain.policy import PolicyBundle, Rule

_CLOCK = frozenset({"local_minute", "local_weekday"})
_HORIZON_DAYS = 8


def is_clock_rule(rule: Rule) -> bool:
    """True for a delaying rule that speaks of the time of day or week and nothing else."""
    return rule.scope == "person" and rule.delays and set(facts_used(rule.violated_when)) <= _CLOCK


def open_hours(bundle: PolicyBundle, *, channel: str, country: str, region: str | None = None, on: date) -> tuple[int, ...]:
    """Local hours (0 to 23) of a day in which a message may start at any minute of the hour. An unknown region means the strictest of all."""
    rows = [
        {
            "local_minute": minute,
            "local_weekday": on.isoweekday(),
            "send_on": on,
            "channel": channel,
            "country": country,
            "region": region,
        }
        for minute in range(1440)
    ]
    is_open = _is_open(bundle, rows)
    return tuple(hour for hour in range(24) if all(is_open[hour * 60 : hour * 60 + 60]))


def delay_until(bundle: PolicyBundle, row: Mapping[str, Any], *, at: datetime, zone: str) -> datetime | None:
    """The next quarter of an hour after `at` (UTC) at which no clock rule stands in the way; a full cap waits at least a day.

    None when there is no such moment within eight days. `row` holds the person facts the delay was decided on, `zone` the person's zone.
    """
    fired = {finding.rule for finding in evaluate.explain(bundle, row)}
    waits_for_room = any(rule.id in fired and rule.delays and not is_clock_rule(rule) for rule in bundle.rules)
    start = at + timedelta(days=1) if waits_for_room else at
    start = start.astimezone(UTC).replace(minute=start.minute - start.minute % 15, second=0, microsecond=0) + timedelta(
        minutes=15
    )
    moments = [start + timedelta(minutes=15 * step) for step in range(_HORIZON_DAYS * 96)]
    rows = [_at(row, moment.astimezone(ZoneInfo(zone))) for moment in moments]
    return next((moment for moment, is_open in zip(moments, _is_open(bundle, rows), strict=True) if is_open), None)


def _at(row: Mapping[str, Any], local: datetime) -> dict[str, Any]:
    kept = {name: row.get(name) for name in ("channel", "country", "region")}
    return kept | {"local_minute": local.hour * 60 + local.minute, "local_weekday": local.isoweekday(), "send_on": local.date()}


def _is_open(bundle: PolicyBundle, rows: list[dict[str, Any]]) -> list[bool]:
    clock = bundle.model_copy(update={"rules": tuple(rule for rule in bundle.rules if is_clock_rule(rule))})
    columns = {name: [row[name] for row in rows] for name in rows[0]} | {"customer_id": [""] * len(rows)}
    verdicts = evaluate.people(clock, pa.table(columns))
    return [outcome == "allow" for outcome in verdicts["outcome"].to_pylist()]
