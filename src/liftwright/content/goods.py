"""What may be said of the goods: the price now, the price before, how many are left. From the tables of products and prices, never from a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

BEFORE = timedelta(days=30)
"""A former price is the lowest one charged in the 30 days before the present one began (Directive 98/6/EC art. 6a; 16 CFR 233.1 asks for
a price actually charged for a reasonable time)."""


@dataclass(frozen=True)
class Goods:
    """One product. `price` and `former` in major units of `currency`; None where no record says."""

    product_id: str
    name: str
    currency: str
    price: Decimal | None = None
    former: Decimal | None = None
    stock: int | None = None


def goods_from(
    products: Iterable[Mapping[str, Any]], prices: Iterable[Mapping[str, Any]], *, currency: str, on: date
) -> tuple[Goods, ...]:
    """Goods as of a day. A price record in force beats the product's own price; `currency` where a record names none."""
    records: dict[str, list[tuple[date, date | None, Decimal, str]]] = {}
    for row in prices:
        amount, start = _amount(row.get("price")), day_of(row.get("valid_from"))
        if amount is not None and start is not None and row.get("product_id") is not None:
            spell = (start, day_of(row.get("valid_to")), amount, str(row.get("currency") or currency))
            records.setdefault(str(row["product_id"]), []).append(spell)
    found = []
    for row in products:
        key = str(row.get("product_id"))
        mine = sorted(records.get(key, []), key=lambda spell: spell[0])
        now = [spell for spell in mine if spell[0] <= on and (spell[1] is None or on <= spell[1])]
        price, money = (now[-1][2], now[-1][3]) if now else (_amount(row.get("price")), currency)
        stock = row.get("stock")
        found.append(
            Goods(
                product_id=key,
                name=str(row.get("name") or ""),
                currency=money,
                price=price,
                former=_former(mine, now[-1]) if now else None,
                stock=None if stock is None else int(stock),
            )
        )
    return tuple(found)


def named(goods: Sequence[Goods], text: str) -> tuple[Goods, ...]:
    """Goods that a text names by their whole name, whatever its case."""
    said = " ".join(text.casefold().split())
    return tuple(
        each
        for each in goods
        if each.name.strip() and re.search(rf"(?<!\w){re.escape(each.name.casefold().strip())}s?(?!\w)", said)
    )


def _former(
    mine: Sequence[tuple[date, date | None, Decimal, str]], now: tuple[date, date | None, Decimal, str]
) -> Decimal | None:
    start = now[0]
    charged = [
        each[2] for each in mine if each[0] < start and (each[1] is None or each[1] >= start - BEFORE) and each[3] == now[3]
    ]
    lowest = min(charged, default=None)
    return lowest if lowest is not None and lowest > now[2] else None


def _amount(value: Any) -> Decimal | None:
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() and found >= 0 else None


def day_of(value: Any) -> date | None:
    """The day of a date, a moment or ISO text; None for nothing and for what is no day."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or value in (None, ""):
        return value or None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
