"""What other campaigns have booked with the people of a plan: sent or scheduled touches, and those of plans that wait for an approval.

Looked up when a plan is reviewed, before anybody approves it. At sending the cap itself decides, whoever comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.campaign import SendState
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.flow.fresh import Fresh, pinned
from liftwright.planning import calendar
from liftwright.ports import Deps

COUNTED: tuple[SendState, ...] = ("planned", "leased", "sending", "sent", "unknown")
SCHEMA = pa.schema(
    [("customer_id", pa.string()), ("send_on", pa.date32()), ("value", pa.float64()), ("campaign_id", pa.string())]
)
SHOWN = 5


def findings(plan: Plan, *, deps: Deps) -> tuple[Finding, ...]:
    """CALENDAR-SHARED for every campaign that contacts the same people within a week, with what both are worth there; CALENDAR-FULL
    where touches of this plan stand in weeks that are full without them."""
    fresh = pinned(plan.pins.snapshot, deps)
    mine = _rows(deps.lake.get(plan.assignment.digest), plan.campaign_id, fresh)
    if not mine.num_rows:
        return ()
    booked = pa.concat_tables([SCHEMA.empty_table(), *_booked(plan, mine, fresh, deps)])
    found = calendar.calendar(mine, booked, cap=deps.settings.limits.contacts_per_week)
    return (*(_shared(each, plan) for each in found.shared[:SHOWN]), *_full(found, plan, deps))


def _booked(plan: Plan, mine: pa.Table, fresh: Fresh, deps: Deps) -> Iterator[pa.Table]:
    """Touches of every other campaign near the flight: the ledger's, and those of plans that wait."""
    first, last = pc.min(mine["send_on"]).as_py(), pc.max(mine["send_on"]).as_py()
    week = timedelta(days=calendar.WEEK)
    for campaign in deps.campaigns.all():
        if campaign.campaign_id == plan.campaign_id:
            continue
        other = deps.campaigns.plan(campaign.campaign_id, campaign.revision) if campaign.revision else None
        if other is None or other.objective.ends_on < first - week or other.objective.starts_on > last + week:
            continue
        if campaign.status == "awaiting_approval":
            yield _rows(deps.lake.get(other.assignment.digest), campaign.campaign_id, fresh)
        else:
            sends = deps.ledger.sends(campaign.campaign_id, states=COUNTED)
            yield _with_values(
                _sends(sends, campaign.campaign_id, fresh), _rows(deps.lake.get(other.assignment.digest), "", fresh)
            )


def _rows(rows: pa.Table, campaign_id: str, fresh: Fresh) -> pa.Table:
    """Touches of an assignment."""
    ids = [fresh.present_id(person) or person for person in rows["customer_id"].to_pylist()]
    columns = [pa.array(ids, pa.string()), rows["send_on"].cast(pa.date32()), rows["value"].cast(pa.float64())]
    return pa.table([*columns, pa.array([campaign_id] * rows.num_rows, pa.string())], schema=SCHEMA)


def _sends(sends: pa.Table, campaign_id: str, fresh: Fresh) -> pa.Table:
    ids = [fresh.present_id(person) or person for person in sends["customer_id"].to_pylist()]
    days = sends["send_at"].cast(pa.timestamp("us")).cast(pa.date32())
    nothing = pa.nulls(sends.num_rows, pa.float64())
    return pa.table(
        [pa.array(ids, pa.string()), days, nothing, pa.array([campaign_id] * sends.num_rows, pa.string())], schema=SCHEMA
    )


def _with_values(sends: pa.Table, planned: pa.Table) -> pa.Table:
    """Sends with what their plan expected of the person's touches, on average; null for touches that came later."""
    worth: dict[str, list[float]] = {}
    for person, value in zip(planned["customer_id"].to_pylist(), planned["value"].to_pylist(), strict=True):
        worth.setdefault(person, []).append(value or 0.0)
    values = [sum(worth[p]) / len(worth[p]) if p in worth else None for p in sends["customer_id"].to_pylist()]
    return sends.set_column(2, "value", pa.array(values, pa.float64()))


def _shared(found: calendar.Shared, plan: Plan) -> Finding:
    currency = plan.forecast.cost.currency
    there = f"{found.worth_there:,.2f} {currency} there" if found.worth_there is not None else "not known there"
    return Finding(
        rule="CALENDAR-SHARED",
        severity="info",
        subject=found.campaign_id,
        count=found.people,
        says=f"{found.people:,} people also hear from {found.campaign_id} within a week: {found.touches_here:,} touches here, {found.touches_there:,} there; "
        f"worth {found.worth_here:,.2f} {currency} here, {there}.",
        source="contact calendar",
        fix=f"Leave it, or leave them out of one of the two (edit, or stop {found.campaign_id}).",
        by="calendar",
    )


def _full(found: calendar.Calendar, plan: Plan, deps: Deps) -> Iterator[Finding]:
    if not found.full:
        return
    cap = deps.settings.limits.contacts_per_week
    yield Finding(
        rule="CALENDAR-FULL",
        severity="warn",
        subject="plan",
        count=found.full_people,
        says=f"{found.full:,} touches to {found.full_people:,} people stand in weeks that other campaigns have filled ({cap} contacts in seven days); "
        f"they will wait or fall away at sending. They are worth {found.full_worth:,.2f} {plan.forecast.cost.currency} of the forecast.",
        source="contact calendar; limits.contacts_per_week",
        fix="Move the flight, leave these people out, or approve knowing that the forecast is too high by that much.",
        by="calendar",
    )
