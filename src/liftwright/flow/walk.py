"""Starting a goal and answering a question. All planning runs go through here, one holder per thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from langgraph.types import Command

from liftwright.domain.campaign import Campaign
from liftwright.domain.errors import ApprovalError, GoalError, Halted, LiftwrightError, ProviderError
from liftwright.domain.experiment import AskedArm
from liftwright.flow import again as asking_again
from liftwright.flow import beginning, halting, standing
from liftwright.flow import graph as graphs
from liftwright.flow.stopping import lapse
from liftwright.ports import Deps

MAX_STEPS = 60
"""Supersteps of one run between two stops for a person; a run that needs more is going in circles."""


async def start(
    text: str,
    *,
    deps: Deps,
    answers: Sequence[str] = (),
    arms: Sequence[AskedArm] = (),
    by: str = "",
    begun: Callable[[str], None] = lambda campaign_id: None,
) -> Campaign:
    """Plan a goal up to its first stop: a question, an approval, or the reason why there is no plan. Nothing is executed.

    arms: those the campaign is to have besides the treated one and the holdout. by: who asks; must be a user where there are any.
    begun: is told the campaign before planning begins.

    A goal that is refused (GoalError and its like, not a provider that failed) leaves a campaign that is blocked and says why.
    """
    goal = beginning.asked(text, deps=deps, answers=answers, arms=arms, by=by)
    campaign = beginning.created(goal, deps=deps)
    begun(campaign.campaign_id)
    return await begin(campaign, deps=deps)


async def begin(campaign: Campaign, *, deps: Deps) -> Campaign:
    """Run a campaign that was just created up to its first stop."""
    async with held(campaign.campaign_id, deps), graphs.opened(deps) as graph:
        await plan(graph, beginning.first_state(campaign, deps=deps), campaign.campaign_id, deps)
    return deps.campaigns.get(campaign.campaign_id)


async def again(campaign_id: str, *, deps: Deps, by: str = "") -> Campaign:
    """Ask the goal of an ended campaign again: a new campaign with the same words, answers and approver's edits, on today's data.

    Every rule and agent runs afresh and the approval is a new one. Raises ApprovalError while the old one still waits or runs.
    """
    lapse(deps=deps)
    async with held(f"{campaign_id}:again", deps):
        asking_again.may_ask(campaign_id, deps=deps)
        old = deps.campaigns.get(campaign_id).goal
        campaign = beginning.created(
            old.model_copy(update={"asked_at": deps.now(), "asked_by": beginning.asker(by, deps=deps)}), deps=deps
        )
        asking_again.tie(campaign_id, campaign.campaign_id, deps=deps)
    return await begin(campaign, deps=deps)


async def answer(campaign_id: str, text: str, *, deps: Deps) -> Campaign:
    """Answer the strategist's question. Text typed while an approval waits is refused: it never restarts the graph."""
    campaign = deps.campaigns.get(campaign_id)
    _must_wait_for_answer(campaign)
    if not text.strip():
        raise GoalError("ANSWER-EMPTY", "The answer is empty.", next_step=campaign.question or "Answer the question.")
    async with held(campaign_id, deps), graphs.opened(deps) as graph:
        _must_wait_for_answer(deps.campaigns.get(campaign_id))
        asked = await waiting_at(graph, campaign_id)
        if "ask" not in asked:
            raise GoalError(
                "ANSWER-LATE", f"{campaign_id} no longer asks this.", next_step=f"See `liftwright show {campaign_id}`."
            )
        await plan(graph, Command(resume={asked["ask"]: {"text": text.strip()}}), campaign_id, deps)
    return deps.campaigns.get(campaign_id)


@asynccontextmanager
async def held(thread_id: str, deps: Deps) -> AsyncIterator[None]:
    """Hold the thread's lock across processes, without blocking this process's other work while waiting for it."""
    lock = deps.locks.hold(f"thread:{thread_id}")
    await asyncio.to_thread(lock.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(lock.__exit__, None, None, None)


async def plan(graph: Any, given: Any, campaign_id: str, deps: Deps) -> None:
    """One run of the planning graph. What can never be planned as it was said ends the campaign as blocked; the error goes on.

    Raises Halted where a person stopped it: the campaign stays as it is, and nobody goes on with it unasked.
    """
    try:
        await run(graph, given, campaign_id)
    except Halted as halted:
        halting.note(campaign_id, halted, deps=deps)
        raise
    except ProviderError:
        raise
    except LiftwrightError as error:
        standing.refuse(campaign_id, error, deps=deps)
        raise
    halting.settle(campaign_id, by="liftwright", deps=deps)


async def run(graph: Any, given: Any, thread_id: str) -> Any:
    """One run of a graph to its next stop, every step durable before the next begins."""
    return await graph.ainvoke(given, config(thread_id), durability="sync")


async def waiting_at(graph: Any, thread_id: str) -> dict[str, str]:
    """Node to interrupt id of what the thread waits for."""
    state = await graph.aget_state(config(thread_id))
    return {task.name: task.interrupts[0].id for task in state.tasks if task.interrupts}


def config(thread_id: str) -> Any:
    """LangGraph's configuration of a thread."""
    return {"configurable": {"thread_id": thread_id}, "recursion_limit": MAX_STEPS}


def _must_wait_for_answer(campaign: Campaign) -> None:
    if campaign.status == "awaiting_approval":
        raise ApprovalError(
            "APPROVAL-WAITS",
            f"{campaign.campaign_id} waits for an approval, not for an answer.",
            next_step="Approve, edit, reject or respond; use respond to change the plan in words.",
        )
    if campaign.status != "needs_answer":
        raise GoalError(
            "ANSWER-UNASKED",
            f"{campaign.campaign_id} asks nothing (it is {campaign.status.replace('_', ' ')}).",
            next_step='Start a new goal with `liftwright plan "GOAL"`.',
        )
