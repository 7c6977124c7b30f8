"""Records with the same address are one person, unless something says they are not."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience import identity

SCHEMA = {
    "customer_id": pa.string(), "email": pa.string(), "phone": pa.string(), "birth_date": pa.date32(), "consent_email": pa.string(),
    "created_at": pa.timestamp("us", tz="UTC"), "country": pa.string(), "score": pa.float64(),
}  # fmt: skip


def _customers(*rows: dict[str, Any]) -> pa.Table:
    return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in SCHEMA.items()})


def _at(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def test_one_address_in_two_spellings_is_one_person_under_the_id_known_longest() -> None:
    table = _customers(
        {"customer_id": "B", "email": "Ann@X.com", "created_at": _at(2024), "score": 2.0},
        {"customer_id": "A", "email": "ann+shop@x.com", "created_at": _at(2025), "country": "US", "score": 9.0},
        {"customer_id": "C", "email": "other@x.com"},
    )
    people = identity.people({"customers": table}).to_pylist()
    assert [person["customer_id"] for person in people] == ["B", "C"]
    assert people[0]["merged_from"] == ["B", "A"]
    assert (people[0]["score"], people[0]["country"]) == (2.0, "US")


@pytest.mark.parametrize(
    ("consents", "kept"),
    [(("granted", "denied"), "denied"), (("denied", "granted"), "denied"), ((None, "granted"), "granted"), ((None, None), None)],
)
def test_the_most_restrictive_consent_wins(consents: tuple[str | None, str | None], kept: str | None) -> None:
    rows = [{"customer_id": str(n), "email": "a@b.com", "consent_email": consent} for n, consent in enumerate(consents)]
    assert identity.people({"customers": _customers(*rows)})["consent_email"].to_pylist() == [kept]


def test_people_are_joined_through_chains_of_addresses() -> None:
    table = _customers(
        {"customer_id": "1", "email": "a@b.com"},
        {"customer_id": "2", "email": "a@b.com", "phone": "(212) 555-0100"},
        {"customer_id": "3", "phone": "+1 212 555 0100"},
    )
    assert identity.people({"customers": table})["merged_from"].to_pylist() == [["1", "2", "3"]]


def test_different_birth_dates_are_different_people() -> None:
    table = _customers(
        {"customer_id": "1", "email": "home@b.com", "birth_date": date(1970, 1, 1)},
        {"customer_id": "2", "email": "home@b.com", "birth_date": date(2012, 1, 1)},
    )
    assert identity.people({"customers": table}).num_rows == 2


def test_an_address_that_many_share_is_nobodys() -> None:
    rows = [{"customer_id": str(n), "email": "info@office.com"} for n in range(identity.MOST_SHARED + 1)]
    assert identity.people({"customers": _customers(*rows)}).num_rows == identity.MOST_SHARED + 1


def test_people_who_only_appear_in_events_are_people() -> None:
    events = pa.table({"customer_id": ["Z", "A", None], "type": ["visit"] * 3})
    people = identity.people({"customers": _customers({"customer_id": "A"}), "events": events})
    assert people["customer_id"].to_pylist() == ["A", "Z"]
    assert identity.people({"events": events})["customer_id"].to_pylist() == ["A", "Z"]


def test_events_move_to_the_person_and_addresses_find_their_owner() -> None:
    table = _customers({"customer_id": "A", "email": "a@b.com"}, {"customer_id": "B", "email": "A@b.com"})
    events = pa.table(
        {"customer_id": pa.array(["B", None, None]), "email": ["x@y.com", "a@B.com", "unknown@y.com"], "type": ["visit"] * 3}
    )
    tables = {"customers": table, "events": events}
    people = identity.people(tables)
    assert identity.resolve(tables, people)["events"]["customer_id"].to_pylist() == ["A", "A", None]


def test_no_customers_at_all_is_an_empty_table() -> None:
    assert identity.people({}).num_rows == 0


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("A.B+x@GMail.com", "ab@gmail.com"), ("a.b@x.org", "a.b@x.org"), ("no address", None), ("", None), (None, None), ("+@x.org", None),
    ],
)  # fmt: skip
def test_email_keys(text: str | None, key: str | None) -> None:
    assert identity.email_key(text) == key


@pytest.mark.parametrize(
    ("text", "country", "key"),
    [
        ("(212) 555-0100", "US", "+12125550100"), ("0044 20 7946 0018", "GB", "+442079460018"), ("+49 30 901820", "DE", "+4930901820"),
        ("12", None, None), (None, None, None), ("212-555-0100 x12", None, "+12125550100"),
    ],
)  # fmt: skip
def test_phone_keys(text: str | None, country: str | None, key: str | None) -> None:
    assert identity.phone_key(text, country=country) == key


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["a@x.com", "b@x.com", "c@x.com", None]), min_size=1, max_size=12), st.randoms())
def test_every_id_belongs_to_exactly_one_person_in_any_order(emails: list[str | None], order: Any) -> None:
    rows = [{"customer_id": f"{n:02d}", "email": email} for n, email in enumerate(emails)]
    people = identity.people({"customers": _customers(*rows)})
    origins = sorted(origin for merged in people["merged_from"].to_pylist() for origin in merged)
    assert origins == [row["customer_id"] for row in rows]
    order.shuffle(rows)
    assert identity.people({"customers": _customers(*rows)}).equals(people)
