"""Campaigns: all of them, and one: its plan, or what it did and caused."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, back, campaign, reason
from liftwright.domain.errors import DataError
from liftwright.flow import pausing, results, shown, stopping, visits, walk


def routes(site: Site) -> APIRouter:
    """GET /campaigns, GET and POST /campaigns/{campaign}."""
    router = APIRouter()

    @router.get("/campaigns")
    def every(request: Request) -> Response:
        visitor = site.inside(request)
        values: dict[str, Any] = {"rows": shown.list_json(deps=visitor.deps), "visits": visits.lift(deps=visitor.deps)}
        return site.page(request, "campaigns.html", title="Campaigns", **values)

    @router.get("/campaigns/{campaign_id}")
    def one(request: Request, campaign_id: str) -> Response:
        visitor = site.inside(request)
        data = campaign(campaign_id, visitor.deps)
        found = results.of(campaign_id, deps=visitor.deps) if data["status"] in results.LAUNCHED else None
        return site.page(request, "campaign.html", title=f"Campaign {campaign_id}", c=data, r=found)

    @router.post("/campaigns/{campaign_id}")
    async def act(request: Request, campaign_id: str) -> Response:
        visitor, fields = await site.form(request)
        by, why, do = visitor.acting(fields), reason(fields), str(fields.get("do", ""))
        if do == "stop":
            stopping.stop(campaign_id, by=by, reason=why, deps=visitor.deps)
        elif do == "pause":
            pausing.hold(campaign_id, by=by, reason=why, deps=visitor.deps)
        elif do == "resume":
            pausing.resume(campaign_id, by=by, reason=why, deps=visitor.deps)
        elif do == "again":
            afresh = await walk.again(campaign_id, deps=visitor.deps, by=by)
            return back(f"/approvals/{afresh.campaign_id}")
        else:
            raise DataError("ACT-KIND", "There is no such thing to do.", next_step="Stop, pause, resume or plan again.")
        return back(f"/campaigns/{campaign_id}")

    return router
