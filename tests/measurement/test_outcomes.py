"""Events become one row of outcomes per person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from liftwright.measurement.outcomes import by_day, late_events, outcomes

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=14)
STAMP = pa.timestamp("us", tz="UTC")


def events(*rows: dict[str, Any]) -> pa.Table:
    blank: dict[str, Any] = {
        "customer_id": "a",
        "type": "purchase",
        "occurred_at": START,
        "amount": None,
        "margin": None,
        "received_at": None,
    }
    schema = pa.schema(
        [
            ("customer_id", pa.string()),
            ("type", pa.string()),
            ("occurred_at", STAMP),
            ("amount", pa.float64()),
            ("margin", pa.float64()),
            ("received_at", STAMP),
        ]
    )
    return pa.Table.from_pylist([blank | row for row in rows], schema=schema)


def run(table: pa.Table | None, ids: list[str] | None = None, **changes: Any) -> dict[str, dict[str, float]]:
    found = outcomes(
        table, customer_ids=["a", "b"] if ids is None else ids, starts_at=START, ends_at=END, margin_rate=0.4, **changes
    )
    return {row.pop("customer_id"): row for row in found.to_pylist()}


def test_a_purchase_earns_its_margin_or_the_rate_of_its_amount() -> None:
    found = run(events({"amount": 100.0}, {"amount": 50.0, "margin": 5.0}, {"type": "visit"}))
    assert found["a"] == {"margin": 45.0, "revenue": 150.0, "orders": 2.0, "visits": 1.0} | {
        "opt_outs": 0.0,
        "complaints": 0.0,
        "order_margin": 45.0,
    }
    assert found["b"]["margin"] == 0.0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_return_takes_back_what_it_brought_whatever_its_sign(sign: float) -> None:
    found = run(events({"amount": 100.0}, {"type": "return", "amount": sign * 100.0}))
    assert (found["a"]["margin"], found["a"]["revenue"], found["a"]["orders"]) == (0.0, 0.0, 1.0)


def test_a_purchase_sold_below_cost_counts_as_the_loss_it_is() -> None:
    assert run(events({"amount": 10.0, "margin": -4.0}))["a"]["margin"] == -4.0


def test_only_the_window_and_the_people_asked_for_count() -> None:
    found = run(
        events(
            {"amount": 1.0, "occurred_at": START},
            {"amount": 2.0, "occurred_at": END},
            {"amount": 4.0, "occurred_at": START - timedelta(seconds=1)},
            {"amount": 8.0, "customer_id": "stranger"},
        )
    )
    assert found["a"]["revenue"] == 1.0
    assert set(found) == {"a", "b"}


def test_contact_cost_comes_off_the_margin() -> None:
    costs = pa.table({"customer_id": ["a", "a", "stranger"], "cost": [0.5, 0.25, 9.0]})
    assert run(events({"amount": 10.0}), costs=costs)["a"]["margin"] == pytest.approx(3.25)


def test_without_events_everybody_has_zeros() -> None:
    for table in (None, events()):
        assert run(table)["a"] == dict.fromkeys(
            ("margin", "revenue", "orders", "visits", "opt_outs", "complaints", "order_margin"), 0.0
        )
    assert run(events({"amount": 1.0}), ids=[]) == {}


def test_bad_signs_of_contact_are_counted() -> None:
    found = run(events({"type": "opt_out"}, {"type": "complaint", "customer_id": "b"}))
    assert (found["a"]["opt_outs"], found["b"]["complaints"]) == (1.0, 1.0)


def test_events_that_came_too_late_are_counted() -> None:
    table = events(
        {"received_at": END + timedelta(days=5)},
        {"received_at": END},
        {},
        {"occurred_at": END, "received_at": END + timedelta(days=5)},
    )
    assert late_events(table, starts_at=START, ends_at=END, closed_at=END + timedelta(days=1)) == 1
    assert late_events(None, starts_at=START, ends_at=END, closed_at=END) == 0
    assert late_events(table.drop_columns(["received_at"]), starts_at=START, ends_at=END, closed_at=END) == 0


def test_thousands_of_events_agree_with_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    people = [f"c{i}" for i in range(500)]
    who = rng.integers(0, 500, 5000)
    amount = rng.gamma(2.0, 20.0, 5000)
    table = events(*({"customer_id": people[w], "amount": float(v)} for w, v in zip(who, amount, strict=True)))
    found = run(table, ids=people)
    expected = np.zeros(500)
    np.add.at(expected, who, amount)
    assert [found[name]["revenue"] for name in people] == pytest.approx(expected.tolist())


def test_a_person_who_opts_out_costs_what_they_would_have_brought_later() -> None:
    found = run(events({"amount": 10.0}, {"type": "opt_out"}, {"type": "opt_out"}), opt_out_price=3.0)
    assert (found["a"]["margin"], found["a"]["order_margin"]) == (pytest.approx(1.0), pytest.approx(4.0))


def test_each_day_has_the_sum_and_the_squares_of_what_people_brought() -> None:
    table = events(
        {"amount": 10.0},
        {"amount": 10.0, "occurred_at": START + timedelta(hours=5)},
        {"amount": 5.0, "customer_id": "b"},
        {"type": "return", "amount": 10.0, "occurred_at": START + timedelta(days=2)},
        {"amount": 99.0, "customer_id": "stranger"},
        {"type": "visit"},
    )
    found = by_day(table, customer_ids=["b", "a"], starts_at=START, ends_at=START + timedelta(days=3, hours=7), margin_rate=0.4)
    assert found.tolist() == [[pytest.approx(10.0), pytest.approx(68.0)], [0.0, 0.0], [-4.0, 16.0]]
    assert by_day(None, customer_ids=["a"], starts_at=START, ends_at=END, margin_rate=0.4).tolist() == [[0.0, 0.0]] * 14
