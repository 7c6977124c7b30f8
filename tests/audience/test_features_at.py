"""A label row knows the past of its own moment: the same features as for everybody at that moment, and nothing later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience import features, identity
from liftwright.audience.features import Feature

START = datetime(2026, 1, 1, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")
DAY_US = 86_400_000_000
KINDS = ("purchase", "visit", "page_view", "click", "email_open", "delivered", "support", "add_to_cart", "opt_out")
RATE = 0.4


def _world(seed: int, *, events: int = 3_000, people: int = 40) -> dict[str, pa.Table]:
    rng = np.random.default_rng(seed)
    at = START.timestamp() * 1e6 + rng.integers(0, 500 * DAY_US, events)
    kinds = np.array(KINDS)[rng.integers(0, len(KINDS), events)]
    bought = kinds == "purchase"
    return {
        "customers": pa.table({"customer_id": [f"C{n}" for n in range(people)], "age": rng.integers(20, 70, people)}),
        "products": pa.table({"product_id": ["P0", "P1"], "category": ["Shoes", "Hats"], "price": [10.0, 20.0], "unit_cost": [5.0, 8.0]}),
        "events": pa.table(
            {
                "customer_id": [f"C{n}" for n in (people * rng.random(events) ** 2).astype(int)],
                "type": kinds,
                "occurred_at": pa.array(at.astype(np.int64)).cast(STAMP),
                "channel": pa.array(np.array(["email", "sms", "push", "web"])[rng.integers(0, 4, events)], mask=rng.random(events) < 0.2),
                "amount": pa.array(rng.gamma(2, 20, events).round(2), mask=~bought),
                "product_id": pa.array(np.array(["P0", "P1"])[rng.integers(0, 2, events)], mask=~bought),
                "is_machine": rng.random(events) < 0.3,
            }
        ),
    }  # fmt: skip


def _moments(seed: int, size: int, people: int = 45) -> pa.Table:
    """Some are of people nobody knows, some fall on the very microsecond of an event."""
    rng = np.random.default_rng([seed, 1])
    at = START.timestamp() * 1e6 + rng.integers(0, 520 * DAY_US, size)
    return pa.table(
        {"customer_id": [f"C{n}" for n in rng.integers(0, people, size)], "at": pa.array(at.astype(np.int64)).cast(STAMP)}
    )


def _at(tables: dict[str, pa.Table], moments: pa.Table, **more: Any) -> pa.Table:
    return features.compute_at(tables, people=identity.people(tables), moments=moments, margin_rate=RATE, **more)


def _by_hand(rows: list[dict[str, Any]], who: str, at: datetime) -> dict[str, float]:
    """A few features of every kind, in plain Python."""
    past = [
        (row, (at - row["occurred_at"]) / timedelta(days=1))
        for row in rows
        if row["customer_id"] == who and row["occurred_at"] < at
    ]
    cost = {"P0": 0.5, "P1": 0.6}
    bought = [(row, age) for row, age in past if row["type"] == "purchase"]
    year = [(row, age) for row, age in bought if age <= 365]
    active = {int(age) for row, age in past if row["type"] in ("visit", "page_view", "click", "purchase") and age < 30}
    contacts: dict[tuple[str, Any], float] = {}
    for row, age in past:
        if row["type"] == "delivered":
            key = (row["channel"] or "", row["occurred_at"].date())
            contacts[key] = max(age, contacts.get(key, 0.0))
    return {
        "recency_days": min([age for _, age in bought] + [features.NEVER_DAYS]),
        "orders_90": sum(age <= 90 for _, age in bought),
        "value_365": sum(row["amount"] for row, _ in year),
        "margin_365": sum(row["amount"] * cost[row["product_id"]] for row, _ in year),
        "largest_order_365": max([row["amount"] for row, _ in year] + [0.0]),
        "average_order": sum(row["amount"] for row, _ in bought) / len(bought) if bought else 0.0,
        "categories_365": len({row["product_id"] for row, _ in year}),
        "affinity_shoes": sum(row["product_id"] == "P0" for row, _ in year) / len(year) if year else 0.0,
        "email_opens_180": sum(row["type"] == "email_open" and not row["is_machine"] and age <= 180 for row, age in past),
        "sms_clicks_90": sum(row["type"] == "click" and row["channel"] == "sms" and age <= 90 for row, age in past),
        "other_clicks_90": sum(row["type"] == "click" and row["channel"] in (None, "web") and age <= 90 for row, age in past),
        "active_days_30": len(active),
        "carts_30": sum(row["type"] == "add_to_cart" and age <= 30 for row, age in past),
        "opt_outs": sum(row["type"] == "opt_out" for row, _ in past),
        "contacts_30": sum(age <= 30 for age in contacts.values()),
        "contact_recency_days": min([*contacts.values(), features.NEVER_DAYS]),
    }  # fmt: skip


def test_every_label_row_equals_a_count_by_hand() -> None:
    tables, moments = _world(3), _moments(3, 200)
    found = _at(tables, moments)
    known = [row for row, who in enumerate(moments["customer_id"].to_pylist()) if int(who[1:]) < 40]
    assert found["row"].to_pylist() == known
    events, asked = tables["events"].to_pylist(), moments.to_pylist()
    for row in found.to_pylist():
        expected = _by_hand(events, row["customer_id"], asked[row["row"]]["at"])
        assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-12)


def test_for_training_and_for_now_it_is_the_same_definition() -> None:
    tables = _world(4)
    people, now = identity.people(tables), START + timedelta(days=400)
    alone = features.compute(tables, people=people, as_of=now, margin_rate=RATE)
    moments = people.select(["customer_id"]).append_column("at", pa.array([now] * people.num_rows, STAMP))
    found = _at(tables, moments).drop_columns(["row"])
    assert found.column_names == alone.column_names
    for name in alone.column_names[1:]:
        assert found[name].to_pylist() == pytest.approx(alone[name].to_pylist(), rel=1e-12)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(1, 400))
def test_events_after_a_moment_never_change_its_row(seed: int, day: int) -> None:
    tables, moments = _world(seed, events=400), _moments(seed, 30)
    moments = moments.set_column(1, "at", pa.array([START + timedelta(days=day)] * 30, STAMP))
    at = pa.compute.less(tables["events"]["occurred_at"], pa.scalar(START + timedelta(days=day), STAMP))
    before = tables | {"events": tables["events"].filter(at)}
    if before["events"].num_rows and "delivered" in before["events"]["type"].to_pylist():
        assert _at(tables, moments).equals(_at(before, moments))


def test_an_event_of_the_very_moment_is_not_known_and_one_a_microsecond_earlier_is() -> None:
    events = pa.table({"customer_id": ["C0"], "type": ["visit"], "occurred_at": pa.array([START], STAMP)})
    tables = {"customers": pa.table({"customer_id": ["C0"]}), "events": events}
    moments = pa.table({"customer_id": ["C0", "C0"], "at": pa.array([START, START + timedelta(microseconds=1)], STAMP)})
    assert _at(tables, moments)["visits_30"].to_pylist() == [0.0, 1.0]


def test_one_more_entry_is_one_more_feature_now_and_at_any_moment() -> None:
    mine = Feature(
        "evening_orders_90", "count(*)", "orders after six in the last 90 days", types=("purchase",), window=90,
        where='hour(make_timestamp("at")) >= 18',
    )  # fmt: skip
    tables, moments = _world(5), _moments(5, 60)
    catalogue = (*features.FEATURES, mine)
    found = _at(tables, moments, features=catalogue)
    events, asked = tables["events"].to_pylist(), moments.to_pylist()
    for row in found.to_pylist():
        at = asked[row["row"]]["at"]
        mine_by_hand = [
            e for e in events
            if (e["customer_id"], e["type"]) == (row["customer_id"], "purchase") and e["occurred_at"].hour >= 18
            and timedelta(0) < at - e["occurred_at"] <= timedelta(days=90)
        ]  # fmt: skip
        assert row["evening_orders_90"] == len(mine_by_hand)
    now = features.compute(tables, people=identity.people(tables), as_of=START, margin_rate=RATE, features=catalogue)
    assert "evening_orders_90" in now.column_names


def test_moments_of_nobody_give_no_rows_and_no_moments_give_the_columns() -> None:
    tables = _world(6, events=50)
    nobody = pa.table({"customer_id": ["X"], "at": pa.array([START], STAMP)})
    for moments in (nobody, nobody.slice(0, 0)):
        found = _at(tables, moments)
        assert found.num_rows == 0
        assert {"row", "customer_id", "orders_90", "age"} <= set(found.column_names)


def test_there_are_features_of_every_kind_and_each_is_fully_declared() -> None:
    names = [feature.name for feature in features.FEATURES]
    assert len(names) == len(set(names)) >= 30
    assert all(feature.says and feature.owner and feature.decides for feature in features.FEATURES)
    needed = {"recency_days", "orders_90", "value_365", "email_opens_90", "carts_30", "contacts_7", "tenure_days", "discount_share",
              "categories_365", "support_90", "store_orders_365"}  # fmt: skip
    assert needed <= set(names)
