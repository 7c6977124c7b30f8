"""Asking a person. `approval` only interrupts; what was decided is read from the stored row, never from the resume value."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

from langgraph.graph import END
from langgraph.types import interrupt

from liftwright.compliance import autonomy
from liftwright.domain.approval import ApprovalRequest, DecisionKind
from liftwright.domain.campaign import CampaignStatus
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.flow import learn, nodes, standing
from liftwright.flow.edits import Edits, parse
from liftwright.flow.state import CampaignState, Route, merged
from liftwright.ports import Deps

ALLOWED: tuple[DecisionKind, ...] = ("approve", "edit", "reject", "respond")
_ROUTES: dict[str, Route] = {
    "pending": "wait",
    "approved": "approve",
    "edited": "edit",
    "rejected": "reject",
    "responded": "respond",
}


async def infeasible(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """No plan can do it: say why, keep nothing that could be approved."""
    assigned = state.get("assigned")
    eligible = state["eligible"]
    says = assigned.infeasible if assigned and assigned.infeasible else ""
    if not eligible.count:
        says = "Nobody is left who may be contacted for this goal."
    says = says or "No contact is worth more than it costs under these limits, so doing nothing is the better plan."
    finding = Finding(
        rule="FEASIBILITY",
        severity="block",
        subject=state["campaign_id"],
        says=says,
        fix="Widen the audience, the channels, the budget or the dates, and plan again.",
        by="planning",
    )
    findings = merged((finding,), (*eligible.findings, *(assigned.findings if assigned else ()), *state.get("notes", ())))
    close_planning(state, "infeasible", findings, deps)
    return {"findings": findings, "route": "closed"}


async def submit(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """Write the plan revision and, unless a block remains, the approval row. Running it again writes nothing new."""
    bench = await nodes.opened(state, deps)
    findings = merged(state["findings"], state.get("notes", ()))
    revision = await asyncio.to_thread(_free_revision, state, bench, deps, findings)
    plan = await asyncio.to_thread(nodes.plan_of, state, bench, deps, revision=revision, findings=findings)
    campaign_id = state["campaign_id"]
    by, changes = _author(state, deps)
    deps.campaigns.save_plan(plan, by=by, at=deps.now(), changes=changes)
    common = {"revision": revision, "plan_hash": plan.plan_hash}
    if nodes.blocks(findings):
        close_planning(state, "blocked", findings, deps, **common)
        return {**common, "route": "blocked", "approval_id": ""}
    asked = deps.approvals.request(requested(plan, deps, thread_id=campaign_id))
    standing.move(campaign_id, "awaiting_approval", deps=deps, question=None, **common)
    return {**common, "approval_id": asked.approval_id, "route": "wait"}


def _author(state: CampaignState, deps: Deps) -> tuple[str, dict[str, Any]]:
    """Whose word made this revision, and what they changed on the one before; the first is the agents' own."""
    asked = state.get("approval_id")
    decision = deps.approvals.decision(asked) if asked else None
    if decision is None or decision.kind not in ("edit", "respond"):
        return "liftwright", {}
    changes = parse(decision.changes, settings=deps.settings).overrides() if decision.kind == "edit" else {}
    return decision.by, changes


def _free_revision(state: CampaignState, bench: Any, deps: Deps, findings: tuple[Finding, ...]) -> int:
    """This state's revision number, or the next free one when a fork already stored another plan under it."""
    revision = state["revision"]
    while True:
        stored = deps.campaigns.plan(state["campaign_id"], revision)
        if (
            stored is None
            or stored.plan_hash == nodes.plan_of(state, bench, deps, revision=revision, findings=findings).plan_hash
        ):
            return revision
        revision += 1


def requested(plan: Plan, deps: Deps, *, thread_id: str, title: str = "", trigger: str = "") -> ApprovalRequest:
    """The row that asks: bound to thread and hash, so that asking twice is asking once."""
    bundle = deps.library.policies()
    risk, needs = autonomy.approval_needs(
        bundle.autonomy,
        spend=plan.forecast.cost,
        audience=plan.audience.selected,
        discount=max((offer.discount for offer in plan.offers), default=0.0),
        channels=plan.envelope.channels,
        findings=plan.findings,
    )
    now = deps.now()
    known = hashlib.sha256(f"{thread_id}|{plan.plan_hash}".encode()).hexdigest()
    return ApprovalRequest(
        approval_id=f"a-{known[:16]}",
        campaign_id=plan.campaign_id,
        thread_id=thread_id,
        plan_hash=plan.plan_hash,
        revision=plan.revision,
        title=title or _title(plan),
        risk=risk,
        trigger=trigger or f"a new plan, revision {plan.revision}",
        needs=needs,
        asked_by="liftwright",
        asked_at=now,
        expires_at=now + timedelta(hours=deps.settings.limits.approval_hours),
    )


def _title(plan: Plan) -> str:
    objective, cost = plan.objective, plan.forecast.cost
    return (
        f"{objective.direction} {objective.metric.replace('_', ' ')} until {objective.ends_on}: "
        f"{plan.assignment.touches:,} touches to {plan.audience.selected:,} people, contact cost {cost}"
    )


