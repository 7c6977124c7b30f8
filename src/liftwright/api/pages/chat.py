"""Chat and canvas: the talk on one side, the plan it leads to on the other. The talk goes on in the server, whoever watches."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from liftwright.api.pages import examples
from liftwright.api.pages.site import Site, Visitor, back, campaign
from liftwright.api.pages.watch import Watch
from liftwright.domain.errors import DataError
from liftwright.domain.talk import TalkEvent
from liftwright.flow import talking
from liftwright.ports import Deps, Talks

BEAT_SECONDS, LONGEST_SECONDS = 15.0, 300.0
"""After how long a quiet stream says that it lives, and how long one connection lasts; the browser comes back with the last number it saw."""
AGENTS = ("strategist", "audience_analyst", "content_writer", "channel_planner", "compliance_reviewer", "measurement_analyst")
_LOG = logging.getLogger("uvicorn.error")
_AT_WORK = ThreadPoolExecutor(2, thread_name_prefix="talk")


def routes(site: Site) -> APIRouter:
    """GET /, POST /talks, GET and POST /c/{talk}, its canvas and its stream of events. A form sent by our script is answered with the part."""
    router = APIRouter()

    @router.get("/")
    def begin(request: Request) -> Response:
        visitor = site.inside(request)
        recent = [(event.talk_id, event.payload.get("text", ""), event.at) for event in visitor.deps.talks.latest(limit=8)]
        return site.page(request, "chat_new.html", title="Chat", recent=recent, seen=examples.seen(visitor.deps))

    @router.post("/talks")
    async def first(request: Request) -> Response:
        visitor, fields = await site.form(request)
        talk_id = talking.new_id()
        _say(talk_id, visitor, str(fields.get("text", "")), str(fields.get("campaign", "")) or None)
        _begin_work(talk_id, visitor)
        return back(f"/c/{talk_id}")

    @router.get("/c/{talk_id}")
    def talk(request: Request, talk_id: str) -> Response:
        visitor = site.inside(request)
        return site.page(request, "chat.html", title="Chat", **_talk(talk_id, visitor.deps))

    @router.post("/c/{talk_id}")
    async def more(request: Request, talk_id: str) -> Response:
        visitor, fields = await site.form(request)
        _say(talk_id, visitor, str(fields.get("text", "")), None)
        try:
            return _part(site, talk_id, visitor) if "x-part" in request.headers else back(f"/c/{talk_id}")
        finally:
            _begin_work(talk_id, visitor)

    _watching(site, router)
    return router


def _watching(site: Site, router: APIRouter) -> None:
    """What the page's script asks for while a talk goes on."""

    @router.get("/c/{talk_id}/part")
    def part(request: Request, talk_id: str) -> Response:
        return _part(site, talk_id, site.inside(request))

    @router.get("/c/{talk_id}/events")
    async def events(request: Request, talk_id: str, after: int = 0) -> Response:
        visitor = site.inside(request)
        last = request.headers.get("last-event-id", "")
        since = int(last) if last.isdecimal() and len(last) < 12 else after
        stream = _stream(talk_id, since, visitor.deps.talks, site.watch)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})


def _say(talk_id: str, visitor: Visitor, text: str, campaign_id: str | None) -> None:
    """Write the words down."""
    if campaign_id:
        visitor.deps.campaigns.get(campaign_id)
    talking.say(talk_id, text, by=visitor.name, deps=visitor.deps, campaign_id=campaign_id)


def _begin_work(talk_id: str, visitor: Visitor) -> None:
    """Have the last words answered in a thread; the talk shows how it goes."""
    _AT_WORK.submit(_work, talk_id, visitor.name, visitor.deps)


def _part(site: Site, talk_id: str, visitor: Visitor) -> Response:
    """A talk and its plan without the page around them, for the page's script."""
    return HTMLResponse(site.render("chat_part.html", visitor=visitor, **_talk(talk_id, visitor.deps)))


def _work(talk_id: str, name: str, deps: Deps) -> None:
    """Answer in a thread; what broke is in the talk for the person, and here for whoever keeps the server."""
    try:
        asyncio.run(talking.answer(talk_id, by=name, deps=deps))
    except Exception:
        _LOG.exception("talk %s broke", talk_id)


def _talk(talk_id: str, deps: Deps) -> dict[str, Any]:
    """Everything a talk's page shows, from what is stored."""
    events = deps.talks.since(talk_id)
    if not events:
        raise DataError("TALK-UNKNOWN", "There is no such talk.", next_step="Begin a new one on the first page.")
    campaign_id = talking.campaign_of(events)
    lines = [event for event in events if event.kind in ("said", "reply", "failed")]
    return {
        "talk_id": talk_id,
        "lines": lines,
        "last": events[-1].seq,
        "is_working": talking.is_working(events, deps=deps),
        "is_lost": events[-1].kind not in talking.ENDS and not talking.is_working(events, deps=deps),
        "agents": agents(events),
        "campaign": campaign(campaign_id, deps) if campaign_id else None,
    }


def agents(events: list[TalkEvent]) -> list[dict[str, str]]:
    """The six agents in the last piece of work: `state` waiting, working or done, and the last thing each did."""
    begun = max((event.seq for event in events if event.kind == "working"), default=0)
    steps = [event for event in events if event.kind == "step" and event.seq > begun]
    doing = {str(event.payload["who"]): str(event.payload["what"]) for event in steps}
    now = str(steps[-1].payload["who"]) if steps and events[-1].kind not in talking.ENDS else ""
    return [
        {
            "name": name.replace("_", " "),
            "state": "working" if name == now else "done" if name in doing else "waiting",
            "what": doing.get(name, ""),
        }
        for name in AGENTS
    ]


async def _stream(talk_id: str, after: int, talks: Talks, watch: Watch) -> AsyncIterator[str]:
    """Every event after a number, once and in order, as it is written down by whatever process."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + LONGEST_SECONDS
    yield "retry: 1000\n\n"
    found: list[TalkEvent] | None = await asyncio.to_thread(talks.since, talk_id, after)
    while found is not None and clock() < ends_at:
        for event in found:
            after = event.seq
            data = json.dumps({"kind": event.kind, **_public(event)})
            yield f"id: {event.seq}\nevent: talk\ndata: {data}\n\n"
        found = await watch.news(talk_id, after, within=BEAT_SECONDS)
        if found == []:
            yield ": still here\n\n"


def _public(event: TalkEvent) -> dict[str, str]:
    """What the stream says of an event; words are fetched as a rendered part."""
    return {name: str(event.payload[name]) for name in ("who", "what") if name in event.payload}
