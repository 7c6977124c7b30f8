"""A person decides. First the row, compare-and-set; then, under the thread's lock, the graph is woken by interrupt id.

A crash in between leaves a decided row that was not carried out; `recovery.recover` finishes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from langgraph.types import Command

from liftwright.domain.approval import ApprovalRequest, Decision, DecisionKind, User
from liftwright.domain.campaign import Campaign
from liftwright.domain.errors import ApprovalError, LiftwrightError, ProviderError
from liftwright.flow import additions, change, differing, edits, questions, signing, standing, trust, walk
from liftwright.flow import graph as graphs
from liftwright.flow.launch import launch
from liftwright.flow.stopping import close_expired, lapse
from liftwright.ports import Deps

ON_YES = {additions.KIND: additions.add, trust.KIND: trust.note_answer}
"""What a yes to a question about a running campaign does at once, by its kind."""


async def decide(
    kind: DecisionKind,
    campaign_id: str,
    *,
    plan_hash: str | None,
    by: str,
    reason: str = "",
    changes: Mapping[str, Any] | None = None,
    deps: Deps,
) -> Campaign:
    """Record a decision on the waiting plan and carry it out.

    `plan_hash` is the hash the decider saw; only an edit may leave it out (the waiting one is meant). Raises ApprovalError when nothing
    waits, the request expired, someone was first or the hash is stale (naming the newer hash and what differs), and when a launch
    was refused; GoalError when an edit cannot be.
    """
    user = _who(by, deps)
    lapse(deps=deps)
    waiting = _waiting(campaign_id, deps)
    if plan_hash != waiting.plan_hash and not (plan_hash is None and kind == "edit"):
        raise _stale(waiting, plan_hash, deps)
    decision = Decision(
        kind=kind,
        approval_id=waiting.approval_id,
        plan_hash=waiting.plan_hash,
        by=by.strip(),
        at=deps.now(),
        reason=reason,
        changes=_wanted(kind, waiting, reason, changes, deps),
    )
    if not _may(user, kind, waiting, deps):
        return deps.campaigns.get(campaign_id)
    await carry_out(_recorded(decision, campaign_id, deps), deps=deps)
    return _unless_refused(deps.campaigns.get(campaign_id), kind)


def _unless_refused(campaign: Campaign, kind: DecisionKind) -> Campaign:
    """A campaign after its decision; ApprovalError where a yes was not launched."""
    if kind == "approve" and campaign.status in ("blocked", "expired"):
        raise ApprovalError(
            "LAUNCH-REFUSED",
            f"Nothing was sent: {campaign.stop_reason or 'a rule forbids the plan now.'}",
            next_step=f"See `liftwright show {campaign.campaign_id}`, then ask again with `liftwright plan --again {campaign.campaign_id}`.",
        )
    return campaign


def _may(user: User | None, kind: DecisionKind, waiting: ApprovalRequest, deps: Deps) -> bool:
    """Whether an answer counts now; False for a yes that is signed and still misses another's name. Raises ApprovalError for who may not."""
    if user is None:
        return True
    signing.check(user, kind, waiting, deps=deps)
    return kind != "approve" or signing.sign(user, waiting, deps=deps)


def _who(by: str, deps: Deps) -> User | None:
    if not by.strip():
        raise ApprovalError("APPROVAL-WHO", "A decision needs a name.", next_step="Say who decides with --as USER.")
    return signing.known(by, deps=deps, scope="decide")


async def revoke(campaign_id: str, *, by: str, reason: str, deps: Deps) -> Campaign:
    """Take back what waits, or what was approved and not launched yet: nothing of it can ever be sent. Any user but an analyst may.

    Raises ApprovalError when there is nothing to take back; what runs is stopped instead.
    """
    user = _who(by, deps)
    row = deps.approvals.pending(campaign_id) or deps.approvals.approved(campaign_id)
    if row is None:
        raise ApprovalError(
            "APPROVAL-NOT-REVOCABLE",
            f"Nothing of {campaign_id} waits or is approved and not launched.",
            next_step=f"Stop what runs with: liftwright stop {campaign_id}.",
        )
    if user is not None:
        signing.check(user, "reject", row, deps=deps)
    deps.approvals.revoke(row.approval_id, by=by.strip(), reason=reason, now=deps.now())
    if row.thread_id == campaign_id:
        standing.move(campaign_id, "rejected", deps=deps, stop_reason=f"the approval was revoked by {by.strip()}: {reason}")
    return deps.campaigns.get(campaign_id)


def _recorded(decision: Decision, campaign_id: str, deps: Deps) -> ApprovalRequest:
    """The decided row; a row that ran out this very moment closes its campaign."""
    try:
        return deps.approvals.decide(decision)
    except ApprovalError:
        close_expired(campaign_id, deps=deps)
        raise