def payload(row: ApprovalRequest, plan: Plan) -> dict[str, Any]:
    """What the interrupt shows, in LangChain's human-in-the-loop field names."""
    args = {
        "campaign_id": row.campaign_id,
        "revision": row.revision,
        "people": plan.audience.selected,
        "touches": plan.assignment.touches,
        "cost": plan.forecast.cost.as_json(),
        "ends_on": plan.objective.ends_on.isoformat(),
    }
    return {
        "action_requests": [{"name": "launch_campaign", "args": args, "description": row.title}],
        "review_configs": [{"action_name": "launch_campaign", "allowed_decisions": list(ALLOWED)}],
        "approval_id": row.approval_id,
        "plan_hash": row.plan_hash,
        "expires_at": row.expires_at.isoformat(),
    }


async def approval(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """Stop. The resume value only wakes the graph; `decided` reads what was decided."""
    row = deps.approvals.get(state["approval_id"])
    plan = deps.campaigns.plan(row.campaign_id, row.revision)
    assert plan is not None, "an approval row always has its plan revision"
    interrupt(payload(row, plan))
    return {"route": "wait"}


async def decided(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """Where the stored approval row sends this run. A row that still waits sends it back to asking."""
    row = deps.approvals.get(state["approval_id"])
    if row.campaign_id != state["campaign_id"]:
        return {"route": "closed"}
    return {"route": _ROUTES.get(row.status, "closed")}


def after_submit(state: CampaignState) -> str:
    """Ask, unless the plan is blocked."""
    return END if state["route"] == "blocked" else "approval"


def after_decision(state: CampaignState) -> str:
    """The node that follows what the row says."""
    return {
        "wait": "approval",
        "approve": "launch",
        "edit": "edited",
        "respond": "heard",
        "reject": "closed",
    }.get(state["route"], "closed")


def after_launch(state: CampaignState) -> str:
    """Done, unless someone led the run past the question: then it is asked."""
    return "approval" if state["route"] == "wait" else END


async def edited(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """The approver's changes, applied by code: objective, audience and holdout are computed again, a new revision begins."""
    decision = deps.approvals.decision(state["approval_id"])
    changes = parse(decision.changes if decision else {}, settings=deps.settings)
    standing.move(state["campaign_id"], "planning", deps=deps)
    return await revised(state, state.get("edits", Edits()).then(changes), deps)


async def revised(state: CampaignState, edits: Edits, deps: Deps) -> dict[str, Any]:
    """State after `edits`: what they touch is recomputed on the same bench, the agents' other proposals stay."""
    bench = await nodes.opened(state, deps)
    brief = edits.brief(state["brief"])
    changed: CampaignState = {**state, "edits": edits, "brief": brief}
    objective, proposal = nodes.objective_of(changed), state["proposal"]
    eligible = await asyncio.to_thread(
        bench.eligible, objective, include=proposal.include, exclude=nodes.with_edits(proposal.exclude, changed)
    )
    share = edits.holdout_share if edits.holdout_share is not None else state["experiment"].holdout_share
    update: dict[str, Any] = {"edits": edits, "brief": brief, "eligible": eligible}
    if eligible.count:
        update["experiment"] = await asyncio.to_thread(bench.design, objective, eligible, share=share, asked=edits.arms)
    return {**update, "revision": state["revision"] + 1, "round": 0, "findings": ()}


async def heard(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """The approver's words join the goal, and the strategist starts a new revision from them."""
    decision = deps.approvals.decision(state["approval_id"])
    goal = state["goal"]
    said = (decision.reason,) if decision and decision.reason else ()
    standing.move(state["campaign_id"], "planning", deps=deps)
    return {
        "goal": goal.model_copy(update={"answers": (*goal.answers, *said)}),
        "revision": state["revision"] + 1,
        "round": 0,
        "findings": (),
    }


async def closed(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """No: rejected, expired or overtaken. Nothing was sent and nothing will be."""
    row = deps.approvals.get(state["approval_id"])
    if row.campaign_id == state["campaign_id"] and row.status in ("rejected", "expired", "revoked"):
        decision = deps.approvals.decision(row.approval_id)
        if decision is not None:
            await asyncio.to_thread(learn.from_decision, decision, row.campaign_id, deps=deps)
        status: CampaignStatus = "expired" if row.status == "expired" else "rejected"
        standing.move(row.campaign_id, status, deps=deps, stop_reason=row.reason or f"the approval was {row.status}")
    return {"route": "closed"}


def close_planning(state: CampaignState, status: Any, findings: tuple[Finding, ...], deps: Deps, **fields: Any) -> None:
    """The campaign row says how planning ended; the journal keeps the findings, once."""
    campaign_id = state["campaign_id"]
    if deps.campaigns.get(campaign_id).status == status:
        return
    detail = {"revision": state["revision"], "findings": [finding.model_dump(mode="json") for finding in findings]}
    deps.journal.append(at=deps.now(), actor="liftwright", action=f"campaign.{status}", subject=campaign_id, detail=detail)
    standing.move(campaign_id, status, deps=deps, question=None, **fields)
