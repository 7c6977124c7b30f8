"""The kill switch, and approvals that ran out of time."""

from __future__ import annotations

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Action
from liftwright.flow import standing
from liftwright.ports import Deps


def stop(campaign_id: str, *, by: str, reason: str, deps: Deps, rule: str = "KILL-SWITCH") -> int:
    """Stop a campaign for good and cancel what is planned; returns how many sends were cancelled.

    The status is written first: a worker re-reads it before every batch, so nothing leaves after the batch in flight. Stopping again
    cancels what may have been left. Raises ApprovalError when the campaign already ended otherwise.
    """
    campaign = deps.campaigns.get(campaign_id)
    if campaign.status != "stopped" and standing.is_closed(campaign):
        raise ApprovalError(
            "STOP-ENDED", f"{campaign_id} is {campaign.status}; there is nothing to stop.", next_step="Nothing to do."
        )
    now = deps.now()
    if campaign.status != "stopped":
        deps.campaigns.update(campaign_id, status="stopped", stopped_by=by, stop_reason=reason)
    cancelled = deps.ledger.cancel_planned(campaign_id, reason=f"stopped by {by}: {reason}", now=now)
    after = {"status": "stopped", "cancelled": cancelled, "reason": reason}
    if campaign.status != "stopped" or cancelled:
        before = {"status": campaign.status}
        deps.campaigns.record_action(campaign_id, Action(at=now, kind="stop", rule=rule, before=before, after=after, by=by))
        deps.journal.append(at=now, actor=by, action="campaign.stopped", subject=campaign_id, detail={"rule": rule, **after})
    return cancelled


def lapse(*, deps: Deps) -> list[ApprovalRequest]:
    """Let approvals expire that nobody decided in time. Expiry means no: their campaigns are closed as rejected."""
    expired = deps.approvals.expire(now=deps.now())
    for row in expired:
        if row.thread_id == row.campaign_id:
            says = f"nobody decided by {row.expires_at:%Y-%m-%d %H:%M} UTC"
            standing.move(row.campaign_id, "rejected", deps=deps, stop_reason=says)
    return expired
