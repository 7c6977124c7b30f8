"""How far a running campaign may act alone: as its approval allows, its cells of the ladder have earned, and its models are well.

The level that was approved is only ever lowered. Where models are overdue for training or have drifted, what a lowered level would have to
ask about waits for one answer: may this campaign go on as approved? A yes holds for exactly these models in exactly this condition; it never
gives back a level that a breach took (`ladder`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import rfc8785

from liftwright.agents.bench import watched
from liftwright.compliance import autonomy
from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.evidence import ModelCard
from liftwright.domain.plan import Plan
from liftwright.flow import ladder, questions
from liftwright.ports import Deps
from liftwright.scoring import card as cards

KIND = "trust"


@dataclass(frozen=True)
class Standing:
    """The level a campaign may act on now, the approved one, and why it is lower: a condition and words per model id. `is_let_pass`: an
    approver said that the campaign may go on in spite of these conditions."""

    level: str
    approved: str
    conditions: dict[str, str]
    says: tuple[str, ...]
    is_let_pass: bool = False

    @property
    def is_lowered(self) -> bool:
        """Whether anything is held back."""
        return self.level != self.approved


def may(plan: Plan, action: str, *, deps: Deps) -> bool:
    """Whether a tick may do this without asking: the approval allows it, and so does the level that is left."""
    return permission(plan, action, deps=deps) == "act"


def permission(plan: Plan, action: str, *, deps: Deps) -> autonomy.Permission:
    """What is left of an action: act, ask or no. What the approval does not allow is at most asked for, as its level says."""
    rules, now = deps.library.policies().autonomy, standing(plan, deps=deps)
    held = autonomy.lowered(rules, ladder.level(plan, action, deps=deps), () if now.is_let_pass else now.conditions.values())
    if action in plan.envelope.allows:
        return autonomy.may(rules, held, action)
    found = autonomy.may(rules, min(held, plan.autonomy_level, key=autonomy.LEVELS.index), action)
    return "ask" if found == "act" else found


def standing(plan: Plan, *, deps: Deps) -> Standing:
    """The level that is left of the approved one. A condition that an approver has let pass does not lower it."""
    known = [card for card in deps.models.versions() if card.model_id in plan.pins.models and watched.is_watched(card.model)]
    found = {card.model_id: _condition(card, deps) for card in sorted(known, key=lambda card: card.model_id)}
    conditions = {model_id: condition for model_id, (condition, _) in found.items() if condition}
    says = tuple(found[model_id][1] for model_id in conditions)
    level = autonomy.lowered(deps.library.policies().autonomy, plan.autonomy_level, conditions.values())
    now = Standing(level, plan.autonomy_level, conditions, says)
    if now.is_lowered and _is_let_pass(plan, now, deps):
        return Standing(plan.autonomy_level, plan.autonomy_level, conditions, says, is_let_pass=True)
    return now


def note(*, deps: Deps) -> None:
    """Look at every running campaign: a level that drops or comes back is in the journal before its next send or tick."""
    for campaign in deps.campaigns.all():
        plan = deps.campaigns.plan(campaign.campaign_id, campaign.revision) if campaign.status == "running" else None
        if plan is not None:
            note_on(plan, deps=deps)


def note_on(plan: Plan, *, deps: Deps) -> None:
    """Write down a level that has changed and, where it is lower, ask whether the campaign may go on as approved.

    Asks only while nothing else of the campaign waits for an answer, and once about the same condition.
    """
    now = standing(plan, deps=deps)
    detail = {"level": now.level, "approved": now.approved, "conditions": now.conditions, "says": list(now.says)}
    written = [entry.detail for entry in deps.journal.entries(subject=plan.campaign_id) if entry.action.startswith("autonomy.")]
    before = (written[-1]["level"], written[-1]["conditions"]) if written else (now.approved, {})
    if before[0] != now.level or (now.is_lowered and before[1] != now.conditions):
        action = "autonomy.lowered" if now.is_lowered else "autonomy.restored"
        deps.journal.append(at=deps.now(), actor="liftwright", action=action, subject=plan.campaign_id, detail=detail)
    if not now.is_lowered or deps.approvals.pending(plan.campaign_id) is not None:
        return
    questions.ask(
        plan,
        KIND,
        digest=_digest(plan, now),
        title=f"Let {plan.campaign_id} go on at the level {now.approved}? It is at {now.level}: {'; '.join(now.says)}.",
        trigger="a model the campaign stands on is overdue or has drifted",
        before={"level": now.approved},
        after={"level": now.level, "says": list(now.says)},
        deps=deps,
    )


def note_answer(row: ApprovalRequest, *, deps: Deps) -> None:
    """After a yes: write down that the level came back. Every tick reads the row itself."""
    plan = deps.campaigns.plan(row.campaign_id, row.revision)
    if plan is not None:
        note_on(plan, deps=deps)


def _condition(card: ModelCard, deps: Deps) -> tuple[str, str]:
    """(condition, words) of one version, both empty when it is well."""
    watches = [entry.detail for entry in deps.journal.entries(subject=card.model) if entry.action == "model.watched"]
    mine = [detail for detail in watches if detail["version"] == card.version and not detail["because"]]
    level = mine[-1]["level"] if mine else "ok"
    late = cards.overdue(card, on=deps.now().date())
    if level == "ok" or (level == "warn" and late):
        return ("overdue", f"{card.model}: {late}") if late else ("", "")
    says = [str(signal["says"]) for signal in mine[-1]["signals"] if signal["level"] == level]
    return level, f"{card.model}: {says[0]}"


def _is_let_pass(plan: Plan, now: Standing, deps: Deps) -> bool:
    wanted = _digest(plan, now)
    yes = [decision.plan_hash for decision in deps.approvals.decisions(plan.campaign_id) if decision.kind == "approve"]
    return wanted in yes


def _digest(plan: Plan, now: Standing) -> str:
    subject: dict[str, Any] = {
        "change": "go_on",
        "campaign_id": plan.campaign_id,
        "plan_hash": plan.plan_hash,
        "level": now.level,
        "conditions": now.conditions,
    }
    return "sha256:" + hashlib.sha256(rfc8785.dumps(subject)).hexdigest()
