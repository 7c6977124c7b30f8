"""After a yes: the approved plan becomes sends in the ledger. What was approved is what is sent, or nothing is.

Trusts nothing the graph carried: the approval row, its decision, the plan row and both artefacts are read again, and the ledger
compares the recomputed hash inside the transaction that inserts the sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from liftwright.agents.bench import Bench
from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.campaign import CampaignStatus, Send
from liftwright.domain.errors import ApprovalError, DataError, LiftwrightError
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.flow import booked, key, signing, standing, untouchable
from liftwright.flow.state import CampaignState, Route
from liftwright.ports import Deps

if TYPE_CHECKING:
    import pyarrow as pa


async def launch_node(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """The graph's last node: launch what the stored approval allows."""
    return {"route": await asyncio.to_thread(launch, state["approval_id"], deps=deps)}


def launch(approval_id: str, *, deps: Deps) -> Route:
    """Insert the sends of an approved plan, once. Returns `approve` (launched), `wait` (nobody decided yet), `blocked` or `closed`."""
    row = deps.approvals.get(approval_id)
    if row.status != "approved":
        return "wait" if row.status == "pending" else "closed"
    campaign = deps.campaigns.get(row.campaign_id)
    if standing.is_closed(campaign):
        return "closed"
    try:
        if row.launched_at is None:
            _launch_approved(row, deps)
    except (ApprovalError, DataError) as error:
        return _refused(row, (_finding(row, error),), deps)
    except _Blocked as blocked:
        return _refused(row, blocked.findings, deps)
    if (plan := deps.campaigns.plan(row.campaign_id, row.revision)) is not None:
        booked.make_room(plan, deps=deps)
    if deps.campaigns.get(row.campaign_id).status != "paused":
        standing.move(row.campaign_id, "running", deps=deps, plan_hash=row.plan_hash, revision=row.revision)
    return "approve"


class _Blocked(Exception):
    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(findings[0].says)
        self.findings = findings


def _launch_approved(row: ApprovalRequest, deps: Deps) -> None:
    plan = approved_plan(row, deps)
    now = deps.now()
    snapshot = deps.lake.snapshot()
    bench = Bench.open(
        deps,
        campaign_id=plan.campaign_id,
        snapshot_id=snapshot.snapshot_id if snapshot else plan.pins.snapshot,
        as_of=now,
        seed=plan.pins.seed,
    )
    blocks = tuple(f for f in bench.check_plan(plan) if f.severity == "block")
    if blocks:
        raise _Blocked(blocks)
    rows = deps.lake.get(plan.assignment.digest)
    sends = sends_now(plan, rows, people=bench.data.people, deps=deps)

    def stored_hash() -> str:
        again = approved_plan(row, deps)
        if not deps.lake.get(again.assignment.digest).equals(rows):
            raise _changed(again, "assignment")
        verify_holdout(again, rows, deps)
        return again.plan_hash

    deps.ledger.launch(approval_id=row.approval_id, plan_hash=stored_hash, sends=sends, now=now)


def approved_plan(row: ApprovalRequest, deps: Deps) -> Plan:
    """The stored plan revision the approval names, if a decision row says yes to exactly its hash; ApprovalError otherwise."""
    decision = deps.approvals.decision(row.approval_id)
    if decision is None or decision.kind != "approve" or decision.plan_hash != row.plan_hash:
        raise ApprovalError(
            "APPROVAL-NO-DECISION",
            f"Nobody has approved this plan of {row.campaign_id}; nothing was sent.",
            next_step=f"Look at it with `liftwright show {row.campaign_id}`, then approve, edit or reject it.",
        )
    signing.must_be_signed(row, deps=deps)
    plan = deps.campaigns.plan(row.campaign_id, row.revision)
    if plan is None or plan.plan_hash != row.plan_hash:
        raise ApprovalError(
            "APPROVAL-PLAN-CHANGED",
            f"The stored plan of {row.campaign_id} is not the one that was approved.",
            next_step="Find out who changed it (see `liftwright journal verify`), and plan again.",
        )
    return plan


