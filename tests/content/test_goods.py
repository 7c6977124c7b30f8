"""Prices and stock as of a day: what is charged now, what was charged before, and what a text names."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from liftwright.content.goods import Goods, goods_from, named

PRODUCTS = [
    {"product_id": "p1", "name": "Ridge Runner", "price": 99, "stock": 7},
    {"product_id": 2, "name": "Mug", "price": "4.5", "stock": None},
]


def _prices(*rows: tuple[Any, str, str | None]) -> list[dict[str, Any]]:
    return [{"product_id": "p1", "price": price, "valid_from": start, "valid_to": end} for price, start, end in rows]


@pytest.mark.parametrize(
    ("prices", "now", "before"),
    [
        ([], Decimal(99), None),
        (_prices((120, "2026-06-01", "2026-10-20"), (89, "2026-10-21", None)), Decimal(89), Decimal(120)),
        (_prices((120, "2026-06-01", "2026-07-20"), (89, "2026-10-21", None)), Decimal(89), None),
        (
            _prices((120, "2026-06-01", "2026-10-10"), (95, "2026-10-11", "2026-10-20"), (89, "2026-10-21", None)),
            Decimal(89),
            Decimal(95),
        ),
        (_prices((80, "2026-06-01", "2026-10-20"), (89, "2026-10-21", None)), Decimal(89), None),
        (_prices((89, "2026-12-01", None)), Decimal(99), None),
        (_prices(("free", "2026-06-01", None), (float("nan"), "2026-06-01", None)), Decimal(99), None),
    ],
    ids=["no record", "reduced", "before too long ago", "the lowest of 30 days", "raised", "not yet", "no numbers"],
)
def test_a_former_price_is_the_lowest_of_the_thirty_days_before(prices: Any, now: Decimal, before: Decimal | None) -> None:
    (shoe, mug) = goods_from(PRODUCTS, prices, currency="USD", on=date(2026, 11, 23))
    assert (shoe.price, shoe.former, shoe.stock) == (now, before, 7)
    assert (mug.price, mug.former, mug.stock, mug.product_id) == (Decimal("4.5"), None, None, "2")


def test_days_may_be_moments_and_a_record_may_name_its_currency() -> None:
    row = {"product_id": "p1", "price": 70, "valid_from": datetime(2026, 1, 1, 9), "valid_to": None, "currency": "EUR"}
    assert goods_from(PRODUCTS, [row], currency="USD", on=date(2026, 11, 23))[0].currency == "EUR"


@pytest.mark.parametrize(
    ("text", "names"),
    [("The ridge  runner is here", ["p1"]), ("Two Ridge Runners and a Mug", ["p1", "2"]), ("Smuggled goods", []), ("", [])],
)
def test_goods_are_named_by_their_whole_name(text: str, names: list[str]) -> None:
    assert [each.product_id for each in named(goods_from(PRODUCTS, [], currency="USD", on=date(2026, 11, 23)), text)] == names


def test_goods_without_a_name_are_never_named() -> None:
    assert named([Goods("p", " ", "USD")], "anything at all") == ()
