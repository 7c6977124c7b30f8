"""Streams of talks: whoever waits is told at once, a process looks once for all, and a stream is never compressed; pages are."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Open, token
from sqlalchemy import Engine, event, text

import plain_shop
from liftwright.api import talks as streams
from liftwright.api.watch import Watch
from liftwright.store.engine import migrate, open_engine
from liftwright.store.talks import SqlTalks

NOW = plain_shop.NOW


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database without talks."""
    made = open_engine(tmp_path)
    migrate(made)
    yield made
    made.dispose()


async def test_everybody_who_waits_gets_what_is_new_to_them_and_nothing_of_other_talks(engine: Engine) -> None:
    talks = SqlTalks(engine)
    for talk_id in ("t-1", "t-1", "t-2"):
        talks.add(talk_id, "step", {}, at=NOW)
    watch = Watch(lambda: talks)
    waiting = [asyncio.create_task(watch.news(*each, within=5)) for each in (("t-1", 2), ("t-1", 2), ("t-1", 0), ("t-2", 1))]
    await asyncio.sleep(0.3)
    assert [task.done() for task in waiting] == [False, False, True, False]
    talks.add("t-1", "step", {}, at=NOW)
    talks.add("t-1", "reply", {}, at=NOW)
    one, other, late = [[found.seq for found in await task or []] for task in waiting[:3]]
    assert one[0] == other[0] == 3
    assert late == [1, 2]
    assert not waiting[3].done()
    talks.add("t-2", "reply", {}, at=NOW)
    assert [found.seq for found in await waiting[3] or []] == [2]


async def test_who_waits_for_nothing_is_told_so_in_time(engine: Engine) -> None:
    watch = Watch(lambda: SqlTalks(engine))
    began = time.monotonic()
    assert await watch.news("t-1", 0, within=0.3) == []
    assert 0.25 < time.monotonic() - began < 5


async def test_a_process_looks_once_for_all_its_streams_and_not_at_all_without(engine: Engine) -> None:
    talks = SqlTalks(engine)
    for number in range(60):
        talks.add(f"t-{number}", "step", {}, at=NOW)
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    watch = Watch(lambda: talks)
    assert await asyncio.gather(*(watch.news(f"t-{number}", 1, within=1) for number in range(60))) == [[]] * 60
    await asyncio.sleep(0.3)
    looks = [sql for sql in asked if "talk_events" in sql]
    assert 1 <= len(looks) <= 12
    await asyncio.sleep(0.5)
    assert [sql for sql in asked if "talk_events" in sql] == looks


async def test_a_database_that_cannot_be_asked_ends_every_stream_and_is_logged_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(lambda: SqlTalks(engine))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE talk_events"))
    assert await asyncio.gather(*(watch.news("t-1", 0, within=5) for _ in range(3))) == [None] * 3
    assert caplog.text.count("Talks cannot be watched") == 1


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that end soon; the browser would come back."""
    monkeypatch.setattr(streams, "LONGEST_SECONDS", 0.5)
    monkeypatch.setattr(streams, "BEAT_SECONDS", 0.2)


def ids(answer: Any) -> list[int]:
    """Numbers of the events of a stream."""
    return [int(number) for number in re.findall(r"^id: (\d+)$", answer.text, re.M)]


def test_a_stream_goes_on_after_the_last_number_seen_says_that_it_lives_and_is_not_compressed(browse: Open, short: None) -> None:
    client, deps = browse(plain_shop.furnished())
    for _ in range(30):
        deps.talks.add("t-1", "step", {"who": "strategist", "what": "thinks"}, at=NOW)
    whole = client.get("/c/t-1/events", headers={"accept-encoding": "gzip"})
    assert len(whole.content) > 1_000
    assert "content-encoding" not in whole.headers
    assert whole.headers["content-type"].startswith("text/event-stream")
    assert ids(whole) == list(range(1, 31))
    assert ": still here" in whole.text
    assert ids(client.get("/c/t-1/events?after=3", headers={"last-event-id": "28"})) == [29, 30]
    assert ids(client.get("/c/t-1/events?after=29", headers={"last-event-id": "x"})) == [30]


def test_pages_are_compressed_for_who_asks_and_their_tokens_differ_each_time(browse: Open) -> None:
    client, _ = browse(plain_shop.furnished())
    page = client.get("/", headers={"accept-encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in page.headers["vary"].lower()
    assert int(page.headers["content-length"]) < len(page.content) / 2
    plain = client.get("/", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    one, other = token(client), token(client)
    assert one != other
    for good in (one, other):
        assert client.post("/sign-in", data={"token": good, "name": "Ann"}, follow_redirects=False).status_code == 303
    for bad in (one[:16] + other[16:], one[:-1], "é" * 80):
        assert client.post("/sign-in", data={"token": bad, "name": "Ann"}).status_code == 403