def verify_holdout(plan: Plan, rows: pa.Table, deps: Deps) -> None:
    """ApprovalError when the arms are not what the plan's salt draws, or anybody in `rows` is held out, here or everywhere."""
    audience = deps.lake.get(plan.audience.digest)
    if not untouchable.is_drawn(plan.experiment, audience, gone=plan.audience.eligible - audience.num_rows):
        raise _changed(plan, "draw of the arms")
    people = set(rows["customer_id"].to_pylist())
    arms = zip(audience["customer_id"].to_pylist(), audience["arm"].to_pylist(), strict=True)
    outside = people - {customer_id for customer_id, arm in arms if arm != "holdout"}
    outside |= untouchable.planned_out(plan.experiment, people)
    if outside:
        raise ApprovalError(
            "APPROVAL-HOLDOUT",
            f"{len(outside)} people in the plan of {plan.campaign_id} were held out on purpose and must not be contacted; nothing was sent.",
            next_step=f"Plan it afresh: liftwright plan --again {plan.campaign_id}.",
        )


def _changed(plan: Plan, what: str) -> ApprovalError:
    return ApprovalError(
        "APPROVAL-ARTEFACT-CHANGED",
        f"The stored {what} of {plan.campaign_id} is not the one that was approved.",
        next_step="Find out who changed the file, and plan again.",
    )


def sends_now(plan: Plan, rows: pa.Table, *, people: pa.Table, deps: Deps) -> list[Send]:
    """`sends_of` for people whose time zones `people` knows, from now on."""
    return sends_of(plan, rows, zones=_zones(people), default_zone=deps.settings.time_zone, now=deps.now())


def sends_of(plan: Plan, rows: pa.Table, *, zones: Mapping[str, str], default_zone: str, now: datetime) -> list[Send]:
    """One planned send per assignment row, at its hour in the person's own time zone (UTC-aware), in priority order."""
    discounts = {offer.name: offer.discount for offer in plan.offers}
    plan_hash = plan.plan_hash
    sends = []
    for row in rows.to_pylist():
        name = key.touch(plan.campaign_id, row["customer_id"], row["channel"], row["wave"])
        sends.append(
            Send(
                send_id=key.of_send(name),
                idem_key=name,
                campaign_id=plan.campaign_id,
                plan_hash=plan_hash,
                customer_id=row["customer_id"],
                wave=row["wave"],
                channel=row["channel"],
                offer=row["offer"],
                discount=discounts.get(row["offer"], 0.0),
                variant_id=row["variant"],
                send_at=send_time(row["send_on"], row["hour"], zones.get(row["customer_id"]) or default_zone, default_zone, now),
                priority=row["priority"],
                cost=row["cost"],
            )
        )
    return sorted(sends, key=lambda send: (send.priority, send.send_id))


def send_time(send_on: date, hour: int, zone: str, default_zone: str, now: datetime) -> datetime:
    """That local hour of that day as UTC; when the moment has passed, the same local hour of the next day that has not."""
    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        place = ZoneInfo(default_zone)
    at = datetime.combine(send_on, time(hour), tzinfo=place)
    if at < now:
        today = now.astimezone(place).date()
        at = datetime.combine(today, time(hour), tzinfo=place)
        if at < now:
            at = datetime.combine(today + timedelta(days=1), time(hour), tzinfo=place)
    return at.astimezone(UTC)


def _zones(people: pa.Table) -> dict[str, str]:
    if "time_zone" not in people.column_names:
        return {}
    pairs = zip(people["customer_id"].to_pylist(), people["time_zone"].to_pylist(), strict=True)
    return {customer_id: zone for customer_id, zone in pairs if zone}


def _finding(row: ApprovalRequest, error: LiftwrightError) -> Finding:
    return Finding(rule=error.code, severity="block", subject=row.campaign_id, says=error.says, fix=error.next_step, by="launch")


def _refused(row: ApprovalRequest, findings: tuple[Finding, ...], deps: Deps) -> Route:
    """Nothing leaves: the campaign is blocked (expired when its approval ran out before the launch), the journal says why, once."""
    status: CampaignStatus = "expired" if findings[0].rule == "APPROVAL-EXPIRED" else "blocked"
    if deps.campaigns.get(row.campaign_id).status != status:
        detail = {
            "approval_id": row.approval_id,
            "plan_hash": row.plan_hash,
            "findings": [finding.model_dump(mode="json") for finding in findings],
        }
        deps.journal.append(
            at=deps.now(), actor="liftwright", action=f"campaign.{status}", subject=row.campaign_id, detail=detail
        )
        standing.move(row.campaign_id, status, deps=deps, stop_reason=findings[0].says)
    return "blocked"
