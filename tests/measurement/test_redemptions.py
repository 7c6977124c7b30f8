"""How often an offer was redeemed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from liftwright.measurement.outcomes import redemptions

START = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")


def sent(*rows: tuple[str, str, str, int]) -> pa.Table:
    """send_id, customer_id, offer, days after the start."""
    columns = [{"send_id": s, "customer_id": c, "offer": o, "sent_at": START + timedelta(days=d)} for s, c, o, d in rows]
    return pa.Table.from_pylist(
        columns,
        schema=pa.schema([("send_id", pa.string()), ("customer_id", pa.string()), ("offer", pa.string()), ("sent_at", STAMP)]),
    )


def bought(*rows: dict[str, Any]) -> pa.Table:
    """Purchases of `a` on day 3 unless a row says otherwise; columns are those that any row names."""
    blank = {"customer_id": "a", "type": "purchase", "occurred_at": START + timedelta(days=3)}
    names = {name for row in rows for name in row} | set(blank)
    table = [{name: (blank | row).get(name) for name in sorted(names)} for row in rows]
    found = pa.Table.from_pylist(table)
    return found.set_column(found.schema.get_field_index("occurred_at"), "occurred_at", found["occurred_at"].cast(STAMP))


def count(events: pa.Table | None, sends: pa.Table) -> dict[str, int]:
    return redemptions(events, sends=sends, starts_at=START, ends_at=START + timedelta(days=30), days=14)


def test_a_purchase_redeems_the_offer_its_person_got_last() -> None:
    sends = sent(("s1", "a", "save10", 0), ("s2", "a", "save20", 2), ("s3", "a", "save30", 4), ("s4", "b", "save10", 0))
    assert count(bought({}), sends) == {"save20": 1}
    assert count(bought({}, {}), sends) == {"save20": 2}


def test_a_purchase_that_names_its_send_redeems_that_offer() -> None:
    sends = sent(("s1", "a", "save10", 0), ("s2", "a", "save20", 2))
    assert count(bought({"send_id": "s1"}), sends) == {"save10": 1}
    assert count(bought({"send_id": "elsewhere"}), sends) == {"save20": 1}


def test_without_a_discount_nothing_was_redeemed_and_what_is_not_known_counts() -> None:
    sends = sent(("s1", "a", "save10", 0))
    assert count(bought({"discount": 0.0}, {"discount": 0.1}, {"discount": None}), sends) == {"save10": 2}


def test_before_the_send_after_its_window_other_people_and_other_events_do_not_count() -> None:
    sends = sent(("s1", "a", "save10", 4))
    late = START + timedelta(days=19)
    assert count(bought({}, {"occurred_at": late}, {"customer_id": "b"}, {"type": "visit"}), sends) == {}
    assert count(None, sends) == count(bought({}), sends.slice(0, 0)) == {}
