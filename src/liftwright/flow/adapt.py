"""The standing loop: a short graph run `<campaign>:tick:<n>` that observes, judges by pre-stated rules, and acts inside the approval.

What the approval does not cover is asked for (`change`), not done.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from liftwright.domain.base import Value
from liftwright.domain.evidence import Action, Report
from liftwright.domain.experiment import StopRule
from liftwright.domain.plan import Plan
from liftwright.flow import change, learn, reporting, stock, stopping, trust, walk
from liftwright.flow.graph import strict
from liftwright.flow.resplit import resplit
from liftwright.flow.suppressing import suppress
from liftwright.measurement import stopping as rules
from liftwright.ports import Deps


class Fired(Value):
    """A stop rule that fired: what it wants (`kind`), what it saw, whether it acts by itself, and what it is about (an offer)."""

    rule: str
    kind: str
    says: str
    acts: bool
    subject: str = ""


class TickState(TypedDict, total=False):
    """One tick: the look's report, the share of the flight seen, the rules that fired."""

    campaign_id: str
    report: Report
    fraction: float
    fired: tuple[Fired, ...]


async def tick(campaign_id: str, *, deps: Deps) -> Report:
    """Observe outcomes, apply the stop rules, adapt inside what was approved; close the campaign once its outcomes are in.

    A tick that was interrupted is carried on, not repeated. Raises GoalError for a campaign that was never launched.
    """
    row, plan = reporting.launched(campaign_id, deps)
    seen: Report | None = None
    if deps.campaigns.get(campaign_id).status == "running":
        seen = await _look(campaign_id, deps)
    if deps.now() >= reporting.flight(plan, row, deps)[1] + timedelta(days=reporting.OUTCOME_DAYS):
        await learn.finish(campaign_id, deps=deps)
    campaign = deps.campaigns.get(campaign_id)
    if seen is None or campaign.status != "running":
        return await asyncio.to_thread(reporting.report, campaign_id, deps=deps)
    done = {"actions": tuple(deps.campaigns.actions(campaign_id)), "sends": {"duplicates": 0, **deps.ledger.counts(campaign_id)}}
    seen = seen.model_copy(update=done)
    deps.campaigns.save_report(seen, at=deps.now())
    return seen


async def _look(campaign_id: str, deps: Deps) -> Report:
    """One run of the tick's graph; the report it saw."""
    number = len(reporting.look_fractions(campaign_id, deps)) + 1
    thread_id = f"{campaign_id}:tick:{number}"
    async with walk.held(thread_id, deps), _opened(deps) as graph:
        state = await graph.aget_state(walk.config(thread_id))
        after = await walk.run(graph, None if state.next else {"campaign_id": campaign_id}, thread_id)
    found: Report = after["report"]
    return found


async def observe(state: TickState, *, deps: Deps) -> dict[str, Any]:
    """Measure now."""
    seen = await asyncio.to_thread(reporting.look, state["campaign_id"], deps=deps)
    left = await asyncio.to_thread(stock.left, state["campaign_id"], deps=deps)
    return {"report": seen.report, "fraction": seen.fraction, "fired": _judged(seen, left)}


async def judge(state: TickState, *, deps: Deps) -> dict[str, Any]:
    """Keep what matters now: the end of the flight closes the campaign elsewhere; where nothing is left to send, of all or of an
    offer, a spent budget and a stock that is gone change nothing."""
    campaign_id = state["campaign_id"]
    waiting = deps.ledger.counts(campaign_id)["waiting"]
    idle = {one.rule for one in state["fired"] if one.rule == "end" or (one.rule == "budget" and not waiting)}
    fired = [
        one
        for one in state["fired"]
        if one.rule not in idle and (one.kind != "stop_offer" or stock.is_waiting(campaign_id, one.subject, deps=deps))
    ]
    return {"fired": tuple(fired)}


async def act(state: TickState, *, deps: Deps) -> dict[str, Any]:
    """Stop or ask, suppress who wants no more or has done it already; then write the tick down, last, so that a crash repeats what is safe to repeat."""
    campaign_id = state["campaign_id"]
    row, plan = reporting.launched(campaign_id, deps)
    trust.note_on(plan, deps=deps)
    await asyncio.to_thread(suppress, plan, starts_at=reporting.flight(plan, row, deps)[0], deps=deps)
    for fired in state["fired"]:
        await _follow(fired, plan, deps)
    if deps.campaigns.get(campaign_id).status == "running":
        number = len(reporting.look_fractions(campaign_id, deps)) + 1
        await asyncio.to_thread(resplit, plan, number=number, deps=deps)
    detail = {
        "fraction": state["fraction"],
        "verdict": state["report"].verdict,
        "fired": [fired.rule for fired in state["fired"]],
    }
    deps.journal.append(at=deps.now(), actor="liftwright", action="campaign.tick", subject=campaign_id, detail=detail)
    return {}


async def _follow(fired: Fired, plan: Plan, deps: Deps) -> None:
    """One rule that fired: act where the approval allows stopping, ask otherwise."""
    if fired.acts and fired.kind == "stop" and trust.may(plan, "stop_campaign", deps=deps):
        await asyncio.to_thread(stopping.stop, plan.campaign_id, by="liftwright", reason=fired.says, deps=deps, rule=fired.rule)
        return
    if fired.acts and fired.kind == "stop_offer" and trust.may(plan, "reduce_sends", deps=deps):
        await asyncio.to_thread(stock.end, plan, fired.subject, says=fired.says, deps=deps)
        return
    rule = next(rule for rule in _rules(plan) if rule.name == fired.rule)
    row = await change.ask(plan, rule, seen=fired.says, deps=deps)
    if row.status == "pending":
        after = {"approval_id": row.approval_id, "asks": "stop", "says": fired.says}
        action = Action(at=row.asked_at, kind="ask", rule=fired.rule, after=after, by="liftwright")
        deps.campaigns.record_action(plan.campaign_id, action)


def _judged(seen: reporting.Look, stock_left: dict[str, int]) -> tuple[Fired, ...]:
    budget = seen.plan.objective.budget
    watch = rules.Watch(
        fraction=seen.fraction,
        lift=seen.report.lift,
        conversions=seen.conversions,
        srm_p=seen.report.health.srm_p,
        guardrails=seen.guardrails,
        spent=seen.spent,
        budget=float(budget.amount) if budget else None,
        stock_left=stock_left,
        power=seen.plan.experiment.power,
        level=seen.plan.experiment.level,
    )
    signals = rules.judge(watch, rules=_rules(seen.plan))
    return tuple(Fired(rule=one.rule, kind=one.kind, says=one.says, acts=one.acts, subject=one.subject) for one in signals)


def _rules(plan: Plan) -> tuple[StopRule, ...]:
    """The plan's stop rules."""
    return plan.experiment.stop_rules


def _graph(deps: Deps) -> StateGraph[TickState, None, TickState, TickState]:
    graph: StateGraph[TickState, None, TickState, TickState] = StateGraph(TickState)
    for name, node in (("observe", observe), ("judge", judge), ("act", act)):
        graph.add_node(name, partial(node, deps=deps))
    graph.add_edge(START, "observe")
    graph.add_edge("observe", "judge")
    graph.add_edge("judge", "act")
    graph.add_edge("act", END)
    return graph


@asynccontextmanager
async def _opened(deps: Deps) -> AsyncIterator[Any]:
    async with deps.checkpointer() as saver:
        yield _graph(deps).compile(checkpointer=strict(saver, (Report, Fired)), name="liftwright-tick")
