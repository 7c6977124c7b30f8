"""Lists of approvals that stand open: told of what came, by one look a second for all of them, and none where nobody listens."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from itertools import pairwise
from typing import Any

import httpx
import pytest
from browsing import PAGE, Waiting, send
from fastapi.testclient import TestClient

from liftwright.api.app import create
from liftwright.api.pages import arriving, inbox
from liftwright.ports import Deps

LISTS = 60
EVENTS = "/approvals/events"


def _shown(client: TestClient) -> str:
    found = re.search(r'data-mark="(\w+)"', client.get("/approvals").text)
    assert found
    return found[1]


def _reject(waiting: Waiting) -> None:
    client, _, campaign = waiting
    page = f"/approvals/{campaign.campaign_id}"
    send(client, page, page, kind="reject", plan_hash=str(campaign.plan_hash), by="Ann", reason="no")


def test_an_open_list_is_told_when_something_else_waits(waiting: Waiting) -> None:
    client, deps, _ = waiting
    shown = _shown(client)
    assert shown == arriving.mark(deps), "nothing changed since the page was made"
    _reject(waiting)
    for each in (shown, "", "x" * 500):
        told = client.get(EVENTS, params={"shown": each})
        assert (told.status_code, told.text.count("event: waiting")) == (200, 1)


def test_what_comes_while_the_rows_are_read_is_told_by_the_next_look(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    client, _, campaign = waiting
    monkeypatch.setattr(arriving, "LONGEST_SECONDS", 3.0)
    read, passed = inbox.shown.approvals_json, list[str]()

    def slowly(*, deps: Deps) -> list[dict[str, Any]]:
        rows = read(deps=deps)
        if not passed:
            passed.append("decided by somebody else meanwhile")
            _reject(waiting)
        return rows

    monkeypatch.setattr(inbox.shown, "approvals_json", slowly)
    text = client.get("/approvals").text
    assert passed
    assert f'href="/approvals/{campaign.campaign_id}"' in text, "the page was made from rows that are gone by now"
    found = re.search(r'data-mark="(\w+)"', text)
    assert found
    assert "event: waiting" in client.get(EVENTS, params={"shown": found[1]}).text


async def _streams(app: Any, shown: list[str]) -> list[str]:
    """What open lists are told until their connections end; one a mark."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test", headers=PAGE) as client:
        answers = await asyncio.gather(*(client.get(EVENTS, params={"shown": each}) for each in shown))
    return [answer.text for answer in answers]


def test_many_open_lists_cause_one_look_a_second(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    client, deps, _ = waiting
    monkeypatch.setattr(arriving, "LONGEST_SECONDS", 3.0)
    looks, mark = list[float](), arriving.mark

    def counted(deps: Deps) -> str:
        looks.append(time.monotonic())
        return mark(deps)

    shown = _shown(client)
    monkeypatch.setattr(arriving, "mark", counted)
    app = create(lambda: deps)
    told = asyncio.run(_streams(app, [shown] * LISTS))
    assert len(told) == LISTS
    assert not any("event:" in each for each in told)
    assert len(looks) >= 3, "every list lives for three looks"
    apart = [later - before for before, later in pairwise(looks)]
    assert min(apart) > arriving.LOOK_SECONDS / 2, "however many lists"
    told = asyncio.run(_streams(app, [shown, "old", "older"]))
    assert [each.count("event: waiting") for each in told] == [0, 1, 1]


async def test_nobody_looks_where_nobody_listens(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    _, deps, _ = waiting
    monkeypatch.setattr(arriving, "LOOK_SECONDS", 0.1)
    looks = list[Deps]()
    one = arriving.Waiting(look=lambda given: looks.append(given) or "m")
    assert await asyncio.gather(*(one.seen(deps) for _ in range(LISTS))) == ["m"] * LISTS
    left = asyncio.create_task(one.seen(deps))
    await asyncio.sleep(0.05)
    left.cancel()
    await asyncio.sleep(0.4)
    assert looks == [deps]
    assert await one.seen(deps) == "m"


async def test_who_comes_during_a_look_waits_for_the_next(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> None:
    _, deps, _ = waiting
    monkeypatch.setattr(arriving, "LOOK_SECONDS", 0.1)
    looks, began, go_on = list[str](), threading.Event(), threading.Event()

    def slowly(given: Deps) -> str:
        looks.append(said := f"look {len(looks) + 1}")
        began.set()
        go_on.wait(5)
        return said

    one = arriving.Waiting(look=slowly)
    first = asyncio.create_task(one.seen(deps))
    assert await asyncio.to_thread(began.wait, 5)
    late = asyncio.create_task(one.seen(deps))
    await asyncio.sleep(0)
    go_on.set()
    assert await asyncio.gather(first, late) == ["look 1", "look 2"]


async def test_a_database_that_cannot_be_asked_ends_every_stream_and_is_logged_once(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, deps, _ = waiting
    monkeypatch.setattr(arriving, "LOOK_SECONDS", 0.1)

    def broken(given: Deps) -> str:
        raise OSError("gone")

    monkeypatch.setattr(arriving, "mark", broken)
    told = await _streams(create(lambda: deps), ["m"] * 3)
    assert told == ["retry: 1000\n\n"] * 3
    assert caplog.text.count("What waits cannot be watched") == 1
