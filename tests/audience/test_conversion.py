"""Who already did what a goal wanted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from liftwright.audience.conversion import converted
from liftwright.domain.goal import Objective

START = datetime(2026, 11, 2, tzinfo=UTC)
UNTIL = START + timedelta(days=3)
PRODUCTS = pa.table(
    {
        "product_id": ["P1", "P2", "P3"],
        "name": ["Trail running shoe", "Women’s shoes", "Rain jacket"],
        "category": ["mens", "womens", None],
    }
)


def objective(**fields: Any) -> Objective:
    return Objective(**({"metric": "revenue", "starts_on": date(2026, 11, 2), "ends_on": date(2026, 11, 15)} | fields))


def events(*rows: tuple[str, str, float, str | None]) -> pa.Table:
    """(customer_id, type, days after START, product_id)."""
    return pa.table(
        {
            "customer_id": [row[0] for row in rows],
            "type": [row[1] for row in rows],
            "occurred_at": pa.array([START + timedelta(days=row[2]) for row in rows], pa.timestamp("us", tz="UTC")),
            "product_id": pa.array([row[3] for row in rows], pa.string()),
        }
    )


HAPPENED = events(
    ("early", "purchase", -0.1, "P1"),
    ("first", "purchase", 0, "P1"),
    ("last", "purchase", 3, "P2"),
    ("late", "purchase", 3.1, "P1"),
    ("coat", "purchase", 1, "P3"),
    ("odd", "purchase", 1, None),
    ("visitor", "visit", 1, None),
)


@pytest.mark.parametrize(
    ("goal", "people"),
    [
        ({}, {"first", "last", "coat", "odd"}),
        ({"metric": "orders", "product": "shoes"}, {"first", "last"}),
        ({"product": "women's shoes"}, {"last"}),
        ({"product": "the jacket"}, set()),
        ({"product": "rain jackets"}, {"coat"}),
        ({"product": "lamps"}, set()),
        ({"metric": "visits"}, {"visitor"}),
        ({"metric": "average_order_value"}, set()),
        ({"metric": "opt_outs", "direction": "decrease"}, set()),
        ({"metric": "revenue", "direction": "hold"}, set()),
    ],
)
def test_only_what_the_goal_wanted_counts(goal: dict[str, Any], people: set[str]) -> None:
    assert converted(HAPPENED, PRODUCTS, objective=objective(**goal), starts_at=START, until=UNTIL) == people


def test_where_the_data_cannot_tell_products_apart_nobody_has_bought_the_product() -> None:
    named = objective(product="shoes")
    assert converted(HAPPENED, None, objective=named, starts_at=START, until=UNTIL) == set()
    blind = HAPPENED.drop_columns(["product_id"])
    assert converted(blind, PRODUCTS, objective=named, starts_at=START, until=UNTIL) == set()
    assert converted(None, PRODUCTS, objective=objective(), starts_at=START, until=UNTIL) == set()
