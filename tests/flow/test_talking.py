"""A talk that is written down: words, steps, answer; and what a person can do wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import plain_shop
from liftwright.domain.errors import DataError
from liftwright.flow import conversation, talking
from liftwright.ports import Deps


@pytest.fixture
def deps(tmp_path: Path) -> Iterator[Deps]:
    """A shop with customers and no campaign."""
    home = plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home")
    opened = plain_shop.open_shop(home, now=lambda: plain_shop.NOW + timedelta(hours=1))
    yield opened
    plain_shop.close(opened)


def test_words_steps_and_the_answer_are_written_down_in_order(deps: Deps) -> None:
    talking.say("t-1", f"  {plain_shop.GOAL} ", by="Ann", deps=deps)
    assert talking.is_working(deps.talks.since("t-1"), deps=deps)
    asyncio.run(talking.answer("t-1", by="Ann", deps=deps))
    events = deps.talks.since("t-1")
    assert [events[0].kind, events[1].kind, events[-1].kind] == ["said", "working", "reply"]
    assert (events[2].kind, events[2].payload) == ("working", {"campaign_id": events[-1].payload["campaign_id"]})
    assert events[0].payload == {"text": plain_shop.GOAL, "by": "Ann"}
    assert {event.kind for event in events[3:-1]} == {"step"}
    assert not talking.is_working(events, deps=deps)
    (campaign,) = deps.campaigns.all()
    assert talking.campaign_of(events) == campaign.campaign_id


@pytest.mark.parametrize("words", ["", "   \n ", "x" * 4_001])
def test_no_words_and_too_many_are_refused(deps: Deps, words: str) -> None:
    with pytest.raises(DataError, match="TALK-WORDS"):
        talking.say("t-1", words, by="Ann", deps=deps)
    assert deps.talks.since("t-1") == []


def test_one_thing_at_a_time_until_the_work_is_taken_for_lost(deps: Deps) -> None:
    talking.say("t-1", "Sell more", by="Ann", deps=deps)
    with pytest.raises(DataError, match="TALK-BUSY"):
        talking.say("t-1", "Sell less", by="Ann", deps=deps)
    late = replace(deps, now=lambda: deps.now() + talking.LOST)
    assert talking.say("t-1", "Sell less", by="Ann", deps=late) == 2


def test_what_a_person_can_mend_is_told_and_what_broke_is_told_and_raised(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    talking.say("t-1", "why?", by="Ann", deps=deps, campaign_id="c-nowhere")
    asyncio.run(talking.answer("t-1", by="Ann", deps=deps))
    failed = deps.talks.since("t-1")[-1]
    assert failed.kind == "failed"
    assert failed.payload["next_step"]

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret of the house")

    monkeypatch.setattr(conversation, "turn", broken)
    talking.say("t-2", "Sell more", by="Ann", deps=deps)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(talking.answer("t-2", by="Ann", deps=deps))
    failed = deps.talks.since("t-2")[-1]
    assert (failed.kind, "secret" in str(failed.payload)) == ("failed", False)
