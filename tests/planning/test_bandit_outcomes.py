"""Which order belongs to which send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.planning.bandit_outcomes import Came, came

START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = pa.timestamp("us", tz="UTC")
Sent = tuple[str, float]
Event = tuple[str, str, float, float]


def at(days: float) -> datetime:
    return START + timedelta(days=days)


def sends_of(rows: list[Sent]) -> pa.Table:
    return pa.table(
        {
            "send_id": [f"s{n}" for n in range(len(rows))],
            "customer_id": pa.array([person for person, _ in rows], pa.string()),
            "at": pa.array([at(day) for _, day in rows], MOMENT),
        }
    )


def events_of(rows: list[Event], **more: Any) -> pa.Table:
    return pa.table(
        {
            "customer_id": pa.array([person for person, _, _, _ in rows], pa.string()),
            "type": pa.array([kind for _, kind, _, _ in rows], pa.string()),
            "occurred_at": pa.array([at(day) for _, _, day, _ in rows], MOMENT),
            "amount": pa.array([amount for _, _, _, amount in rows], pa.float64()),
            **more,
        }
    )


def found_of(sends: list[Sent], events: list[Event], *, now: float, window: int = 14, **more: Any) -> Came:
    now_us = int(at(now).timestamp() * 1e6)
    return came(sends_of(sends), events_of(events, **more), now_us=now_us, window_days=window, margin_rate=0.5)


def test_an_order_belongs_to_the_last_contact_before_it_within_the_window() -> None:
    sends = [("ann", 0.0), ("ann", 5.0), ("bob", 0.0)]
    events = [
        ("ann", "purchase", 2.0, 10.0),
        ("ann", "purchase", 6.0, 20.0),
        ("bob", "purchase", 15.0, 99.0),
        ("cy", "purchase", 1.0, 7.0),
        ("bob", "purchase", -1.0, 50.0),
    ]
    found = found_of(sends, events, now=20.0)
    assert found.margin().tolist() == [5.0, 10.0, 0.0]
    assert found.order_delay == pytest.approx([2.0, 1.0])
    assert found.counted == pytest.approx([5.0, 14.0, 14.0])
    assert found.ages == pytest.approx([14.0, 14.0, 14.0])


def test_clicks_and_returns_and_what_is_still_to_come() -> None:
    events = [
        ("ann", "click", 0.5, 0.0),
        ("ann", "purchase", 1.0, 40.0),
        ("ann", "return", 2.0, 40.0),
        ("ann", "purchase", 9.0, 4.0),
    ]
    found = found_of([("ann", 0.0)], events, now=3.0)
    assert (found.clicks.tolist(), found.margin().tolist(), len(found.order_send)) == ([1.0], [0.0], 1)


def test_an_order_that_names_its_send_belongs_to_that_one() -> None:
    events = [("ann", "purchase", 6.0, 10.0)]
    found = found_of([("ann", 0.0), ("ann", 5.0)], events, now=9.0, send_id=pa.array(["s0"], pa.string()))
    assert found.margin().tolist() == [5.0, 0.0]


def test_without_events_nothing_came() -> None:
    found = came(sends_of([("ann", 0.0)]), None, now_us=int(at(1).timestamp() * 1e6), window_days=14, margin_rate=0.5)
    assert (found.margin().tolist(), found.ages.tolist()) == ([0.0], [1.0])


@settings(max_examples=60, deadline=None)
@given(
    sends=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), min_size=1, max_size=12),
    events=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 40)), max_size=20),
)
def test_the_same_as_looking_at_every_order_by_hand(sends: list[tuple[str, int]], events: list[tuple[str, int]]) -> None:
    contacts = [(person, float(day)) for person, day in sends]
    orders: list[Event] = [(person, "purchase", day + 0.5, 2.0) for person, day in events]
    expected = np.zeros(len(contacts))
    for person, _, day, _ in orders:
        before = [(at_day, n) for n, (who, at_day) in enumerate(contacts) if who == person and at_day <= day]
        if before and day <= 30.0:
            latest = max(at_day for at_day, _ in before)
            mine = [n for at_day, n in before if at_day == latest]
            if day - latest < 14.0:
                expected[mine] += 1.0 / len(mine)
    found = found_of(contacts, orders, now=30.0).margin()
    groups = {(who, day) for who, day in contacts}
    for who, day in groups:
        mine = [n for n, each in enumerate(contacts) if each == (who, day)]
        assert found[mine].sum() == pytest.approx(expected[mine].sum())
