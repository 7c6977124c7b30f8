"""Order, repetition, growth and undoing: what must hold for any customers at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import combinations
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience import identity

Table = Callable[..., pa.Table]
AT = datetime(2026, 11, 1, tzinfo=UTC)
_ROW = st.fixed_dictionaries(
    {
        "email": st.sampled_from(["a@x.com", "A@x.com", "b@x.com", "c@x.com", None]),
        "phone": st.sampled_from(["(212) 555-0100", "+12125550100", "212-555-0199", None]),
        "first_name": st.sampled_from(["Ann", "Anne", "Bob", None]),
        "last_name": st.sampled_from(["Ray", "Roe", None]),
        "birth_date": st.sampled_from([date(1970, 1, 1), date(2012, 1, 1), None, None]),
        "created_at": st.sampled_from([datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC), None]),
        "consent_email": st.sampled_from(["granted", "denied", None]),
    }
)
_ROWS = st.lists(_ROW, min_size=1, max_size=12)


def _named(rows: list[dict[str, Any]], start: int = 0) -> list[dict[str, Any]]:
    return [{**row, "customer_id": f"{n:02d}"} for n, row in enumerate(rows, start)]


def _told(pairs: list[tuple[str, str]], verdict: Any = "different") -> pa.Table:
    empty = identity.told("x", "y", verdict="same", by="ada", at=AT).slice(0, 0)
    return pa.concat_tables([empty, *(identity.told(a, b, verdict=verdict, by="ada", at=AT) for a, b in pairs)])


@settings(max_examples=40)
@given(_ROWS, st.data())
def test_every_id_belongs_to_exactly_one_person_in_any_order(
    customers: Table, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    named = _named(rows)
    pairs = [("00", f"{n:02d}") for n in range(1, len(rows), 3)]
    tables = {"customers": customers(*named), "identity_links": _told(pairs)}
    people = identity.people(tables)
    assert sorted(origin for merged in people["merged_from"].to_pylist() for origin in merged) == [
        row["customer_id"] for row in named
    ]
    shuffled = {"customers": customers(*data.draw(st.permutations(named))), "identity_links": _told(pairs[::-1])}
    assert identity.people(shuffled).equals(people)
    assert people["customer_id"].to_pylist() == sorted(people["customer_id"].to_pylist())


@settings(max_examples=30)
@given(_ROWS)
def test_people_are_consistent_and_a_second_resolution_finds_them_again(customers: Table, rows: list[dict[str, Any]]) -> None:
    table = customers(*_named(rows))
    people = identity.people({"customers": table})
    born = dict(zip(table["customer_id"].to_pylist(), table["birth_date"].to_pylist(), strict=True))
    for person in people.to_pylist():
        assert person["customer_id"] == person["merged_from"][0]
        assert len({born[record] for record in person["merged_from"]} - {None}) <= 1
    assert identity.people({"customers": table, "identity_links": identity.links({"customers": table})}).equals(people)


@settings(max_examples=30)
@given(_ROWS)
def test_splitting_all_that_was_merged_gives_the_records_back(customers: Table, rows: list[dict[str, Any]]) -> None:
    table = customers(*_named(rows))
    merged = identity.people({"customers": table})["merged_from"].to_pylist()
    pairs = [pair for records in merged for pair in combinations(records, 2)]
    people = identity.people({"customers": table, "identity_links": _told(pairs)})
    assert people.drop_columns(["merged_from", "household_id"]).equals(table)


@settings(max_examples=30)
@given(_ROWS, st.data())
def test_a_pair_told_apart_never_meets_again(customers: Table, rows: list[dict[str, Any]], data: st.DataObject) -> None:
    if len(rows) < 2:
        return
    named = _named(rows)
    ids = [row["customer_id"] for row in named]
    pair = tuple(data.draw(st.lists(st.sampled_from(ids), min_size=2, max_size=2, unique=True)))
    people = identity.people({"customers": customers(*named), "identity_links": _told([pair])})
    assert not any(set(pair) <= set(merged) for merged in people["merged_from"].to_pylist())


@settings(max_examples=30)
@given(_ROWS, _ROWS)
def test_records_that_came_later_never_take_a_persons_id(
    customers: Table, old: list[dict[str, Any]], new: list[dict[str, Any]]
) -> None:
    first = _named([{**row, "created_at": datetime(2020, 1, 1, tzinfo=UTC)} for row in old], 50)
    later = _named([{**row, "created_at": datetime(2025, 1, 1, tzinfo=UTC)} for row in new])
    before = {row["customer_id"] for row in first}
    for person in identity.people({"customers": customers(*first, *later)}).to_pylist():
        assert person["customer_id"] in before or not before & set(person["merged_from"])
