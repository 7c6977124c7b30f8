"""Offline conversions: hashed, counted once, and nobody who said no."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from liftwright.channels.conversions import COLUMNS, conversions
from liftwright.channels.identifiers import email_address, google_email, phone_number

AT = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)


def events(*rows: dict[str, Any]) -> pa.Table:
    base = {"event_id": "e1", "customer_id": "C1", "type": "purchase", "occurred_at": AT, "amount": 80.0, "currency": None}
    schema = pa.schema(
        [
            ("event_id", pa.string()),
            ("customer_id", pa.string()),
            ("type", pa.string()),
            ("occurred_at", pa.timestamp("us", tz="UTC")),
            ("amount", pa.float64()),
            ("currency", pa.string()),
        ]
    )
    return pa.Table.from_pylist([base | row for row in rows], schema=schema)


def people(**extra: Any) -> pa.Table:
    row = {"customer_id": "C1", "email": " Jana.K+x@GMail.com ", "phone": "(415) 555-0123", "country": "US"} | extra
    return pa.Table.from_pylist([row])


def test_a_purchase_becomes_a_row_of_hashes() -> None:
    found = conversions(events({}), people(), currency="USD").rows
    assert tuple(found.column_names) == COLUMNS
    row = found.to_pylist()[0]
    assert row["occurred_at"] == "2026-03-02 14:00:00+00:00"
    assert (row["value"], row["currency"]) == (80.0, "USD")
    assert row["google_email"] == hashlib.sha256(b"janak@gmail.com").hexdigest()
    assert row["meta_email"] == hashlib.sha256(b"jana.k+x@gmail.com").hexdigest()
    assert row["google_phone"] == hashlib.sha256(b"+14155550123").hexdigest()
    assert row["meta_phone"] == hashlib.sha256(b"14155550123").hexdigest()
    assert "C1" not in str(row)


def test_the_same_purchase_counts_once_and_keeps_its_key() -> None:
    twice = conversions(events({}, {}, {"event_id": "e2", "amount": 5.0}), people(), currency="USD").rows
    assert twice.num_rows == 2
    again = conversions(events({}), people(), currency="USD").rows
    assert again["conversion_key"][0].as_py() in twice["conversion_key"].to_pylist()


def test_purchases_without_an_id_are_told_apart_by_what_they_are() -> None:
    rows = conversions(
        events({"event_id": None}, {"event_id": None}, {"event_id": None, "amount": 7.0}), people(), currency="USD"
    ).rows
    assert rows.num_rows == 2


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"gpc": True}, "opted out"),
        ({"gpc": "1"}, "opted out"),
        ({"do_not_sell": "yes"}, "opted out"),
        ({"opted_out": True}, "opted out"),
        ({"consent_paid_social": "denied"}, "consent denied"),
        ({"consent_display": "Denied"}, "consent denied"),
        ({"email": None, "phone": None}, "no identifier"),
        ({"customer_id": "C2"}, "unknown person"),
    ],
)
def test_whoever_said_no_or_is_not_known_is_left_out(extra: dict[str, Any], reason: str) -> None:
    found = conversions(events({}), people(**extra), currency="USD")
    assert found.rows.num_rows == 0
    assert found.left_out == {reason: 1}


def test_only_purchases_with_an_amount_count() -> None:
    found = conversions(events({"type": "visit"}, {"amount": None}, {"amount": 0.0}), people(gpc=False), currency="USD")
    assert found.rows.num_rows == 0
    assert found.left_out == {"no amount": 2}


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("+44 20 7946 0958", "", "+442079460958"),
        ("0049 30 901820", "", "+4930901820"),
        ("415-555-0123", "US", "+14155550123"),
        ("1 (415) 555 0123", "ca", "+14155550123"),
        ("415-555-0123", "", None),
        ("030 901820", "DE", None),
        ("115-555-0123", "US", None),
        ("+0123456789", "", None),
        ("call me", "US", None),
    ],
)
def test_phone_numbers_are_e164_or_nothing(text: str, country: str, number: str | None) -> None:
    assert phone_number(text, country=country) == number


def test_addresses_are_normalised_or_nothing() -> None:
    assert email_address("  A.B@Example.COM ") == "a.b@example.com"
    assert google_email("a.b+c@example.com") == "a.b+c@example.com"
    assert google_email("a.b+c@googlemail.com") == "ab@googlemail.com"
    assert email_address("not an address") is None
