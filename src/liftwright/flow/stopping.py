"""The kill switch, and approvals that ran out of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.base import Value
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Action
from liftwright.flow import reporting, standing
from liftwright.ports import Deps, Recalls


class Stopped(Value):
    """What a stop did: planned sends `cancelled`; actions `recalled` by the file that holds them (`Recalls.recall`)."""

    cancelled: int
    recalled: dict[str, int] = {}


def stop(
    campaign_id: str,
    *,
    by: str,
    reason: str,
    deps: Deps,
    rule: str = "KILL-SWITCH",
    evidence: Mapping[str, Any] | None = None,
) -> Stopped:
    """Stop a campaign for good, cancel what is planned, recall what an executor was handed for later and take back what asks for approval.

    The status is written first: a worker re-reads it before every batch, so nothing leaves after the batch in flight. Stopping again
    cancels what may have been left and writes down what a crash kept from being written. `evidence`: what a rule saw; without it,
    a person's word at this moment. Raises ApprovalError when the campaign already ended otherwise.
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
    _take_back(campaign_id, by=by, reason=why, deps=deps)
    seen = dict(evidence) if evidence is not None else word_of_a_person(campaign_id, deps=deps)
    after = {"status": "stopped", **done.model_dump(), "reason": reason, "evidence": seen}
    action = Action(at=now, kind="stop", rule=rule, before={"status": campaign.status}, after=after, by=by)
    write_down(campaign_id, action, "campaign.stopped", is_new=done != Stopped(cancelled=0), deps=deps)
    return done


def _take_back(campaign_id: str, *, by: str, reason: str, deps: Deps) -> None:
    """Nothing of a stopped campaign waits for anybody; what somebody decided in this moment stands, and nothing comes of it."""
    waiting = deps.approvals.pending(campaign_id)
    if waiting is not None:
        with suppress(ApprovalError):
            deps.approvals.revoke(waiting.approval_id, by=by, reason=reason, now=deps.now())


def word_of_a_person(campaign_id: str, *, deps: Deps) -> dict[str, Any]:
    """The evidence of a decision that no figure led to: nothing was measured, at this look, on the data of this moment."""
    snapshot = deps.lake.snapshot()
    looks = len(reporting.look_fractions(campaign_id, deps))
    return {"statistic": 1.0, "bound": 0.0, "look": looks, "data_hash": snapshot.snapshot_id if snapshot else ""}


def write_down(campaign_id: str, action: Action, entry: str, *, is_new: bool, deps: Deps) -> None:
    """An action and its journal entry; where nothing is new, only what a crash kept from being written."""
    if is_new or not any(kept.kind == action.kind for kept in deps.campaigns.actions(campaign_id)):
        deps.campaigns.record_action(campaign_id, action)
    if is_new or not any(kept.action == entry for kept in deps.journal.entries(subject=campaign_id)):
        detail = {"rule": action.rule, **action.after}
        deps.journal.append(at=action.at, actor=action.by, action=entry, subject=campaign_id, detail=detail)


def recall(
    campaign_id: str, *, reason: str, deps: Deps, customer_ids: Sequence[str] | None = None, offer: str | None = None
) -> dict[str, int]:
    """Take back what executors were handed for a later moment (only these people's, only this offer's, if named): actions by the
    file that holds them.

    The executor is told first, then the ledger; a crash in between is mended by recalling again.
    """
    now = deps.now()
    needed = ("send_id", "customer_id", "channel", "offer", "send_at")
    sends = deps.ledger.sends(campaign_id, states=("sent",), columns=needed)
    sends = sends.filter(pc.greater(sends["send_at"], pa.scalar(now, sends["send_at"].type)))
    if offer is not None:
        sends = sends.filter(pc.equal(sends["offer"], offer))
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
