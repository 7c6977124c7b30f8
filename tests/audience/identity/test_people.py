"""Records with the same address are one person, unless something says they are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from liftwright.audience import identity

Table = Callable[..., pa.Table]
AT = datetime(2026, 11, 1, tzinfo=UTC)


def _at(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def _merged(table: pa.Table, **tables: pa.Table) -> list[list[str]]:
    found: list[list[str]] = identity.people({"customers": table, **tables})["merged_from"].to_pylist()
    return found


def test_one_address_in_two_spellings_is_one_person_under_the_id_known_longest(customers: Table) -> None:
    table = customers(
        {"customer_id": "B", "email": "Ann@X.com", "created_at": _at(2024), "score": 2.0},
        {"customer_id": "A", "email": "ann+shop@x.com", "created_at": _at(2025), "country": "US", "score": 9.0},
        {"customer_id": "C", "email": "other@x.com"},
    )
    people = identity.people({"customers": table}).to_pylist()
    assert [person["customer_id"] for person in people] == ["B", "C"]
    assert people[0]["merged_from"] == ["B", "A"]
    assert (people[0]["score"], people[0]["country"]) == (2.0, "US")


def test_people_are_joined_through_chains_of_addresses(customers: Table) -> None:
    table = customers(
        {"customer_id": "1", "email": "a@b.com"},
        {"customer_id": "2", "email": "a@b.com", "phone": "(212) 555-0100"},
        {"customer_id": "3", "phone": "+1 212 555 0100"},
    )
    assert _merged(table) == [["1", "2", "3"]]


def test_different_birth_dates_are_never_merged_by_a_key_not_even_through_a_third_record(customers: Table) -> None:
    parent = {"customer_id": "1", "email": "home@b.com", "birth_date": date(1970, 1, 1)}
    child = {"customer_id": "2", "phone": "+12125550100", "birth_date": date(2012, 1, 1)}
    both = {"customer_id": "3", "email": "home@b.com", "phone": "+12125550100"}
    assert _merged(customers(parent, child | {"email": "home@b.com"})) == [["1"], ["2"]]
    assert _merged(customers(parent, child, both)) == [["1", "3"], ["2"]]


def test_a_key_of_contradicting_people_links_only_what_agrees_beyond_it(customers: Table) -> None:
    ann = {"email": "home@b.com", "first_name": "Ann", "last_name": "Ray", "birth_date": date(1970, 1, 1)}
    bob = {"email": "home@b.com", "first_name": "Robert", "last_name": "Ray", "birth_date": date(1971, 5, 5)}
    rows = [
        ann | {"customer_id": "1"},
        bob | {"customer_id": "2"},
        ann | {"customer_id": "3"},
        {"customer_id": "4", "email": "home@b.com"},
    ]
    assert _merged(customers(*rows)) == [["1", "3"], ["2"], ["4"]]


@pytest.mark.parametrize("key", ["email", "phone"])
def test_different_first_names_behind_one_key_are_different_people(customers: Table, key: str) -> None:
    value = {"email": "us@b.com", "phone": "+442079460018"}[key]
    rows = [{"customer_id": name, "first_name": name, key: value} for name in ("Ann", "Robert")]
    assert len(_merged(customers(*rows))) == 2
    rows = [{"customer_id": name, "first_name": name, key: value} for name in ("Robert", "R.", "Rob")]
    assert len(_merged(customers(*rows))) == {"email": 1, "phone": 1}[key]


def test_an_address_that_many_share_is_nobodys(customers: Table) -> None:
    count = identity.MOST_SHARED + 1
    rows = [{"customer_id": str(n), "email": "team7@office.com"} for n in range(count)]
    assert len(_merged(customers(*rows))) == count
    same = [row | {"first_name": "Ann", "last_name": "Ray"} for row in rows]
    assert len(_merged(customers(*same))) == 1


@pytest.mark.parametrize("desk", ["info@ray.com", "No-Reply@ray.com", "n/a@n.a", "kontakt@ray.de"])
def test_a_desk_is_nobodys_even_when_two_share_it(customers: Table, desk: str) -> None:
    assert len(_merged(customers(*({"customer_id": name, "email": desk} for name in "AB")))) == 2


def test_a_switchboard_is_told_from_its_extensions(customers: Table) -> None:
    phones = {"A": "212-555-0100 x12", "B": "(212) 555-0100 ext. 12", "C": "212-555-0100 x13", "D": "212-555-0100"}
    assert _merged(customers(*({"customer_id": who, "phone": phone} for who, phone in phones.items()))) == [
        ["A", "B"],
        ["C"],
        ["D"],
    ]


def test_people_who_only_appear_in_events_are_people(customers: Table) -> None:
    events = pa.table({"customer_id": ["Z", "A", None], "type": ["visit"] * 3})
    people = identity.people({"customers": customers({"customer_id": "A"}), "events": events})
    assert people["customer_id"].to_pylist() == ["A", "Z"]
    assert identity.people({"events": events})["customer_id"].to_pylist() == ["A", "Z"]


def test_an_anonymous_id_never_replaces_the_known_contact_however_old_it_is(customers: Table, events: Table) -> None:
    known = customers({"customer_id": "known", "email": "ann@x.com", "created_at": _at(2025)})
    seen = events(("0-anonymous", "s1"), ("0-anonymous", "s1"), email=[None, "Ann@x.com"])
    assert _merged(known, events=seen) == [["known", "0-anonymous"]]
    browser = {"customer_id": "b", "kind": "Visitor", "email": "ann@x.com", "created_at": _at(2019)}
    both = pa.concat_tables([known, customers(browser)])
    assert _merged(both) == [["known", "b"]]


def test_a_customer_id_in_two_rows_is_one_record_in_any_order(customers: Table) -> None:
    rows = [
        {"customer_id": "A", "email": "a@x.com", "consent_email": "granted"},
        {"customer_id": "A", "score": 1.0, "consent_email": "denied"},
        {"customer_id": "B"},
    ]
    one, other = (identity.people({"customers": customers(*each)}) for each in (rows, rows[::-1]))
    assert one.equals(other)
    assert one.select(["customer_id", "email", "score", "consent_email", "merged_from"]).to_pylist()[0] == {
        "customer_id": "A", "email": "a@x.com", "score": 1.0, "consent_email": "denied", "merged_from": ["A"],
    }  # fmt: skip


def test_newer_records_never_rename_anybody(customers: Table) -> None:
    old = [
        {"customer_id": "M", "email": "a@x.com", "created_at": _at(2020)},
        {"customer_id": "N", "email": "b@x.com", "created_at": _at(2021)},
    ]
    new = [{"customer_id": "A", "email": "a@x.com", "created_at": _at(2024)}, {"customer_id": "B", "email": "b@x.com"}]
    assert _merged(customers(*old, *new)) == [["M", "A"], ["N", "B"]]


def test_a_split_pair_stays_apart_whatever_links_it_and_a_joined_pair_together(customers: Table) -> None:
    same = [{"customer_id": name, "email": "a@x.com"} for name in "ABC"]
    apart = identity.told("C", "A", verdict="different", by="ada", at=AT)
    assert _merged(customers(*same), identity_links=apart) == [["A", "B"], ["C"]]
    strangers = [{"customer_id": "A", "birth_date": date(1970, 1, 1)}, {"customer_id": "B", "birth_date": date(1980, 1, 1)}]
    joined = identity.told("A", "B", verdict="same", by="ada", at=AT)
    assert _merged(customers(*strangers), identity_links=joined) == [["A", "B"]]


def test_decisions_about_records_that_are_gone_change_nothing(customers: Table) -> None:
    table = customers({"customer_id": "A"}, {"customer_id": "B"})
    gone = identity.told("A", "gone", verdict="same", by="ada", at=AT)
    assert _merged(table, identity_links=gone) == [["A"], ["B"]]


def test_no_customers_at_all_is_an_empty_table() -> None:
    people = identity.people({})
    assert people.num_rows == 0
    assert people.column_names == ["customer_id", "merged_from"]