async def carry_out(row: ApprovalRequest, *, deps: Deps) -> bool:
    """Let the graph go where the decided row says, once; safe to call again. True when it did something."""
    if questions.is_one(row):
        async with walk.held(row.thread_id, deps):
            return await asyncio.to_thread(questions.carry_out, row, on_yes=ON_YES, deps=deps)
    if row.thread_id != row.campaign_id:
        return await change.carry_out(row, deps=deps)
    async with walk.held(row.thread_id, deps), graphs.opened(deps) as graph:
        current = deps.approvals.get(row.approval_id)
        if current.resumed_at is not None:
            return False
        try:
            await _wake(graph, current, deps)
        except ProviderError:
            raise
        except LiftwrightError:
            deps.approvals.mark_resumed(row.approval_id, at=deps.now())
            raise
        if current.status == "approved" and deps.approvals.get(row.approval_id).launched_at is None:
            await asyncio.to_thread(launch, row.approval_id, deps=deps)
        deps.approvals.mark_resumed(row.approval_id, at=deps.now())
        return True


async def _wake(graph: Any, row: ApprovalRequest, deps: Deps) -> None:
    """Resume the approval interrupt of this very row by its id; a run that stopped elsewhere is carried on from there."""
    state = await graph.aget_state(walk.config(row.thread_id))
    pending = {i.id: i for task in state.tasks for i in task.interrupts if task.name == "approval"}
    mine = [key for key, found in pending.items() if found.value.get("approval_id") == row.approval_id]
    if mine:
        kind = {"type": row.status, "message": row.reason}
        resume: Command[Any] = Command(resume={mine[0]: {"decisions": [kind], "approval_id": row.approval_id}})
        await walk.plan(graph, resume, row.campaign_id, deps)
    elif state.next and not pending:
        await walk.plan(graph, None, row.campaign_id, deps)


def _waiting(campaign_id: str, deps: Deps) -> ApprovalRequest:
    campaign = deps.campaigns.get(campaign_id)
    waiting = deps.approvals.pending(campaign_id)
    if waiting is not None and not standing.is_closed(campaign):
        return waiting
    if campaign.status == "expired":
        raise ApprovalError(
            "APPROVAL-EXPIRED",
            f"The approval of {campaign_id} has run out ({campaign.stop_reason}); nothing was sent and it can never be used.",
            next_step=f"Ask again, planned and checked afresh: `liftwright plan --again {campaign_id}`.",
        )
    decisions = deps.approvals.decisions(campaign_id)
    says = f"Nothing of {campaign_id} waits for a decision (it is {campaign.status.replace('_', ' ')})."
    if decisions:
        last = decisions[-1]
        says += f" The last decision was {last.kind} by {last.by}, at {last.at:%Y-%m-%d %H:%M} UTC."
    elif campaign.stop_reason:
        says += f" Reason: {campaign.stop_reason}."
    raise ApprovalError("APPROVAL-NOTHING-WAITS", says, next_step="See `liftwright approvals` for what waits.")


def _stale(waiting: ApprovalRequest, seen: str | None, deps: Deps) -> ApprovalError:
    plans = [deps.campaigns.plan(waiting.campaign_id, n) for n in range(1, waiting.revision + 1)]
    old = next((plan for plan in plans if plan and plan.plan_hash == seen), None)
    new = plans[-1] if plans else None
    where = f"{waiting.campaign_id} waits with revision {waiting.revision}"
    if waiting.thread_id != waiting.campaign_id:
        says = f"{waiting.campaign_id} waits with another question, not the plan you named: {waiting.title}"
    elif old is None or new is None:
        says = f"The hash you gave belongs to no plan of this campaign; {where}."
    else:
        says = f"{where}, and you decided on revision {old.revision}. Changed since: {differing.in_words(old, new)}."
    return ApprovalError(
        "APPROVAL-STALE",
        says,
        next_step=f"Read it with `liftwright show {waiting.campaign_id}`, then decide with --hash {waiting.plan_hash}.",
    )


def _wanted(
    kind: DecisionKind, waiting: ApprovalRequest, reason: str, changes: Mapping[str, Any] | None, deps: Deps
) -> dict[str, Any]:
    """The changes of an edit in canonical form; refuses what the kind of decision cannot carry before anything is recorded."""
    if waiting.thread_id != waiting.campaign_id and kind in ("edit", "respond"):
        raise ApprovalError(
            "APPROVAL-KIND",
            f"What waits of {waiting.campaign_id} is a question with yes or no ({waiting.title}); {kind} is no answer to that.",
            next_step="Approve or reject it.",
        )
    if kind == "respond" and not reason.strip():
        raise ApprovalError("APPROVAL-WORDS", "A response needs words.", next_step='Say what should differ with --reason "…".')
    if kind != "edit":
        if changes:
            raise ApprovalError(
                "APPROVAL-KIND",
                f"Only an edit can carry changes, not {kind}.",
                next_step="Use `liftwright edit CAMPAIGN --set PATH=VALUE`.",
            )
        return {}
    wanted = edits.parse(changes or {}, settings=deps.settings)
    plan = deps.campaigns.plan(waiting.campaign_id, waiting.revision)
    if plan is not None and wanted.ends_on is not None and wanted.ends_on < plan.objective.starts_on:
        raise edits.wrong("objective.ends_on", str(wanted.ends_on), f"a date from {plan.objective.starts_on} on")
    return wanted.overrides()
