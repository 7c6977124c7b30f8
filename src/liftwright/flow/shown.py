"""Stored state in the JSON shapes others rely on. Reads rows, computes nothing new."""

from __future__ import annotations

from typing import Any

from liftwright.domain.approval import Decision
from liftwright.domain.campaign import Campaign
from liftwright.domain.evidence import Action, Report
from liftwright.domain.goal import Assumption, Objective
from liftwright.domain.money import Money
from liftwright.domain.plan import Plan
from liftwright.flow import halting, signing
from liftwright.ports import Deps

Json = dict[str, Any]
LIFT = ("metric", "low", "mid", "high", "level", "method", "treated", "holdout", "p_value", "reason", "query")
EXPERIMENT = (
    "holdout_share",
    "primary_metric",
    "mde",
    "power",
    "level",
    "looks",
    "method",
    "treated",
    "holdout",
    "stop_rules",
    "note",
    "strata",
    "arms",
    "usual",
    "global_holdout",
    "expected",
    "forgone",
    "is_measurable",
    "analysis",
)
"""What is shown of an experiment."""


def plan_json(campaign_id: str, *, deps: Deps) -> Json:
    """`plan --json`: where the campaign stands and, when there is one, its plan."""
    campaign = deps.campaigns.get(campaign_id)
    plan = deps.campaigns.plan(campaign_id, campaign.revision) if campaign.revision else None
    status, stop_reason = _standing(campaign, deps)
    data: Json = {
        "campaign_id": campaign_id,
        "status": status,
        "goal": campaign.goal.words,
        "plan_hash": plan.plan_hash if plan else None,
        "revision": campaign.revision,
    }
    if campaign.question:
        data["question"] = campaign.question
    if stop_reason:
        data["stop_reason"] = stop_reason
    if plan is not None:
        data |= _plan(plan)
    data["findings"] = _findings(campaign, plan, deps)
    data["model"] = plan.model if plan else campaign.model
    return data


def show_json(campaign_id: str, *, deps: Deps) -> Json:
    """`show --json`: the plan, its revisions, who decided what, the ledger's counts.

    `decisions` keeps the plan's eight answers and adds `taken`, what people decided; `decided` is the same list by itself.
    """
    data = plan_json(campaign_id, deps=deps)
    taken = [_decision(decision) for decision in deps.approvals.decisions(campaign_id)]
    revisions = [{**row, "at": _time(row["at"])} for row in deps.campaigns.revisions(campaign_id)]
    waiting = deps.approvals.pending(campaign_id)
    return {
        **data,
        "revisions": revisions,
        "decisions": {**data.get("decisions", {}), "taken": taken},
        "decided": taken,
        "waiting": None
        if waiting is None
        else {"approval_id": waiting.approval_id, "plan_hash": waiting.plan_hash, "due_at": _time(waiting.expires_at)},
        "sends": deps.ledger.counts(campaign_id),
        "actions": [action_json(action) for action in deps.campaigns.actions(campaign_id)],
    }


def list_json(*, deps: Deps) -> list[Json]:
    """`list --json`: every campaign, newest first. What waits longer than its approval lasts is expired."""
    return [
        {
            "campaign_id": campaign.campaign_id,
            "status": _standing(campaign, deps)[0],
            "goal": campaign.goal.text,
            "plan_hash": campaign.plan_hash,
            "revision": campaign.revision,
            "created_at": campaign.created_at.isoformat(),
        }
        for campaign in deps.campaigns.all()
    ]


def approvals_json(*, deps: Deps) -> list[Json]:
    """`approvals --json`: what waits and is not overdue, riskiest first."""
    now = deps.now()
    return [
        {
            "approval_id": row.approval_id,
            "campaign_id": row.campaign_id,
            "plan_hash": row.plan_hash,
            "title": row.title,
            "risk": row.risk,
            "trigger": row.trigger,
            "due_at": _time(row.expires_at),
            "asked_by": signing.asked_by(row, deps=deps),
            "needs": list(signing.needs(row, deps=deps)),
        }
        for row in deps.approvals.waiting()
        if row.expires_at > now
    ]


def report_json(report: Report) -> Json:
    """`report --json`."""
    counts = {"planned": 0, "delivered": 0, "failed": 0, "unknown": 0, "suppressed": 0, "duplicates": 0}
    lift = report.lift.model_dump(mode="json")
    return {
        "campaign_id": report.campaign_id,
        "status": report.status,
        "currency": report.currency,
        "approved_hash": report.approved_hash,
        "plan_hash": report.plan_hash,
        "sends": {**counts, **report.sends},
        "lift": {**{name: lift[name] for name in LIFT}, "looks": report.looks, "matured_share": report.matured_share},
        "incremental_margin": _margin(report),
        "secondary": [estimate.model_dump(mode="json") for estimate in report.secondary],
        "verdict": report.verdict,
        "health": report.health.model_dump(),
        "guardrails": [finding.model_dump(mode="json") for finding in report.guardrails],
        "actions": [action_json(action) for action in report.actions],
        "policy_violations": report.policy_violations,
        "lessons": [lesson.model_dump(mode="json") for lesson in report.lessons],
        "narrative": report.narrative,
        **_figures(report),
    }


