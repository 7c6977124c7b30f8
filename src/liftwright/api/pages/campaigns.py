"""Campaigns: all of them, and one: its plan, or what it did and caused."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, back, campaign
from liftwright.domain.errors import DataError
from liftwright.flow import pausing, reporting, shown, stopping, walk
from liftwright.ports import Deps

LAUNCHED = ("running", "paused", "finished", "stopped")


def routes(site: Site) -> APIRouter:
    """GET /campaigns, GET and POST /campaigns/{campaign}."""
    router = APIRouter()

    @router.get("/campaigns")
    def every(request: Request) -> Response:
        visitor = site.inside(request)
        return site.page(request, "campaigns.html", title="Campaigns", rows=shown.list_json(deps=visitor.deps))

    @router.get("/campaigns/{campaign_id}")
    def one(request: Request, campaign_id: str) -> Response:
        visitor = site.inside(request)
        data = campaign(campaign_id, visitor.deps)
        report = _report(campaign_id, data["status"], visitor.deps)
        return site.page(request, "campaign.html", title=f"Campaign {campaign_id}", c=data, report=report)

    @router.post("/campaigns/{campaign_id}")
    async def act(request: Request, campaign_id: str) -> Response:
        visitor, fields = await site.form(request)
        by, reason = visitor.name or str(fields.get("by", "")), str(fields.get("reason", "")).strip()
        if not by or not reason:
            raise DataError("ACT-WORDS", "That needs a name and a reason.", next_step="Go back and say why.")
        do = str(fields.get("do", ""))
        if do == "stop":
            stopping.stop(campaign_id, by=by, reason=reason, deps=visitor.deps)
        elif do == "resume":
            pausing.resume(campaign_id, by=by, reason=reason, deps=visitor.deps)
        elif do == "again":
            afresh = await walk.again(campaign_id, deps=visitor.deps, by=by)
            return back(f"/approvals/{afresh.campaign_id}")
        else:
            raise DataError("ACT-KIND", "There is no such thing to do.", next_step="Stop, resume or plan again.")
        return back(f"/campaigns/{campaign_id}")

    return router


def _report(campaign_id: str, status: str, deps: Deps) -> dict[str, Any] | None:
    return shown.report_json(reporting.report(campaign_id, deps=deps)) if status in LAUNCHED else None
