"""Questions about a running campaign that bind to their own content: asked once, answered like any approval, carried out once.

Whether to stop or pause is asked by `change`; what is asked here moves money, adds people, or lets a campaign go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.ports import Deps

KINDS = ("budget", "people", "trust")


def ask(
    plan: Plan,
    kind: str,
    *,
    digest: str,
    title: str,
    trigger: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    deps: Deps,
) -> ApprovalRequest:
    """Ask; `digest` binds the answer to what is asked. Asking the same again returns the same row. `before` and `after` are the difference."""
    now = deps.now()
    row = deps.approvals.request(
        ApprovalRequest(
            approval_id=f"a-{hashlib.sha256(digest.encode()).hexdigest()[:16]}",
            campaign_id=plan.campaign_id,
            thread_id=f"{plan.campaign_id}:{kind}:{digest[7:15]}",
            plan_hash=digest,
            revision=plan.revision,
            title=title,
            risk="medium",
            trigger=trigger,
            needs=("approver",),
            asked_by="liftwright",
            asked_at=now,
            expires_at=now + timedelta(hours=deps.settings.limits.approval_hours),
        )
    )
    if row.status == "pending" and row.asked_at == now:
        told = {"approval_id": row.approval_id, "asks": kind, **after}
        action = Action(at=now, kind="ask", rule=kind.upper(), before=dict(before), after=told, by="liftwright")
        deps.campaigns.record_action(plan.campaign_id, action)
    return row


def is_one(row: ApprovalRequest) -> bool:
    """Whether a row asks one of these questions."""
    return _kind(row) in KINDS


def asked(row: ApprovalRequest, *, deps: Deps) -> dict[str, Any] | None:
    """What the difference was when the question was asked; None when the record is gone."""
    actions = deps.campaigns.actions(row.campaign_id)
    mine = [each for each in actions if each.kind == "ask" and each.after.get("approval_id") == row.approval_id]
    return mine[0].after if mine else None


def carry_out(row: ApprovalRequest, *, on_yes: Mapping[str, Callable[..., None]], deps: Deps) -> bool:
    """After the answer: do what a yes allows (by kind; leave to move money needs nothing, every tick reads the row itself), remember a
    no. False when that had happened before."""
    if deps.approvals.get(row.approval_id).resumed_at is not None:
        return False
    if row.status == "approved" and _kind(row) in on_yes:
        on_yes[_kind(row)](row, deps=deps)
    elif row.status == "rejected":
        told = {"decision": "rejected", "reason": row.reason}
        rule, by = _kind(row).upper(), row.decided_by or "approver"
        deps.campaigns.record_action(row.campaign_id, Action(at=deps.now(), kind="change_refused", rule=rule, after=told, by=by))
    deps.approvals.mark_resumed(row.approval_id, at=deps.now())
    return True


def _kind(row: ApprovalRequest) -> str:
    return row.thread_id.removeprefix(f"{row.campaign_id}:").partition(":")[0]
