"""The shutdown drill: does a stop really stop? A running campaign is held for a moment, and everything that could let a send out is tried.

Nothing of it reaches anybody: what is tried is the ledger's own way out, with a worker that has no channel behind it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from liftwright.compliance import ladder as rules
from liftwright.domain.errors import ApprovalError
from liftwright.domain.profile import CHANNELS
from liftwright.flow import signing, standing
from liftwright.ports import Deps

WORKER = "shutdown-drill"
HELD = "a shutdown drill"
"""Why a campaign is paused while a drill lasts."""
TRIED = 200
"""Sends that are tried at most, before the stop and after it."""
FAR = timedelta(days=400)


def drill(campaign_id: str, *, by: str, deps: Deps) -> dict[str, Any]:
    """`{"campaign_id", "passed", "tried", "let_through"}`; the journal keeps it, and the ladder counts it.

    Sends are taken as a worker takes them, the campaign is held, and then they may not start, nor may others be taken. It goes on
    afterwards, also after a drill that failed: that is for a person to judge. Whoever stops it meanwhile has stopped it. A crash in between
    leaves it paused. Nothing is recalled from executors, since that could not be undone. Raises ApprovalError for a campaign that does not run or has nothing
    left to send, and for somebody whose role only looks.
    """
    _must_be_possible(campaign_id, by, deps)
    taken = _take(campaign_id, deps)
    if not taken:
        raise ApprovalError(
            "DRILL-NOTHING",
            f"{campaign_id} has nothing left to send, so a stop shows nothing.",
            next_step="Drill another campaign.",
        )
    standing.move(campaign_id, "paused", deps=deps, stopped_by=by, stop_reason=HELD)
    moved = deps.ledger.mark(taken, "sending", now=deps.now(), worker=WORKER)
    again = _take(campaign_id, deps)
    let_through = len(moved) + len(again)
    _give_back([*moved, *again], deps)
    detail = {
        "campaign_id": campaign_id,
        "passed": let_through == 0,
        "tried": len(taken),
        "let_through": let_through,
    }
    deps.journal.append(at=deps.now(), actor=by, action=rules.DRILLED, subject=rules.SUBJECT, detail=detail)
    held = deps.campaigns.get(campaign_id)
    if (held.status, held.stop_reason) == ("paused", HELD):
        deps.campaigns.update(campaign_id, status="running", stopped_by=None, stop_reason=None)
    return detail


def _must_be_possible(campaign_id: str, by: str, deps: Deps) -> None:
    """Raises ApprovalError for somebody who only looks, and for a campaign that does not run."""
    user = signing.known(by, deps=deps)
    if user is not None and set(user.roles) <= signing.LOOKS_ONLY:
        says = f"{user.name} may look, and hold no campaign, not even for a drill."
        raise ApprovalError("DRILL-NOT-YOURS", says, next_step="Ask somebody whose role decides: any role but analyst.")
    campaign = deps.campaigns.get(campaign_id)
    if campaign.status != "running":
        raise ApprovalError(
            "DRILL-NOT-RUNNING",
            f"{campaign_id} is {campaign.status.replace('_', ' ')}; a drill stops something that runs.",
            next_step="Name a running campaign: liftwright list.",
        )


def _take(campaign_id: str, deps: Deps) -> list[str]:
    """Ids of sends of this campaign that a worker could take, whatever their moment."""
    now = deps.now()
    ahead = {channel: now + FAR for channel in CHANNELS}
    return [send.send_id for send in deps.ledger.lease(now=now, worker=WORKER, limit=TRIED, ahead=ahead, only=campaign_id)]


def _give_back(send_ids: list[str], deps: Deps) -> None:
    """What a stop let through was handed to nobody: planned again, at its own moment."""
    if send_ids:
        deps.ledger.mark(send_ids, "planned", now=deps.now(), worker=WORKER)
