"""One person, what happened to them and what reached them, for tests of facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from liftwright.compliance.facts import person_facts
from liftwright.settings import Settings

AT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")


def facts(person: dict[str, Any], *, channel: Any = "email", at: datetime = AT, **fields: Any) -> dict[str, Any]:
    people = pa.table({name: [value] for name, value in ({"customer_id": "c1"} | person).items()})
    settings_given = fields.pop("settings", Settings())
    return person_facts(people, channels=[channel], at=at, settings=settings_given, **fields).to_pylist()[0]


def events(*rows: tuple[str, str | None, datetime]) -> pa.Table:
    kinds, channels, times = zip(*rows, strict=True)
    return pa.table(
        {
            "customer_id": ["c1"] * len(rows),
            "type": kinds,
            "channel": pa.array(channels, pa.string()),
            "occurred_at": pa.array(times, TIME),
        }
    )


def contacts(*rows: tuple[str, timedelta, str]) -> pa.Table:
    return pa.table(
        {
            "customer_id": ["c1"] * len(rows),
            "channel": [row[0] for row in rows],
            "send_at": pa.array([AT + row[1] for row in rows], TIME),
            "state": [row[2] for row in rows],
        }
    )
