"""What an agent may ask: ten tools, their arguments and what answers them. No tool sends, ticks, stops or resumes anything.

An argument's words are what a model reads, so they are on record (tests/golden/mcp). Answers are the JSON of `flow/shown` and its like.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, StrictFloat, StrictInt

from liftwright.domain.approval import DecisionKind
from liftwright.domain.base import Value
from liftwright.domain.profile import Channel
from liftwright.flow import asking, deciding, reporting, ruling, shown, signing, walk
from liftwright.ports import Deps

Json = dict[str, Any]
Effect = Literal["looks", "writes", "decides"]
"""looks: changes nothing a person sees. writes: adds a campaign or an answer, which waits for a person. decides: a person's own decision."""
Campaign = Annotated[str, Field(min_length=1, max_length=100, description="The id of a campaign, such as c-09fe8e8d.")]
Change = Annotated[str, Field(max_length=500)] | StrictInt | StrictFloat
Changes = Annotated[
    dict[Annotated[str, Field(max_length=100)], Change],
    Field(max_length=20, description='Path to new value, for example {"objective.budget": "20000", "limits.touches": "1"}.'),
]


class Listed(Value):
    """List campaigns, newest first: id, status, goal, plan hash, revision, when it was asked."""

    limit: Annotated[int, Field(ge=1, le=500, description="How many at the most.")] = 50


class Shown(Value):
    """Show one campaign: its plan (objective, audience, experiment, forecast, texts, findings), its hash, its revisions and what people decided."""

    campaign_id: Campaign


class Planned(Value):
    """Plan a goal: six agents build a priced plan and stop where a person must approve it. Nothing is sent. This may take minutes.

    The status is awaiting_approval, needs_answer (then `question` says what is asked), blocked or infeasible (then `findings` say why).
    """

    goal: Annotated[
        str,
        Field(max_length=4_000, description="What to reach, by when, with which budget and limits, in the words of the person."),
    ]
    answers: Annotated[
        tuple[Annotated[str, Field(max_length=4_000)], ...],
        Field(max_length=20, description="Answers to questions that are known beforehand."),
    ] = ()


class Answered(Value):
    """Answer the question of a campaign whose status is needs_answer, in the words of the person; planning goes on. Nothing is sent."""

    campaign_id: Campaign
    text: Annotated[str, Field(max_length=4_000, description="The answer.")]


class Reported(Value):
    """Report what a launched campaign did, caused and taught: sends, lift with its interval, incremental margin, verdict, lessons."""

    campaign_id: Campaign


class Why(Value):
    """Why one person gets what a campaign gives them, or nothing: every option with its terms, what forbids it, what would change it."""

    campaign_id: Campaign
    person: Annotated[
        str, Field(min_length=1, max_length=200, description="The pseudonymous id of a customer, never a name or an address.")
    ]


class WhatIf(Value):
    """Solve a campaign's plan again with something changed and compare; the plan itself stays as it is."""

    campaign_id: Campaign
    changes: Annotated[Changes, Field(min_length=1)]


class Waiting(Value):
    """List what waits for a person's decision, riskiest first: plan hash, risk, until when, and which roles must sign."""


class Checked(Value):
    """Check one text against the rules in force: what is forbidden or needs an approval, with rule, source and fix."""

    text: Annotated[str, Field(min_length=1, max_length=20_000, description="The body of the message.")]
    channel: Annotated[Channel, Field(description="The channel it is for.")] = "email"
    subject: Annotated[str, Field(max_length=500, description="Its subject or title.")] = ""
    country: Annotated[
        str, Field(pattern="^([A-Z]{2})?$", description="Country of the reader, two letters; empty: the shop's own.")
    ] = ""


