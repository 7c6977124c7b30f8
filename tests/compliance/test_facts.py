"""Facts of people: time where they are, what they said, how often they were contacted; what is not known stays unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from somebody import AT, contacts, events, facts

from liftwright.compliance import evaluate, places
from liftwright.compliance.facts import person_facts
from liftwright.compliance.rules import facts_of
from liftwright.domain.errors import DataError
from liftwright.domain.profile import CHANNELS
from liftwright.library import DiskLibrary
from liftwright.settings import LimitSettings, Settings


def test_every_person_has_one_row_per_channel_in_the_order_given() -> None:
    people = pa.table({"customer_id": ["b", "a"]})
    rows = person_facts(people, channels=["sms", "email"], at=AT, settings=Settings()).to_pylist()
    assert [(row["customer_id"], row["channel"]) for row in rows] == [("b", "sms"), ("b", "email"), ("a", "sms"), ("a", "email")]


def test_the_facts_are_exactly_the_declared_person_facts() -> None:
    people = pa.table({"customer_id": ["c1"]})
    table = person_facts(people, channels=CHANNELS, at=AT, settings=Settings())
    assert set(table.column_names) == {"customer_id", *facts_of(DiskLibrary().policies().facts, "person")}


def test_a_bare_customer_file_leaves_unknown_what_it_does_not_say() -> None:
    row = facts({})
    unknown = {name for name, value in row.items() if value is None}
    assert unknown == {
        *("region", "consent", "on_do_not_call", "is_minor", "age", "has_address"),
        *("days_since_purchase", "hours_since_contact", "channel_per_week"),
    }
    assert (row["country"], row["contacts_7d"], row["contacts_per_week"]) == ("US", 0, 3)


@pytest.mark.parametrize(
    ("person", "minute", "weekday"),
    [
        ({}, 660, 1),
        ({"time_zone": "America/Los_Angeles"}, 480, 1),
        ({"time_zone": "Asia/Kolkata", "country": "IN"}, 1290, 1),
        ({"time_zone": "Pacific/Auckland", "country": "NZ"}, 300, 2),
        ({"time_zone": "Mars/Olympus"}, 660, 1),
        ({"region": "CA"}, 480, 1),
        ({"region": " us-hi "}, 360, 1),
        ({"region": "Texas"}, 600, 1),
        ({"region": "CA", "country": "ES"}, 1020, 1),
        ({"country": "UK"}, 960, 1),
        ({"country": "Atlantis"}, 660, 1),
        ({"region": "CA", "time_zone": "America/Chicago"}, 600, 1),
    ],
)
def test_local_time_is_the_persons_zone_then_their_state_then_their_country_then_the_default(
    person: dict[str, Any], minute: int, weekday: int
) -> None:
    row = facts(person)
    assert (row["local_minute"], row["local_weekday"]) == (minute, weekday)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.sampled_from(places.states(at=AT)))
@settings(max_examples=40)
def test_every_state_has_a_zone_and_local_minutes_are_within_the_day(
    moment: datetime, state: tuple[str, str, str, int, int]
) -> None:
    found = places.local_times([state[2]], at=moment.replace(tzinfo=UTC))
    minute, weekday = found[state[2]]
    assert 0 <= minute < 1440
    assert 1 <= weekday <= 7


def test_there_are_fifty_states_the_district_and_puerto_rico() -> None:
    assert len({state[0] for state in places.states(at=AT)}) == 52


def test_state_names_become_codes_and_other_regions_stay() -> None:
    assert facts({"region": "florida"})["region"] == "FL"
    assert facts({"region": "Bavaria", "country": "de"})["region"] == "BAVARIA"
    assert facts({"region": None, "country": None})["country"] == "US"


@pytest.mark.parametrize(
    ("said", "consent"),
    [
        ("granted", "granted"),
        (" Yes ", "granted"),
        (True, "granted"),
        ("denied", "denied"),
        (False, "denied"),
        ("", None),
        (None, None),
        ("?", None),
    ],
)
def test_consent_is_what_was_recorded_for_that_channel(said: Any, consent: str | None) -> None:
    assert facts({"consent_email": said})["consent"] == consent
    assert facts({"consent_email": said}, channel="sms")["consent"] is None


@pytest.mark.parametrize(
    ("born", "is_minor"), [("2008-11-24", True), ("2008-11-23", False), ("1980-05-05", False), ("not a date", None), (None, None)]
)
def test_somebody_is_a_minor_until_their_eighteenth_birthday(born: str | None, is_minor: bool | None) -> None:
    assert facts({"birth_date": born})["is_minor"] is is_minor


def test_a_minor_flag_beats_a_birth_date_that_says_otherwise() -> None:
    assert facts({"birth_date": "1980-01-01", "is_minor": True})["is_minor"] is True
    assert facts({"birth_date": None, "is_minor": False})["is_minor"] is False


def test_an_opt_out_holds_for_its_channel_and_one_without_a_channel_for_all() -> None:
    one = events(("opt_out", "sms", AT))
    assert facts({}, channel="sms", events=one)["is_suppressed"] is True
    assert facts({}, channel="email", events=one)["is_suppressed"] is False
    everywhere = facts({}, channel="web", events=events(("opt_out", None, AT)))
    assert (everywhere["is_suppressed"], everywhere["has_objected"]) == (True, True)
    assert facts({}, events=events(("complaint", "email", AT)))["is_suppressed"] is True


def test_only_what_happened_by_then_counts() -> None:
    later = events(("opt_out", None, AT + timedelta(seconds=1)), ("purchase", None, AT + timedelta(days=1)))
    row = facts({}, events=later)
    assert (row["is_suppressed"], row["days_since_purchase"]) == (False, None)
    assert facts({}, events=events(("purchase", None, AT - timedelta(days=730))))["days_since_purchase"] == 730


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([("email", timedelta(days=-7), "sent")], 0),
        ([("email", timedelta(days=-7, seconds=1), "sent")], 1),
        ([("sms", timedelta(), "planned")], 1),
        ([("sms", timedelta(seconds=1), "planned")], 0),
        (
            [
                ("email", timedelta(days=-1), "failed"),
                ("email", timedelta(days=-1), "cancelled"),
                ("sms", timedelta(days=-1), "suppressed"),
            ],
            0,
        ),
        (
            [
                ("email", timedelta(days=-1), "unknown"),
                ("web", timedelta(days=-2), "leased"),
                ("push", timedelta(days=-3), "sending"),
            ],
            3,
        ),
    ],
)
def test_contacts_of_the_week_count_what_was_sent_or_is_scheduled(rows: list[Any], count: int) -> None:
    assert facts({}, contacts=contacts(*rows))["contacts_7d"] == count


def test_calls_of_the_day_count_texts_and_calls_only() -> None:
    made = contacts(
        ("sms", timedelta(hours=-1), "sent"), ("voice", timedelta(hours=-23), "sent"), ("sms", timedelta(hours=-24), "sent")
    )
    assert facts({}, contacts=pa.concat_tables([made, contacts(("email", timedelta(hours=-1), "sent"))]))["calls_24h"] == 2


def test_when_sending_a_send_counts_those_leased_before_it_and_never_itself() -> None:
    leased = contacts(
        ("email", timedelta(hours=-2), "leased"), ("sms", timedelta(hours=-1), "leased"), ("push", timedelta(days=-1), "sent")
    )
    assert facts({}, channel="email", contacts=leased, sending=True)["contacts_7d"] == 1
    assert facts({}, channel="sms", contacts=leased, sending=True)["contacts_7d"] == 2
    assert facts({}, channel="email", contacts=contacts(("email", timedelta(), "planned")), sending=True)["contacts_7d"] == 0


@given(st.integers(0, 6), st.integers(0, 4), st.integers(1, 5))
@settings(max_examples=25)
def test_a_batch_never_sends_beyond_the_weekly_cap(leased: int, sent: int, cap: int) -> None:
    rows = [(channel, timedelta(minutes=-1), "leased") for channel in CHANNELS[:leased]]
    rows += [("email", timedelta(days=-day - 1), "sent") for day in range(sent)]
    people = pa.table({"customer_id": ["c1"]})
    found = person_facts(
        people,
        channels=CHANNELS,
        at=AT,
        settings=Settings(limits=LimitSettings(contacts_per_week=cap)),
        contacts=contacts(*rows) if rows else None,
        sending=True,
    ).to_pylist()
    passing = sum(row["contacts_7d"] < row["contacts_per_week"] for row in found[:leased])
    assert passing == min(leased, max(0, cap - sent))


def test_the_goals_cap_tightens_and_never_loosens() -> None:
    assert facts({}, contacts_per_week=1)["contacts_per_week"] == 1
    assert facts({}, contacts_per_week=9)["contacts_per_week"] == 3


@pytest.mark.parametrize(
    ("person", "channel", "has_address"),
    [
        ({"email": "a@example.test"}, "email", True),
        ({"email": " "}, "email", False),
        ({"email": None}, "email", False),
        ({"phone": "+15550100"}, "sms", True),
        ({"postal_code": None, "address": "1 Road"}, "direct_mail", True),
        ({"postal_code": None}, "direct_mail", False),
        ({"phone": None}, "email", None),
        ({"email": None}, "push", None),
    ],
)
def test_an_empty_address_is_not_the_same_as_a_file_without_addresses(
    person: dict[str, Any], channel: str, has_address: bool | None
) -> None:
    assert facts(person, channel=channel)["has_address"] is has_address


def test_flags_are_read_under_their_usual_names() -> None:
    row = facts({"gpc": "1", "do_not_call": "yes", "objected": True})
    assert (row["opted_out_of_sharing"], row["on_do_not_call"], row["has_objected"]) == (True, True, True)
    assert facts({"gpc": None})["opted_out_of_sharing"] is False


def test_the_holdout_is_aligned_with_the_people() -> None:
    people = pa.table({"customer_id": ["a", "b"]})
    rows = person_facts(people, channels=["email"], at=AT, settings=Settings(), arms=np.array([False, True])).to_pylist()
    assert [row["is_holdout"] for row in rows] == [False, True]
    with pytest.raises(DataError):
        person_facts(people, channels=["email"], at=AT, settings=Settings(), arms=np.array([True]))


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(DataError, match="offset"):
        facts({}, at=datetime(2026, 11, 23))


def test_facts_and_rules_together_decide() -> None:
    people = pa.table(
        {"customer_id": ["a", "b"], "consent_sms": ["granted", None], "region": ["NY", "NY"], "phone": ["+15550100", "+15550101"]}
    )
    table = person_facts(people, channels=["sms", "email"], at=AT, settings=Settings())
    verdicts = evaluate.people(DiskLibrary().policies(), table)
    assert verdicts["outcome"].to_pylist() == ["allow", "needs_approval", "block", "needs_approval"]
    assert facts({}, at=datetime(2026, 12, 1, 3, tzinfo=UTC))["send_on"] == date(2026, 11, 30)
