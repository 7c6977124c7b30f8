"""Facts of one person put together without a database are those that the database gives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.compliance import momentary
from liftwright.compliance.facts import lasting_facts, person_facts
from liftwright.domain.profile import CHANNELS
from liftwright.settings import Settings

TIME = pa.timestamp("us", "UTC")
MOMENTS = st.datetimes(datetime(2024, 2, 27), datetime(2027, 4, 2)).map(lambda at: at.replace(tzinfo=UTC))
BACK = st.one_of(
    st.timedeltas(timedelta(days=-2), timedelta(days=40)),
    st.sampled_from([timedelta(0), timedelta(hours=24), timedelta(days=7), timedelta(days=30), timedelta(microseconds=1)]),
)
SAID = st.sampled_from([None, "", " yes ", "TRUE", "1", "no", "denied", "granted", "maybe"])
PEOPLE = st.fixed_dictionaries(
    {
        "country": st.sampled_from([None, "", " us", "US", "de", "FR", "CA", "AU", "XX", "gb"]),
        "region": st.sampled_from([None, "", "TX", "us-tx", "Texas", " oregon ", "CA", "BY", "NY", "ID", "QC"]),
        "time_zone": st.sampled_from([None, "", "Europe/Berlin", "America/Denver", "Nowhere/Land", "Asia/Kathmandu"]),
        "birth_date": st.one_of(
            st.none(), st.sampled_from(["2008-02-29", "x", "1990-1-2", "2009-03-01", ""]), st.dates(date(1930, 1, 1)).map(str)
        ),
        "objects_to_marketing": SAID,
        "gpc": SAID,
        "do_not_call": SAID,
        "is_minor": SAID,
        "consent_email": SAID,
        "consent_sms": SAID,
        "email": st.sampled_from([None, "", " ", "a@b.example"]),
        "phone": st.sampled_from([None, "+15550100"]),
    }
)
CONTACTS = st.lists(
    st.tuples(st.sampled_from(CHANNELS), BACK, st.sampled_from(["planned", "leased", "sent", "sending", "unknown", "failed"])),
    max_size=6,
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["opt_out", "complaint", "purchase", "click", "open", "visit"]),
        st.sampled_from([None, "email", "SMS", "push"]),
        BACK,
    ),
    max_size=6,
)
SHOP = Settings.model_validate(
    {
        "time_zone": "America/Chicago",
        "limits": {"blackout": ["2026-11-27", "2025-12-25"], "hours_between": 20, "unanswered": 5},
        "sender": {"registrations": {"us-tx": "R-1"}},
        "channels": {"email": {"most_per_week": 2}},
    }
)


@settings(max_examples=100, deadline=None)
@given(st.lists(PEOPLE, min_size=1, max_size=3), MOMENTS, CONTACTS, EVENTS, st.booleans())
def test_one_person_at_one_moment_has_the_facts_of_a_table_of_one(
    rows: list[dict[str, Any]], at: datetime, sends: list[Any], did: list[Any], is_held: bool
) -> None:
    people = pa.table(
        {
            "customer_id": [f"c{number}" for number in range(len(rows))],
            **{name: pa.array([row[name] for row in rows], pa.string()) for name in rows[0]},
        }
    )
    contacts = [momentary.Contact(channel, at - back, state) for channel, back, state in sends]
    events = [momentary.Event(kind, channel, at - back) for kind, channel, back in did]
    expected = person_facts(
        people,
        channels=CHANNELS,
        at=at,
        settings=SHOP,
        contacts=_table(["c0"] * len(contacts), contacts, ("channel", "send_at", "state")),
        events=_table(["c0"] * len(events), events, ("type", "channel", "occurred_at")),
        arms=np.full(len(rows), is_held),
    ).to_pylist()
    lasts = lasting_facts(people, channels=CHANNELS, settings=SHOP, at=at).to_pylist()
    found = [
        facts
        for number, row in enumerate(lasts)
        for facts in momentary.facts(
            row,
            channels=CHANNELS,
            at=at,
            settings=SHOP,
            contacts=contacts if number == 0 else (),
            events=events if number == 0 else (),
            is_held=is_held,
        )
    ]
    assert found == expected


def _table(ids: list[str], rows: list[Any], names: tuple[str, ...]) -> pa.Table:
    kinds = {"channel": pa.string(), "state": pa.string(), "type": pa.string()}
    columns = {name: pa.array([getattr(row, name) for row in rows], kinds.get(name, TIME)) for name in names}
    return pa.table({"customer_id": pa.array(ids, pa.string()), **columns})


def test_a_birthday_on_the_last_of_february_counts_as_the_database_counts_it() -> None:
    people = pa.table({"customer_id": ["a"], "birth_date": ["2008-02-29"]})
    for day in (date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1), date(2028, 2, 29)):
        at = datetime(day.year, day.month, day.day, 18, tzinfo=UTC)
        (expected,) = person_facts(people, channels=["email"], at=at, settings=SHOP).to_pylist()
        (lasts,) = lasting_facts(people, channels=["email"], settings=SHOP, at=at).to_pylist()
        (found,) = momentary.facts(lasts, channels=["email"], at=at, settings=SHOP)
        assert found == expected


def test_somebody_whose_country_nobody_knows_has_no_spread_of_zones() -> None:
    people = pa.table({"customer_id": ["a"], "country": ["XX"]})
    at = datetime(2026, 11, 1, tzinfo=UTC)
    (lasts,) = lasting_facts(people, channels=["email"], settings=SHOP, at=at).to_pylist()
    (found,) = momentary.facts(lasts, channels=["email"], at=at, settings=SHOP)
    assert (found["zone_behind"], found["local_minute"]) == (None, 19 * 60)


@pytest.mark.parametrize("born", [date(2030, 5, 5), date(2026, 11, 1)])
def test_somebody_not_born_yet_has_the_age_the_database_gives(born: date) -> None:
    people = pa.table({"customer_id": ["a"], "birth_date": [str(born)]})
    at = datetime(2026, 5, 6, 18, tzinfo=UTC)
    (expected,) = person_facts(people, channels=["email"], at=at, settings=SHOP).to_pylist()
    (lasts,) = lasting_facts(people, channels=["email"], settings=SHOP, at=at).to_pylist()
    assert momentary.facts(lasts, channels=["email"], at=at, settings=SHOP)[0]["age"] == expected["age"]
