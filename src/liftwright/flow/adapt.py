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

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.evidence import Action, Report
from liftwright.domain.experiment import Firing, StopRule
from liftwright.domain.plan import Plan
from liftwright.flow import change, in_force, ladder, learn, pausing, reporting, stock, stopping, trust, walk
from liftwright.flow.graph import strict
from liftwright.flow.rebudget import rebudget
from liftwright.flow.replan import replan
from liftwright.flow.resplit import resplit
from liftwright.flow.suppressing import suppress
from liftwright.measurement import stopping as rules
from liftwright.ports import Deps

LEAVE = {"stop": {"stop_campaign"}, "pause": {"pause_arm", "stop_campaign"}, "stop_offer": {"reduce_sends"}}
"""What an approval must allow, one of these, for a rule that fired to act without asking."""
_OWN_STATUS = {"stop": ("stopped",), "pause": ("paused",)}
"""Where a firing leaves its campaign: there it is followed again, so that what a crash cut short is finished."""


class TickState(TypedDict, total=False):
    """One tick: the look's report, the share of the flight seen, the rules that fired."""

    campaign_id: str
    report: Report
    fraction: float
    fired: tuple[Firing, ...]


async def tick(campaign_id: str, *, deps: Deps) -> Report:
    """Observe outcomes, apply the stop rules, adapt inside what was approved; close the campaign once its outcomes are in.

    A tick that was interrupted is carried on, not repeated. Raises GoalError for a campaign that was never launched.
    """
    row, plan = reporting.launched(campaign_id, deps)
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


async def _look(campaign_id: str, deps: Deps) -> Report | None:
    """One run of the tick's graph; the report it saw. A campaign that does not run is not looked at, but a look that a crash cut
    short is carried on: what it had begun to stop is stopped. None when there was neither."""
    number = len(reporting.look_fractions(campaign_id, deps)) + 1
    thread_id = f"{campaign_id}:tick:{number}"
    async with walk.held(thread_id, deps), _opened(deps) as graph:
        state = await graph.aget_state(walk.config(thread_id))
        if not state.next and deps.campaigns.get(campaign_id).status != "running":
            return None
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
    idle = {"end", *(() if waiting else ("budget",))}
    if not await asyncio.to_thread(stock.is_waiting, campaign_id, deps=deps):
        idle.add(rules.GOAL)
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
    starts_at = reporting.flight(plan, row, deps)[0]
    in_force.write_down(plan, deps=deps)
    ladder.enforce([campaign_id], deps=deps)
    trust.note_on(plan, deps=deps)
    await asyncio.to_thread(suppress, plan, starts_at=starts_at, deps=deps)
    for fired in state["fired"]:
        if deps.campaigns.get(campaign_id).status in ("running", *_OWN_STATUS.get(fired.kind, ())):
            await _follow(fired, plan, deps)
    if deps.campaigns.get(campaign_id).status == "running" and state["report"].verdict != "invalid":
        number = len(reporting.look_fractions(campaign_id, deps)) + 1
        await asyncio.to_thread(replan, plan, number=number, starts_at=starts_at, deps=deps)
        await asyncio.to_thread(rebudget, plan, number=number, deps=deps)
        await asyncio.to_thread(resplit, plan, number=number, deps=deps)
    detail = {
        "fraction": state["fraction"],
        "verdict": state["report"].verdict,
        "fired": [fired.rule for fired in state["fired"]],
        "firings": [{"rule": fired.rule, "kind": fired.kind, **fired.evidence} for fired in state["fired"]],
        "look": state["report"].series[-1].model_dump(mode="json"),
    }
    deps.journal.append(at=deps.now(), actor="liftwright", action="campaign.tick", subject=campaign_id, detail=detail)
    deps.journal.seal(at=deps.now())
    return {}


async def _follow(fired: Firing, plan: Plan, deps: Deps) -> None:
    """One rule that fired: act where the rule may and what is left of the approved autonomy allows it, ask otherwise."""
    if pausing.is_overruled(plan.campaign_id, fired.rule, deps=deps):
        return
    if fired.acts and any(trust.may(plan, leave, deps=deps) for leave in LEAVE[fired.kind]):
        await asyncio.to_thread(_do, fired, plan, deps)
        return
    rule = next(rule for rule in _rules(plan) if rule.name == fired.rule)
    row = await change.ask(
        plan, rule, seen=fired.says, kind=fired.kind, subject=fired.subject, evidence=fired.evidence, deps=deps
    )
    if row is not None and row.status == "pending":
        _record_question(row, fired, plan, deps)


def _do(fired: Firing, plan: Plan, deps: Deps) -> None:
    """What a rule wants, done. Doing it again finishes what a crash cut short and repeats nothing."""
    who: dict[str, Any] = {"rule": fired.rule, "evidence": fired.evidence, "deps": deps}
    if fired.kind == "stop":
        stopping.stop(plan.campaign_id, by="liftwright", reason=fired.says, **who)
    elif fired.kind == "pause":
        pausing.pause(plan.campaign_id, by="liftwright", reason=fired.says, **who)
    else:
        stock.end(plan, fired.subject, says=fired.says, **who)


def _record_question(row: ApprovalRequest, fired: Firing, plan: Plan, deps: Deps) -> None:
    """Write down, once, that a person was asked and what the rule had seen when it asked."""
    asked = [action.after.get("approval_id") for action in deps.campaigns.actions(plan.campaign_id) if action.kind == "ask"]
    if row.approval_id in asked:
        return
    after = {"approval_id": row.approval_id, "asks": fired.kind, "says": fired.says, "evidence": fired.evidence}
    action = Action(at=row.asked_at, kind="ask", rule=fired.rule, after=after, by="liftwright")
    deps.campaigns.record_action(plan.campaign_id, action)


def _judged(seen: reporting.Look, stock_left: dict[str, int]) -> tuple[Firing, ...]:
    """The rules that fire at this look, with the name of the table of outcomes they were judged on."""
    budget = seen.plan.objective.budget
    watch = rules.Watch(
        fraction=seen.fraction,
        lift=seen.report.lift,
        conversions=seen.conversions,
        srm_p=seen.report.health.srm_p,
        contaminated_share=seen.report.health.contaminated_share,
        guardrails=seen.guardrails,
        spent=seen.spent,
        budget=float(budget.amount) if budget else None,
        achieved=seen.report.incremental_margin.low if seen.report.incremental_margin else None,
        stock_left=stock_left,
        power=seen.plan.experiment.power,
        level=seen.plan.experiment.level,
        margin_rate=seen.report.margin_rate,
        information=seen.information,
        matured=seen.matured,
        has_power=seen.has_power,
    )
    signals = rules.judge(watch, rules=_rules(seen.plan))
    where = {"look": seen.report.looks, "data_hash": seen.report.data}
    return tuple(Firing.model_validate({**vars(one), **where}) for one in signals)


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
        yield _graph(deps).compile(checkpointer=strict(saver, (Report, Firing)), name="liftwright-tick")
