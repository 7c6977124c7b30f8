"""What a campaign did and what it caused: ledger and events against the arms drawn before anyone was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.campaign import SendState
from liftwright.domain.errors import GoalError
from liftwright.domain.evidence import Report
from liftwright.domain.experiment import Experiment
from liftwright.domain.plan import Plan
from liftwright.flow import audit
from liftwright.flow.fresh import Fresh, newest
from liftwright.measurement import estimate, outcomes, sequential, stopping
from liftwright.measurement import report as reports
from liftwright.ports import Deps

OUTCOME_DAYS = 14
"""How long after a contact its outcome is counted, days."""
REACHED: tuple[SendState, ...] = ("sent", "unknown")
CHECKED = ["customer_id", "channel", "sent_at", "send_at"]
GUARDRAILS = {"opt_out": ("opt_outs", 0.02), "complaint": ("complaints", 0.003)}
"""Guardrail to its outcome column and the limit used where the plan's stop rules state none."""


@dataclass(frozen=True)
class Look:
    """One look at a campaign: the report, and what the stop rules need beyond it. `fraction` is the share of the flight seen;
    `outcomes` the table of people and what they did that the look was made of."""

    plan: Plan
    report: Report
    fraction: float
    conversions: int
    spent: float
    guardrails: tuple[stopping.Guardrail, ...]
    waiting: int
    outcomes: pa.Table


def report(campaign_id: str, *, deps: Deps) -> Report:
    """The report as of now. A finished campaign keeps the lessons and the narrative it was closed with, on newer numbers.

    Raises GoalError for a campaign that was never launched.
    """
    found = look(campaign_id, deps=deps).report
    kept = deps.campaigns.last_report(campaign_id)
    if kept is not None and kept.status in ("finished", "stopped") and kept.lessons:
        same = kept.lift == found.lift and kept.sends == found.sends
        found = found.model_copy(update={"lessons": kept.lessons, "narrative": kept.narrative if same else found.narrative})
    return found


def look(campaign_id: str, *, deps: Deps, has_ended: bool | None = None) -> Look:
    """Measure a launched campaign now, by assignment among those selected (or who would have been) in both arms."""
    row, plan = launched(campaign_id, deps)
    now = deps.now()
    starts_at, ends_at = flight(plan, row, deps)
    if has_ended is None:
        status = deps.campaigns.get(campaign_id).status
        has_ended = status in ("finished", "stopped") or now >= ends_at + timedelta(days=OUTCOME_DAYS)
    until = min(now, ends_at + timedelta(days=OUTCOME_DAYS))
    fresh = newest(deps)
    sends = deps.ledger.sends(campaign_id, states=REACHED)
    audience = deps.lake.get(plan.audience.digest)
    table = _outcomes(audience, sends, fresh, starts_at=starts_at, until=until, deps=deps)
    fraction = min(max((now - starts_at) / (ends_at - starts_at), 0.0), 1.0)
    share = 1.0 if has_ended else fraction
    past = [earlier for earlier in look_fractions(campaign_id, deps) if earlier < share]
    guardrails = _guardrails(plan, audience, table, sends)
    came_back = outcomes.has_any(fresh.events, starts_at=starts_at, ends_at=until)
    told = _told(row, plan, sends, fresh, deps=deps, has_ended=has_ended, has_outcomes=came_back)
    late = outcomes.late_events(fresh.events, starts_at=starts_at, ends_at=until, closed_at=until) if has_ended else 0
    told = replace(told, looks=len(set(past)) + 1, late_data=late, guardrails=stopping.guardrail_findings(guardrails))
    critical = _critical(share, past, plan.experiment.level)
    measured = plan.experiment.model_copy(update={"primary_metric": "margin"})
    found = reports.build(told, audience=audience, outcomes=table, experiment=measured, critical=critical)
    pair = reports.compared(audience)
    both = table.filter(pc.is_in(table["customer_id"], value_set=pair["customer_id"].combine_chunks()))
    if plan.experiment.primary_metric in reports.SECONDARY:
        found = _by_goal(found, plan.experiment, pair, both, critical=critical, has_ended=has_ended)
    return Look(
        plan=plan,
        report=found,
        fraction=fraction,
        conversions=_conversions(pair, both),
        spent=float(pc.sum(sends["cost"]).as_py() or 0.0),
        guardrails=guardrails,
        waiting=told.sends["waiting"],
        outcomes=table,
    )


def _told(
    row: ApprovalRequest, plan: Plan, sends: pa.Table, fresh: Fresh, *, deps: Deps, has_ended: bool, has_outcomes: bool
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
        delivered=pc.unique(sends["customer_id"]).to_pylist(),
        has_ended=has_ended,
        has_outcomes=has_outcomes,
        is_futile=campaign.status == "stopped" and "futility" in {action.rule for action in actions},
        matured_share=_matured(sends, deps.now()),
        actions=actions,
        policy_violations=audit.violations(plan, sends.select(CHECKED).to_pylist(), fresh, deps=deps),
    )


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
    ticks = [entry for entry in deps.journal.entries(subject=campaign_id) if entry.action == "campaign.tick"]
    return tuple(float(entry.detail["fraction"]) for entry in ticks)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone)