def _figures(report: Report) -> Json:
    """What the report draws, and the queries that make its figures."""
    whole = report.model_dump(mode="json")
    names = (
        "sensitivity",
        "series",
        "arms",
        "pacing",
        "trend",
        "pooled",
        "margin_rate",
        "anytime",
        "queries",
        "detectable",
        "expected",
        "unmeasured",
        "margin",
    )
    return {**{name: whole[name] for name in names}, "outcomes": report.data}


def _margin(report: Report) -> Json:
    """The interval; where nothing is known the same keys with nulls, and why."""
    if report.incremental_margin is not None:
        return report.incremental_margin.model_dump()
    return {"low": None, "mid": None, "high": None, "level": report.lift.level, "reason": report.unmeasured or report.lift.reason}


def action_json(action: Action) -> Json:
    """One thing the system did."""
    data = action.model_dump(mode="json")
    return {name: data[name] for name in ("at", "kind", "rule", "before", "after", "by")}


def assignment_json(plan: Plan) -> Json:
    """The solved assignment as numbers."""
    found = plan.assignment
    prices = found.prices
    return {
        "objective": found.objective,
        "upper_bound": found.upper_bound,
        "gap": found.gap,
        "exploration_cost": found.exploration_cost,
        "undrawn_bound": found.undrawn_bound,
        "says": list(found.says),
        "prices": {
            **prices,
            "budget": prices.get("budget", 0.0),
            "channels": prices.get("channels", {}),
            "offers": prices.get("offers", {}),
        },
        "violations": found.violations,
        "touches": found.touches,
        "people": found.people,
        "by_channel": found.by_channel,
        "by_offer": found.by_offer,
    }


def forecast_json(plan: Plan) -> Json:
    """What the plan is expected to bring and cost."""
    found = plan.forecast
    data: Json = {"incremental_margin": found.incremental_margin.model_dump(), "cost": found.cost.as_json(), "note": found.note}
    if found.probability_of_target is not None:
        data["probability_of_target"] = found.probability_of_target
    return data


def _plan(plan: Plan) -> Json:
    whole = plan.model_dump(mode="json")
    experiment = whole["experiment"]
    audience = whole["audience"]
    return {
        "objective": _objective(plan.objective, plan.assumptions),
        "audience": {
            name: audience[name] for name in ("population", "eligible", "selected", "holdout", "funnel", "reasons", "segments")
        },
        "decisions": {**whole["decisions"], "postage": _postage(plan)},
        "experiment": {name: experiment[name] for name in EXPERIMENT},
        "forecast": forecast_json(plan),
        "assignment": assignment_json(plan),
        "offers": whole["offers"],
        "variants": whole["variants"],
        "envelope": {
            **whole["envelope"],
            "max_total_spend": plan.envelope.max_total_spend.as_json(),
            "max_daily_spend": plan.envelope.max_daily_spend.as_json(),
        },
        "autonomy_level": plan.autonomy_level,
        "pins": whole["pins"],
        "lessons": whole["lessons"],
        "start": whole["start"],
        "evidence": whole["evidence"],
        "cannot_know": whole["cannot_know"],
        "usage": whole["usage"],
    }


def _postage(plan: Plan) -> Json | None:
    found = plan.decisions.postage
    return None if found is None else {**found.model_dump(mode="json"), "saved": found.saved.as_json()}


def _objective(objective: Objective, assumptions: tuple[Assumption, ...]) -> Json:
    data = objective.model_dump(mode="json", exclude={"budget", "target"})
    if objective.target is not None:
        data["target"] = objective.target.model_dump(mode="json")
    if objective.budget is not None:
        data["budget"] = _money(objective.budget)
    data["assumptions"] = [assumption.model_dump(mode="json") for assumption in assumptions]
    return data


def has_expired(campaign: Campaign, *, deps: Deps) -> bool:
    """Whether nobody decided in time, also where no worker has written that down yet."""
    return _standing(campaign, deps)[0] == "expired"


def _standing(campaign: Campaign, deps: Deps) -> tuple[str, str | None]:
    """Status and why it ended. An approval whose time is over is expired, whether or not a worker has written that down yet."""
    waiting = deps.approvals.pending(campaign.campaign_id) if campaign.status == "awaiting_approval" else None
    if waiting is not None and waiting.expires_at <= deps.now():
        return "expired", f"nobody decided by {waiting.expires_at:%Y-%m-%d %H:%M} UTC"
    if campaign.status == "planning" and (says := halting.standing_still(campaign.campaign_id, deps=deps)):
        return "planning", says
    return campaign.status, campaign.stop_reason


def _findings(campaign: Campaign, plan: Plan | None, deps: Deps) -> list[Json]:
    """The plan's findings; for a campaign that ended without an approvable plan, those it ended with."""
    if campaign.status in ("blocked", "infeasible"):
        ended = [
            entry for entry in deps.journal.entries(subject=campaign.campaign_id) if entry.action == f"campaign.{campaign.status}"
        ]
        if ended:
            return list(ended[-1].detail["findings"])
    return [finding.model_dump(mode="json") for finding in plan.findings] if plan else []


def _decision(decision: Decision) -> Json:
    return decision.model_dump(mode="json")


def _money(money: Money) -> dict[str, str]:
    return money.as_json()


def _time(at: Any) -> str:
    return at if isinstance(at, str) else str(at.isoformat())
