"""Phrases of a goal become masks over people, or an honest None."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.audience import selection

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")
PEOPLE = pa.table(
    {
        "customer_id": ["A", "B", "C", "D"],
        "country": ["US", "DE", "US", None],
        "birth_date": pa.array([date(2012, 1, 1), date(1980, 1, 1), None, date(1990, 1, 1)]),
    }
)
FEATURES = pa.table(
    {
        "customer_id": ["A", "B", "C", "D"],
        "recency_days": [5.0, 40.0, 400.0, 730.0],
        "tenure_days": [10.0, 500.0, 600.0, 80.0],
        "value_365": [100.0, 20.0, 0.0, 0.0],
        "orders_365": [3.0, 1.0, 0.0, 0.0],
        "opt_outs": [0.0, 1.0, 0.0, 0.0],
        "contact_recency_days": [2.0, 20.0, 730.0, 730.0],
        "womens": [1.0, 0.0, 1.0, 0.0],
        "app_user": [0.0, 1.0, 1.0, 0.0],
        "plan_is_gold": [1.0, 1.0, 0.0, 0.0],
    }
)
EVENTS = pa.table(
    {
        "customer_id": ["A", "B", "C"],
        "type": ["purchase", "purchase", "complaint"],
        "occurred_at": pa.array([AS_OF - timedelta(days=d) for d in (5, 40, 10)], STAMP),
        "product_id": pa.array(["P1", "P2", None]),
    }
)
PRODUCTS = pa.table({"product_id": ["P1", "P2"], "category": ["shoes", "hats"]})


def _who(phrase: str) -> str | None:
    mask = selection.match_people(
        phrase, people=PEOPLE, features=FEATURES, tables={"events": EVENTS, "products": PRODUCTS}, as_of=AS_OF
    )
    return None if mask is None else "".join(np.array(["A", "B", "C", "D"])[mask])


@pytest.mark.parametrize(
    ("phrase", "who"),
    [
        ("recent buyers", "A"),
        ("customers who bought in the last 60 days", "AB"),
        ("lapsed customers", "CD"),
        ("inactive for 2 years", "D"),
        ("people who have not bought in 30 days", "BCD"),
        ("new customers", "AD"),
        ("VIP customers", "A"),
        ("top 50% of customers", "AB"),
        ("repeat buyers", "A"),
        ("never bought", "CD"),
        ("opted out", "B"),
        ("people contacted in the last week", "A"),
        ("people who complained", "C"),
        ("customers in Germany", "B"),
        ("german customers", "B"),
        ("people in the US", "AC"),
        ("lapsed customers in the US", "C"),
        ("women's", "AC"),
        ("app users", "BC"),
        ("gold members", "AB"),
        ("womens app users", "C"),
        ("shoe buyers", "A"),
        ("minors", "A"),
        ("all customers", "ABCD"),
    ],
)
def test_what_phrases_mean(phrase: str, who: str) -> None:
    assert _who(phrase) == who


@pytest.mark.parametrize(
    "phrase",
    [
        "people it does not move",
        "those we do not move",
        "left-handed people",
        "not womens customers",
        "recent buyers of spaceships",
        "employees",
    ],
)
def test_what_the_data_cannot_tell_is_not_guessed(phrase: str) -> None:
    assert _who(phrase) is None


def test_without_the_column_a_phrase_needs_the_answer_is_none() -> None:
    bare = FEATURES.select(["customer_id"])
    for phrase in ("recent buyers", "new customers", "vip customers", "opted out"):
        assert selection.match_people(phrase, people=PEOPLE, features=bare, tables={}, as_of=AS_OF) is None


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), max_size=5))
def test_a_funnel_adds_up(masks: list[list[bool]]) -> None:
    steps = [(f"step {n}", "rule", np.array(mask)) for n, mask in enumerate(masks)]
    left, shown = selection.funnel(PEOPLE, steps=steps)
    assert int(left.sum()) + sum(step.removed for step in shown) == PEOPLE.num_rows
    assert [step.left for step in shown] == list(np.cumprod([m for m in masks], axis=0).sum(axis=1)) if masks else not shown
