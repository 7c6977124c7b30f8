"""The kill switch, and approvals that ran out of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.base import Value
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Action
from liftwright.flow import standing
from liftwright.ports import Deps, Recalls


class Stopped(Value):
    """What a stop did: planned sends `cancelled`; actions `recalled` by the file that holds them (`Recalls.recall`)."""

    cancelled: int
    recalled: dict[str, int] = {}


def stop(campaign_id: str, *, by: str, reason: str, deps: Deps, rule: str = "KILL-SWITCH") -> Stopped:
    """Stop a campaign for good, cancel what is planned and recall what an executor was handed for later.

    The status is written first: a worker re-reads it before every batch, so nothing leaves after the batch in flight. Stopping again
    cancels what may have been left. Raises ApprovalError when the campaign already ended otherwise.
    """
    campaign = deps.campaigns.get(campaign_id)
    if campaign.status != "stopped" and standing.is_closed(campaign):
        raise ApprovalError(
            "STOP-ENDED",
            f"{campaign_id} is {campaign.status}: nothing of it can leave any more.",
            next_step="There is nothing to stop.",
        )
    now = deps.now()
    if campaign.status != "stopped":
        deps.campaigns.update(campaign_id, status="stopped", stopped_by=by, stop_reason=reason)
    why = f"stopped by {by}: {reason}"
    done = Stopped(
        cancelled=deps.ledger.cancel_planned(campaign_id, reason=why, now=now),
        recalled=recall(campaign_id, reason=why, deps=deps),
    )
    after = {"status": "stopped", **done.model_dump(), "reason": reason}
    if campaign.status != "stopped" or done != Stopped(cancelled=0):
        before = {"status": campaign.status}
        deps.campaigns.record_action(campaign_id, Action(at=now, kind="stop", rule=rule, before=before, after=after, by=by))
        deps.journal.append(at=now, actor=by, action="campaign.stopped", subject=campaign_id, detail={"rule": rule, **after})
    return done


def recall(campaign_id: str, *, reason: str, deps: Deps, customer_ids: Sequence[str] | None = None) -> dict[str, int]:
    """Take back what executors were handed for a later moment (only these people's, if named): actions by the file that holds them.

    The executor is told first, then the ledger; a crash in between is mended by recalling again.
    """
    now = deps.now()
    sends = deps.ledger.sends(campaign_id, states=("sent",))
    sends = sends.filter(pc.greater(sends["send_at"], pa.scalar(now, sends["send_at"].type)))
    if customer_ids is not None:
        sends = sends.filter(pc.is_in(sends["customer_id"], value_set=pa.array(customer_ids, pa.string())))
    taken: dict[str, str] = {}
    for channel, adapter in deps.channels.items():
        mine = sends.filter(pc.equal(sends["channel"], channel))["send_id"].to_pylist()
        if mine and isinstance(adapter, Recalls):
            taken |= adapter.recall(mine, reason=reason, now=now)
    deps.ledger.recall({send_id: f"{reason}; recalled from {place}" for send_id, place in taken.items()}, now=now)
    return dict(sorted(Counter(taken.values()).items()))


def lapse(*, deps: Deps) -> list[ApprovalRequest]:
    """Let approvals expire that nobody decided in time. Expiry means no: their campaigns are closed as expired."""
    expired = deps.approvals.expire(now=deps.now())
    for row in expired:
        close_expired(row.campaign_id, deps=deps)
    return expired


def close_expired(campaign_id: str, *, deps: Deps) -> bool:
    """Close a campaign whose plan's approval ran out, also one that a crash left waiting for it; True when it did."""
    if deps.campaigns.get(campaign_id).status != "awaiting_approval" or deps.approvals.pending(campaign_id) is not None:
        return False
    asked = [entry for entry in deps.journal.entries(subject=campaign_id) if entry.action.startswith("approval.")]
    if not asked or asked[-1].action != "approval.expired":
        return False
    row = deps.approvals.get(str(asked[-1].detail["approval_id"]))
    says = f"nobody decided by {row.expires_at:%Y-%m-%d %H:%M} UTC"
    standing.move(campaign_id, "expired", deps=deps, stop_reason=says)
    return True
