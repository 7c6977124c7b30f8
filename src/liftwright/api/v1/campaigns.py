"""Campaigns: all of them, one, a new one, one planned again, an answer, a report."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from liftwright.api.v1 import describing, paging
from liftwright.api.v1.bodies import AnswerIn, GoalIn
from liftwright.api.v1.door import Door
from liftwright.domain.campaign import Campaign
from liftwright.flow import reporting, shown, walk

ROW = {"campaign_id": "c-20261102-1a2b3c", "status": "awaiting_approval", "plan_hash": "sha256:…", "revision": 1, "seed": 7}
PLAN = {
    **{
        "campaign_id": "c-20261102-1a2b3c",
        "status": "awaiting_approval",
        "goal": "Sell more shoes over the next two weeks by e-mail",
    },
    **{"plan_hash": "sha256:…", "revision": 1, "findings": [], "model": "scripted"},
}
SHOWN = PLAN | {"revisions": [], "decided": [], "waiting": None, "sends": {"planned": 0, "delivered": 0}, "actions": []}
REPORT = {
    **{"campaign_id": "c-20261102-1a2b3c", "status": "running", "currency": "USD", "approved_hash": "sha256:…"},
    **{"verdict": "inconclusive", "sends": {"planned": 510, "delivered": 480}},
    "lift": {"metric": "orders", "low": 0.002, "mid": 0.011, "high": 0.02},
}


def _place(campaign: Campaign) -> paging.Place:
    """Where a campaign stands in the list: oldest first."""
    return (campaign.created_at.timestamp(), campaign.campaign_id)


def routes(door: Door) -> APIRouter:
    """GET and POST /v1/campaigns, GET /v1/campaigns/{id} and its report."""
    router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])

    @router.get("", responses=describing.answers([ROW], *describing.READS, says="Campaigns, oldest first.", is_list=True))
    def list_campaigns(
        request: Request, response: Response, limit: paging.Limit = paging.USUAL, cursor: paging.Cursor = ""
    ) -> list[dict[str, Any]]:
        """Every campaign, oldest first, a page at a time."""
        after = paging.read(cursor, like=(0.0, ""))
        every = door.enter(request, "read").campaigns.all()
        found = paging.part(every, by=_place, after=after, limit=limit)
        return [each.model_dump(mode="json") for each in paging.point_on(response, request, found, by=_place, limit=limit)]

    @router.get("/{campaign_id}", responses=describing.answers(SHOWN, 404, *describing.READS))
    def show_campaign(request: Request, campaign_id: str) -> dict[str, Any]:
        """The plan, its revisions, who decided what, how many sends."""
        return shown.show_json(campaign_id, deps=door.enter(request, "read"))

    @router.get("/{campaign_id}/report", responses=describing.answers(REPORT, 404, *describing.READS))
    def show_report(request: Request, campaign_id: str) -> dict[str, Any]:
        """What a launched campaign did and caused, as of now."""
        return shown.report_json(reporting.report(campaign_id, deps=door.enter(request, "read")))

    _planning(door, router)
    return router


def _planning(door: Door, router: APIRouter) -> None:
    """What leads to a plan; nothing is sent by any of it."""

    @router.post("", status_code=201, responses=describing.answers(PLAN, *describing.WRITES, status=201, says="It is planned."))
    async def start_campaign(request: Request, goal: GoalIn) -> dict[str, Any]:
        """Plan for a goal in words. It then waits for approval, has a question, or cannot be done."""
        now = door.enter(request, "plan", by=goal.by)
        campaign = await walk.start(goal.goal, deps=now, answers=goal.answers, by=goal.by)
        return shown.plan_json(campaign.campaign_id, deps=now)

    @router.post("/{campaign_id}/again", responses=describing.answers(PLAN, 404, *describing.WRITES))
    async def plan_again(request: Request, campaign_id: str, by: str = "") -> dict[str, Any]:
        """Ask the same goal again, on the data and rules of now, as a new campaign."""
        now = door.enter(request, "plan", by=by)
        campaign = await walk.again(campaign_id, deps=now, by=by)
        return shown.plan_json(campaign.campaign_id, deps=now)

    @router.post("/{campaign_id}/answers", responses=describing.answers(PLAN, 404, *describing.WRITES))
    async def answer_question(request: Request, campaign_id: str, answer: AnswerIn) -> dict[str, Any]:
        """Answer what the campaign asked, or say what is to be different."""
        now = door.enter(request, "plan")
        await walk.answer(campaign_id, answer.text, deps=now)
        return shown.plan_json(campaign_id, deps=now)
