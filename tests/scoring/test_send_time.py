"""Everybody is written to at the hour at which they are about, where they live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.scoring import send_time

AS_OF = datetime(2026, 4, 15, 6, tzinfo=UTC)
DAYS = st.integers(1, 150)


def _people(*zones: str | None) -> pa.Table:
    return pa.table({"customer_id": [f"C{n}" for n in range(len(zones))], "time_zone": pa.array(zones, pa.string())})


def _events(*rows: tuple[str, str, datetime]) -> pa.Table:
    moments = pa.array([at.astimezone(UTC) for _, _, at in rows], pa.timestamp("us", tz="UTC"))
    ids, types = pa.array([row[0] for row in rows], pa.string()), pa.array([row[1] for row in rows], pa.string())
    return pa.table({"customer_id": ids, "type": types, "occurred_at": moments})


def _local(zone: str, hour: int, *, days_ago: int, minute: int = 30) -> datetime:
    day = (AS_OF - timedelta(days=days_ago)).date()
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone))


def _hours(events: pa.Table | None, people: pa.Table, *, allowed: range | list[int] = range(24)) -> list[int]:
    return send_time.hours(events, people=people, zone="America/New_York", as_of=AS_OF, allowed=allowed).tolist()


@given(
    st.sampled_from(["Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    st.integers(0, 23),
    st.sets(DAYS, min_size=3, max_size=30),
)
def test_the_hour_is_that_of_the_persons_own_clock_on_both_sides_of_a_clock_change(zone: str, hour: int, days: set[int]) -> None:
    local = [_local(zone, hour, days_ago=day, minute=45) for day in days]
    seen = _events(*(("C0", "purchase", at) for at in local))
    shown = {at.astimezone(UTC).astimezone(ZoneInfo(zone)).hour for at in local}
    assert set(_hours(seen, _people(zone))) <= {hour} | shown


def test_a_habit_stays_at_its_local_hour_when_the_clocks_change_inside_the_window() -> None:
    seen = _events(*(("C0", "purchase", _local("America/New_York", 8, days_ago=day)) for day in range(1, 91)))
    profile = send_time.profile(seen, people=_people("America/New_York"), zone="UTC", as_of=AS_OF)[0]
    assert profile.argmax() == 8
    assert profile[7] == pytest.approx(profile[9])


@given(st.lists(st.tuples(st.integers(0, 23), DAYS), max_size=40), st.sets(st.integers(0, 23), min_size=1))
def test_only_allowed_hours_are_chosen(times: list[tuple[int, int]], allowed: set[int]) -> None:
    seen = _events(*(("C0", "click", _local("UTC", hour, days_ago=day)) for hour, day in times))
    assert set(_hours(seen, _people("UTC", None), allowed=sorted(allowed))) <= allowed


def test_no_allowed_hour_is_an_error() -> None:
    with pytest.raises(ValueError, match="no usable hour"):
        _hours(None, _people("UTC"), allowed=[])
    with pytest.raises(ValueError, match="no usable hour"):
        _hours(None, _people("UTC"), allowed=[24])


def test_opens_machine_clicks_and_events_outside_the_window_do_not_count() -> None:
    mine = ("C0", "purchase", _local("UTC", 9, days_ago=3))
    opens = [("C0", "email_open", _local("UTC", 3, days_ago=day)) for day in range(1, 60)]
    early = [("C0", "purchase", _local("UTC", 21, days_ago=day)) for day in range(200, 260)]
    late = [("C0", "purchase", AS_OF + timedelta(days=day)) for day in range(20)]
    assert _hours(_events(mine, *opens, *early, *late), _people("UTC")) == [9]
    clicks = _events(mine, *(("C0", "click", _local("UTC", 3, days_ago=day)) for day in range(1, 60)))
    machine = clicks.append_column("is_machine", pa.array([None, *[True] * 59], pa.bool_()))
    assert _hours(machine, _people("UTC")) == [9]


def test_visits_tell_the_hour_of_people_who_hardly_ever_click_or_buy() -> None:
    crowd = [(f"C{n}", "purchase", _local("UTC", 19, days_ago=day)) for n in range(1, 9) for day in range(1, 6)]
    visits = [("C9", "visit", _local("UTC", 7, days_ago=day)) for day in range(1, 30)]
    assert _hours(_events(*crowd, *visits), _people(*["UTC"] * 10))[9] == 7


def test_who_was_never_seen_gets_everybodys_hour_and_who_was_seen_often_their_own() -> None:
    crowd = [(f"C{n}", "purchase", _local("UTC", 19, days_ago=day)) for n in range(1, 9) for day in range(1, 6)]
    owl = [("C9", "purchase", _local("UTC", 2, days_ago=day)) for day in range(1, 30)]
    hours = _hours(_events(*crowd, *owl), _people(*["UTC"] * 10))
    assert hours[0] == 19
    assert hours[9] == 2


def test_one_sighting_is_pulled_towards_the_usual_hour() -> None:
    crowd = [(f"C{n}", "purchase", _local("UTC", 12, days_ago=day)) for n in range(1, 30) for day in range(1, 4)]
    once = ("C0", "purchase", _local("UTC", 15, days_ago=2))
    assert 12 <= _hours(_events(*crowd, once), _people(*["UTC"] * 30))[0] < 15


def test_midnight_is_between_eleven_and_one() -> None:
    seen = [("C0", "purchase", _local("UTC", hour, days_ago=day)) for hour in (23, 1) for day in range(1, 20)]
    assert _hours(_events(*seen), _people("UTC")) == [0]


def test_a_burst_in_one_hour_counts_once() -> None:
    burst = [("C0", "click", _local("UTC", 4, days_ago=5, minute=minute)) for minute in range(60)]
    habit = [("C0", "purchase", _local("UTC", 17, days_ago=day)) for day in range(1, 4)]
    assert _hours(_events(*burst, *habit), _people("UTC")) == [17]


def test_missing_and_unknown_zones_count_as_the_default_one() -> None:
    seen = _events(*((f"C{n}", "purchase", _local("America/New_York", 7, days_ago=day)) for n in range(3) for day in range(1, 9)))
    assert _hours(seen, _people("America/New_York", None, "Mars/Olympus")) == [7, 7, 7]
    assert _hours(seen, _people(None, None, None).drop_columns(["time_zone"])) == [7, 7, 7]


def test_without_any_event_the_hour_nearest_to_noon_is_taken() -> None:
    assert _hours(None, _people("UTC", None)) == [12, 12]
    assert _hours(_events(), _people("UTC"), allowed=[8, 9, 18]) == [9]


@given(st.permutations(range(12)))
def test_the_order_of_events_does_not_matter(order: list[int]) -> None:
    rows = [("C0", "purchase", _local("UTC", 3 + 2 * n, days_ago=n + 1)) for n in range(9)]
    rows += [("C1", "click", _local("UTC", 20, days_ago=n + 1)) for n in range(3)]
    people = _people("Europe/Berlin", "Asia/Tokyo")
    shuffled = _events(*(rows[n] for n in order))
    plain, mixed = (send_time.profile(t, people=people, zone="UTC", as_of=AS_OF) for t in (_events(*rows), shuffled))
    assert np.array_equal(plain, mixed)


CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC), 1), ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC), 1),
    ("America/New_York", datetime(2026, 3, 8, tzinfo=UTC), 7), ("America/New_York", datetime(2026, 11, 1, tzinfo=UTC), 6),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC), 15), ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC), 15),
]  # fmt: skip
"""Zone, the UTC day on which its clocks change, forward and back, and the UTC hour of the change."""


@pytest.mark.parametrize(("zone", "day", "hour"), CHANGES)
@pytest.mark.parametrize("minutes", [-90, -15, 0, 15, 30, 90])
def test_minutes_around_a_clock_change_are_read_as_the_clock_on_the_wall_showed(
    zone: str, day: datetime, hour: int, minutes: int
) -> None:
    at = day + timedelta(hours=hour, minutes=minutes)
    seen = _events(("C0", "click", at))
    profile = send_time.profile(seen, people=_people(zone), zone="UTC", as_of=day + timedelta(days=20))[0]
    assert profile.argmax() == at.astimezone(ZoneInfo(zone)).hour


@pytest.mark.parametrize(("zone", "day", "hour"), CHANGES)
def test_people_without_a_zone_are_read_on_the_houses_clock_on_the_days_of_a_change(zone: str, day: datetime, hour: int) -> None:
    seen = _events(*((f"C{n}", "purchase", day + timedelta(hours=hour + n)) for n in range(3)))
    people = {"own": _people(zone, zone, zone), "none": _people(None, None, None)}
    own, none = (send_time.profile(seen, people=who, zone=zone, as_of=day + timedelta(days=20)) for who in people.values())
    assert np.array_equal(own, none)
