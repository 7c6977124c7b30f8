"""Hours and birthdays on the days that are not like others: clock changes, 29 February, zones nobody knows, states that do not agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from liftwright.compliance import evaluate
from liftwright.compliance.facts import person_facts
from liftwright.library import DiskLibrary
from liftwright.settings import Settings

SHIPPED = DiskLibrary().policies()
CLOCK = {"TCPA-QUIET", "SAFE-QUIET", "STATE-QUIET-8-20", "STATE-QUIET-CT", "STATE-QUIET-TX", "STATE-QUIET-SUNDAY"}


def fired(at: datetime, **person: Any) -> set[str]:
    """The rules about hours that stand in the way of a text to this person."""
    people = pa.table({"customer_id": ["c1"], "consent_sms": ["granted"], **{name: [value] for name, value in person.items()}})
    facts = person_facts(people, channels=["sms"], at=at, settings=Settings())
    (rules,) = evaluate.people(SHIPPED, facts)["rules"].to_pylist()
    return set(rules) & CLOCK


@pytest.mark.parametrize(
    ("at", "is_quiet"),
    [
        (datetime(2026, 3, 7, 12, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 7, 13, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 8, 11, 59, tzinfo=UTC), True),
        (datetime(2026, 3, 8, 12, 0, tzinfo=UTC), False),
        (datetime(2026, 3, 9, 0, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 9, 1, 0, tzinfo=UTC), True),
        (datetime(2026, 10, 31, 11, 59, tzinfo=UTC), True),
        (datetime(2026, 10, 31, 12, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 1, 12, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 1, 13, 0, tzinfo=UTC), False),
    ],
)
def test_eight_and_nine_o_clock_follow_the_clock_on_the_wall(at: datetime, is_quiet: bool) -> None:
    assert ("TCPA-QUIET" in fired(at, region="NY", time_zone="America/New_York")) is is_quiet


def test_a_zone_without_summer_time_and_one_of_a_quarter_hour() -> None:
    at = datetime(2026, 7, 1, 14, 59, tzinfo=UTC)
    assert "TCPA-QUIET" in fired(at, region="AZ")
    assert "TCPA-QUIET" not in fired(at, region="CO")
    kathmandu = person_facts(
        pa.table({"customer_id": ["c1"], "time_zone": ["Asia/Kathmandu"]}), channels=["sms"], at=at, settings=Settings()
    )
    assert kathmandu["local_minute"].to_pylist() == [20 * 60 + 44]


def test_a_zone_nobody_knows_is_the_state_s_and_without_one_every_zone_of_the_country_counts() -> None:
    at = datetime(2026, 6, 2, 14, 30, tzinfo=UTC)
    assert fired(at, region="CA", time_zone="Mars/Olympus") == fired(at, region="CA") == {"TCPA-QUIET", "SAFE-QUIET"}
    assert fired(at, time_zone="") == {"SAFE-QUIET"}
    assert fired(at.replace(hour=20), time_zone="") == set()


@pytest.mark.parametrize(
    ("at", "region", "rules"),
    [
        (datetime(2026, 6, 3, 0, 30, tzinfo=UTC), "FL", {"SAFE-QUIET", "STATE-QUIET-8-20"}),
        (datetime(2026, 6, 3, 0, 30, tzinfo=UTC), "NY", {"SAFE-QUIET"}),
        (datetime(2026, 6, 2, 12, 30, tzinfo=UTC), "CT", {"SAFE-QUIET", "STATE-QUIET-CT"}),
        (datetime(2026, 6, 7, 16, 30, tzinfo=UTC), "TX", {"STATE-QUIET-TX"}),
        (datetime(2026, 6, 7, 18, 30, tzinfo=UTC), "AL", {"STATE-QUIET-SUNDAY"}),
        (datetime(2026, 6, 7, 18, 30, tzinfo=UTC), "TX", set()),
    ],
)
def test_every_rule_of_the_place_must_hold_so_the_strictest_wins(at: datetime, region: str, rules: set[str]) -> None:
    assert fired(at, region=region) == rules


def test_a_state_nobody_knows_is_every_state_at_once() -> None:
    sunday_noon = datetime(2026, 6, 7, 15, 30, tzinfo=UTC)
    assert fired(sunday_noon, time_zone="America/New_York") == {"STATE-QUIET-TX", "STATE-QUIET-SUNDAY"}


@pytest.mark.parametrize(
    ("at", "is_minor"),
    [
        (datetime(2026, 2, 28, 23, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 1, 4, 0, tzinfo=UTC), True),
        (datetime(2026, 3, 1, 6, 0, tzinfo=UTC), False),
    ],
)
def test_who_was_born_on_29_february_comes_of_age_on_1_march_where_they_are(at: datetime, is_minor: bool) -> None:
    people = pa.table({"customer_id": ["c1"], "birth_date": ["2008-02-29"], "time_zone": ["America/New_York"]})
    assert person_facts(people, channels=["email"], at=at, settings=Settings())["is_minor"].to_pylist() == [is_minor]
