"""What other campaigns have booked with the people of a plan: sent or scheduled touches, and those of plans that wait for an approval.

Looked up when a plan is reviewed, before anybody approves it; settled when it starts: a later campaign gets a full week's place only by being
worth more. At sending the cap itself decides, whoever comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.campaign import SendState
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.flow import key
from liftwright.flow.fresh import Fresh, newest, pinned
from liftwright.planning import calendar
from liftwright.ports import Deps

COUNTED: tuple[SendState, ...] = ("planned", "leased", "sending", "sent", "unknown")
SCHEMA = pa.schema(
    [
        *(("customer_id", pa.string()), ("send_on", pa.date32()), ("value", pa.float64())),
        *(("campaign_id", pa.string()), ("send_id", pa.string()), ("is_open", pa.bool_())),
    ]
)
SETTLED = "calendar.settled"
SHOWN = 5


def findings(plan: Plan, *, deps: Deps) -> tuple[Finding, ...]:
    """CALENDAR-SHARED for every campaign that contacts the same people within a week, with what both are worth there; CALENDAR-OUTBIDS
    for every one of which touches give way to dearer ones of this plan; CALENDAR-FULL where touches of this plan find no room."""
    fresh = pinned(plan.pins.snapshot, deps)
    mine = _touches(deps.lake.get(plan.assignment.digest), plan.campaign_id, fresh)
    found, booked = _compared(plan, mine, fresh, deps, waiting=True)
    return (
        *(_shared(each, plan) for each in found.shared[:SHOWN]),
        *_outbids(found, mine, booked, plan),
        *_full(found, plan, deps),
    )


def make_room(plan: Plan, *, deps: Deps) -> dict[str, int]:
    """Right after the launch: cancel touches of other campaigns that this plan outbids, and touches of this plan that find no room.

    Both only take away. Done once for a campaign: the journal's entry is its mark. Returns how many of each: `outbid`, `lost`.
    """
    if any(entry.action == SETTLED for entry in deps.journal.entries(subject=plan.campaign_id)):
        return {"outbid": 0, "lost": 0}
    fresh = newest(deps)
    planned = deps.ledger.sends(plan.campaign_id, states=("planned",), columns=("send_id",))["send_id"]
    mine = _touches(deps.lake.get(plan.assignment.digest), plan.campaign_id, fresh)
    mine = mine.filter(pc.is_in(mine["send_id"], value_set=planned.combine_chunks()))
    found, booked = _compared(plan, mine, fresh, deps, waiting=False)
    lost = mine["send_id"].take(pa.array(found.bids.lost, pa.int64())).to_pylist()
    outbid = sum(_give_way(campaign_id, plan, send_ids, deps) for campaign_id, send_ids in sorted(_won(found, booked).items()))
    reason = "no room beside other campaigns in the person's week"
    dropped = deps.ledger.cancel_planned(plan.campaign_id, reason=reason, now=deps.now(), send_ids=lost) if lost else 0
    done = {"outbid": outbid, "lost": dropped}
    if outbid or dropped:
        after = {**done, "worth_lost": round(found.lost_worth, 2)}
        deps.campaigns.record_action(
            plan.campaign_id, Action(at=deps.now(), kind="calendar", rule="CALENDAR", after=after, by="liftwright")
        )
    deps.journal.append(at=deps.now(), actor="liftwright", action=SETTLED, subject=plan.campaign_id, detail=done)
    return done


def _give_way(campaign_id: str, plan: Plan, send_ids: list[str], deps: Deps) -> int:
    """Cancel what another campaign had planned for people to whom this plan is worth more."""
    reason = f"outbid by {plan.campaign_id} in the person's week"
    cancelled = deps.ledger.cancel_planned(campaign_id, reason=reason, now=deps.now(), send_ids=send_ids)
    if cancelled:
        after = {"touches": cancelled, "outbid_by": plan.campaign_id}
        action = Action(at=deps.now(), kind="suppress", rule="OUTBID", after=after, by="liftwright")
        deps.campaigns.record_action(campaign_id, action)
        deps.journal.append(at=deps.now(), actor="liftwright", action="campaign.outbid", subject=campaign_id, detail=dict(after))
    return cancelled


def _compared(plan: Plan, mine: pa.Table, fresh: Fresh, deps: Deps, *, waiting: bool) -> tuple[calendar.Calendar, pa.Table]:
    """The calendar of a plan, and the bookings it was compared with; those of plans that wait for an approval only where asked for."""
    booked = pa.concat_tables([SCHEMA.empty_table(), *(_booked(plan, mine, fresh, deps, waiting) if mine.num_rows else ())])
    limits = deps.settings.limits
    return calendar.calendar(mine, booked, cap=limits.contacts_per_week, by=limits.outbid), booked


def _booked(plan: Plan, mine: pa.Table, fresh: Fresh, deps: Deps, waiting: bool) -> Iterator[pa.Table]:
    """Touches of every other campaign near the flight: the ledger's, and those of plans that wait."""
    first, last = pc.min(mine["send_on"]).as_py(), pc.max(mine["send_on"]).as_py()
    week = timedelta(days=calendar.WEEK)
    for campaign in deps.campaigns.all():
        if campaign.campaign_id == plan.campaign_id:
            continue
        other = deps.campaigns.plan(campaign.campaign_id, campaign.revision) if campaign.revision else None
        if other is None or other.objective.ends_on < first - week or other.objective.starts_on > last + week:
            continue
        planned = _touches(deps.lake.get(other.assignment.digest), campaign.campaign_id, fresh)
        if campaign.status != "awaiting_approval":
            yield _sends(
                campaign.campaign_id, planned, may_yield="suppress_person" in other.envelope.allows, fresh=fresh, deps=deps
            )
        elif waiting:
            yield planned


