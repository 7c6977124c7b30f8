"""A change the approval does not cover: a short graph run `<campaign>:change:<n>` that asks, waits, and only then acts."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import rfc8785
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.evidence import Action
from liftwright.domain.experiment import StopRule
from liftwright.domain.plan import Plan
from liftwright.flow import standing, stopping, walk
from liftwright.flow.graph import strict
from liftwright.ports import Deps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class ChangeState(TypedDict, total=False):
    """One change that waits: the campaign, the rule that asks for it, its approval row."""

    campaign_id: str
    approval_id: str
    rule: str
    says: str
    is_approved: bool


async def ask(plan: Plan, rule: StopRule, *, seen: str, deps: Deps) -> ApprovalRequest:
    """Ask whether to stop because of `rule` (`seen` = what triggered it). Asking again about the same rule returns the same row."""
    number = 1 + [each.name for each in plan.experiment.stop_rules].index(rule.name)
    thread_id = f"{plan.campaign_id}:change:{number}"
    row = deps.approvals.request(_request(plan, rule, thread_id, seen, deps))
    if row.status != "pending":
        return row
    first: ChangeState = {"campaign_id": plan.campaign_id, "approval_id": row.approval_id, "rule": rule.name, "says": seen}
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
    interrupt(
        {
            "action_requests": [{"name": "stop_campaign", "args": args, "description": row.title}],
            "review_configs": [{"action_name": "stop_campaign", "allowed_decisions": ["approve", "reject"]}],
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
        by = row.decided_by or "approver"
        await asyncio.to_thread(stopping.stop, row.campaign_id, by=by, reason=state["says"], deps=deps, rule=state["rule"])
        return {"is_approved": True}
    if row.status == "rejected":
        after = {"decision": "rejected", "reason": row.reason}
        action = Action(at=deps.now(), kind="change_refused", rule=state["rule"], after=after, by=row.decided_by or "approver")
        deps.campaigns.record_action(row.campaign_id, action)
    return {"is_approved": False}


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


def _request(plan: Plan, rule: StopRule, thread_id: str, seen: str, deps: Deps) -> ApprovalRequest:
    subject = {"change": "stop", "campaign_id": plan.campaign_id, "plan_hash": plan.plan_hash, "rule": rule.name}
    digest = "sha256:" + hashlib.sha256(rfc8785.dumps(subject)).hexdigest()
    now = deps.now()
    known = hashlib.sha256(f"{thread_id}|{digest}".encode()).hexdigest()
    return ApprovalRequest(
        approval_id=f"a-{known[:16]}",
        campaign_id=plan.campaign_id,
        thread_id=thread_id,
        plan_hash=digest,
        revision=plan.revision,
        title=f"Stop {plan.campaign_id}? {rule.says} {seen}".strip(),
        risk="high",
        trigger=f"the stop rule {rule.name}, which asks",
        needs=("approver",),
        asked_by="liftwright",
        asked_at=now,
        expires_at=now + timedelta(hours=deps.settings.limits.approval_hours),
    )
