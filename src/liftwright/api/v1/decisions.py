"""What a person decides about a campaign: approve, edit, reject, respond, stop."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from liftwright.api.v1 import describing
from liftwright.api.v1.bodies import DecisionIn, StopIn
from liftwright.api.v1.campaigns import SHOWN
from liftwright.api.v1.door import Door
from liftwright.flow import deciding, shown, stopping

STOPPED = {"cancelled": 470, "recalled": 12}


def routes(door: Door) -> APIRouter:
    """POST /v1/campaigns/{id}/decisions and /stop."""
    router = APIRouter(prefix="/v1/campaigns", tags=["decisions"])

    @router.post("/{campaign_id}/decisions", responses=describing.answers(SHOWN, 404, *describing.WRITES))
    async def decide(request: Request, campaign_id: str, decision: DecisionIn) -> dict[str, Any]:
        """Decide on exactly the plan whose hash you saw. An approval with every signature it needs launches it."""
        now = door.enter(request, "decide", by=decision.by)
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

    @router.post("/{campaign_id}/stop", responses=describing.answers(STOPPED, 404, *describing.WRITES))
    def stop_campaign(request: Request, campaign_id: str, order: StopIn) -> dict[str, Any]:
        """Kill switch: nothing leaves after the batch in flight."""
        now = door.enter(request, "decide", by=order.by)
        return stopping.stop(campaign_id, by=order.by, reason=order.reason, deps=now).model_dump()

    return router
