"""Facts of people: how sure their local time is, every cap's count, answers, ages, registrations."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from somebody import AT, contacts, events, facts

from liftwright.compliance import evaluate
from liftwright.library import DiskLibrary
from liftwright.settings import ChannelSettings, LimitSettings, SenderSettings, Settings


@pytest.mark.parametrize(
    ("person", "behind", "ahead"),
    [
        ({"time_zone": "America/Denver"}, 0, 0),
        ({"region": "NY"}, 0, 0),
        ({"region": "TX"}, 60, 0),
        ({"region": "TN"}, 0, 60),
        ({}, 300, 0),
        ({"country": "DE"}, 0, 0),
        ({"country": "GB"}, 0, 0),
        ({"country": "Atlantis"}, None, None),
    ],
)
def test_how_far_the_true_zone_may_be_from_the_assumed_one(person: dict[str, Any], behind: int | None, ahead: int | None) -> None:
    row = facts(person)
    assert (row["zone_behind"], row["zone_ahead"]) == (behind, ahead)


def test_without_a_zone_a_text_waits_until_it_is_daytime_in_the_whole_country() -> None:
    """New York is assumed; Hawaii is five hours behind in winter and six in summer."""
    bundle = DiskLibrary().policies()
    open_at = [
        hour
        for hour in range(24)
        if "SAFE-QUIET"
        not in {
            finding.rule
            for finding in evaluate.explain(bundle, facts({}, channel="sms", at=datetime(2026, 11, 23, hour, 30, tzinfo=UTC)))
        }
    ]
    assert open_at == [20, 21, 22, 23]


def test_the_days_on_which_nothing_leaves_are_the_persons_own_days() -> None:
    closed = Settings(limits=LimitSettings(blackout=(date(2026, 11, 24),)))
    assert facts({}, settings=closed)["is_blackout"] is False
    assert facts({"time_zone": "Pacific/Auckland"}, settings=closed)["is_blackout"] is True


def test_age_is_counted_to_the_day_where_the_person_is() -> None:
    assert facts({"birth_date": "2013-11-24"})["age"] == 12
    assert facts({"birth_date": "2013-11-24", "time_zone": "Pacific/Auckland"})["age"] == 13
    assert facts({"birth_date": "not a day"})["age"] is None


def test_contacts_are_counted_by_day_week_and_month_and_by_channel() -> None:
    day = timedelta(days=1)
    given = contacts(
        ("email", -timedelta(hours=5), "sent"),
        ("sms", -timedelta(hours=23), "unknown"),
        ("email", -6 * day, "sent"),
        ("email", -29 * day, "sent"),
        ("email", -30 * day, "sent"),
        ("email", -2 * day, "failed"),
        ("email", day, "planned"),
    )
    row = facts({}, contacts=given)
    assert (row["contacts_24h"], row["contacts_7d"], row["contacts_30d"]) == (2, 3, 4)
    assert (row["channel_contacts_7d"], row["hours_since_contact"]) == (2, 5)
    assert facts({}, channel="sms", contacts=given)["channel_contacts_7d"] == 1


def test_what_is_leased_with_it_counts_for_every_cap_when_sending() -> None:
    given = contacts(("email", -timedelta(days=3), "sent"), ("email", timedelta(0), "leased"), ("sms", timedelta(0), "leased"))
    first, second = (facts({}, channel=channel, contacts=given, sending=True) for channel in ("email", "sms"))
    assert (first["contacts_24h"], first["contacts_30d"], first["channel_contacts_7d"], first["hours_since_contact"]) == (
        0,
        1,
        1,
        72,
    )
    assert (second["contacts_24h"], second["contacts_30d"], second["hours_since_contact"]) == (1, 2, 0)


def test_a_click_a_visit_or_an_order_answers_what_came_before_it_and_an_opened_mail_does_not() -> None:
    given = contacts(*(("email", -timedelta(days=days), "sent") for days in (1, 3, 5, 7)))
    assert facts({}, contacts=given)["unanswered_30d"] == 4
    for kind, left in (("visit", 2), ("click", 2), ("purchase", 2), ("email_open", 4), ("support", 4)):
        answered = events((kind, None, AT - timedelta(days=4)))
        assert facts({}, contacts=given, events=answered)["unanswered_30d"] == left, kind


def test_a_registration_is_a_state_s_own_and_needs_words() -> None:
    held = Settings(sender=SenderSettings(registrations={"us-tx": "20-0001", "US-FL": " "}))
    assert facts({"region": "TX"}, settings=held)["is_registered"] is True
    assert facts({"region": "Texas"}, settings=held)["is_registered"] is True
    assert facts({"region": "FL"}, settings=held)["is_registered"] is False
    assert facts({"region": "TX", "country": "DE"}, settings=held)["is_registered"] is False


def test_a_channel_s_own_cap_and_the_assessment_are_the_settings() -> None:
    given = Settings(
        channels={"sms": ChannelSettings(most_per_week=1)}, sender=SenderSettings(interest_assessment="LIA-7, 2026-03-01")
    )
    assert facts({}, channel="sms", settings=given)["channel_per_week"] == 1
    assert facts({}, channel="email", settings=given)["channel_per_week"] is None
    assert facts({}, settings=given)["has_assessment"] is True
