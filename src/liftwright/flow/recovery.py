"""Picking up what a crash left: planning that stopped half-way, decisions taken but not yet carried out."""

from __future__ import annotations

from typing import Any

from liftwright.domain.campaign import Campaign
from liftwright.flow import beginning, deciding, halting, signing, standing, stopping, walk
from liftwright.flow import graph as graphs
from liftwright.ports import Deps


async def recover(*, deps: Deps) -> dict[str, int]:
    """Finish what a crash interrupted: planning that stopped half-way, decisions taken but not yet carried out. Safe at any time.

    What a person stopped is left to people.
    """
    done = {"planning": 0, "decisions": 0, "failed": 0}
    for campaign in deps.campaigns.all():
        if stopping.close_expired(campaign.campaign_id, deps=deps):
            continue
        if campaign.status in ("planning", "awaiting_approval", "needs_answer"):
            await _counted(done, "planning", _replan(campaign, deps), campaign.campaign_id, deps)
    for row in deps.approvals.decided_not_resumed():
        await _counted(done, "decisions", deciding.carry_out(row, deps=deps), row.campaign_id, deps)
    return done


async def go_on(campaign_id: str, *, by: str, deps: Deps) -> None:
    """Take planning up from its last checkpoint, where it was stopped by a person or by what failed; nothing where it rests at a stop.

    Raises ApprovalError where there are users and `by` is none of them, and what `walk.plan` raises.
    """
    signing.known(by, deps=deps, scope="plan")
    halting.settle(campaign_id, by=by, deps=deps)
    await _replan(deps.campaigns.get(campaign_id), deps)


async def _counted(done: dict[str, int], kind: str, work: Any, campaign_id: str, deps: Deps) -> None:
    """One broken campaign must not keep the others from going on."""
    try:
        done[kind] += bool(await work)
    except Exception as error:
        done["failed"] += 1
        deps.progress("recover", f"{campaign_id}: {error}")


async def _replan(campaign: Campaign, deps: Deps) -> bool:
    """Carry an interrupted planning run on from its last checkpoint; False when it rests at a stop, as it should, or a person stopped it."""
    thread = campaign.campaign_id
    if halting.asked(thread, deps=deps) is not None:
        return False
    async with walk.held(thread, deps), graphs.opened(deps) as graph:
        current = deps.campaigns.get(thread)
        if standing.is_closed(current):
            return False
        state = await graph.aget_state(walk.config(thread))
        if not state.values:
            await walk.plan(graph, beginning.first_state(current, deps=deps), thread, deps)
            return True
        if not state.next or state.interrupts:
            return False
        await walk.plan(graph, None, thread, deps)
        return True
