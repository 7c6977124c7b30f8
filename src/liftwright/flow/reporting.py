"""What a campaign did and what it caused: ledger and events against the arms drawn before anyone was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.campaign import SendState
from liftwright.domain.errors import GoalError
from liftwright.domain.evidence import Report
from liftwright.domain.plan import Plan
from liftwright.flow import across, audit, evidence, looking, touches
from liftwright.flow.evidence import OUTCOME_DAYS
from liftwright.flow.fresh import newest
from liftwright.measurement import report as reports
from liftwright.measurement import stopping
from liftwright.measurement.narrative import goal_words
from liftwright.ports import Deps

__all__ = ["OUTCOME_DAYS", "REACHED", "Look", "flight", "goal_words", "launched", "look", "look_fractions", "report"]

LOST: tuple[SendState, ...] = ("cancelled", "failed", "suppressed")
REACHED: tuple[SendState, ...] = ("sent", "unknown")
COUNTED = ("customer_id", "channel", "cost", "state", "send_at", "sent_at")
CHECKED = ["customer_id", "channel", "sent_at", "send_at"]


@dataclass(frozen=True)
class Look:
    """One look at a campaign: the report, and what the stop rules need beyond it. `fraction` is the share of the flight seen.

    `information`: share of the planned information, `matured`: share of the planned contacts' effect that had time to show, `has_power`:
    whether the plan could find the effect it expects.
    """

    plan: Plan
    report: Report
    fraction: float
    conversions: int
    spent: float
    guardrails: tuple[stopping.Guardrail, ...]
    waiting: int
    information: float = 0.0
    matured: float = 0.0
    has_power: bool = True


def report(campaign_id: str, *, deps: Deps) -> Report:
    """The report as of now. A finished campaign keeps the lessons and the narrative it was closed with, on newer numbers.

    Raises GoalError for a campaign that was never launched.
    """
    return as_closed(look(campaign_id, deps=deps).report, deps=deps)


def as_closed(found: Report, *, deps: Deps) -> Report:
    """A report with the lessons and the narrative its campaign was closed with, if it was."""
    kept = deps.campaigns.last_report(found.campaign_id)
    if kept is not None and kept.status in ("finished", "stopped") and kept.lessons:
        same = kept.lift == found.lift and kept.sends == found.sends
        found = found.model_copy(update={"lessons": kept.lessons, "narrative": kept.narrative if same else found.narrative})
    return found


def look(campaign_id: str, *, deps: Deps, has_ended: bool | None = None) -> Look:
    """Measure a launched campaign now, by assignment among those selected (or who would have been) in both arms."""
    row, plan = launched(campaign_id, deps)
    now, window = deps.now(), flight(plan, row, deps)
    closes_at = window[1] + timedelta(days=OUTCOME_DAYS)
    is_closing = has_ended is not None
    if has_ended is None:
        has_ended = deps.campaigns.get(campaign_id).status in ("finished", "stopped") or now >= closes_at
    fresh, sends = newest(deps), deps.ledger.sends(campaign_id, columns=COUNTED)
    reached = sends.filter(pc.is_in(sends["state"], value_set=pa.array(REACHED)))
    seen = evidence.gather(plan, reached, fresh, starts_at=window[0], until=min(now, closes_at), deps=deps)
    at = looking.moment(
        plan.experiment,
        at=now,
        seen=seen.buyers,
        people=seen.people,
        elapsed=_share(window[0], closes_at, now),
        has_ended=has_ended,
        is_open_ended=not is_closing and _is_open_ended(campaign_id, min(seen.buyers), closes_at, deps),
        past=looking.past(campaign_id, deps),
    )
    told = _told(row, plan, sends, reached, seen, at, deps=deps, has_ended=has_ended)
    found = _built(told, plan, seen, at)
    pooled = across.pooled(found, deps=deps) if has_ended else None
    kept = sends.filter(pc.invert(pc.is_in(sends["state"], value_set=pa.array(LOST))))
    analysis = plan.experiment.analysis
    return Look(
        plan=plan,
        report=found.model_copy(update={"series": (*at.past, looking.point(at, found)), "pooled": pooled}),
        fraction=_share(*window, now),
        conversions=min(seen.buyers),
        spent=told.contact_cost,
        guardrails=evidence.guardrails(plan, seen, reached),
        waiting=told.sends["waiting"],
        information=at.look.spending,
        matured=evidence.matured(kept, now),
        has_power=analysis is None or (analysis.is_measurable and found.lift.metric not in reports.SECONDARY),
    )


def _built(told: reports.Flight, plan: Plan, seen: evidence.Evidence, at: looking.Moment) -> Report:
    return reports.build(
        told,
        audience=seen.audience,
        outcomes=seen.outcomes,
        experiment=plan.experiment,
        critical=at.critical,
        critical_each=at.critical_each,
        critical_anytime=at.anytime,
    )


def _share(starts_at: datetime, ends_at: datetime, now: datetime) -> float:
    """Part of a span that has passed."""
    return min(max((now - starts_at) / (ends_at - starts_at), 0.0), 1.0)


def _told(
    row: ApprovalRequest,
    plan: Plan,
    sends: pa.Table,
    reached: pa.Table,
    seen: evidence.Evidence,
    at: looking.Moment,
    *,
    deps: Deps,
    has_ended: bool,
) -> reports.Flight:
    """What ledger, journal and audit say of a campaign."""
    campaign_id = plan.campaign_id
    campaign, actions = deps.campaigns.get(campaign_id), deps.campaigns.actions(campaign_id)
    return reports.Flight(
        campaign_id=campaign_id,
        status=campaign.status,
        currency=plan.forecast.cost.currency,
        approved_hash=row.plan_hash,
        plan_hash=plan.plan_hash,
        sends=deps.ledger.counts(campaign_id),
        delivered=pc.unique(reached["customer_id"]).to_pylist(),
        looks=len(at.past) + 1,
        lost=seen.lost,
        has_ended=has_ended,
        has_outcomes=seen.has_outcomes,
        is_futile=campaign.status == "stopped" and "futility" in {action.rule for action in actions},
        matured_share=evidence.matured(reached, deps.now()),
        late_data=seen.late_events if has_ended else 0,
        guardrails=stopping.guardrail_findings(evidence.guardrails(plan, seen, reached)),
        actions=actions,
        policy_violations=audit.violations(plan, reached.select(CHECKED).to_pylist(), seen.fresh, deps=deps),
        contact_cost=float(pc.sum(reached["cost"]).as_py() or 0.0),
        costs=_costs(reached),
        pacing=touches.pace(sends, zone=deps.settings.time_zone),
        trend=evidence.trend(seen, reached, share=at.look.information, deps=deps),
        data=deps.lake.put(seen.outcomes),
    )


def _costs(reached: pa.Table) -> dict[str, float]:
    """By person reached, what deliveries to them cost."""
    found = reached.group_by("customer_id").aggregate([("cost", "sum")])
    return dict(zip(found["customer_id"].to_pylist(), found["cost_sum"].to_pylist(), strict=True))


def launched(campaign_id: str, deps: Deps) -> tuple[ApprovalRequest, Plan]:
    """The approval that was launched last and its plan; GoalError when nothing was."""
    yes = [decision for decision in deps.approvals.decisions(campaign_id) if decision.kind == "approve"]
    rows = [row for row in map(deps.approvals.get, (decision.approval_id for decision in yes)) if row.launched_at is not None]
    plan = deps.campaigns.plan(campaign_id, rows[-1].revision) if rows else None
    if plan is None:
        status = deps.campaigns.get(campaign_id).status
        raise GoalError(
            "REPORT-NOT-LAUNCHED",
            f"{campaign_id} was never launched (it is {status.replace('_', ' ')}), so there is nothing to report.",
            next_step=f"See `liftwright show {campaign_id}`.",
        )
    return rows[-1], plan


def flight(plan: Plan, row: ApprovalRequest, deps: Deps) -> tuple[datetime, datetime]:
    """From launch, or the first day if that is later, to the end of the last day, in the house's time zone."""
    zone = ZoneInfo(deps.settings.time_zone)
    first = _midnight(plan.objective.starts_on, zone)
    last = _midnight(plan.objective.ends_on + timedelta(days=1), zone)
    start = max(first, row.launched_at or first)
    return start, max(last, start + timedelta(hours=1))


def look_fractions(campaign_id: str, deps: Deps) -> tuple[float, ...]:
    """Shares of the flight at which the stop rules were judged so far."""
    return looking.fractions(campaign_id, deps)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone)


def _is_open_ended(campaign_id: str, conversions: int, closes_at: datetime, deps: Deps) -> bool:
    """Whether this look has no planned end: at a closed campaign with more than it was closed with, or at one that was stopped early
    while its outcomes still come in."""
    kept = deps.campaigns.last_report(campaign_id)
    if kept is not None and kept.status in ("finished", "stopped") and kept.lessons:
        return bool(kept.series) and conversions > kept.series[-1].conversions
    return deps.campaigns.get(campaign_id).status == "stopped" and deps.now() < closes_at
