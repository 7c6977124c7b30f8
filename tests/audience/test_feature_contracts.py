"""A feature that cannot be trusted blocks scoring and names what it would have spoiled; private columns reach no model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from liftwright.audience import features, identity
from liftwright.audience.features import Feature, contracts, customer_file

NOW = datetime(2026, 6, 1, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")


def _tables(*, newest_days: float = 1.0, without_amount: int = 0, **columns: Any) -> dict[str, pa.Table]:
    days = np.linspace(newest_days, newest_days + 100, 100)
    amounts = [None if n < without_amount else 10.0 + n for n in range(100)]
    return {
        "customers": pa.table({"customer_id": [f"C{n}" for n in range(50)], **columns}),
        "events": pa.table(
            {
                "customer_id": [f"C{n % 50}" for n in range(100)],
                "type": ["purchase"] * 100,
                "occurred_at": pa.array([NOW - timedelta(days=float(d)) for d in days], STAMP),
                "amount": pa.array(amounts, pa.float64()),
            }
        ),
    }


def _checked(tables: dict[str, pa.Table], **more: Any) -> list[Any]:
    computed = features.compute(tables, people=identity.people(tables), as_of=NOW, margin_rate=0.4, **more)
    return list(contracts.check(tables, computed, as_of=NOW, **more))


def test_healthy_data_breaks_no_contract() -> None:
    assert _checked(_tables()) == []
    assert _checked(_tables(newest_days=44)) == []
    assert _checked(_tables(without_amount=5)) == []


def test_a_stale_source_blocks_and_names_the_decisions() -> None:
    (found,) = _checked(_tables(newest_days=50))
    assert (found.rule, found.severity, found.subject) == ("FEATURE-STALE", "block", "events")
    assert "50 days" in found.says
    assert "who is a likely buyer" in found.says


def test_missing_amounts_block_what_an_order_is_worth_only() -> None:
    (found,) = _checked(_tables(without_amount=20))
    assert (found.rule, found.subject, found.severity) == ("FEATURE-NULLS", "events.amount", "block")
    assert "20 of 100" in found.says
    assert "what an order of a person is worth" in found.says
    assert "likely buyer" not in found.says


def test_a_shop_that_never_had_amounts_breaks_nothing() -> None:
    assert _checked(_tables(without_amount=100)) == []


def test_impossible_values_block() -> None:
    wild = Feature("wild", "sum(paid)", "amounts", types=("purchase",), high=50.0, decides="what is offered")
    (found,) = _checked(_tables(), features=(wild,))
    assert (found.rule, found.subject) == ("FEATURE-RANGE", "wild")
    assert "what is offered" in found.says


def test_no_data_at_all_breaks_nothing() -> None:
    assert _checked({"customers": pa.table({"customer_id": ["A"]})}) == []
    assert _checked(_tables() | {"events": _tables()["events"].slice(0, 0)}) == []


@pytest.mark.parametrize(
    ("column", "tag"),
    [("health_score", "health"), ("Religion", "religion"), ("has_disability", "health"), ("union_member", "trade_union"),
     ("national_id", "direct"), ("full_name", "direct"), ("race", "ethnicity"), ("races_run", ""), ("shoe_size", ""), ("shipments", "")],
)  # fmt: skip
def test_what_a_column_says_about_people_is_known_by_its_name(column: str, tag: str) -> None:
    assert customer_file.tag_of(column) == tag


def test_special_and_identifying_columns_reach_nobody_unless_their_tag_is_allowed() -> None:
    columns = {
        "religion": ["a", "b"] * 25,
        "health_score": list(range(50)),
        "national_id": list(range(50)),
        "size": list(range(50)),
    }
    tables = _tables(**columns)
    people = identity.people(tables)
    given = {"people": people, "as_of": NOW, "margin_rate": 0.4}
    names = features.compute(tables, **given).column_names
    assert "size" in names
    assert not [name for name in names if name.startswith(("religion", "health", "national"))]
    allowed = features.compute(tables, **given, allowed=("health",)).column_names
    assert "health_score" in allowed
    assert not [name for name in allowed if name.startswith(("religion", "national"))]
    assert {f.subject for f in customer_file.withheld(people, ("health",))} == {"religion", "national_id"}


def test_a_declared_feature_of_a_special_category_is_not_even_computed() -> None:
    pharmacy = Feature("pharmacy_orders", "count(*)", "orders of medicine", types=("purchase",), special="health")
    address = Feature("address_changes", "count(*)", "changes", types=("purchase",), pii="direct")
    tables = _tables()
    given = {"people": identity.people(tables), "as_of": NOW, "margin_rate": 0.4, "features": (pharmacy, address)}
    assert not {"pharmacy_orders", "address_changes"} & set(features.compute(tables, **given).column_names)
    assert "pharmacy_orders" in features.compute(tables, **given, allowed=["health"]).column_names
    assert "address_changes" in features.compute(tables, **given, allowed=["direct"]).column_names


def test_hostile_tables_are_survived() -> None:
    wide = {f"x{n}": [float(n), None] for n in range(10_000)}
    odd = {
        "nested": pa.array([[1], None], pa.list_(pa.int64())),
        "nothing": pa.nulls(2),
        "infinite": [float("inf"), float("nan")],
        "when": pa.array([NOW, None], STAMP),
        "huge": pa.array([2**62, 1], pa.int64()),
        "quote'\"": ["a'b", 'c"d'],
    }
    for columns in (wide, odd):
        tables = {"customers": pa.table({"customer_id": ["A", "B"], **columns})}
        found = features.compute(tables, people=identity.people(tables), as_of=NOW, margin_rate=0.4)
        assert all(np.isfinite(found[name].to_numpy()).all() for name in found.column_names[1:])
    products = pa.table({"product_id": ["P"], "category": ['it\'s; DROP TABLE "x" --']})
    tables = _tables() | {"products": products}
    assert features.compute(tables, people=identity.people(tables), as_of=NOW, margin_rate=0.4).num_rows == 50
