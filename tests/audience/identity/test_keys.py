"""Addresses and numbers in every way of writing them; nothing that only looks the same."""

from __future__ import annotations

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience.identity import keys


def _email_key(text: str | None) -> str | None:
    found: str | None = keys.email_keys(pa.array([text], pa.string()))[0].as_py()
    return found


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("A.B+x@GMail.com", "ab@gmail.com"), ("a.b@googlemail.com", "ab@gmail.com"), ("a.b@x.org", "a.b@x.org"), (" Ann@X.Org. ", "ann@x.org"),
        ("no address", None), ("", None), (None, None), ("+@x.org", None), ("a@b", None), ("a@@b.com", None), ("a\x00b@x.com", None),
        ("a" * 65 + "@x.com", None), ("a@" + "x" * 300 + ".com", None), ("j@münchen.de", "j@münchen.de"),
    ],
)  # fmt: skip
def test_email_keys(text: str | None, key: str | None) -> None:
    assert _email_key(text) == key


@pytest.mark.parametrize(
    ("alike", "plain"),
    [
        ("\u0430nn@x.com", "ann@x.com"), ("ann@\u0445.com", "ann@x.com"), ("\u212aim@x.com", "kim@x.com"), ("\u0131da@x.com", "ida@x.com"),
        ("stra\u00dfe@x.de", "strasse@x.de"), ("\uff41nn@x.com", "ann@x.com"),
    ],
)  # fmt: skip
def test_letters_that_only_look_the_same_stay_different(alike: str, plain: str) -> None:
    assert _email_key(alike) is not None
    assert _email_key(alike) != _email_key(plain)


@pytest.mark.parametrize(
    ("text", "country", "key"),
    [
        ("(212) 555-0100", "US", "+12125550100"), ("212.555.0100", None, "+12125550100"), ("1-800-FLOWERS", "US", "+18003569377"),
        ("416 555 0123", "CA", "+14165550123"), ("020 7946 0018", "GB", "+442079460018"), ("0044 20 7946 0018", "GB", "+442079460018"),
        ("+44 (0)20 7946 0018", None, "+442079460018"), ("00442079460018", None, "+442079460018"), ("030 901820", "DE", "+4930901820"),
        ("+49 30 901820", "US", "+4930901820"), ("06 12 34 56 78", "FR", "+33612345678"), ("02 1234 5678", "IT", "+390212345678"),
        ("011 2345-6789", "AR", "+541123456789"), ("098765 43210", "IN", "+919876543210"), ("03-1234-5678", "JP", "+81312345678"),
        ("(11) 91234-5678", "BR", "+5511912345678"), ("0412 345 678", "AU", "+61412345678"), ("551 1234", "IS", "+3545511234"),
        ("٢١٢٥٥٥٠١٠٠", "US", "+12125550100"), ("２１２５５５０１００", "US", "+12125550100"), ("011 44 20 7946 0018", "US", "+442079460018"),
        ("212-555-0100 x12", None, "+12125550100;ext=12"), ("12", None, None), (None, None, None), ("9" * 5000, "US", None), ("\x00", None, None),
    ],
)  # fmt: skip
def test_phone_keys(text: str | None, country: str | None, key: str | None) -> None:
    assert keys.phone_key(text, country=country) == key


_COUNTRIES = ("US", "CA", "GB", "DE", "FR", "IT", "JP", "IN", "BR", "AU")


@settings(max_examples=150)
@given(st.sampled_from(_COUNTRIES), st.integers(min_value=200_000_000, max_value=9_999_999_999), st.sampled_from(range(3)))
def test_a_number_in_national_international_and_plain_form_is_one_number(country: str, digits: int, form: int) -> None:
    number = phonenumbers.PhoneNumber(country_code=phonenumbers.country_code_for_region(country), national_number=digits)
    if not phonenumbers.is_valid_number_for_region(number, country):
        return
    texts = pa.array([phonenumbers.format_number(number, each) for each in (form, 0)])
    one, other = keys.phone_keys(texts, pa.array([country, None])).to_pylist()
    assert one == other == phonenumbers.format_number(number, 0)


@settings(max_examples=100)
@given(st.lists(st.text(alphabet="0123456789+()-. x#ext٣\x00a", max_size=20), min_size=1, max_size=6))
def test_reading_many_numbers_finds_the_same_repeats_as_reading_each(texts: list[str]) -> None:
    found = keys.phone_keys(pa.array(texts), pa.array(["US"] * len(texts))).to_pylist()
    single = [keys.phone_key(text, country="US") for text in texts]
    for i, one in enumerate(single):
        for j in range(i):
            if one is not None and len(keys.phone_tails(pa.array([texts[i], texts[j]])).drop_null().unique()) == 1:
                assert (found[i] == found[j]) == (one == single[j])


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("1970-12-31", "19701231"),
        ("19701231", "19701231"),
        ("1999-02-31", None),
        ("soon", None),
        ("0001-01-01", None),
        (None, None),
    ],
)
def test_birth_keys_of_texts(value: str | None, key: str | None) -> None:
    assert keys.birth_keys(pa.array([value], pa.string())).to_pylist() == [key]


def test_names_lose_accents_signs_and_length_and_never_fail() -> None:
    names = pa.array(["O'Brién", "  ", "Müller-Lüdenscheidt", None, "x" * 100_000, "\x00", "李"])
    assert keys.name_keys(names).to_pylist() == ["obrien", None, "mullerludenscheidt", None, "x" * 40, None, "李"]
