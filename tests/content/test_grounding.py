"""Numbers in texts and what supports them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.content.grounding import is_grounded, numbers_in
from liftwright.domain.evidence import Interval
from liftwright.domain.money import Money


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It rose by 4.5 points (95% interval 3.9 to 5.1).", ["4.5 points", "95%", "3.9", "5.1"]),
        ("$1,200.50 for 1,000 people, 12 %.", ["$1,200.50", "1,000 people", "12 %"]),
        ("Code SAVE10 and version v2 are words.", []),
        ("Until December 5, or 5 Dec 2026, or 2026-12-05.", ["December 5", "5 Dec 2026", "2026-12-05"]),
        ("Ships in 24-hour cycles, 2x faster, 1.2k orders.", ["24-hour", "2x", "1.2k"]),
        ("Preis 1.234,50 EUR, 12,5 Prozent.", ["1.234,50 EUR", "12,5"]),
        ("Nothing to count here.", []),
        ("10%-20% off", ["10%", "20%"]),
        ("", []),
    ],
)
def test_numbers_are_found_with_their_units(text: str, found: list[str]) -> None:
    assert numbers_in(text) == found


@pytest.mark.parametrize(
    ("text", "facts", "ungrounded"),
    [
        ("Lift was 4.5 points.", [0.0452], []),
        ("Lift was 4.52 %.", [0.0452], []),
        ("Lift was 4.6 points.", [0.0452], ["4.6 points"]),
        ("It fell by 3.2%.", [-0.032], []),
        ("Margin of $1,234.", [1233.7], []),
        ("Margin of $1,235.", [1233.7], ["$1,235"]),
        ("We kept 500 of 5,000 people.", {"holdout": 500, "all": [5000]}, []),
        ("We kept 501 of 5,000 people.", {"holdout": 500, "all": [5000]}, ["501"]),
        ("One in 2 bought.", [2.4], ["2"]),
        ("It ends on December 6.", [date(2026, 12, 6)], []),
        ("It ends on December 7.", [date(2026, 12, 6)], ["December 7"]),
        ("It ends on 2027-12-06.", [date(2026, 12, 6)], ["2027-12-06"]),
        ("It ends on February 31.", [date(2026, 2, 28)], ["February 31"]),
        ("Spent 100.00 USD.", [Money.of("100", "USD")], []),
        ("Spent 100.00 EUR.", [Money.of("100", "USD")], ["100.00 EUR"]),
        ("Between 10 and 30.", [Interval(low=10, mid=20, high=30)], []),
        ("Between 10 and 40.", [Interval(low=10, mid=20, high=30)], ["40"]),
        ("1.2k orders", [1180], []),
        ("1.2 million orders", [1180], ["1.2 million"]),
        ("True is no number: 1.", [True, "yes"], ["1"]),
    ],
)
def test_a_narrative_may_round_what_is_known_and_nothing_else(text: str, facts: Any, ungrounded: list[str]) -> None:
    assert is_grounded(text, facts) == ungrounded


@pytest.mark.parametrize(
    ("text", "fact", "is_fine"),
    [
        ("10% off", "10%", True),
        ("10 % off", "10%", True),
        ("10 off", "10%", False),
        ("$10 off", "10%", False),
        ("24 hours", "within 24 hours", True),
        ("24 days", "within 24 hours", False),
        ("$19.99", 19.99, True),
        ("$20", 19.99, False),
        ("19.990 USD", Decimal("19.99"), True),
        ("€19.99", "USD 19.99", False),
    ],
)
def test_a_message_must_give_value_and_unit_exactly(text: str, fact: Any, is_fine: bool) -> None:
    assert (is_grounded(text, [fact], exact=True) == []) is is_fine


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_a_whole_number_is_grounded_by_itself_alone(number: int, other: int) -> None:
    assert is_grounded(f"There are {number:,} of them.", [number], exact=True) == []
    assert (is_grounded(f"There are {number:,} of them.", [other], exact=True) == []) is (number == other)


@given(st.decimals("0.01", "99999", places=2), st.integers(-3, 3))
def test_a_price_moved_by_a_cent_is_caught(price: Decimal, cents: int) -> None:
    moved = price + Decimal(cents) / 100
    if moved > 0:
        assert (is_grounded(f"Now ${moved}.", [Money.of(price, "USD")], exact=True) == []) is (cents == 0)


@given(st.text(max_size=80))
def test_any_text_can_be_read_and_grounds_itself(text: str) -> None:
    assert set(is_grounded(text, [text], exact=True)) <= {
        found for found in numbers_in(text) if any(letter.isalpha() for letter in found)
    }
