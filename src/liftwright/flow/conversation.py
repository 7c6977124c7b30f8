"""One turn of the chat. Text never restarts a planning run: it starts a goal, answers the question, asks, or becomes a recorded decision."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from liftwright.domain.campaign import Campaign
from liftwright.domain.goal import Goal
from liftwright.domain.money import Money
from liftwright.domain.plan import Plan
from liftwright.flow import deciding, recovery, shown, walk
from liftwright.flow.answers import answer
from liftwright.planning.goals.reading import read_goal
from liftwright.ports import Deps

_QUESTION = re.compile(
    r"\?\s*$|^\s*(why|who|what|how|when|where|which|is|are|does|do you|did|can|could|will|would|show|explain|tell)\b", re.I
)
_GO_ON = re.compile(r"^\s*(go|carry|keep) on\b|^\s*(continue|resume|retry|try again)\b", re.I)
"""Words that take planning up where it was stopped or failed."""
_HAPPENS = re.compile(
    r"\b(by|until|till|end|ends|ended|ending|stop|finish|finished|start|starts|starting|begin|launch|run|send|only|from|before|after"
    r"|through|deadline|extend|shorten|shorter|longer|later|sooner|earlier|instead|move|change|days|weeks?|months?)\b",
    re.I,
)
"""Words of a change of dates."""
CHEAPER = Decimal("0.75")
"""What "cheaper" without a figure means: the contact cost of the waiting plan times this. The reply says so."""
NOT_A_CHANGE = (
    "I cannot read a change in that, so the plan stays as it is. Say what should be different, for example "
    '"spend at most 200", "no SMS", "end on 12 December", "fewer messages", or ask a question.'
)


class Turn(NamedTuple):
    """What a line of chat led to: the campaign it is about, the reply in Markdown, and the command that would let a plan run."""

    campaign_id: str
    reply: str
    command: str = ""


Begun = Callable[[str], None]


async def turn(
    text: str, campaign_id: str | None, *, deps: Deps, by: str = "chat", begun: Begun = lambda campaign_id: None
) -> Turn:
    """What a line of chat does. by: who talks; must be a user where there are any. begun: is told which campaign is planned, before it is.

    Only words that change something on a waiting plan are recorded, as the decision they are. Where planning was stopped or broke half-way,
    "go on" takes it up; there, and where the goal was refused, other words that are no question are a new goal.
    """
    campaign = None if campaign_id is None else deps.campaigns.get(campaign_id)
    if campaign is not None and campaign.status == "planning" and _GO_ON.search(text):
        begun(campaign.campaign_id)
        await recovery.go_on(campaign.campaign_id, by=by, deps=deps)
        return _planned(campaign.campaign_id, deps)
    if campaign is None or (_has_no_plan(campaign) and not _QUESTION.search(text)):
        return _planned((await walk.start(text, deps=deps, by=by, begun=begun)).campaign_id, deps)
    return await _about(text, campaign, deps=deps, by=by)


def _has_no_plan(campaign: Campaign) -> bool:
    """Whether planning was stopped, broke half-way or was refused before there was anything to decide."""
    return campaign.status == "planning" or (campaign.status == "blocked" and not campaign.revision)


async def _about(text: str, campaign: Campaign, *, deps: Deps, by: str) -> Turn:
    """Words about a campaign that is not being planned: an answer, a question, a change."""
    campaign_id = campaign.campaign_id
    if campaign.status == "needs_answer":
        await walk.answer(campaign_id, text, deps=deps)
        return _planned(campaign_id, deps)
    relative = _relative(text)
    if campaign.status != "awaiting_approval" or (relative is None and _QUESTION.search(text)):
        return Turn(campaign_id, answer(text, campaign_id, deps=deps))
    return await _revise(text, campaign, relative, deps, by=by)


_Change = Callable[[Plan], Mapping[str, Any]]


async def _revise(text: str, campaign: Campaign, relative: _Change | None, deps: Deps, *, by: str) -> Turn:
    """Words about a waiting plan: a relative change becomes an edit, anything else that reads as a change a response."""
    campaign_id = campaign.campaign_id
    before, waiting = deps.campaigns.plan(campaign_id), deps.approvals.pending(campaign_id)
    if waiting is None or before is None:
        return Turn(campaign_id, answer(text, campaign_id, deps=deps))
    if relative is not None:
        changes = relative(before)
        if not changes:
            return Turn(campaign_id, "That is as low as it goes already; the plan stays as it is.")
        await deciding.decide("edit", campaign_id, plan_hash=waiting.plan_hash, by=by, reason=text, changes=changes, deps=deps)
    elif deps.settings.model != "scripted" or _reads_as_change(text, campaign, deps):
        await deciding.decide("respond", campaign_id, plan_hash=waiting.plan_hash, by=by, reason=text, deps=deps)
    else:
        return Turn(campaign_id, NOT_A_CHANGE)
    return _planned(campaign_id, deps, before=before)


def _reads_as_change(text: str, campaign: Campaign, deps: Deps) -> bool:
    """Whether the words change the objective. A day alone ("see you tomorrow") is no change of dates: something must be said to happen then."""
    goal, today, currency = campaign.goal, deps.now().date(), deps.settings.currency
    longer = Goal(text=goal.text, asked_at=goal.asked_at, answers=(*goal.answers, text))
    before, after = (read_goal(each, today=today, currency=currency) for each in (goal, longer))
    if before.objective == after.objective:
        return False
    if _HAPPENS.search(text):
        return True
    if before.objective is None or after.objective is None:
        return "horizon:" not in (after.question or "")
    dates = {"starts_on": before.objective.starts_on, "ends_on": before.objective.ends_on}
    return after.objective.model_copy(update=dates) != before.objective


def _relative(text: str) -> _Change | None:
    """A change named by its direction only ("make it cheaper"), as what it does to the waiting plan."""
    if re.search(r"\d", text):
        return None
    return next((change for pattern, change in _RELATIVE if re.search(pattern, text, re.I)), None)


def _cheaper(plan: Plan) -> Mapping[str, Any]:
    less = Money.of(plan.forecast.cost.amount * CHEAPER, plan.forecast.cost.currency)
    return {"objective.budget": less.as_json()} if less.minor > 0 else {}


def _fewer(plan: Plan) -> Mapping[str, Any]:
    cap = int(plan.assignment.limits.get("per_person_cap") or 1)
    return {"limits.touches": cap - 1} if cap > 1 else {}


def _surer(plan: Plan) -> Mapping[str, Any]:
    share = plan.experiment.holdout_share
    return {"experiment.holdout_share": min(share * 2, 0.5)} if share < 0.5 else {}


_RELATIVE: tuple[tuple[str, _Change], ...] = (
    (r"\b(cheaper|less expensive|too expensive|(?:spend|cost|costs|costing) less|(?:cut|lower|reduce) (?:the )?(?:costs?|spend(?:ing)?|budget))\b", _cheaper),
    (r"\b(fewer (?:messages|touches|contacts|e-?mails|sends)|less often|contact (?:them|people) less|less pressure)\b", _fewer),
    (r"\b((?:bigger|larger) holdout|more (?:proof|certainty)|be surer|measure (?:it )?better)\b", _surer),
)  # fmt: skip


def _planned(campaign_id: str, deps: Deps, *, before: Plan | None = None) -> Turn:
    """Where planning stopped, in a few lines; after a revision, what it changed."""
    data = shown.plan_json(campaign_id, deps=deps)
    if data.get("question"):
        return Turn(campaign_id, data["question"])
    if "audience" not in data:
        reasons = "\n".join(f"- {f['says']} {f['fix']}" for f in data["findings"])
        return Turn(campaign_id, f"There is no plan ({data['status'].replace('_', ' ')}).\n{reasons}")
    plan = deps.campaigns.plan(campaign_id)
    assert plan is not None, "a campaign with an audience has a plan"
    said = [*([_difference(before, plan)] if before is not None else []), _card(plan)]
    said += [f"{f.severity.replace('_', ' ')}: {f.says}" for f in plan.findings if f.severity in ("block", "needs_approval")]
    waits = data["status"] == "awaiting_approval"
    command = f"liftwright approve {campaign_id} --hash {plan.plan_hash} --as YOU" if waits else ""
    return Turn(campaign_id, "\n\n".join(said), command)


def _card(plan: Plan) -> str:
    objective, audience, found = plan.objective, plan.audience, plan.forecast.incremental_margin
    aim = f"{objective.direction} {objective.metric.replace('_', ' ')}" + (f" · {objective.product}" if objective.product else "")
    channels = ", ".join(f"{name} {count:,}" for name, count in plan.assignment.by_channel.items())
    lines = [
        f"**Revision {plan.revision}: {aim}**, {objective.starts_on} to {objective.ends_on}",
        f"- {audience.selected:,} of {audience.population:,} people get {plan.assignment.touches:,} touches ({channels}), "
        f"{plan.decisions.incentive['with']:,} of them with an offer; {audience.holdout:,} people are held out to measure the effect",
        f"- expected incremental margin {found.mid:,.0f} ({found.low:,.0f} to {found.high:,.0f}), contact cost {plan.forecast.cost}",
        *(f"- assumed: {one.field.replace('_', ' ')} = {one.value} ({one.because})" for one in plan.assumptions),
    ]
    return "\n".join(lines)


def _difference(before: Plan, after: Plan) -> str:
    """What a revision changed, figure by figure."""

    def figures(plan: Plan) -> dict[str, str]:
        limits = plan.objective.constraints
        return {
            "budget": str(plan.objective.budget or "none"),
            "end": plan.objective.ends_on.isoformat(),
            "limits": ", ".join(limit.says for limit in limits) or "none",
            "touches per person": str(plan.assignment.limits.get("per_person_cap")),
            "people": f"{plan.audience.selected:,}",
            "touches": f"{plan.assignment.touches:,}",
            "holdout": f"{plan.experiment.holdout_share:.0%}",
            "contact cost": str(plan.forecast.cost),
            "expected incremental margin": f"{plan.forecast.incremental_margin.mid:,.0f}",
        }

    old, new = figures(before), figures(after)
    changed = [f"{name} {old[name]} → {new[name]}" for name in old if old[name] != new[name]]
    return "Changed: " + ("; ".join(changed) or "no figure of the plan") + "."
