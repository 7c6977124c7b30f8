"""The planned hour is the person's own, inside what the rules leave open where they live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from liftwright.agents.bench import timing
from liftwright.compliance.waiting import Place
from liftwright.planning.waves import Wave

AS_OF = datetime(2026, 3, 2, 6, tzinfo=UTC)
WAVES = (Wave(1, date(2026, 3, 2), 3), Wave(2, date(2026, 3, 8), 3))
OPEN = {"FR": (9, 10), "US": tuple(range(8, 21))}


def _open_hours(bundle: Any, places: Sequence[Place]) -> dict[Place, tuple[int, ...]]:
    return {place: _open_at(place[0], place[1], place[3]) for place in places}


def _open_at(channel: str, country: str, on: date) -> tuple[int, ...]:
    if channel == "email":
        return tuple(range(24))
    return () if country == "FR" and on.isoweekday() == 7 else OPEN[country]


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Four people who were all seen at 22 o'clock UTC: one French, two American, one from nowhere."""
    monkeypatch.setattr(timing.waiting, "open_hours", _open_hours)
    ids = ["C0", "C1", "C2", "C3"]
    seen = [AS_OF - timedelta(days=day, hours=8) for day in range(1, 9)]
    events = pa.table(
        {
            "customer_id": pa.array([name for name in ids for _ in seen]),
            "type": pa.array(["click"] * 32),
            "occurred_at": pa.array(seen * 4, pa.timestamp("us", tz="UTC")),
        }
    )
    people = pa.table(
        {"customer_id": ids, "country": ["FR", "US", "US", None], "time_zone": ["UTC", "UTC", "America/New_York", None]}
    )
    settings = SimpleNamespace(country="US", time_zone="America/New_York")
    return SimpleNamespace(
        people=people, tables={"events": events}, as_of=AS_OF, bundle=None, deps=SimpleNamespace(settings=settings)
    )


def test_an_open_channel_is_used_at_the_persons_own_local_hour(data: Any) -> None:
    assert timing.local_hours(data, np.arange(4), channels=["email"], waves=WAVES)["email"].tolist() == [22, 22, 17, 17]


def test_quiet_hours_of_the_persons_country_move_the_hour_inside_them(data: Any) -> None:
    hours = timing.local_hours(data, np.array([0, 1, 3]), channels=["sms"], waves=WAVES)["sms"].tolist()
    assert hours == [10, 20, 17]


def test_people_of_rare_countries_get_hours_open_everywhere(data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MOST_COUNTRIES", 1)
    assert timing.local_hours(data, np.arange(2), channels=["sms"], waves=WAVES)["sms"].tolist() == [9, 9]


def test_without_events_everybody_gets_an_open_hour(data: Any) -> None:
    data.tables = {}
    assert timing.local_hours(data, np.arange(4), channels=["sms"], waves=WAVES)["sms"].tolist() == [10, 12, 12, 12]
