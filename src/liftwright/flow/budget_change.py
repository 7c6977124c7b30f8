"""May a campaign move money between its channels? Yes where its approval says so; else its first move is asked for, once, with the difference.

A yes holds until the end of the flight and for moves of at most 30 % a day between approved channels, never for more money. Nothing has to
be woken after the answer: every tick reads the approval row itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import rfc8785

from liftwright.compliance import autonomy
from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.planning.budget_moves import FLOOR, MOST_A_DAY, Move
from liftwright.ports import Deps

MARK = ":budget:"
ACTION = "shift_budget"


def may_move(plan: Plan, moves: Sequence[Move], *, deps: Deps) -> bool:
    """Whether these moves may be carried out now; asks where the level says that it has to be asked and nothing else waits."""
    if ACTION in plan.envelope.allows:
        return True
    digest = _digest(plan)
    decisions = deps.approvals.decisions(plan.campaign_id)
    answers = [each.kind for each in decisions if each.plan_hash == digest]
    if answers:
        return answers[-1] == "approve"
    asks = autonomy.may(deps.library.policies().autonomy, plan.autonomy_level, ACTION) == "ask"
    if asks and deps.approvals.pending(plan.campaign_id) is None:
        _ask(plan, moves, digest, deps)
    return False


def is_question(row: ApprovalRequest) -> bool:
    """Whether a row asks for leave to move money."""
    return MARK in row.thread_id


def carry_out(row: ApprovalRequest, *, deps: Deps) -> bool:
    """After the answer: remember a no, mark the row done. False when that had happened before."""
    if deps.approvals.get(row.approval_id).resumed_at is not None:
        return False
    if row.status == "rejected":
        after = {"decision": "rejected", "reason": row.reason}
        action = Action(at=deps.now(), kind="change_refused", rule="BUDGET", after=after, by=row.decided_by or "approver")
        deps.campaigns.record_action(row.campaign_id, action)
    deps.approvals.mark_resumed(row.approval_id, at=deps.now())
    return True


def _ask(plan: Plan, moves: Sequence[Move], digest: str, deps: Deps) -> None:
    now = deps.now()
    wanted = [each for each in moves if abs(each.after - each.before) > 1e-9]
    difference = "; ".join(f"{each.channel} {each.before:.2f} → {each.after:.2f}" for each in wanted)
    row = deps.approvals.request(
        ApprovalRequest(
            approval_id=f"a-{hashlib.sha256(digest.encode()).hexdigest()[:16]}",
            campaign_id=plan.campaign_id,
            thread_id=f"{plan.campaign_id}{MARK}{digest[7:15]}",
            plan_hash=digest,
            revision=plan.revision,
            title=f"Move money between the channels of {plan.campaign_id}, at most {MOST_A_DAY:.0%} a day? Tomorrow: {difference}",
            risk="medium",
            trigger=f"{plan.autonomy_level}: a budget move is asked for",
            needs=("approver",),
            asked_by="liftwright",
            asked_at=now,
            expires_at=now + timedelta(hours=deps.settings.limits.approval_hours),
        )
    )
    if row.status == "pending" and row.asked_at == now:
        before = {each.channel: round(each.before, 4) for each in wanted}
        after = {"approval_id": row.approval_id, "asks": "budget", "spend": {e.channel: round(e.after, 4) for e in wanted}}
        action = Action(at=now, kind="ask", rule="BUDGET", before={"spend": before}, after=after, by="liftwright")
        deps.campaigns.record_action(plan.campaign_id, action)


def _digest(plan: Plan) -> str:
    subject: dict[str, Any] = {
        "change": "budget",
        "campaign_id": plan.campaign_id,
        "plan_hash": plan.plan_hash,
        "most_a_day": MOST_A_DAY,
        "floor": FLOOR,
        "total": plan.envelope.max_total_spend.minor,
    }
    return "sha256:" + hashlib.sha256(rfc8785.dumps(subject)).hexdigest()
