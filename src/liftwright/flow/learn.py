"""The end of a campaign: a last report, and lessons that carry the evidence they stand on. A lesson is a row first, a text second."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from liftwright.agents import measurement_analyst
from liftwright.domain.approval import Decision
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Estimate, Lesson, Report
from liftwright.domain.learning import CellStatistics
from liftwright.domain.plan import Plan
from liftwright.flow import ladder, reporting, standing, taught
from liftwright.measurement.estimate import BURN_IN
from liftwright.planning import realised
from liftwright.ports import Deps

Z95 = 1.959964
"""Standard errors on either side of a 95 % interval."""


async def finish(campaign_id: str, *, deps: Deps) -> tuple[Lesson, ...]:
    """Close a campaign: cancel what is left, report, learn. Closing again returns the lessons it was closed with.

    A campaign that was stopped is closed too and stays stopped. Raises GoalError when it was never launched.
    """
    kept = deps.campaigns.last_report(campaign_id)
    if kept is not None and kept.status in ("finished", "stopped") and kept.lessons:
        return kept.lessons
    reporting.launched(campaign_id, deps)
    deps.ledger.cancel_planned(campaign_id, reason="the flight is over", now=deps.now())
    campaign = standing.move(campaign_id, "finished", deps=deps)
    if campaign.status not in ("finished", "stopped"):
        raise ApprovalError(
            "FINISH-STATUS",
            f"{campaign_id} is {campaign.status.replace('_', ' ')}; it cannot be closed.",
            next_step=f"See `liftwright show {campaign_id}`.",
        )
    seen = reporting.look(campaign_id, deps=deps, has_ended=True)
    lessons = lessons_of(seen, taught.statistics(seen.plan, seen.report, deps=deps), deps=deps)
    for lesson in lessons:
        keep(lesson, deps=deps)
    report = seen.report.model_copy(update={"lessons": lessons})
    told = await measurement_analyst.narrate(report, deps=deps)
    words = reporting.goal_words(report)
    text = told.value.text if not words or words in told.value.text else f"{told.value.text} {words}"
    report = report.model_copy(update={"narrative": text})
    deps.campaigns.save_report(report, at=deps.now())
    ladder.enforce([campaign_id], deps=deps)
    detail = {"verdict": report.verdict, "lessons": [lesson.lesson_id for lesson in lessons]}
    deps.journal.append(at=deps.now(), actor="liftwright", action="campaign.finished", subject=campaign_id, detail=detail)
    return lessons


def lessons_of(seen: reporting.Look, rows: Sequence[CellStatistics], *, deps: Deps) -> tuple[Lesson, ...]:
    """What the measurement allows to say: the effect of the whole campaign, that of every channel whose test is large enough, and every
    guardrail that was broken. `rows`: the statistics of the campaign."""
    report, plan = seen.report, seen.plan
    digest = hashlib.sha256(report.lift.model_dump_json().encode()).hexdigest()[:12]
    evidence = rows[0].evidence if rows else f"report:{report.campaign_id}:{digest}"
    lessons = [_lesson(plan, "lift", _says(report, plan), evidence, _believable(seen), deps)]
    lessons += [_of_channel(plan, channel, mine, deps) for channel, mine in realised.by_channel(rows).items()]
    for finding in report.guardrails:
        if finding.severity == "block":
            estimate = Estimate(metric=finding.subject, reason=finding.says)
            lessons.append(_lesson(plan, finding.rule, f"A guardrail was broken: {finding.subject}.", evidence, estimate, deps))
    return tuple(lessons)


def _of_channel(plan: Plan, channel: str, rows: Sequence[CellStatistics], deps: Deps) -> Lesson:
    """What people whom a channel would reach first brought, against what was expected of them."""
    mid, error = realised.effect(rows)
    foretold = realised.foretold(rows)
    low, high = mid - Z95 * error, mid + Z95 * error
    words = "as much as foretold" if low <= foretold <= high else "more than foretold" if low > foretold else "less than foretold"
    estimate = Estimate(
        metric="margin",
        low=low,
        mid=mid,
        high=high,
        method="difference of the arms by assignment, pooled variance, contact cost not taken off",
        treated=sum(row.treated.people for row in rows),
        holdout=sum(row.holdout.people for row in rows),
    )
    says = f"People reached first by {channel.replace('_', ' ')} brought {words}."
    evidence = f"{rows[0].evidence}#{channel}"
    return _lesson(plan, f"channel:{channel}", says, evidence, estimate, deps, scope={"channel": channel})


def from_decision(decision: Decision, campaign_id: str, *, deps: Deps) -> Lesson | None:
    """What a rejection teaches: its reason. None when there is none, or the plan is gone."""
    plan = deps.campaigns.plan(campaign_id)
    if decision.kind != "reject" or not decision.reason.strip() or plan is None:
        return None
    says = f"A plan for {plan.objective.metric.replace('_', ' ')} was rejected: {decision.reason.strip()}"
    estimate = Estimate(metric=plan.objective.metric, reason="rejected before it ran")
    lesson = _lesson(plan, f"rejected:{decision.approval_id}", says, decision.approval_id, estimate, deps)
    keep(lesson, deps=deps)
    return lesson


def keep(lesson: Lesson, *, deps: Deps) -> None:
    """Save the row; then the text for search. A memory that fails costs the search, never the lesson."""
    deps.lessons.save(lesson)
    try:
        deps.memory.remember("lessons", lesson.lesson_id, lesson.says, {**lesson.scope, "campaign_id": lesson.campaign_id})
    except Exception as error:
        detail = {"lesson": lesson.lesson_id, "error": type(error).__name__}
        deps.journal.append(at=deps.now(), actor="liftwright", action="memory.failed", subject=lesson.campaign_id, detail=detail)


def _lesson(
    plan: Plan, kind: str, says: str, evidence: str, estimate: Estimate, deps: Deps, scope: dict[str, str] | None = None
) -> Lesson:
    scope = (scope or {}) | {
        "metric": plan.objective.metric,
        "channels": ",".join(sorted(plan.assignment.by_channel)),
        "offers": ",".join(sorted(plan.assignment.by_offer)),
        "kind": kind.partition(":")[0],
    }
    if plan.objective.product:
        scope["product"] = plan.objective.product
    now = deps.now()
    return Lesson(
        lesson_id="l-" + hashlib.sha256(f"{plan.campaign_id}:{kind}".encode()).hexdigest()[:12],
        campaign_id=plan.campaign_id,
        says=says,
        scope=scope,
        evidence_id=evidence,
        estimate=estimate,
        learned_at=now,
        expires_at=now + timedelta(days=taught.KEPT_DAYS),
    )


def _believable(seen: reporting.Look) -> Estimate:
    """The measured effect, or the same without numbers where they must not be carried on."""
    lift = seen.report.lift
    if seen.report.verdict == "invalid":
        return Estimate(
            metric=lift.metric,
            method=lift.method,
            treated=lift.treated,
            holdout=lift.holdout,
            reason="the arms cannot be compared",
        )
    if seen.conversions < BURN_IN:
        reason = lift.reason or "too few outcomes in the smaller arm"
        return Estimate(metric=lift.metric, method=lift.method, treated=lift.treated, holdout=lift.holdout, reason=reason)
    return lift


def _says(report: Report, plan: Plan) -> str:
    """In words; the numbers stay in the estimate."""
    channels = ", ".join(sorted(plan.assignment.by_channel)) or "no channel"
    offers = ", ".join(name for name in sorted(plan.assignment.by_offer) if name != "none")
    partly = "partly " if "none" in plan.assignment.by_offer else ""
    what = f"Contacting the chosen people by {channels}" + (f", {partly}with {offers}," if offers else ", without an incentive,")
    ending = {
        "win": "brought more margin than leaving them alone.",
        "harm": "brought less margin than leaving them alone.",
        "futile": "did not bring an effect that this test could find.",
        "inconclusive": "had an effect that could not be told from none; the test was too small to say.",
        "invalid": "could not be judged, because the arms cannot be compared.",
        "running": "was not judged to the end.",
    }[report.verdict]
    product = f"To sell {plan.objective.product}: c" if plan.objective.product else "C"
    return f"{product}{what[1:]} {ending}"
