"""The HTTP API: campaigns, approvals, decisions, reports, one visitor's next action. Problems are RFC 9457 `problem+json`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from liftwright import __version__
from liftwright.domain.base import Value
from liftwright.domain.errors import ApprovalError, LiftwrightError
from liftwright.flow import deciding, reporting, shown, signing, stopping, visitor, walk
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


def create(deps: Callable[[], Deps]) -> FastAPI:
    """The application; `deps` gives each request the workspace. Nothing is kept between requests, so any worker serves any request."""
    app = FastAPI(title="Liftwright", version=__version__)
    app.add_exception_handler(LiftwrightError, _problem)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(HTTPException, _no_route)
    _campaign_routes(app, deps)
    _decision_routes(app, deps)
    _other_routes(app, deps)
    return app


def _acting(request: Request, deps: Deps) -> Deps:
    """The workspace for whoever sends this request: the key they show (`Authorization: Bearer …`), never the server's own."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    shown = SecretStr(key.strip()) if scheme.lower() == "bearer" and key.strip() else None
    return replace(deps, settings=deps.settings.model_copy(update={"key": shown}))


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, LiftwrightError)
    return _problem_json(_status(error), title=error.code, detail=error.says, next_step=error.next_step)


async def _wrong_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return _problem_json(422, title="REQUEST", detail=f"{place}: {first['msg']}.", next_step="See /openapi.json.")


async def _no_route(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _problem_json(error.status_code, title="REQUEST", detail=str(error.detail), next_step="See /openapi.json.")


def _status(error: LiftwrightError) -> int:
    """401 who is not known, 404 what does not exist, 409 a decision that came too late, 422 what must be said differently, 403 a no, 503 try again."""
    if error.code in ("USER-UNKNOWN", "USER-KEY"):
        return 401
    if error.code in ("APPROVAL-NOT-YOURS", "USER-NOT-ADMIN"):
        return 403
    if error.code.endswith("-UNKNOWN"):
        return 404
    if isinstance(error, ApprovalError):
        return 409
    return {2: 422, 1: 403}.get(error.exit_code, 503)


def _problem_json(status: int, *, title: str, detail: str, next_step: str) -> JSONResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "next_step": next_step}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def _campaign_routes(app: FastAPI, deps: Callable[[], Deps]) -> None:
    @app.get("/v1/campaigns")
    def campaigns() -> list[dict[str, Any]]:
        return [campaign.model_dump(mode="json") for campaign in deps().campaigns.all()]

    @app.post("/v1/campaigns", status_code=201)
    async def start(request: Request, goal: GoalIn) -> dict[str, Any]:
        now = _acting(request, deps())
        campaign = await walk.start(goal.goal, deps=now, answers=goal.answers, by=goal.by)
        return shown.plan_json(campaign.campaign_id, deps=now)

    @app.get("/v1/campaigns/{campaign_id}")
    def show(campaign_id: str) -> dict[str, Any]:
        return shown.show_json(campaign_id, deps=deps())

    @app.post("/v1/campaigns/{campaign_id}/again")
    async def again(request: Request, campaign_id: str, by: str = "") -> dict[str, Any]:
        now = _acting(request, deps())
        campaign = await walk.again(campaign_id, deps=now, by=by)
        return shown.plan_json(campaign.campaign_id, deps=now)

    @app.post("/v1/campaigns/{campaign_id}/answers")
    async def answer(campaign_id: str, text: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        now = deps()
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
    def report(campaign_id: str) -> dict[str, Any]:
        return shown.report_json(reporting.report(campaign_id, deps=deps()))


def _other_routes(app: FastAPI, deps: Callable[[], Deps]) -> None:
    @app.get("/v1/approvals")
    def approvals() -> list[dict[str, Any]]:
        return shown.approvals_json(deps=deps())

    @app.get("/v1/journal/verify")
    def journal() -> dict[str, Any]:
        ok, entries, first_bad = deps().journal.verify()
        return {"ok": ok, "entries": entries} | ({"first_bad": first_bad} if first_bad is not None else {})

    @app.post("/v1/visitors/{customer_id}/next-action")
    def next_action(customer_id: str) -> dict[str, Any]:
        return visitor.next_action(customer_id, deps=deps())
