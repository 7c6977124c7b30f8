"""Earning and losing levels: what campaigns proved becomes proposals, people's signatures become levels, breaches take them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from liftwright.compliance import ladder as rules
from liftwright.compliance.autonomy import LEVELS
from liftwright.domain.autonomy import Cell, Closed, Drill, Proposal, Rung
from liftwright.domain.campaign import Campaign, JournalEntry
from liftwright.domain.errors import ApprovalError
from liftwright.domain.plan import Plan
from liftwright.flow import pausing, signing
from liftwright.ports import Deps

ENDED = ("finished", "stopped")


def of(deps: Deps) -> rules.Ladder:
    """The ladder in force."""
    return rules.ladder_of(deps.library.policies().autonomy)


def entries(*, deps: Deps) -> list[JournalEntry]:
    """What the journal tells of levels, oldest first."""
    return deps.journal.entries(subject=rules.SUBJECT)


def level(plan: Plan, action: str, *, deps: Deps) -> str:
    """The level that an action of a campaign has earned now."""
    ladder = of(deps)
    action_class = rules.class_of(ladder, action)
    return rules.level_for(ladder, action_class, plan.envelope.channels, band(plan, ladder), entries(deps=deps), at=deps.now())


def band(plan: Plan, ladder: rules.Ladder) -> str:
    """The band of spend of a plan, by what its contacts cost as planned."""
    return rules.band_of(ladder, float(plan.forecast.cost.amount))


def closed(*, deps: Deps) -> list[Closed]:
    """Every campaign that ran and is over, oldest first."""
    ladder = of(deps)
    found = [_closed(campaign, ladder, deps) for campaign in deps.campaigns.all() if campaign.status in ENDED]
    return sorted((each for each in found if each is not None), key=lambda each: (each.closed_at, each.campaign_id))


def due(*, deps: Deps) -> list[Proposal]:
    """Steps that everything needed for is there, lowest cells first; what waits or was refused on the same wins is not among them."""
    told = entries(deps=deps)
    known, ladder, campaigns, now = rules.proposals(told), of(deps), closed(deps=deps), deps.now()
    found = []
    for cell in rules.every_cell(ladder):
        held = rules.rung(ladder, cell, told, at=now)
        if not rules.missing(ladder, cell, held, campaigns, rules.drills(told), at=now):
            step = rules.proposal(cell, held, campaigns, ladder=ladder, by="liftwright", at=now)
            found += [step] if step.proposal_id not in known else []
    return found


def propose(*, deps: Deps) -> list[Proposal]:
    """Write down what is due. Nothing changes by it: people have to sign."""
    found = due(deps=deps)
    for step in found:
        detail = step.model_dump(mode="json", exclude={"asked_by", "asked_at", "signed_by", "answer"})
        deps.journal.append(at=deps.now(), actor="liftwright", action=rules.PROPOSED, subject=rules.SUBJECT, detail=detail)
    return found


def sign(proposal_id: str, *, by: str, deps: Deps) -> Proposal:
    """Put a name under a proposal; with the last name that is needed the level is held, if all of it is still true.

    Raises ApprovalError for who may not, for one that was answered, and for one whose conditions no longer hold.
    """
    user = _signer(by, deps)
    step = waiting(proposal_id, deps=deps)
    cell, held = _cell(step.cell), _held(step.cell, deps)
    lacks = rules.missing(of(deps), cell, held, closed(deps=deps), rules.drills(entries(deps=deps)), at=deps.now())
    if lacks or held.level != step.level:
        says = "; ".join(lacks) or f"{step.cell} is at {held.level} now"
        raise ApprovalError("LADDER-STALE", f"What {proposal_id} stood on is no longer so: {says}.", next_step="Nothing changes.")
    _note(rules.SIGNED, user, {"proposal_id": proposal_id}, deps)
    step = waiting(proposal_id, deps=deps)
    if not unsigned(step, deps=deps):
        until = deps.now() + timedelta(days=of(deps).promotion.lasts_days)
        detail = {"proposal_id": proposal_id, "cell": step.cell, "from": step.level, "to": step.to}
        _note(rules.PROMOTED, user, detail | {"wins": list(step.wins), "until": until.isoformat()}, deps)
    return rules.proposals(entries(deps=deps))[proposal_id]


def refuse(proposal_id: str, *, by: str, reason: str, deps: Deps) -> Proposal:
    """Say no for good: the same wins never ask for the same step again."""
    user = _signer(by, deps)
    waiting(proposal_id, deps=deps)
    if not reason.strip():
        raise ApprovalError("LADDER-REASON", "A no needs a reason.", next_step="Say why not.")
    _note(rules.REFUSED, user, {"proposal_id": proposal_id, "reason": reason.strip()}, deps)
    return rules.proposals(entries(deps=deps))[proposal_id]


def signers(*, deps: Deps) -> list[str]:
    """Users whose signature counts: active, with one of the roles a step needs. Nobody in a workspace without users, where any name does."""
    wanted = set(of(deps).promotion.roles)
    return [user.name for user in deps.users.all() if user.is_active and signing.roles_of(user, deps=deps) & wanted]


def last_drill(*, deps: Deps) -> Drill | None:
    """The newest shutdown drill, if there was any."""
    return max(rules.drills(entries(deps=deps)), key=lambda drill: drill.at, default=None)


def unsigned(step: Proposal, *, deps: Deps) -> tuple[str, ...]:
    """What is still missing of the signatures: roles, and "another person"; without users one name is enough."""
    wanted = of(deps).promotion
    if not deps.users.all():
        return () if step.signed_by else ("a name",)
    signed = [user for user in deps.users.all() if user.name in step.signed_by and user.is_active]
    held = {role for user in signed for role in signing.roles_of(user, deps=deps)}
    roles = tuple(role for role in wanted.roles if role not in held)
    return roles or (("another person",) if len(signed) < wanted.people else ())


def waiting(proposal_id: str, *, deps: Deps) -> Proposal:
    """A proposal that waits. Raises ApprovalError when there is none of that id, or it was answered."""
    step = rules.proposals(entries(deps=deps)).get(proposal_id)
    if step is None or step.answer:
        says = f"{proposal_id} was {step.answer}." if step else f"There is no proposal '{proposal_id[:40]}'."
        raise ApprovalError("LADDER-PROPOSAL", says, next_step="See them with: liftwright autonomy show.")
    return step


def open_steps(*, deps: Deps) -> list[Proposal]:
    """Proposals that wait for signatures, oldest first."""
    return [step for step in rules.proposals(entries(deps=deps)).values() if not step.answer]


def enforce(campaign_ids: Iterable[str], *, deps: Deps) -> list[dict[str, Any]]:
    """Take levels from the cells of campaigns that broke trust, and hold the campaign where the rules say so. Each breach counts once.

    Called before anything leaves and before a tick acts, so a level that is lost counts from the next send on.
    """
    done = []
    for campaign_id in campaign_ids:
        plan, report = _plan(campaign_id, deps), deps.campaigns.last_report(campaign_id)
        if plan is None or report is None:
            continue
        counted = report.model_copy(update={"sends": {**report.sends, **deps.ledger.counts(campaign_id)}})
        for kind, says in rules.breaches(counted).items():
            done += _take(plan, kind, says, deps)
    return done


def enforce_rolled_back(rolled_back: Sequence[dict[str, Any]], *, deps: Deps) -> None:
    """A promoted model that went back takes the cells of the campaigns that stood on it down."""
    for detail in rolled_back:
        name = f"{detail['model']}@{detail['before']}"
        for campaign in deps.campaigns.all():
            plan = _plan(campaign.campaign_id, deps)
            if (
                plan is not None
                and campaign.plan_hash
                and name in plan.pins.models
                and campaign.status in (*ENDED, "running", "paused")
            ):
                _take(plan, "rolled_back", f"the model {name} did harm and was taken back", deps)


def table(*, deps: Deps) -> list[dict[str, Any]]:
    """Cells that campaigns stand in or that were moved: `{"cell", "level", "since", "until", "because", "lacks"}`."""
    told, ladder, campaigns, now = entries(deps=deps), of(deps), closed(deps=deps), deps.now()
    tried = rules.drills(told)
    rows = []
    for cell in rules.every_cell(ladder):
        held = rules.rung(ladder, cell, told, at=now)
        has_run = any(cell.channel in each.channels and cell.band == each.band for each in campaigns)
        if has_run or held != Rung(level=ladder.start):
            lacks = rules.missing(ladder, cell, held, campaigns, tried, at=now)
            rows.append({"cell": cell.key, **held.model_dump(mode="json"), "lacks": lacks})
    return rows


def _take(plan: Plan, kind: rules.Breach, says: str, deps: Deps) -> list[dict[str, Any]]:
    ladder, told, now = of(deps), entries(deps=deps), deps.now()
    fall = ladder.demotion[kind]
    if any(
        each.action == rules.DEMOTED and (each.detail["campaign_id"], each.detail["breach"]) == (plan.campaign_id, kind)
        for each in told
    ):
        return []
    mine = rules.cells(ladder, channels=plan.envelope.channels, band=band(plan, ladder))
    above = [cell.key for cell in mine if _is_above(rules.rung(ladder, cell, told, at=now).level, fall.to)]
    detail = {
        "campaign_id": plan.campaign_id,
        "breach": kind,
        "cells": above,
        "to": fall.to,
        "says": f"{plan.campaign_id}: {says}",
    }
    deps.journal.append(at=now, actor="liftwright", action=rules.DEMOTED, subject=rules.SUBJECT, detail=detail)
    if fall.pause and deps.campaigns.get(plan.campaign_id).status == "running":
        rule = f"AUTONOMY-{kind.upper()}"
        pausing.pause(plan.campaign_id, by="liftwright", reason=says, rule=rule, evidence={"breach": kind}, deps=deps)
    return [detail]


def _is_above(held: str, to: str) -> bool:
    return LEVELS.index(held) > LEVELS.index(to)


def _closed(campaign: Campaign, ladder: rules.Ladder, deps: Deps) -> Closed | None:
    plan, report = _plan(campaign.campaign_id, deps), deps.campaigns.last_report(campaign.campaign_id)
    ended = [each.at for each in deps.journal.entries(subject=campaign.campaign_id) if each.action in _ENDS]
    if plan is None or report is None or not ended:
        return None
    return Closed(
        campaign_id=campaign.campaign_id,
        closed_at=ended[-1],
        channels=plan.envelope.channels,
        band=band(plan, ladder),
        verdict=report.verdict,
        is_powered=_is_powered(plan),
        forecast=plan.forecast.incremental_margin,
        realised=report.incremental_margin,
        breaches=tuple(rules.breaches(report)),
        exercised=tuple(dict.fromkeys(action.kind for action in report.actions)),
    )


_ENDS = ("campaign.finished", "campaign.stopped")


def _is_powered(plan: Plan) -> bool:
    """Known before launch to be large enough for what was expected, by both views of it; a plan that never said so was not."""
    analysis = plan.experiment.analysis
    return plan.experiment.is_measurable and analysis is not None and analysis.is_measurable


def _plan(campaign_id: str, deps: Deps) -> Plan | None:
    campaign = deps.campaigns.get(campaign_id)
    return deps.campaigns.plan(campaign_id, campaign.revision) if campaign.revision else None


def _cell(key: str) -> Cell:
    action_class, channel, band_name = key.split("/")
    return Cell.model_validate({"action_class": action_class, "channel": channel, "band": band_name})


def _held(key: str, deps: Deps) -> Rung:
    return rules.rung(of(deps), _cell(key), entries(deps=deps), at=deps.now())


def _signer(by: str, deps: Deps) -> str:
    """Who signs; raises ApprovalError for somebody whose role does not count."""
    if not by.strip():
        raise ApprovalError("LADDER-WHO", "A signature needs a name.", next_step="Say who signs with --as USER.")
    user = signing.known(by, deps=deps)
    wanted = of(deps).promotion.roles
    able = signers(deps=deps)
    if user is not None and user.name not in able:
        raise ApprovalError(
            "LADDER-NOT-YOURS",
            f"{user.name} holds none of the roles this needs ({', '.join(wanted)}).",
            next_step=f"Who could: {', '.join(able) or 'nobody yet; add a user with such a role'}.",
        )
    return by.strip()


def _note(action: str, by: str, detail: dict[str, Any], deps: Deps) -> None:
    deps.journal.append(at=deps.now(), actor=by, action=action, subject=rules.SUBJECT, detail=detail)