def _touches(rows: pa.Table, campaign_id: str, fresh: Fresh) -> pa.Table:
    """Touches of an assignment, under the present ids."""
    people = rows["customer_id"].to_pylist()
    keys = zip(people, rows["channel"].to_pylist(), rows["wave"].to_pylist(), strict=True)
    return pa.table(
        {
            "customer_id": pa.array([fresh.present_id(person) or person for person in people], pa.string()),
            "send_on": rows["send_on"].cast(pa.date32()),
            "value": rows["value"].cast(pa.float64()),
            "campaign_id": pa.array([campaign_id] * rows.num_rows, pa.string()),
            "send_id": pa.array([key.send_id(campaign_id, *each) for each in keys], pa.string()),
            "is_open": pa.array([True] * rows.num_rows),
        },
        schema=SCHEMA,
    )


def _sends(campaign_id: str, planned: pa.Table, *, may_yield: bool, fresh: Fresh, deps: Deps) -> pa.Table:
    """What the ledger has of a campaign, with what its plan expected of each touch; of a later touch, what it expected of the person's on average.
    Open is what is planned, where the campaign may give people up."""
    sends = deps.ledger.sends(campaign_id, states=COUNTED, columns=("send_id", "customer_id", "send_at", "state"))
    exact = dict(zip(planned["send_id"].to_pylist(), planned["value"].to_pylist(), strict=True))
    means = planned.group_by("customer_id").aggregate([("value", "mean")])
    usual = dict(zip(means["customer_id"].to_pylist(), means["value_mean"].to_pylist(), strict=True))
    ids = [fresh.present_id(person) or person for person in sends["customer_id"].to_pylist()]
    values = [exact.get(name, usual.get(person)) for name, person in zip(sends["send_id"].to_pylist(), ids, strict=True)]
    return pa.table(
        {
            "customer_id": pa.array(ids, pa.string()),
            "send_on": sends["send_at"].cast(pa.timestamp("us")).cast(pa.date32()),
            "value": pa.array(values, pa.float64()),
            "campaign_id": pa.array([campaign_id] * sends.num_rows, pa.string()),
            "send_id": sends["send_id"],
            "is_open": pc.and_(pc.equal(sends["state"], "planned"), may_yield),
        },
        schema=SCHEMA,
    )


def _won(found: calendar.Calendar, booked: pa.Table) -> dict[str, list[str]]:
    """Send ids that give way, by campaign."""
    given: dict[str, list[str]] = {}
    rows = booked.take(pa.array(sorted(found.bids.won), pa.int64()))
    for campaign_id, send_id in zip(rows["campaign_id"].to_pylist(), rows["send_id"].to_pylist(), strict=True):
        given.setdefault(campaign_id, []).append(send_id)
    return given


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


def _outbids(found: calendar.Calendar, mine: pa.Table, booked: pa.Table, plan: Plan) -> Iterator[Finding]:
    currency = plan.forecast.cost.currency
    for campaign_id in sorted(_won(found, booked)):
        pairs = [(there, here) for there, here in found.bids.won.items() if booked["campaign_id"][there].as_py() == campaign_id]
        given_up = sum(booked["value"][there].as_py() or 0.0 for there, _ in pairs)
        gained = sum(mine["value"][here].as_py() or 0.0 for here in {here for _, here in pairs})
        yield Finding(
            rule="CALENDAR-OUTBIDS",
            severity="warn",
            subject=campaign_id,
            count=len(pairs),
            says=f"{len(pairs):,} touches that {campaign_id} has planned give way when this plan starts: they are worth {given_up:,.2f} {currency} "
            f"there, and what takes their place {gained:,.2f} {currency} here.",
            source="contact calendar; limits.outbid",
            fix=f"Approve it, move the flight, or leave these people out; {campaign_id} keeps everything else.",
            by="calendar",
        )


def _full(found: calendar.Calendar, plan: Plan, deps: Deps) -> Iterator[Finding]:
    if not found.bids.lost:
        return
    cap = deps.settings.limits.contacts_per_week
    yield Finding(
        rule="CALENDAR-FULL",
        severity="warn",
        subject="plan",
        count=found.lost_people,
        says=f"{len(found.bids.lost):,} touches to {found.lost_people:,} people stand in weeks that other campaigns have filled ({cap} contacts in seven days) "
        f"and are not worth enough to take a place; they fall away at the start. They are worth {found.lost_worth:,.2f} {plan.forecast.cost.currency} of the forecast.",
        source="contact calendar; limits.contacts_per_week",
        fix="Move the flight, leave these people out, or approve knowing that the forecast is too high by that much.",
        by="calendar",
    )
