"""A change the approval does not cover: a short graph run `<campaign>:change:<n>` that asks, waits, and only then acts."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import rfc8785
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.evidence import Action
from liftwright.domain.experiment import StopRule
from liftwright.domain.plan import Plan
from liftwright.flow import pausing, standing, stock, stopping, walk
from liftwright.flow.graph import strict
from liftwright.ports import Deps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ChangeState(TypedDict, total=False):
    """One change that waits: the campaign, the rule that asks for it and what it saw, what it asks for (`kind`), its approval row."""

    campaign_id: str
    approval_id: str
    rule: str
    says: str
    kind: str
    subject: str
    evidence: dict[str, Any]
    is_approved: bool


ASKS = {"stop": "Stop {campaign}?", "pause": "Pause {campaign}?", "stop_offer": "Stop the offer {subject} in {campaign}?"}
"""What each kind of change asks."""


async def ask(
    plan: Plan,
    rule: StopRule,
    *,
    seen: str,
    deps: Deps,
    kind: str = "stop",
    subject: str = "",
    evidence: Mapping[str, Any] | None = None,
) -> ApprovalRequest | None:
    """Ask whether to do what `rule` wants (`seen` = what triggered it). Asking again about the same rule returns the same row.

    One question of a campaign waits at a time: None while one of a more important rule does; a less important one gives way, and
    is asked anew when its rule fires after the answer.
    """
    place = _place(plan, rule.name)
    waiting = deps.approvals.pending(plan.campaign_id)
    if waiting is not None and _asked_by(waiting) < place:
        return None
    row = _asked(plan, rule, f"{plan.campaign_id}:change:{place}", seen, kind, subject, deps)
    thread_id = row.thread_id
    if row.status != "pending":
        return row
    first: ChangeState = {
        "campaign_id": plan.campaign_id,
        "approval_id": row.approval_id,
        "rule": rule.name,
        "says": seen,
        "kind": kind,
        "subject": subject,
        "evidence": dict(evidence or {}),
    }
    async with walk.held(thread_id, deps), _opened(deps) as graph:
        state = await graph.aget_state(walk.config(thread_id))
        if not state.values:
            await walk.run(graph, first, thread_id)
        elif state.next and not state.interrupts:
            await walk.run(graph, None, thread_id)
    return row


async def carry_out(row: ApprovalRequest, *, deps: Deps) -> bool:
    """Wake the change's run after its row was decided; True when it did something."""
    async with walk.held(row.thread_id, deps), _opened(deps) as graph:
        if deps.approvals.get(row.approval_id).resumed_at is not None:
            return False
        waits = await walk.waiting_at(graph, row.thread_id)
        state = await graph.aget_state(walk.config(row.thread_id))
        if "approval" in waits:
            await walk.run(graph, Command(resume={waits["approval"]: {"decisions": [{"type": row.status}]}}), row.thread_id)
        elif state.next:
            await walk.run(graph, None, row.thread_id)
        if row.status == "approved" and not standing.is_closed(deps.campaigns.get(row.campaign_id)):
            await act(state.values, deps=deps)
        deps.approvals.mark_resumed(row.approval_id, at=deps.now())
        return True


async def approval(state: ChangeState, *, deps: Deps) -> dict[str, Any]:
    """Stop and ask; nothing else."""
    row = deps.approvals.get(state["approval_id"])
    args = {"campaign_id": row.campaign_id, "rule": state["rule"]}
    name = {"stop": "stop_campaign", "pause": "pause_campaign"}.get(state.get("kind", "stop"), "stop_offer")
    interrupt(
        {
            "action_requests": [{"name": name, "args": args, "description": row.title}],
            "review_configs": [{"action_name": name, "allowed_decisions": ["approve", "reject"]}],
            "approval_id": row.approval_id,
            "plan_hash": row.plan_hash,
            "expires_at": row.expires_at.isoformat(),
        }
    )
    return {}


async def act(state: ChangeState, *, deps: Deps) -> dict[str, Any]:
    """Do what the stored row allows, or record that it was refused."""
    row = deps.approvals.get(state["approval_id"])
    if row.status == "approved" and row.campaign_id == state["campaign_id"]:
        await asyncio.to_thread(_ACTS[state.get("kind", "stop")], state, row.decided_by or "approver", deps)
        return {"is_approved": True}
    if row.status == "rejected":
        after = {"decision": "rejected", "reason": row.reason}
        action = Action(at=deps.now(), kind="change_refused", rule=state["rule"], after=after, by=row.decided_by or "approver")
        deps.campaigns.record_action(row.campaign_id, action)
    return {"is_approved": False}


