"""What the shop sells and may claim: products, prices, evidence and the brand document."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

_LINES: tuple[tuple[str, str, float], ...] = (
    ("Aero women's running shoe", "womens", 119.0),
    ("Trail women's running shoe", "womens", 129.0),
    ("City women's sneaker", "womens", 89.0),
    ("Merino women's sweater", "womens", 79.0),
    ("Rain women's jacket", "womens", 139.0),
    ("Linen women's shirt", "womens", 49.0),
    ("Aero men's running shoe", "mens", 119.0),
    ("Trail men's running shoe", "mens", 129.0),
    ("City men's sneaker", "mens", 89.0),
    ("Oxford men's shirt", "mens", 59.0),
    ("Rain men's jacket", "mens", 139.0),
    ("Merino men's sweater", "mens", 85.0),
    ("Sprint kids' running shoe", "kids", 59.0),
    ("Puddle kids' boot", "kids", 45.0),
    ("Playground kids' jacket", "kids", 69.0),
)
BRAND = """# How we speak

We sell shoes and clothes that last, to people who move. We are friendly, plain and brief.

- Say what the thing does. Name the product and one reason to look at it.
- Address people by first name where we have it. Never guess age, size, health or income.
- No pressure: no countdowns that are not real, no "last chance" unless stock or a date proves it.
- Claims about materials, tests, delivery and returns come from the evidence list, word for word in meaning.
- One link, one call to action. Sign with the shop's name.

## Words we like
Ready when you are. New in. Made to last. Worth a look.

## Words we do not use
Guaranteed. Miracle. Cheap. Act now. Free money.
"""


def products(*, margin_rate: float, customers: int) -> pa.Table:
    """products.csv: 15 articles whose unit cost leaves the market's margin rate; stock grows with the number of customers."""
    price = np.array([line[2] for line in _LINES])
    return pa.table(
        {
            "product_id": product_ids(),
            "name": [line[0] for line in _LINES],
            "category": [line[1] for line in _LINES],
            "price": price,
            "unit_cost": np.round(price * (1 - margin_rate), 2),
            "stock": np.full(len(_LINES), max(50, customers // 10), dtype=np.int64),
        }
    )


def product_ids() -> list[str]:
    """P01, P02, ... in the order of the catalogue."""
    return [f"P{number:02d}" for number in range(1, len(_LINES) + 1)]


def by_category() -> tuple[np.ndarray, ...]:
    """Catalogue places of the products of each category, in the order womens, mens, kids."""
    return tuple(
        np.array([place for place, line in enumerate(_LINES) if line[1] == category]) for category in ("womens", "mens", "kids")
    )


def prices(*, starts_on: date) -> pa.Table:
    """prices.csv: today's price of every product, valid since a year ago."""
    since = (starts_on - timedelta(days=365)).isoformat()
    return pa.table(
        {
            "product_id": product_ids(),
            "price": [line[2] for line in _LINES],
            "valid_from": [since] * len(_LINES),
            "currency": ["USD"] * len(_LINES),
        }
    )


def evidence(*, starts_on: date) -> pa.Table:
    """evidence.csv: every claim the shop may make, with what proves it and until when."""
    rows = [
        ("E01", "spec", "P01", "Weighs 228 grams in size 8", "data sheet P01"),
        ("E02", "spec", "P07", "Weighs 268 grams in size 10", "data sheet P07"),
        ("E03", "spec", "P04", "Made of 100 % merino wool", "material certificate M-114"),
        ("E04", "certification", "P05", "Waterproof to a 10,000 mm water column", "ISO 811 test report 2291"),
        ("E05", "certification", "P11", "Waterproof to a 10,000 mm water column", "ISO 811 test report 2292"),
        ("E06", "review", "P01", "Rated 4.6 out of 5 by 812 buyers", "review export of the shop"),
        ("E07", "review", "P08", "Rated 4.5 out of 5 by 431 buyers", "review export of the shop"),
        ("E08", "delivery", None, "Delivered in 2 to 4 working days", "carrier contract"),
        ("E09", "policy", None, "Return within 60 days", "terms of sale, section 7"),
        ("E10", "policy", None, "Free repair of seams in the first year", "terms of sale, section 9"),
        ("E11", "testimonial", "P02", "“Dry feet after three hours in the mud.” Jana, customer", "signed release 2025-03"),
    ]
    until = (starts_on + timedelta(days=730)).isoformat()
    since = (starts_on - timedelta(days=365)).isoformat()
    return pa.table(
        {
            "evidence_id": [row[0] for row in rows],
            "kind": [row[1] for row in rows],
            "product_id": [row[2] for row in rows],
            "claim": [row[3] for row in rows],
            "source": [row[4] for row in rows],
            "valid_from": [since] * len(rows),
            "valid_until": [until] * len(rows),
        }
    )
