"""One visitor now: what they do, and the one best thing to do for them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from liftwright.api.v1 import describing
from liftwright.api.v1.bodies import VisitEventIn, VisitIn
from liftwright.api.v1.door import Door
from liftwright.flow import visitor, visits

ACTION = {
    **{"person": "C000001", "arm": "treated", "action": "web:save10", "offer": {"name": "save10", "discount": 0.1}},
    **{"value": 0.42, "propensity": 0.97, "randomised": False, "says": "…", "options": [], "content": [], "cta": "See them"},
}
LIFT = {
    **{"lift": {"metric": "margin", "low": 0.02, "mid": 0.11, "high": 0.2, "level": 0.95}, "verdict": "win", "says": "…"},
    **{"people": {"treated": 9500, "holdout": 500}, "both": 0, "share": 0.05, "srm_p": 0.61, "matured_share": 0.8, "data": {}},
}
EVENT = {"person": "C000001", "event_id": "e-5f0a", "new": True}


def routes(door: Door) -> APIRouter:
    """POST /v1/visitors/{id}/next-action and /events."""
    router = APIRouter(prefix="/v1/visitors", tags=["visitors"])

    @router.get("/report", responses=describing.answers(LIFT, *describing.READS))
    def visitors_report(request: Request) -> dict[str, Any]:
        """What choosing for visitors caused, against the visitors' holdout."""
        return visits.lift(deps=door.enter(request, "read"))

    @router.post("/{customer_id}/next-action", responses=describing.answers(ACTION, 404, *describing.WRITES))
    def next_action(request: Request, customer_id: str, visit: VisitIn | None = None) -> dict[str, Any]:
        """Choose for a visitor now. The choice is written down with its chances; nothing is sent."""
        return visitor.next_action(customer_id, session=visit.session if visit else "", deps=door.enter(request, "visitors"))

    @router.post(
        "/{customer_id}/events", status_code=201, responses=describing.answers(EVENT, 404, *describing.WRITES, status=201)
    )
    def record_event(request: Request, customer_id: str, event: VisitEventIn) -> dict[str, Any]:
        """Take down what a visitor just did."""
        return visitor.saw(
            customer_id,
            session=event.session,
            kind=event.type,
            product_id=event.product_id,
            event_id=event.event_id,
            deps=door.enter(request, "visitors"),
        )

    return router
