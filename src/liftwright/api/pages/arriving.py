"""Says to a list of approvals that stands open in a browser when what waits is no longer what it shows."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from liftwright.api.pages.site import Site
from liftwright.api.talks import LONGEST_SECONDS
from liftwright.api.watch import looked
from liftwright.ports import Deps

LOOK_SECONDS = 1.0
"""How often a process looks, however many lists stand open; it does not look where none does."""
BEATS = 15
"""Looks after which a quiet stream says that it lives."""


def routes(site: Site) -> APIRouter:
    """GET /approvals/events?shown=…: one event `waiting` as soon as what waits is other than what is shown, and then the stream ends."""
    router = APIRouter()
    waiting = Waiting(look=mark)

    @router.get("/approvals/events")
    async def events(request: Request, shown: str = "") -> Response:
        visitor = site.inside(request)
        stream = _told(shown, waiting, visitor.deps)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})

    return router


def mark(deps: Deps) -> str:
    """A short word for all that waits: another one as soon as something comes, goes or is due at another time."""
    waiting = sorted(f"{row.approval_id} {row.risk} {row.expires_at.isoformat()}" for row in deps.approvals.waiting())
    return hashlib.sha256("\n".join(waiting).encode()).hexdigest()[:16]


class Waiting:
    """One look a second at what waits for all the lists of one event loop that stand open; `look` says what it sees, as a mark."""

    def __init__(self, *, look: Callable[[Deps], str]) -> None:
        self._look = look
        self._listening = 0
        self._next: asyncio.Task[str | None] | None = None

    async def seen(self, deps: Deps) -> str | None:
        """The mark at the next look, which begins after this was asked, and within a second; everybody who waits for it shares it.

        None when the database cannot be asked; what went wrong is in the log once, however many wait.
        """
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._looked(deps))
        self._listening += 1
        try:
            return await asyncio.shield(self._next)
        finally:
            self._listening -= 1

    async def _looked(self, deps: Deps) -> str | None:
        await asyncio.sleep(LOOK_SECONDS)
        self._next = None  # who comes while this looks waits for the next one: what they show may be newer than what it sees
        if not self._listening:
            return None
        return await looked("What waits", self._look, deps)


async def _told(shown: str, waiting: Waiting, deps: Deps) -> AsyncIterator[str]:
    """Listens for as long as a connection lasts; a browser comes back by itself."""
    yield "retry: 1000\n\n"
    for look in range(int(LONGEST_SECONDS / LOOK_SECONDS)):
        seen = await waiting.seen(deps)
        if seen != shown:
            if seen is not None:
                yield "event: waiting\ndata: {}\n\n"
            return
        if look % BEATS == BEATS - 1:
            yield ": still here\n\n"