def _stop(state: ChangeState, by: str, deps: Deps) -> None:
    stopping.stop(
        state["campaign_id"], by=by, reason=state["says"], deps=deps, rule=state["rule"], evidence=state.get("evidence", {})
    )


def _pause(state: ChangeState, by: str, deps: Deps) -> None:
    pausing.pause(state["campaign_id"], by=by, reason=state["says"], rule=state["rule"], evidence=state["evidence"], deps=deps)


def _stop_offer(state: ChangeState, by: str, deps: Deps) -> None:
    campaign = deps.campaigns.get(state["campaign_id"])
    plan = deps.campaigns.plan(state["campaign_id"], campaign.revision)
    assert plan is not None, "a campaign that asks for a change was launched with a plan"
    stock.end(plan, state["subject"], says=state["says"], rule=state["rule"], evidence=state["evidence"], by=by, deps=deps)


_ACTS: dict[str, Callable[[ChangeState, str, Deps], None]] = {"stop": _stop, "pause": _pause, "stop_offer": _stop_offer}


def _graph(deps: Deps) -> StateGraph[ChangeState, None, ChangeState, ChangeState]:
    graph: StateGraph[ChangeState, None, ChangeState, ChangeState] = StateGraph(ChangeState)
    graph.add_node("approval", partial(approval, deps=deps))
    graph.add_node("act", partial(act, deps=deps))
    graph.add_edge(START, "approval")
    graph.add_edge("approval", "act")
    graph.add_edge("act", END)
    return graph


@asynccontextmanager
async def _opened(deps: Deps) -> AsyncIterator[Any]:
    async with deps.checkpointer() as saver:
        yield _graph(deps).compile(checkpointer=strict(saver, ()), name="liftwright-change")


def _place(plan: Plan, rule: str) -> int:
    """Where a rule stands in the plan's order of importance, from 1."""
    return 1 + [each.name for each in plan.experiment.stop_rules].index(rule)


def _asked_by(row: ApprovalRequest) -> float:
    """Where the rule that asked a waiting question stands; a question that no stop rule asked gives way to every one of them."""
    number = row.thread_id.partition(":change:")[2].partition(":")[0]
    return int(number) if number.isdigit() else math.inf


def _asked(plan: Plan, rule: StopRule, thread_id: str, seen: str, kind: str, subject: str, deps: Deps) -> ApprovalRequest:
    """The row of this question; a new one, on a thread of its own, where an earlier one gave way to a more important question."""
    if subject:
        thread_id = f"{thread_id}:{subject}"
    for attempt in count(1):
        thread = thread_id if attempt == 1 else f"{thread_id}:{attempt}"
        row = deps.approvals.request(_request(plan, rule, thread, seen, kind, subject, deps))
        if row.status != "superseded":
            return row
    raise AssertionError("count() does not end")


def _request(plan: Plan, rule: StopRule, thread_id: str, seen: str, kind: str, subject: str, deps: Deps) -> ApprovalRequest:
    bound = {"change": kind, "campaign_id": plan.campaign_id, "plan_hash": plan.plan_hash, "rule": rule.name}
    bound |= {"subject": subject} if subject else {}
    digest = "sha256:" + hashlib.sha256(rfc8785.dumps(bound)).hexdigest()
    now = deps.now()
    known = hashlib.sha256(f"{thread_id}|{digest}".encode()).hexdigest()
    return ApprovalRequest(
        approval_id=f"a-{known[:16]}",
        campaign_id=plan.campaign_id,
        thread_id=thread_id,
        plan_hash=digest,
        revision=plan.revision,
        title=f"{ASKS[kind].format(campaign=plan.campaign_id, subject=subject)} {rule.says} {seen}".strip(),
        risk="high",
        trigger=f"the stop rule {rule.name}, which asks",
        needs=("approver",),
        asked_by="liftwright",
        asked_at=now,
        expires_at=now + timedelta(hours=deps.settings.limits.approval_hours),
    )
