"""The ledger of touches: what reached people and what they did, by whatever means, in order and with the time in between."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.campaign import SendState
from liftwright.domain.figures import Pace
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

SENT: tuple[SendState, ...] = ("sent", "unknown")
DROPPED = ("cancelled", "suppressed")
SCHEMA = pa.schema(
    [
        ("customer_id", pa.string()),
        ("order", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("what", pa.string()),
        ("channel", pa.string()),
        ("send_id", pa.string()),
        ("amount", pa.float64()),
        ("since_last_hours", pa.float64()),
        ("since_contact_hours", pa.float64()),
        ("known_after_hours", pa.float64()),
    ]
)


def table(campaign_id: str, *, starts_at: datetime, until: datetime, deps: Deps) -> pa.Table:
    """One row per touch of everybody the campaign reached, by person and time: contacts of every channel (letters and calls too) and
    events of every kind (also of shops and call centres), from launch to the end of the window.

    order: its place among the person's touches. since_last_hours: since the one before. since_contact_hours: since the last contact.
    known_after_hours: from happening to being known here; empty where the event does not say.
    """
    fresh = newest(deps)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    needed = ("customer_id", "channel", "send_id", "sent_at", "send_at")
    for send in deps.ledger.sends(campaign_id, states=SENT, columns=needed).to_pylist():
        person = fresh.present_id(send["customer_id"]) or send["customer_id"]
        row = {
            "at": send["sent_at"] or send["send_at"],
            "what": "contact",
            "channel": send["channel"],
            "send_id": send["send_id"],
        }
        rows[person].append(row)
    for event in _events(fresh.events, sorted(rows), starts_at, until):
        received = event.get("received_at")
        rows[event["customer_id"]].append(
            {
                "at": event["occurred_at"],
                "what": event["type"],
                "channel": event.get("channel") or "",
                "send_id": event.get("send_id") or "",
                "amount": event.get("amount"),
                "known_after_hours": None if received is None else _hours(event["occurred_at"], received),
            }
        )
    return pa.Table.from_pylist([row for person in sorted(rows) for row in _ordered(person, rows[person])], schema=SCHEMA)


def pace(sends: pa.Table, *, zone: str) -> tuple[Pace, ...]:
    """Day by day in this time zone: touches planned for it (what was cancelled apart), delivered on it, and their cost."""
    planned: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    cost: Counter[str] = Counter()
    local = ZoneInfo(zone)
    for row in sends.select(["state", "send_at", "sent_at", "cost"]).to_pylist():
        if row["state"] not in DROPPED:
            planned[row["send_at"].astimezone(local).date().isoformat()] += 1
        if row["state"] in SENT:
            day = _reaches(row).astimezone(local).date().isoformat()
            delivered[day] += 1
            cost[day] += row["cost"]
    return tuple(
        Pace(day=day, planned=planned[day], delivered=delivered[day], cost=round(float(cost[day]), 6))
        for day in sorted({*planned, *delivered})
    )


def _reaches(send: Mapping[str, Any]) -> datetime:
    """When a send reaches its person: an executor that is handed it ahead keeps its moment."""
    at: datetime = max(send["sent_at"] or send["send_at"], send["send_at"])
    return at


def _events(events: pa.Table | None, people: list[str], starts_at: datetime, until: datetime) -> list[dict[str, Any]]:
    if events is None or not events.num_rows or not people:
        return []
    at = events["occurred_at"]
    inside = pc.and_(
        pc.and_(pc.greater_equal(at, pa.scalar(starts_at, at.type)), pc.less(at, pa.scalar(until, at.type))),
        pc.is_in(events["customer_id"], value_set=pa.array(people, pa.string())),
    )
    return list(events.filter(pc.fill_null(inside, False)).to_pylist())


def _ordered(person: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    last: datetime | None = None
    contact: datetime | None = None
    for number, row in enumerate(sorted(rows, key=lambda row: (row["at"], row["what"] != "contact", row["send_id"])), start=1):
        row |= {
            "customer_id": person,
            "order": number,
            "since_last_hours": None if last is None else _hours(last, row["at"]),
            "since_contact_hours": None if contact is None else _hours(contact, row["at"]),
        }
        last = row["at"]
        contact = row["at"] if row["what"] == "contact" else contact
    return sorted(rows, key=lambda row: row["order"])


def _hours(start: datetime, end: datetime) -> float:
    return round((end - start).total_seconds() / 3600.0, 3)
