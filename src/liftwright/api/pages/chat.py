"""Chat and canvas: the talk on one side, the plan it leads to on the other. The talk goes on in the server, whoever watches."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from liftwright.api import talks
from liftwright.api.pages import examples, revisions
from liftwright.api.pages.site import Site, Visitor, back, campaign
from liftwright.api.watch import Watch
from liftwright.domain.talk import TalkEvent
from liftwright.flow import talking
from liftwright.ports import Deps

ASSUMED = {
    "budget": "spend at most {}",
    "starts_on": "start on {}",
    "ends_on": "end on {}",
    "max_discount": "at most {} discount",
    "metric": "what counts is {}",
}
"""How another value for an assumption is said; other assumptions are changed in free words."""
BETWEEN = ("thinks", "goes on")
"""What an agent does between two tools; what it did before stays on the page."""
AGENTS = ("strategist", "audience_analyst", "content_writer", "channel_planner", "compliance_reviewer", "measurement_analyst")


def routes(site: Site) -> APIRouter:
    """GET /, POST /talks, GET and POST /c/{talk}, POST /c/{talk}/stop, its canvas and its stream of events.

    A form sent by our script is answered with the part.
    """
    router = APIRouter()

    @router.get("/")
    def begin(request: Request) -> Response:
        visitor = site.inside(request)
        recent = [(event.talk_id, event.payload.get("text", ""), event.at) for event in visitor.deps.talks.latest(limit=8)]
        return site.page(request, "chat_new.html", title="Chat", recent=recent, seen=examples.seen(visitor.deps))

    @router.post("/talks")
    async def first(request: Request) -> Response:
        visitor, fields = await site.form(request)
        return _said(talking.new_id(), visitor, str(fields.get("text", "")), str(fields.get("campaign", "")) or None)

    @router.get("/c/{talk_id}")
    def talk(request: Request, talk_id: str, since: int = 0) -> Response:
        visitor = site.inside(request)
        return site.page(request, "chat.html", title="Chat", **_talk(talk_id, visitor.deps, since=since))

    @router.post("/c/{talk_id}")
    async def more(request: Request, talk_id: str) -> Response:
        visitor, fields = await site.form(request)
        talking.whole(talk_id, deps=visitor.deps)
        words = _words(str(fields.get("text", "")), str(fields.get("assumed", "")))
        talks.say(talk_id, words, by=visitor.name, deps=visitor.deps)
        try:
            return _shown(site, request, talk_id, visitor)
        finally:
            talks.work(talk_id, by=visitor.name, deps=visitor.deps)

    _watching(site, router)
    return router


def _words(text: str, assumed: str) -> str:
    """What somebody says; another value for something that was assumed becomes the words for it."""
    return ASSUMED[assumed].format(text.strip()) if assumed in ASSUMED and text.strip() else text


def _watching(site: Site, router: APIRouter) -> None:
    """What is asked for while a talk goes on: that it stops, and by the page's script how far it is."""

    @router.post("/c/{talk_id}/stop")
    async def stop(request: Request, talk_id: str) -> Response:
        visitor, _ = await site.form(request)
        talking.stop(talk_id, by=visitor.name, deps=visitor.deps)
        return _shown(site, request, talk_id, visitor)

    @router.get("/c/{talk_id}/part")
    def part(request: Request, talk_id: str, since: int = 0) -> Response:
        return _part(site, talk_id, site.inside(request), since=since)

    @router.get("/c/{talk_id}/events")
    async def events(request: Request, talk_id: str, after: int = 0) -> Response:
        visitor = site.inside(request)
        last = request.headers.get("last-event-id", "")
        since = int(last) if last.isdecimal() and len(last) < 12 else after
        stream = _stream(talk_id, since, site.watch, visitor.deps)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"cache-control": "no-store"})


def _said(talk_id: str, visitor: Visitor, text: str, campaign_id: str | None) -> Response:
    """Write the words down and start the work; the page shows both."""
    talks.begin(talk_id, text, by=visitor.name, deps=visitor.deps, campaign_id=campaign_id)
    return back(f"/c/{talk_id}")


