"""Says to a list of approvals that stands open in a browser when what waits is no longer what it shows."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from liftwright.api.pages.site import Site
from liftwright.api.talks import LONGEST_SECONDS
from liftwright.ports import Deps

LOOK_SECONDS = 1.0
BEATS = 15
"""Looks after which a quiet stream says that it lives."""


def routes(site: Site) -> APIRouter:
    """GET /approvals/events?shown=…: one event `waiting` as soon as what waits is other than what is shown, and then the stream ends."""
    router = APIRouter()

    @router.get("/approvals/events")
    async def events(request: Request, shown: str = "") -> Response:
        visitor = site.inside(request)
        stream = _told(shown, visitor.deps)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})

    return router


def mark(deps: Deps) -> str:
    """A short word for all that waits: another one as soon as something comes, goes or is due at another time."""
    waiting = sorted(f"{row.approval_id} {row.risk} {row.expires_at.isoformat()}" for row in deps.approvals.waiting())
    return hashlib.sha256("\n".join(waiting).encode()).hexdigest()[:16]


async def _told(shown: str, deps: Deps) -> AsyncIterator[str]:
    """Looks once a second, for as long as a connection lasts; a browser comes back by itself."""
    yield "retry: 1000\n\n"
    for look in range(int(LONGEST_SECONDS / LOOK_SECONDS)):
        if await asyncio.to_thread(mark, deps) != shown:
            yield "event: waiting\ndata: {}\n\n"
            return
        if look % BEATS == BEATS - 1:
            yield ": still here\n\n"
        await asyncio.sleep(LOOK_SECONDS)
