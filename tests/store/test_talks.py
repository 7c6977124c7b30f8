"""Talks: events come once, in order and without gaps, whoever writes at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from liftwright.store.engine import open_engine
from liftwright.store.talks import SqlTalks

NOW = datetime(2026, 11, 2, 14, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def talks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlTalks]:
    """A store on each database."""
    engine = open_engine(tmp_path, request.getfixturevalue(request.param))
    yield SqlTalks(engine)
    engine.dispose()


def test_events_are_numbered_from_one_in_each_talk_and_read_from_any_number(talks: SqlTalks) -> None:
    for text in ("a", "b", "c"):
        talks.add("t-1", "said", {"text": text}, at=NOW)
    assert talks.add("t-2", "said", {"text": "other"}, at=NOW + timedelta(hours=1)) == 1
    assert [(event.seq, event.payload["text"]) for event in talks.since("t-1")] == [(1, "a"), (2, "b"), (3, "c")]
    assert [event.seq for event in talks.since("t-1", 2)] == [3]
    assert talks.since("t-1", 3) == talks.since("t-9") == []
    assert [event.talk_id for event in talks.latest()] == ["t-2", "t-1"]
    assert len(talks.latest(limit=1)) == 1


def test_how_far_many_talks_have_come_is_one_look(talks: SqlTalks) -> None:
    for talk_id in ("t-1", "t-2", "t-2", "t-3"):
        talks.add(talk_id, "step", {}, at=NOW)
    assert talks.reached(["t-1", "t-2", "t-9"]) == {"t-1": 1, "t-2": 2}
    assert talks.reached([]) == {}
    many = [f"t-{number}" for number in range(5_000)]
    assert talks.reached(many) == {"t-1": 1, "t-2": 2, "t-3": 1}


def test_many_writers_at_once_leave_no_gap_and_lose_nothing(talks: SqlTalks) -> None:
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda n: talks.add("t-1", "step", {"n": n}, at=NOW), range(40)))
    assert sorted(numbers) == list(range(1, 41))
    events = talks.since("t-1")
    assert [event.seq for event in events] == list(range(1, 41))
    assert sorted(event.payload["n"] for event in events) == list(range(40))