def _shown(site: Site, request: Request, talk_id: str, visitor: Visitor) -> Response:
    """After a form: the part for our script, else the way to the page."""
    return _part(site, talk_id, visitor) if "x-part" in request.headers else back(f"/c/{talk_id}")


def _part(site: Site, talk_id: str, visitor: Visitor, *, since: int = 0) -> Response:
    """A talk and its plan without the page around them, for the page's script."""
    return HTMLResponse(site.render("chat_part.html", visitor=visitor, **_talk(talk_id, visitor.deps, since=since)))


def _talk(talk_id: str, deps: Deps, *, since: int = 0) -> dict[str, Any]:
    """Everything a talk's page shows, from what is stored. `since`: the revision that the plan is compared with, if any."""
    events = talking.whole(talk_id, deps=deps)
    campaign_id = talking.campaign_of(events)
    lines = [event for event in events if event.kind in ("said", "reply", "failed")]
    is_working, shown = talking.is_working(events, deps=deps), campaign(campaign_id, deps) if campaign_id else None
    return {
        "talk_id": talk_id,
        "lines": lines,
        "last": events[-1].seq,
        "is_working": is_working,
        "is_lost": talking.latest(events).kind not in talking.ENDS and not is_working,
        "may_go_on": shown is not None and shown["status"] == "planning" and not is_working,
        "stopper": talking.stopper(events),
        "agents": agents(events),
        "work": _work(events),
        "assumed": ASSUMED,
        "campaign": shown,
        "waits": deps.approvals.pending(str(campaign_id)) if shown and shown["status"] == "awaiting_approval" else None,
        "comparing": since > 0,
        **(revisions.changed(shown, since, deps) if shown is not None else {}),
    }


def _work(events: list[TalkEvent]) -> dict[int, list[TalkEvent]]:
    """By the number of an answer, the steps that led to it."""
    found: dict[int, list[TalkEvent]] = {}
    steps: list[TalkEvent] = []
    for event in events:
        if event.kind in talking.ENDS:
            found[event.seq], steps = steps, []
        elif event.kind == "step":
            steps.append(event)
    return found


def _begun(events: list[TalkEvent]) -> int:
    """The number at which the last piece of work began; planning that was taken up again began where it was begun first."""
    working = [event for event in events if event.kind == "working"]
    campaign_id = working[-1].payload.get("campaign_id") if working else None
    same = [event.seq for event in working if campaign_id and event.payload.get("campaign_id") == campaign_id]
    return min(same) if same else max((event.seq for event in working), default=0)


def agents(events: list[TalkEvent]) -> list[dict[str, str]]:
    """The six agents in the last piece of work: `state` waiting, working, done, failed or stopped, and the last thing each did."""
    begun = _begun(events)
    steps = [event for event in events if event.kind == "step" and event.seq > begun]
    doing: dict[str, str] = {}
    for event in steps:
        who, what = str(event.payload["who"]), str(event.payload["what"])
        doing[who] = doing.get(who, what) if what in BETWEEN else what
    last = talking.latest(events)
    now = str(steps[-1].payload["who"]) if steps and last.kind != "reply" else ""
    ended = "working"
    if last.kind == "failed":
        ended = "stopped" if last.payload.get("code") == "PLAN-STOPPED" else "failed"
    return [
        {
            "name": name.replace("_", " "),
            "state": ended if name == now else "done" if name in doing else "waiting",
            "what": doing.get(name, ""),
        }
        for name in AGENTS
    ]


async def _stream(talk_id: str, after: int, watch: Watch, deps: Deps) -> AsyncIterator[str]:
    """Every event after a number, once and in order, as it is written down by whatever process."""
    yield "retry: 1000\n\n"
    async for found in talks.follow(talk_id, after, watch=watch, deps=deps):
        told = [
            f"id: {event.seq}\nevent: talk\ndata: {json.dumps({'kind': event.kind, **_public(event)})}\n\n" for event in found
        ]
        yield "".join(told) or ": still here\n\n"


def _public(event: TalkEvent) -> dict[str, str]:
    """What the stream says of an event; words are fetched as a rendered part."""
    return {name: str(event.payload[name]) for name in ("who", "what") if name in event.payload}
