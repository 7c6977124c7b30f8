"""The JSON API, version 1: campaigns, approvals, decisions, reports, talks, one visitor's next action."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import Field, SecretStr

from liftwright.api import ag_ui, talks
from liftwright.api.watch import Watch
from liftwright.domain.base import Value
from liftwright.domain.visit import VisitKind
from liftwright.flow import deciding, reporting, shown, signing, stopping, talking, visitor, visits, walk
from liftwright.ports import Deps


class GoalIn(Value):
    """A goal in the marketer's words and answers given beforehand."""

    goal: str
    answers: tuple[str, ...] = ()
    by: str = ""


class DecisionIn(Value):
    """A decision and the plan hash its maker saw."""

    kind: Literal["approve", "edit", "reject", "respond"]
    plan_hash: str
    by: str
    reason: str = ""
    changes: dict[str, str] = {}


class StopIn(Value):
    """Who stops a campaign and why."""

    by: str
    reason: str


class VisitIn(Value):
    """Which session the visitor is in; what they did in it counts."""

    session: str = Field(default="", max_length=100)


class VisitEventIn(Value):
    """What a visitor just did. The same `event_id` counts once."""

    session: str = Field(min_length=1, max_length=100)
    type: VisitKind
    product_id: str | None = Field(default=None, max_length=200)
    event_id: str = Field(default="", max_length=100)


class WordsIn(Value):
    """Words of a person: a goal, an answer, a question or a change. `talk_id`: the talk they go on with; `campaign_id`: what it is about."""

    text: str
    campaign_id: str | None = None
    talk_id: str | None = None
    by: str = ""


def mount(app: FastAPI, deps: Callable[[], Deps], watch: Watch) -> None:
    """Add every route of the API to the application."""
    _campaign_routes(app, deps)
    _decision_routes(app, deps)
    _talk_routes(app, deps, watch)
    _other_routes(app, deps)


def _acting(request: Request, deps: Deps) -> Deps:
    """The workspace for whoever sends this request: the key they show (`Authorization: Bearer …`), never the server's own."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    shown = SecretStr(key.strip()) if scheme.lower() == "bearer" and key.strip() else None
    return replace(deps, settings=deps.settings.model_copy(update={"key": shown}))


def _looking(request: Request, deps: Deps) -> Deps:
    """As `_acting`, for routes that name nobody: the key must be some user's, once there are keys."""
    now = _acting(request, deps)
    signing.may_look(deps=now)
    return now


def _campaign_routes(app: FastAPI, deps: Callable[[], Deps]) -> None:
    @app.get("/v1/campaigns")
    def campaigns(request: Request) -> list[dict[str, Any]]:
        return [campaign.model_dump(mode="json") for campaign in _looking(request, deps()).campaigns.all()]

    @app.post("/v1/campaigns", status_code=201)
    async def start(request: Request, goal: GoalIn) -> dict[str, Any]:
        now = _acting(request, deps())
        campaign = await walk.start(goal.goal, deps=now, answers=goal.answers, by=goal.by)
        return shown.plan_json(campaign.campaign_id, deps=now)

    @app.get("/v1/campaigns/{campaign_id}")
    def show(request: Request, campaign_id: str) -> dict[str, Any]:
        return shown.show_json(campaign_id, deps=_looking(request, deps()))

    @app.post("/v1/campaigns/{campaign_id}/again")
    async def again(request: Request, campaign_id: str, by: str = "") -> dict[str, Any]:
        now = _acting(request, deps())
        campaign = await walk.again(campaign_id, deps=now, by=by)
        return shown.plan_json(campaign.campaign_id, deps=now)

    @app.post("/v1/campaigns/{campaign_id}/answers")
    async def answer(request: Request, campaign_id: str, text: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        now = _looking(request, deps())
        await walk.answer(campaign_id, text, deps=now)
        return shown.plan_json(campaign_id, deps=now)


def _decision_routes(app: FastAPI, deps: Callable[[], Deps]) -> None:
    @app.post("/v1/campaigns/{campaign_id}/decisions")
    async def decide(request: Request, campaign_id: str, decision: DecisionIn) -> dict[str, Any]:
        now = _acting(request, deps())
        await deciding.decide(
            decision.kind,
            campaign_id,
            plan_hash=decision.plan_hash,
            by=decision.by,
            reason=decision.reason,
            changes=decision.changes or None,
            deps=now,
        )
        return shown.show_json(campaign_id, deps=now)

    @app.post("/v1/campaigns/{campaign_id}/stop")
    def stop(request: Request, campaign_id: str, order: StopIn) -> dict[str, Any]:
        now = _acting(request, deps())
        signing.known(order.by, deps=now)
        return stopping.stop(campaign_id, by=order.by, reason=order.reason, deps=now).model_dump()

    @app.get("/v1/campaigns/{campaign_id}/report")
    def report(request: Request, campaign_id: str) -> dict[str, Any]:
        return shown.report_json(reporting.report(campaign_id, deps=_looking(request, deps())))


def _talk_routes(app: FastAPI, deps: Callable[[], Deps], watch: Watch) -> None:
    @app.post("/v1/talks", status_code=202)
    def say(request: Request, words: WordsIn) -> dict[str, Any]:
        now = _looking(request, deps())
        signing.known(words.by, deps=now)
        if words.talk_id is not None:
            talking.whole(words.talk_id, deps=now)
        talk_id = words.talk_id or talking.new_id()
        seq = talks.begin(talk_id, words.text, by=words.by, deps=now, campaign_id=words.campaign_id)
        events = f"/v1/talks/{talk_id}/ag-ui?after={seq - 1}"
        return {"talk_id": talk_id, "run_id": ag_ui.run_id(talk_id, seq), "events": events}

    @app.get("/v1/talks/{talk_id}/ag-ui", response_class=StreamingResponse)
    def follow(request: Request, talk_id: str, after: int = 0) -> StreamingResponse:
        now = _looking(request, deps())
        talking.whole(talk_id, deps=now)
        since = ag_ui.place(request.headers.get("last-event-id", ""), after)
        stream = ag_ui.stream(talk_id, since, watch=watch, decision=DecisionIn.model_json_schema(), deps=now)
        return StreamingResponse(stream, media_type="text/event-stream")


def _other_routes(app: FastAPI, deps: Callable[[], Deps]) -> None:
    @app.get("/v1/approvals")
    def approvals(request: Request) -> list[dict[str, Any]]:
        return shown.approvals_json(deps=_looking(request, deps()))

    @app.get("/v1/journal/verify")
    def journal(request: Request) -> dict[str, Any]:
        ok, entries, first_bad = _looking(request, deps()).journal.verify()
        return {"ok": ok, "entries": entries} | ({"first_bad": first_bad} if first_bad is not None else {})

    @app.get("/v1/visitors/report")
    def visitors(request: Request) -> dict[str, Any]:
        return visits.lift(deps=_looking(request, deps()))

    @app.post("/v1/visitors/{customer_id}/next-action")
    def next_action(request: Request, customer_id: str, visit: VisitIn | None = None) -> dict[str, Any]:
        return visitor.next_action(customer_id, session=visit.session if visit else "", deps=_looking(request, deps()))

    @app.post("/v1/visitors/{customer_id}/events", status_code=201)
    def saw(request: Request, customer_id: str, event: VisitEventIn) -> dict[str, Any]:
        return visitor.saw(
            customer_id,
            session=event.session,
            kind=event.type,
            product_id=event.product_id,
            event_id=event.event_id,
            deps=_looking(request, deps()),
        )