def _critical(fraction: float, past: Sequence[float], level: float) -> float | None:
    """The bound of this look; None for a single look at the end."""
    earlier = sorted({round(share, 6) for share in past if 0.0 < share < fraction - 1e-6})
    if fraction <= 0.0 or (fraction >= 1.0 and not earlier):
        return None
    return sequential.bound(fraction, past=earlier, alpha=1.0 - level)


def _outcomes(audience: pa.Table, sends: pa.Table, fresh: Fresh, *, starts_at: datetime, until: datetime, deps: Deps) -> pa.Table:
    """Outcomes under the ids of the audience; contact costs of what was delivered are taken off the margin."""
    ids = audience.filter(pc.fill_null(audience["is_selected"], False))["customer_id"].to_pylist()
    present = [fresh.present_id(customer_id) or customer_id for customer_id in ids]
    people = sorted(set(present))
    costs = pa.table(
        {
            "customer_id": pa.array([fresh.present_id(i) or i for i in sends["customer_id"].to_pylist()], pa.string()),
            "cost": sends["cost"],
        }
    )
    found = outcomes.outcomes(
        fresh.events,
        customer_ids=people,
        starts_at=starts_at,
        ends_at=until,
        margin_rate=deps.settings.margin.rate,
        costs=costs,
    )
    rows = pc.index_in(pa.array(present, pa.string()), value_set=pa.array(people, pa.string()))
    return found.take(rows).set_column(0, "customer_id", pa.array(ids, pa.string()))


def _by_goal(
    found: Report, experiment: Experiment, audience: pa.Table, table: pa.Table, *, critical: float | None, has_ended: bool
) -> Report:
    """The same report judged by the goal's own metric; the incremental margin stays what it is."""
    metric = experiment.primary_metric
    held = pc.is_in(table["customer_id"], value_set=_held(audience))
    treated, holdout = (table[metric].filter(mask).to_numpy() for mask in (pc.invert(held), held))
    lift = estimate.difference(treated, holdout, metric=metric, level=experiment.level, critical=critical)
    if lift.mid is None and found.unmeasured:
        lift = lift.model_copy(update={"reason": found.unmeasured})
    seen = estimate.outcomes_in_smaller_arm(treated, holdout)
    is_futile = found.verdict == "futile"
    verdict = reports.verdict(lift, health=found.health, has_ended=has_ended, is_futile=is_futile, conversions=seen)
    found = found.model_copy(update={"lift": lift, "verdict": verdict})
    return found.model_copy(update={"narrative": f"{found.narrative} {goal_words(found)}".strip()})


def goal_words(found: Report) -> str:
    """The goal's own measure in a sentence; empty when the narrative has said it: it is the margin, or neither could be measured."""
    lift = found.lift
    if lift.metric not in reports.SECONDARY or (lift.mid is None and lift.reason == found.unmeasured):
        return ""
    if lift.mid is None:
        return f"The goal's own measure, {lift.metric}, could not be measured: {lift.reason}."
    return f"The goal's own measure, {lift.metric}, changed by {lift.mid:.4f} per person ({lift.low:.4f} to {lift.high:.4f})."


def _held(audience: pa.Table) -> pa.Array:
    return audience.filter(pc.equal(audience["arm"], "holdout"))["customer_id"].combine_chunks()


def _guardrails(plan: Plan, audience: pa.Table, table: pa.Table, sends: pa.Table) -> tuple[stopping.Guardrail, ...]:
    contacted = set(sends["customer_id"].to_pylist())
    held = set(_held(audience).to_pylist())
    limits = {rule.name: rule.bound for rule in plan.experiment.stop_rules}
    ids = table["customer_id"].to_pylist()
    found = []
    for name, (column, limit) in GUARDRAILS.items():
        happened = {customer_id for customer_id, count in zip(ids, table[column].to_pylist(), strict=True) if count > 0}
        found.append(
            stopping.Guardrail(
                name=name,
                count=len(happened & contacted),
                people=len(contacted),
                limit=limits.get(f"guardrail:{name}", limit),
                baseline_count=len(happened & held),
                baseline_people=len(held & set(ids)),
            )
        )
    return tuple(found)


def _conversions(audience: pa.Table, table: pa.Table) -> int:
    mask = pc.is_in(table["customer_id"], value_set=_held(audience))
    orders = table["orders"]
    return estimate.outcomes_in_smaller_arm(orders.filter(pc.invert(mask)).to_numpy(), orders.filter(mask).to_numpy())


def _matured(sends: pa.Table, now: datetime) -> float:
    """Mean share of the outcome window that has passed since each delivery."""
    if not sends.num_rows:
        return 0.0
    at = pc.coalesce(sends["sent_at"], sends["send_at"]).cast(pa.int64()).to_numpy()
    ages = (now.timestamp() * 1e6 - at) / (OUTCOME_DAYS * 86_400e6)
    return float(np.clip(ages, 0.0, 1.0).mean())
