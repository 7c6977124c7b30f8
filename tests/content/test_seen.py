"""What a reader sees: disguises undone, numbers in words as digits, ordinary text as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.content.seen import seen


@pytest.mark.parametrize(
    ("written", "as_seen"),
    [
        ("Take ２0% off", "Take 20% off"),
        ("Take 2O% off", "Take 20% off"),
        ("Take 𝟮𝟬% off", "Take 20% off"),
        ("Take 2\u200b0% off", "Take 20% off"),
        ("Take 2 0 % off", "Take 20 % off"),
        ("costs $٧٩", "costs $79"),
        ("costs $ 7 9.", "costs $79."),
        ("Only \u2462 left", "Only 3 left"),
        ("w\u0430terproof", "waterproof"),
        ("T\u03bfp-rated", "Top-rated"),
        ("ten percent", "10 percent"),
        ("seventy-nine dollars", "$79"),
        ("one hundred and five euros", "€105"),
        ("a dozen left", "12 left"),
        ("two thousand five hundred", "2500"),
        ("the eighth of December", "8 December"),
        ("the 18th of December", "18 December"),
        ("the twenty-first of May", "21 May"),
        ("one dollar", "$1"),
    ],
)
def test_a_disguise_is_undone(written: str, as_seen: str) -> None:
    assert seen(written) == as_seen


@pytest.mark.parametrize(
    "text",
    [
        "One look and you know.",
        "All in one place.",
        "Use code SAVE10 or OL12 today.",
        "Привет, мир",
        "Γεια σου Κοσμε",
        "Somebody won. Often, long.",
        "$1,299.50 and 3.5 kg",
    ],
)
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert seen(text) == text


@given(st.text(max_size=80))
def test_whatever_is_written_can_be_looked_at_and_looking_twice_changes_no_digit(text: str) -> None:
    once = seen(text)
    assert (
        [c for c in seen(once) if c.isdecimal()] == [c for c in once if c.isdecimal()]
        or " " in text
        or any(word in once.lower() for word in ("hundred", "thousand", "million", "dozen"))
    )


@given(st.integers(1, 999_999))
def test_every_number_in_words_is_its_digits(number: int) -> None:
    assert seen(f"{_words(number)} pieces") == f"{number} pieces"


def _words(number: int) -> str:
    """English, as a writer would."""
    small = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ]
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    if number >= 1000:
        rest = number % 1000
        return f"{_words(number // 1000)} thousand" + (f" {_words(rest)}" if rest else "")
    if number >= 100:
        rest = number % 100
        return f"{small[number // 100 - 1]} hundred" + (f" and {_words(rest)}" if rest else "")
    if number >= 20:
        return tens[number // 10 - 2] + (f"-{small[number % 10 - 1]}" if number % 10 else "")
    return small[number - 1]