class Decided(Value):
    """Hand in the decision a person has just made on a waiting plan, in that person's own words. Never decide yourself; ask them first.

    It works only where this server was started with that person's name and key. approve lets exactly the plan with this hash run.
    """

    campaign_id: Campaign
    kind: Annotated[DecisionKind, Field(description="approve, edit (give `changes`), reject or respond (give `reason`).")]
    plan_hash: Annotated[str, Field(min_length=1, max_length=100, description="The hash of the plan the person saw.")]
    reason: Annotated[str, Field(max_length=4_000, description="Why, in the person's words; a reject and a respond need it.")] = (
        ""
    )
    changes: Changes = {}


@dataclass(frozen=True)
class Caller:
    """The workspace, and the user the server was started for ("" where nobody was named)."""

    deps: Deps
    by: str


@dataclass(frozen=True)
class Tool:
    """One tool: `arguments` is its schema and its docstring what a model reads of it; `run` answers, and raises LiftwrightError."""

    name: str
    title: str
    arguments: type[Value]
    run: Callable[[Caller, Any], Json]
    effect: Effect = "looks"


def _list(caller: Caller, asked: Listed) -> Json:
    found = shown.list_json(deps=caller.deps)
    return {"campaigns": found[: asked.limit], "left_off": max(len(found) - asked.limit, 0)}


def _show(caller: Caller, asked: Shown) -> Json:
    return shown.show_json(asked.campaign_id, deps=caller.deps)


def _plan(caller: Caller, asked: Planned) -> Json:
    campaign = asyncio.run(walk.start(asked.goal, deps=caller.deps, answers=asked.answers, by=caller.by))
    return shown.plan_json(campaign.campaign_id, deps=caller.deps)


def _answer(caller: Caller, asked: Answered) -> Json:
    asyncio.run(walk.answer(asked.campaign_id, asked.text, deps=caller.deps))
    return shown.plan_json(asked.campaign_id, deps=caller.deps)


def _report(caller: Caller, asked: Reported) -> Json:
    return shown.report_json(reporting.report(asked.campaign_id, deps=caller.deps))


def _why(caller: Caller, asked: Why) -> Json:
    return asking.why(asked.campaign_id, asked.person, deps=caller.deps)


def _whatif(caller: Caller, asked: WhatIf) -> Json:
    return asking.whatif(asked.campaign_id, asked.changes, deps=caller.deps)


def _approvals(caller: Caller, asked: Waiting) -> Json:
    return {"approvals": shown.approvals_json(deps=caller.deps)}


def _policy_check(caller: Caller, asked: Checked) -> Json:
    country = asked.country or caller.deps.settings.country
    found = ruling.text(asked.text, channel=asked.channel, country=country, subject=asked.subject, deps=caller.deps)
    return {"findings": [finding.model_dump(mode="json") for finding in found]}


def _decide(caller: Caller, asked: Decided) -> Json:
    user = signing.proven(caller.by, deps=caller.deps)
    decision = deciding.decide(
        asked.kind,
        asked.campaign_id,
        plan_hash=asked.plan_hash,
        by=user.name,
        reason=asked.reason,
        changes=asked.changes or None,
        deps=caller.deps,
    )
    asyncio.run(decision)
    return shown.show_json(asked.campaign_id, deps=caller.deps)


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("list_campaigns", "List campaigns", Listed, _list),
        Tool("show_campaign", "Show a campaign and its plan", Shown, _show),
        Tool("plan_goal", "Plan a goal up to its approval", Planned, _plan, "writes"),
        Tool("answer_question", "Answer a plan's question", Answered, _answer, "writes"),
        Tool("report", "Report a campaign", Reported, _report),
        Tool("why", "Why a person gets what they get", Why, _why),
        Tool("whatif", "Solve a plan again with a change", WhatIf, _whatif),
        Tool("approvals", "What waits for a decision", Waiting, _approvals),
        Tool("policy_check", "Check a text against the rules", Checked, _policy_check),
        Tool("decide", "Hand in a person's decision", Decided, _decide, "decides"),
    )
}
