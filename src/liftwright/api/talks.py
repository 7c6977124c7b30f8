"""Talks at work: answered in threads of this process, and followed by whoever looks, as they are written down by whatever process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

from liftwright.api.watch import Watch
from liftwright.domain.talk import TalkEvent
from liftwright.flow import talking
from liftwright.ports import Deps

BEAT_SECONDS, LONGEST_SECONDS = 15.0, 300.0
"""After how long a quiet stream says that it lives, and how long one connection lasts; who follows comes back with the last number they saw."""
_LOG = logging.getLogger("uvicorn.error")
_AT_WORK = ThreadPoolExecutor(2, thread_name_prefix="talk")


def begin(talk_id: str, text: str, *, by: str, deps: Deps, campaign_id: str | None = None) -> int:
    """`say`, then `work`; returns the number of the words' event."""
    seq = say(talk_id, text, by=by, deps=deps, campaign_id=campaign_id)
    work(talk_id, by=by, deps=deps)
    return seq


def say(talk_id: str, text: str, *, by: str, deps: Deps, campaign_id: str | None = None) -> int:
    """Write a person's words down; returns the number of their event.

    Raises GoalError for a campaign that does not exist, DataError as `talking.say` does.
    """
    if campaign_id:
        deps.campaigns.get(campaign_id)
    return talking.say(talk_id, text, by=by, deps=deps, campaign_id=campaign_id)


def work(talk_id: str, *, by: str, deps: Deps) -> None:
    """Have the last words answered in a thread; the talk shows how it goes."""
    _AT_WORK.submit(_work, talk_id, by, deps)


def _work(talk_id: str, by: str, deps: Deps) -> None:
    """Answer in a thread; what broke is in the talk for the person, and here for whoever keeps the server."""
    try:
        asyncio.run(talking.answer(talk_id, by=by, deps=deps))
    except Exception:
        _LOG.exception("talk %s broke", talk_id)


async def follow(talk_id: str, after: int, *, watch: Watch, deps: Deps) -> AsyncIterator[list[TalkEvent]]:
    """Every event after a number, once and in order; an empty list now and then where none come, so that the connection lives."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + LONGEST_SECONDS
    found: list[TalkEvent] | None = await asyncio.to_thread(deps.talks.since, talk_id, after)
    while found is not None and clock() < ends_at:
        if found:
            yield found
            after = found[-1].seq
        found = await watch.news(talk_id, after, within=BEAT_SECONDS)
        if found == []:
            yield []
