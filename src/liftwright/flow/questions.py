"""Questions about a running campaign that bind to their own content: asked once, answered like any approval, carried out once.

Whether to stop or pause is asked by `change`; what is asked here moves money, adds people, or lets a campaign go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
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
    until: datetime | None = None,
) -> ApprovalRequest:
    """Ask; `digest` binds the answer to what is asked. Asking the same again returns the same row, unless nobody answered it: one that gave
    way to a more important question, or ran out, is asked anew. `before` and `after` are the difference; `until`: when a yes comes too late.
    """
    now = deps.now()
    expires_at = now + timedelta(hours=deps.settings.limits.approval_hours)
    asked = ApprovalRequest(
        approval_id="",
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
        expires_at=expires_at if until is None else min(expires_at, until),
    )
    row = _requested(asked, deps)
    if row.status == "pending" and row.asked_at == now:
        told = {"approval_id": row.approval_id, "asks": kind, **after}
        action = Action(at=now, kind="ask", rule=kind.upper(), before=dict(before), after=told, by="liftwright")
        deps.campaigns.record_action(plan.campaign_id, action)
    return row


def _requested(asked: ApprovalRequest, deps: Deps) -> ApprovalRequest:
    """The row of a question: the first on its thread that waits or was answered."""
    for attempt in count(1):
        thread_id = asked.thread_id if attempt == 1 else f"{asked.thread_id}:{attempt}"
        known = hashlib.sha256(f"{thread_id}|{asked.plan_hash}".encode()).hexdigest()
        row = deps.approvals.request(asked.model_copy(update={"approval_id": f"a-{known[:16]}", "thread_id": thread_id}))
        if row.status not in ("superseded", "expired"):
            return row
    raise AssertionError("count() does not end")


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
