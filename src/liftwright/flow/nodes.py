"""The people's nodes: each opens the bench, asks one agent, lets code decide, and hands on small state.

No node here has an effect outside the campaign's own row; every node may run again from its top.
"""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.types import interrupt

from liftwright.agents import audience_analyst as analyst
from liftwright.agents import channel_planner as planner
from liftwright.agents import compliance_reviewer as reviewer
from liftwright.agents import content_writer as writer
from liftwright.agents import measurement_analyst
from liftwright.agents import strategist as strategy
from liftwright.agents.bench import Bench
from liftwright.agents.proposals import PlanProposal
from liftwright.domain.errors import GoalError
from liftwright.domain.goal import Brief, Objective
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.flow import booked, spending, standing
from liftwright.flow.edits import Edits
from liftwright.flow.state import MAX_ROUNDS, CampaignState, merged
from liftwright.ports import Deps


async def opened(state: CampaignState, deps: Deps) -> Bench:
    """The bench of this run, with the data, the moment and the seed the run is pinned to."""
    return await asyncio.to_thread(
        Bench.open,
        deps,
        campaign_id=state["campaign_id"],
        snapshot_id=state["snapshot_id"],
        as_of=state["as_of"],
        seed=state["seed"],
    )


async def strategist(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """The goal becomes a brief: an objective, or the one question that must be answered first."""
    bench = await opened(state, deps)
    result = await strategy.propose(state["goal"], bench=bench, deps=spending.left(state, deps))
    brief = state.get("edits", Edits()).brief(result.value)
    question = brief.question if brief.objective is None else None
    if brief.objective is None and question is None:
        question = "What should change, by when, and for which product or group of customers?"
        brief = brief.model_copy(update={"question": question})
    standing.move(
        state["campaign_id"], "needs_answer" if question else "planning", deps=deps, question=question, goal=state["goal"]
    )
    return {"brief": brief, "notes": result.findings, "round": 0, "usage": spending.of(result)}


async def ask(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """Stop and put the strategist's question; nothing else happens here. The answer joins the goal."""
    said = interrupt({"question": state["brief"].question, "campaign_id": state["campaign_id"]})
    text = said.get("text", "") if isinstance(said, dict) else str(said)
    goal = state["goal"]
    return {"goal": goal.model_copy(update={"answers": (*goal.answers, text)})}


async def audience_analyst(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """Who may be contacted at all, with the funnel that says why not the others."""
    bench = await opened(state, deps)
    objective = objective_of(state)
    result = await analyst.propose(objective, bench=bench, deps=spending.left(state, deps))
    include, exclude = result.value.include, with_edits(result.value.exclude, state)
    eligible = await asyncio.to_thread(bench.eligible, objective, include=include, exclude=exclude)
    return {"proposal": result.value, "eligible": eligible, "notes": result.findings, "usage": spending.of(result)}


async def content_writer(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """Texts that fill approved templates; on a revision, with what compliance remarked."""
    bench = await opened(state, deps)
    result = await writer.propose(objective_of(state), bench=bench, deps=spending.left(state, deps), remarks=remarks(state))
    return {"variants": result.value.variants, "notes": result.findings, "usage": spending.of(result)}


async def experiment_design(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """The holdout and what the test can detect, before anyone is chosen."""
    bench = await opened(state, deps)
    objective, eligible = objective_of(state), state["eligible"]
    result = await measurement_analyst.design(objective, eligible, bench=bench, deps=spending.left(state, deps))
    edits = state.get("edits", Edits())
    share = edits.holdout_share if edits.holdout_share is not None else result.value.holdout_share
    experiment = await asyncio.to_thread(bench.design, objective, eligible, share=share, asked=edits.arms)
    return {"experiment": experiment, "notes": result.findings, "usage": spending.of(result)}


async def channel_planner(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """Who gets what, where and when: the agent proposes the playing field, the solver assigns."""
    bench = await opened(state, deps)
    result = await planner.propose(
        objective_of(state),
        state["variants"],
        bench=bench,
        deps=spending.left(state, deps),
        remarks=remarks(state),
        eligible=state["eligible"],
        experiment=state["experiment"],
    )
    solved = await asyncio.to_thread(assigned, state, result.value, bench)
    return {**solved, "notes": result.findings, "usage": spending.of(result)}


def assigned(state: CampaignState, proposal: PlanProposal, bench: Bench) -> dict[str, Any]:
    """The solved flight on the proposed playing field, with what an approver changed."""
    edits = state.get("edits", Edits())
    chosen = proposal.model_copy(
        update={
            "channels": edits.channels or proposal.channels,
            "offers": edits.offers or proposal.offers,
            "touches": edits.touches or proposal.touches,
        }
    )
    solved = bench.assign(
        objective_of(state),
        state["eligible"],
        state["experiment"],
        state["variants"],
        channels=chosen.channels,
        offers=chosen.offers,
        touches=chosen.touches,
        overrides=edits.overrides(),
    )
    return {"chosen": chosen, "assigned": solved}


async def compliance_reviewer(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """The rules decide; the model may add findings, never remove one."""
    bench = await opened(state, deps)
    plan = await asyncio.to_thread(plan_of, state, bench, deps, revision=state["revision"], findings=())
    result = await reviewer.review(plan, bench=bench, deps=spending.left(state, deps))
    clashes = await asyncio.to_thread(booked.findings, plan, deps=deps)
    findings = merged((), (*result.value.findings, *clashes, *_explained(state, result.value.explanation), *result.findings))
    round_ = state.get("round", 0) + (1 if blocks(findings) else 0)
    return {"findings": findings, "round": round_, "usage": spending.of(result)}


def _explained(state: CampaignState, words: str) -> tuple[Finding, ...]:
    """The reviewer's explanation for the approver, as a finding that decides nothing."""
    if not words:
        return ()
    return (Finding(rule="REVIEW", severity="info", subject=state["campaign_id"], says=words, by="compliance_reviewer"),)


def plan_of(state: CampaignState, bench: Bench, deps: Deps, *, revision: int, findings: tuple[Finding, ...]) -> Plan:
    """The plan this state stands for; the same state gives the same plan, bit for bit."""
    found = bench.plan(
        brief=state["brief"],
        revision=revision,
        eligible=state["eligible"],
        experiment=state["experiment"],
        variants=state["variants"],
        assigned=state["assigned"],
        findings=findings,
        model=deps.settings.model,
    )
    return found.model_copy(update={"usage": spending.shown(state, deps)})


def objective_of(state: CampaignState) -> Objective:
    """The objective everybody works for; GoalError when there is none."""
    objective = state["brief"].objective
    if objective is None:
        raise GoalError("GOAL-OPEN", "The goal has no objective yet.", next_step="Answer the strategist's question.")
    return objective


def with_edits(exclude: tuple[str, ...], state: CampaignState) -> tuple[str, ...]:
    """The exclusions of the analyst and those an approver added."""
    return tuple(dict.fromkeys((*exclude, *state.get("edits", Edits()).exclude)))


def blocks(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that forbid the plan."""
    return tuple(finding for finding in findings if finding.severity == "block")


def remarks(state: CampaignState) -> tuple[Finding, ...]:
    """What compliance blocked last, for the agent that revises."""
    return blocks(state.get("findings", ())) if state.get("round") else ()


def after_strategist(state: CampaignState) -> str:
    """Ask, or go on."""
    brief: Brief = state["brief"]
    return "audience_analyst" if brief.objective is not None else "ask"


def after_audience(state: CampaignState) -> list[str]:
    """Two people work at once, unless nobody may be contacted."""
    return ["content_writer", "experiment_design"] if state["eligible"].count else ["infeasible"]


def after_planner(state: CampaignState) -> str:
    """A plan to review, or the reason why there is none."""
    assigned = state["assigned"]
    return "infeasible" if assigned.infeasible or not assigned.assignment.touches else "compliance_reviewer"


def after_edit(state: CampaignState) -> str:
    """Solve again, unless the edit left nobody."""
    return "channel_planner" if state["eligible"].count else "infeasible"


def after_review(state: CampaignState) -> str:
    """A block goes back to whoever can fix it, twice at most; then to the person with what remains."""
    found = blocks(state["findings"])
    if not found or state["round"] > MAX_ROUNDS:
        return "submit"
    texts = {variant.variant_id for variant in state["variants"]}
    return "content_revision" if any(f.subject in texts or _is_about_text(f) for f in found) else "channel_planner"


def _is_about_text(finding: Finding) -> bool:
    return finding.rule.lower().startswith(("content", "claim")) or finding.subject.lower().startswith("variant")
