"""What was done before and after somebody said who they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience import identity
from liftwright.audience.identity.events import MOST_ON_A_DEVICE

Table = Callable[..., pa.Table]


def _who(customers: pa.Table, events: pa.Table) -> list[str | None]:
    tables = {"customers": customers, "events": events}
    found: list[str | None] = identity.resolve(tables, identity.people(tables))["events"]["customer_id"].to_pylist()
    return found


def test_events_move_to_the_person_and_addresses_find_their_owner(customers: Table, events: Table) -> None:
    table = customers({"customer_id": "A", "email": "a@b.com"}, {"customer_id": "B", "email": "A@b.com"})
    seen = events(("B", None), (None, None), (None, None), email=["x@y.com", "a@B.com", "unknown@y.com"])
    assert _who(table, seen) == ["A", "A", None]


def test_an_id_that_was_merged_goes_on_receiving_events_for_the_person(customers: Table, events: Table) -> None:
    table = customers({"customer_id": "A", "email": "a@b.com"}, {"customer_id": "B", "email": "a@b.com"})
    assert _who(table, events(("B", "s"), ("A", "t"), ("B", "u"))) == ["A", "A", "A"]


def test_an_address_of_two_people_says_nothing(customers: Table, events: Table) -> None:
    table = customers(
        {"customer_id": "A", "email": "us@b.com", "first_name": "Ann"},
        {"customer_id": "B", "email": "us@b.com", "first_name": "Robert"},
    )
    assert _who(table, events((None, None), email=["us@b.com"])) == [None]


def test_national_numbers_are_read_in_the_house_country(customers: Table, events: Table) -> None:
    tables = {
        "customers": customers({"customer_id": "A", "phone": "+4930901820"}),
        "events": events((None, None), phone=["030 901820"]),
    }
    people = identity.people(tables, country="DE")
    assert identity.resolve(tables, people, country="DE")["events"]["customer_id"].to_pylist() == ["A"]


def test_what_was_done_before_a_login_belongs_to_who_logged_in(customers: Table, events: Table) -> None:
    seen = events((None, "s"), (None, "s"), ("A", "s"), (None, "s"), (None, "other"), (None, None))
    assert _who(customers({"customer_id": "A"}), seen) == ["A", "A", "A", "A", None, None]


def test_on_a_shared_device_each_person_gets_what_followed_their_own_login(customers: Table, events: Table) -> None:
    table = customers({"customer_id": "A"}, {"customer_id": "B"})
    seen = events((None, "s"), ("A", "s"), (None, "s"), ("B", "s"), (None, "s"), ("A", "s"))
    assert _who(table, seen) == ["A", "A", "A", "B", "B", "A"]


def test_a_till_or_a_bot_belongs_to_nobody(customers: Table, events: Table) -> None:
    names = [f"P{n}" for n in range(MOST_ON_A_DEVICE + 1)]
    seen = events((None, "till"), *((name, "till") for name in names))
    assert _who(customers(*({"customer_id": name} for name in names)), seen) == [None, *names]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["A", "B", None]), st.sampled_from(["s", "t", None])), min_size=1, max_size=15),
    st.randoms(use_true_random=False),
)
def test_sessions_are_read_in_time_order_whatever_the_order_of_the_rows(
    customers: Table, events: Table, rows: list[tuple[str | None, str | None]], chance: np.random.Generator
) -> None:
    table, seen = customers({"customer_id": "A"}, {"customer_id": "B"}), events(*rows)
    expected = [_by_hand(rows, place) for place in range(len(rows))]
    assert _who(table, seen) == expected
    order = list(range(len(rows)))
    chance.shuffle(order)
    assert _who(table, seen.take(order)) == [expected[place] for place in order]


def _by_hand(rows: list[tuple[str | None, str | None]], place: int) -> str | None:
    who, session = rows[place]
    if who is not None or session is None:
        return who
    before = [name for name, where in rows[:place] if where == session and name is not None]
    after = [name for name, where in rows[place:] if where == session and name is not None]
    return before[-1] if before else next(iter(after), None)
