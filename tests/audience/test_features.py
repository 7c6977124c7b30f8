"""Features know the past up to a moment and nothing after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience import features, identity

AS_OF = datetime(2026, 6, 1, 12, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")


def _events(*rows: tuple[str, str, float, dict[str, Any]]) -> pa.Table:
    """(customer, type, days before AS_OF, more columns)."""
    return pa.table(
        {
            "customer_id": pa.array([row[0] for row in rows], pa.string()),
            "type": pa.array([row[1] for row in rows], pa.string()),
            "occurred_at": pa.array([AS_OF - timedelta(days=row[2]) for row in rows], STAMP),
            "channel": pa.array([row[3].get("channel") for row in rows], pa.string()),
            "amount": pa.array([row[3].get("amount") for row in rows], pa.float64()),
            "margin": pa.array([row[3].get("margin") for row in rows], pa.float64()),
            "product_id": pa.array([row[3].get("product_id") for row in rows], pa.string()),
            "is_machine": pa.array([row[3].get("is_machine") for row in rows], pa.bool_()),
        }
    )


def _customers(**columns: Any) -> pa.Table:
    size = len(next(iter(columns.values())))
    return pa.table({"customer_id": [f"C{n}" for n in range(size)], **columns})


def _one(tables: dict[str, pa.Table], who: str = "C0") -> dict[str, Any]:
    people = identity.people(tables)
    rows = features.compute(tables, people=people, as_of=AS_OF, margin_rate=0.4).to_pylist()
    return next(row for row in rows if row["customer_id"] == who)


def test_orders_visits_and_value_are_counted_in_their_windows() -> None:
    events = _events(
        ("C0", "purchase", 10, {"amount": 100.0}),
        ("C0", "purchase", 60, {"amount": 50.0, "margin": 30.0}),
        ("C0", "purchase", 500, {"amount": 7.0}),
        ("C0", "visit", 2, {}),
        ("C0", "page_view", 80, {}),
    )
    row = _one({"customers": _customers(x=[1.0, 2.0]), "events": events})
    assert (row["orders_30"], row["orders_90"], row["orders_365"]) == (1, 2, 2)
    assert (row["value_90"], row["value_365"]) == (150.0, 150.0)
    assert row["margin_365"] == pytest.approx(100 * 0.4 + 30)
    assert row["average_order"] == pytest.approx(157 / 3)
    assert (row["visits_30"], row["visits_90"]) == (1, 2)
    assert (row["recency_days"], row["visit_recency_days"]) == (10.0, 2.0)


def test_who_never_did_anything_has_zeros_and_the_longest_recency() -> None:
    row = _one({"customers": _customers(x=[1.0, 2.0]), "events": _events(("C0", "purchase", 1, {"amount": 5.0}))}, "C1")
    assert (row["orders_365"], row["value_365"], row["recency_days"]) == (0.0, 0.0, features.NEVER_DAYS)


def test_an_event_at_the_very_moment_or_later_is_not_known_yet() -> None:
    events = _events(("C0", "purchase", 0, {"amount": 5.0}), ("C0", "visit", -1, {}), ("C0", "opt_out", -2, {}))
    row = _one({"customers": _customers(x=[1.0]), "events": events})
    assert (row["orders_30"], row["visits_30"], row["opt_outs"]) == (0.0, 0.0, 0.0)


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.sampled_from(["purchase", "visit", "click", "delivered"]), st.floats(0, 50)), min_size=1, max_size=10)
)
def test_the_future_changes_no_feature(later: list[tuple[str, float]]) -> None:
    known = [("C0", "purchase", 3.0, {"amount": 5.0}), ("C1", "click", 4.0, {"channel": "email"})]
    future = [("C0", kind, -days, {"amount": 9.0}) for kind, days in later]
    customers = _customers(x=[1.0, 2.0])
    people = identity.people({"customers": customers})
    before, after = (
        features.compute({"customers": customers, "events": _events(*rows)}, people=people, as_of=AS_OF, margin_rate=0.4)
        for rows in (known, known + future)
    )
    assert before.select([c for c in after.column_names if not c.startswith("contact")]).equals(
        after.select([c for c in after.column_names if not c.startswith("contact")])
    )


def test_opens_by_machines_are_not_interest() -> None:
    events = _events(
        ("C0", "email_open", 1, {"is_machine": True}), ("C0", "email_open", 2, {}), ("C0", "click", 3, {"channel": "sms"})
    )
    row = _one({"customers": _customers(x=[1.0]), "events": events})
    assert (row["email_opens_90"], row["sms_clicks_90"], row["email_clicks_90"]) == (1.0, 1.0, 0.0)


def test_margin_comes_from_the_product_where_the_event_does_not_say() -> None:
    events = _events(("C0", "purchase", 1, {"amount": 100.0, "product_id": "P"}))
    products = pa.table({"product_id": ["P"], "price": [50.0], "unit_cost": [20.0]})
    row = _one({"customers": _customers(x=[1.0]), "events": events, "products": products})
    assert row["margin_365"] == pytest.approx(60.0)


def test_contacts_are_counted_once_per_day_and_channel_and_the_control_was_not_contacted() -> None:
    treatments = pa.table(
        {
            "customer_id": ["C0", "C1"],
            "treated_at": pa.array([AS_OF - timedelta(days=3)] * 2, STAMP),
            "arm": ["email:none", "control"],
            "channel": pa.array(["email", None]),
            "discount": [0.1, 0.0],
        }
    )
    tables = {
        "customers": _customers(x=[1.0, 2.0]),
        "treatments": treatments,
        "events": _events(
            ("C0", "delivered", 3, {"channel": "email"}),
            ("C0", "delivered", 20, {"channel": "sms"}),
            ("C0", "purchase", 1, {"amount": 10.0}),
            ("C0", "purchase", 100, {"amount": 10.0}),
        ),
    }
    row = _one(tables)
    assert (row["contacts_7"], row["contacts_30"], row["contact_recency_days"]) == (1.0, 2.0, 3.0)
    assert row["discount_share"] == 0.5
    assert _one(tables, "C1")["contacts_30"] == 0.0


def test_columns_of_the_customer_file_become_features_without_gaps() -> None:
    customers = _customers(
        age=pa.array([20.0, None, 40.0]),
        plan=["Gold", "Basic", None],
        email=["a@x.com", "b@x.com", None],
        womens=pa.array([1, 0, 1]),
    )
    table = features.compute({}, people=identity.people({"customers": customers}), as_of=AS_OF, margin_rate=0.4)
    assert table.column_names == ["customer_id", "age", "womens", "plan_is_basic", "plan_is_gold"]
    assert table["age"].to_pylist() == [20.0, 30.0, 40.0]
    assert table["plan_is_gold"].to_pylist() == [1.0, 0.0, 0.0]


def test_every_feature_is_a_number_for_everybody_and_the_same_every_time() -> None:
    rng = np.random.default_rng(1)
    kinds = ("purchase", "visit", "click", "email_open", "delivered", "support")
    events = _events(
        *(
            (f"C{rng.integers(50)}", kinds[rng.integers(6)], float(rng.uniform(0, 400)), {"amount": float(rng.gamma(2, 20))})
            for _ in range(2000)
        )
    )
    tables = {"customers": _customers(x=list(range(50))), "events": events}
    people = identity.people(tables)
    first, second = (features.compute(tables, people=people, as_of=AS_OF, margin_rate=0.4) for _ in range(2))
    assert first.equals(second)
    assert first["customer_id"].to_pylist() == people["customer_id"].to_pylist()
    assert all(first.schema.field(name).type == pa.float64() for name in first.column_names[1:])
    assert all(np.isfinite(first[name].to_numpy()).all() for name in first.column_names[1:])
    declared = {feature.name for feature in features.FEATURES if feature.source != "people"}
    assert declared <= set(first.column_names)


def test_merged_people_have_the_events_of_all_their_ids() -> None:
    customers = pa.table({"customer_id": ["A", "B"], "email": ["a@x.com", "a@x.com"]})
    events = _events(("A", "purchase", 1, {"amount": 5.0}), ("B", "purchase", 2, {"amount": 6.0}))
    row = _one({"customers": customers, "events": events}, "A")
    assert row["value_90"] == 11.0


def test_remarks_about_people_never_become_feature_names() -> None:
    remarks = ["please ask Zelda Quist before you call her", "likes blue", "please ask Zelda Quist before you call her"]
    customers = pa.table({"customer_id": ["a", "b", "c"], "remark": remarks, "size": ["s", "m", "s"]})
    people = identity.people({"customers": customers})
    found = features.compute({"customers": customers}, people=people, as_of=datetime(2026, 3, 1, tzinfo=UTC), margin_rate=0.4)
    assert not [name for name in found.column_names if name.startswith("remark")]
    assert "size_is_m" in found.column_names
