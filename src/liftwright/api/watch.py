"""One look at the database for all the streams of a process: who waits for a talk to go on is told when it has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from liftwright.domain.talk import TalkEvent
from liftwright.ports import Talks

LOOK_SECONDS = 0.1
"""How often a process looks, however many streams it has; it does not look while nobody waits."""
_LOG = logging.getLogger("uvicorn.error")
A = TypeVar("A")
T = TypeVar("T")


async def looked(what: str, look: Callable[[A], T], at: A) -> T | None:
    """What a look at the database says, off the event loop. None when it cannot be asked: the log says why, once for all who wait."""
    try:
        return await asyncio.to_thread(look, at)
    except Exception:  # whatever is wrong with the database, streams end and browsers come back
        _LOG.exception("%s cannot be watched.", what)
        return None


@dataclass(frozen=True, eq=False)
class _Waiter:
    talk_id: str
    after: int
    news: asyncio.Future[list[TalkEvent] | None]


class Watch:
    """Streams of one event loop that wait for talks; `talks` gives where they are kept."""

    def __init__(self, talks: Callable[[], Talks]) -> None:
        self._talks = talks
        self._waiting: set[_Waiter] = set()
        self._looker: asyncio.Task[None] | None = None

    async def news(self, talk_id: str, after: int, *, within: float) -> list[TalkEvent] | None:
        """Events of a talk with a number above `after`, in order, as soon as there are any; [] when none come within so many seconds.

        None when the database cannot be asked; what went wrong is in the log once, however many wait.
        """
        waiter = _Waiter(talk_id, after, asyncio.get_running_loop().create_future())
        self._waiting.add(waiter)
        if self._looker is None or self._looker.done():
            self._looker = asyncio.create_task(self._look())
        try:
            return await asyncio.wait_for(waiter.news, within)
        except TimeoutError:
            return []
        finally:
            self._waiting.discard(waiter)

    async def _look(self) -> None:
        """Look until nobody waits any more."""
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            asked = list(self._waiting)
            found = await looked("Talks", self._since, {(one.talk_id, one.after) for one in asked})
            for one in asked:
                events = None if found is None else [event for event in found.get(one.talk_id, ()) if event.seq > one.after]
                if not one.news.done() and events != []:
                    one.news.set_result(events)

    def _since(self, asked: set[tuple[str, int]]) -> dict[str, list[TalkEvent]]:
        """Events of the talks that have gone on, from the least number anybody waits above."""
        if not asked:
            return {}
        talks = self._talks()
        least: dict[str, int] = {}
        for talk_id, after in asked:
            least[talk_id] = min(after, least.get(talk_id, after))
        reached = talks.reached(least)
        return {name: talks.since(name, after) for name, after in least.items() if reached.get(name, 0) > after}
