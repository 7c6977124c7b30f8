"""People nobody chose who have become worth a contact: whether to add them is asked, with the difference, because the approval covers others.

Nobody of them was touched, in neither arm, so those the same rule names in the holdout are what they are compared with: after a yes both
count as selected. A yes is good for exactly the touches it was shown, and for those of them whose day has not begun.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc
import rfc8785

from liftwright.agents.bench import Bench, remainder
from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.campaign import JournalEntry
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import in_force, launch, questions, stock, trust
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

KIND = "people"
ACTION = "add_people"
SLACK = 1e-9
"""Rounding of sums of money."""
LEAST_GAIN = 0.02
"""Nobody is asked for less than this share of what the rest of the flight is worth."""


def ask(
    plan: Plan, left: remainder.Left, found: remainder.Resolved, sends: pa.Table, bench: Bench, *, seed: int, deps: Deps
) -> ApprovalRequest | None:
    """Ask about the people who have become worth a contact; None where the level forbids it, another question waits, or they are too few."""
    if trust.permission(plan, ACTION, deps=deps) == "no" or deps.approvals.pending(plan.campaign_id) is not None:
        return None
    new = remainder.newcomers(bench.data, bench.scored, plan, left, found, arms=_untouched(plan, sends, deps), seed=seed)
    if new is None or new.solution.objective < LEAST_GAIN * found.solution.objective:
        return None
    rows, put = new.solution.rows, deps.lake.put
    treated = pc.sum(pc.equal(new.people["arm"], "treated")).as_py()
    after = {
        "people": put(new.people),
        "rows": put(rows),
        "candidates": put(new.solution.candidates),
        "draws": put(new.solution.draws),
        "waves": [wave.index for wave in left.flight],
        "count": treated,
        "touches": rows.num_rows,
        "by_action": remainder.by_action(rows),
        "worth": round(float(pc.sum(rows["value"]).as_py() or 0.0), 2),
        "cost": round(float(pc.sum(rows["cost"]).as_py() or 0.0), 2),
    }
    return questions.ask(
        plan,
        KIND,
        digest=_digest(plan.plan_hash, after),
        title=_title(plan, after, deps),
        trigger=f"{plan.autonomy_level}: more people than were approved",
        before={"people": plan.audience.selected},
        after=after,
        deps=deps,
        until=_last_moment(rows, deps),
    )


def _last_moment(rows: pa.Table, deps: Deps) -> datetime:
    """The beginning of the last touch's day: a yes after that would plan nothing."""
    return datetime.combine(pc.max(rows["send_on"]).as_py(), time(0), tzinfo=ZoneInfo(deps.settings.time_zone))


def _untouched(plan: Plan, sends: pa.Table, deps: Deps) -> dict[str, str]:
    """Arm of everybody eligible whom nobody chose and nothing was planned for, treated and holdout."""
    audience = in_force.audience(plan, deps=deps)
    is_compared = pc.is_in(audience["arm"], value_set=pa.array(["treated", "holdout"]))
    mine = audience.filter(pc.and_(is_compared, pc.invert(pc.fill_null(audience["is_selected"], False))))
    known = set(sends["customer_id"].to_pylist())
    pairs = zip(mine["customer_id"].to_pylist(), mine["arm"].to_pylist(), strict=True)
    return {customer: arm for customer, arm in pairs if customer not in known}


def _title(plan: Plan, after: Mapping[str, Any], deps: Deps) -> str:
    money = f"{after['worth']:.2f} {deps.settings.currency}"
    return (
        f"Add {after['count']} people to {plan.campaign_id}? They were not worth a contact when the plan was made "
        f"({plan.audience.selected:,} people); now {after['touches']} touches are expected to bring {money} and cost {after['cost']:.2f} more "
        "than was approved, within the goal's budget."
    )


def _digest(plan_hash: str, after: Mapping[str, Any]) -> str:
    bound = {name: after[name] for name in ("people", "rows", "draws", "waves")}
    return "sha256:" + hashlib.sha256(rfc8785.dumps({"change": ACTION, "plan_hash": plan_hash, **bound})).hexdigest()


def add(row: ApprovalRequest, *, deps: Deps) -> None:
    """Plan the touches that were asked about, whose day is still to come. Raises ApprovalError when what is stored is not what was asked."""
    plan = deps.campaigns.plan(row.campaign_id, row.revision)
    after = questions.asked(row, deps=deps)
    if plan is None or after is None or _digest(plan.plan_hash, after) != row.plan_hash:
        raise ApprovalError(
            "APPROVAL-PLAN-CHANGED",
            f"What is stored of the people to add to {row.campaign_id} is not what was approved; nothing was planned.",
            next_step="Find out who changed it (see `liftwright journal verify`).",
        )
    if any(entry.detail.get("approval_id") == row.approval_id for entry in _added(plan, deps)):
        return
    rows = _still_fitting(plan, deps.lake.get(after["rows"]), deps)
    sends = launch.sends_now(plan, rows, people=newest(deps).people, deps=deps)
    detail = {name: after[name] for name in ("people", "candidates", "draws", "waves")}
    detail |= {
        "approval_id": row.approval_id,
        "rows": deps.lake.put(rows),
        "cost": round(float(pc.sum(rows["cost"]).as_py() or 0.0), 6),
    }
    counts = deps.ledger.replace(row.campaign_id, planned=(), sends=sends, now=deps.now(), detail=detail, entry=in_force.ADDED)
    by = row.decided_by or "approver"
    told = {"touches": counts["added"] + counts["changed"], "people": after["count"], "approval_id": row.approval_id}
    action = Action(at=deps.now(), kind="add_people", rule="PEOPLE", after={**told, **counts}, by=by)
    deps.campaigns.record_action(row.campaign_id, action)


def _added(plan: Plan, deps: Deps) -> list[JournalEntry]:
    return [entry for entry in deps.journal.entries(subject=plan.campaign_id) if entry.action == in_force.ADDED]


def _still_fitting(plan: Plan, rows: pa.Table, deps: Deps) -> pa.Table:
    """The touches whose day is still to come and which the goal's budget, stock, channel budgets and daily capacity still carry, the best
    first: between the question and the yes the rest of the flight went on."""
    today = deps.now().astimezone(ZoneInfo(deps.settings.time_zone)).date()
    gone = stock.ended(plan.campaign_id, deps=deps)
    is_open = pc.and_(
        pc.greater(rows["send_on"], pa.scalar(today, pa.date32())),
        pc.invert(pc.is_in(rows["offer"], value_set=pa.array(sorted(gone), pa.string()))),
    )
    rows = rows.filter(is_open).sort_by([("value", "descending"), ("customer_id", "ascending"), ("wave", "ascending")])
    room = _room(plan, deps)
    fits = [room.take(row) for row in rows.select(["channel", "offer", "send_on", "cost"]).to_pylist()]
    return rows.filter(pa.array(fits, pa.bool_())).sort_by([(name, "ascending") for name in ("customer_id", "wave", "channel")])


@dataclass
class _Room:
    """What is left now: money in all and by channel (major units), pieces of an offer, and messages by channel and day. None: no limit."""

    money: float
    channels: dict[str, float]
    offers: dict[str, int]
    days: dict[tuple[str, date], int]
    capacity: Mapping[str, int | None]

    def take(self, row: Mapping[str, Any]) -> bool:
        """Take the room of a touch (channel, offer, send_on, cost) if there is enough of each."""
        channel, day, cost = row["channel"], (row["channel"], row["send_on"]), float(row["cost"])
        most = self.capacity.get(channel)
        is_full = most is not None and self.days.get(day, 0) >= most
        if (
            is_full
            or cost > min(self.money, self.channels.get(channel, math.inf)) + SLACK
            or self.offers.get(row["offer"], 1) < 1
        ):
            return False
        self.money -= cost
        self.days[day] = self.days.get(day, 0) + 1
        if channel in self.channels:
            self.channels[channel] -= cost
        if row["offer"] in self.offers:
            self.offers[row["offer"]] -= 1
        return True


def _room(plan: Plan, deps: Deps) -> _Room:
    """What the sends that left or are planned leave of the goal's limits."""
    limits, zone = plan.assignment.limits, ZoneInfo(deps.settings.time_zone)
    sends = deps.ledger.sends(plan.campaign_id, columns=("channel", "offer", "cost", "state", "send_at"))
    live = sends.filter(
        pc.invert(pc.is_in(sends["state"], value_set=pa.array(["cancelled", "suppressed", "failed"])))
    ).to_pylist()
    spent, given = Counter[str](), Counter(row["offer"] for row in live)
    for row in live:
        spent[row["channel"]] += row["cost"]
    there, goal = stock.left(plan.campaign_id, deps=deps), limits.get("budget")
    return _Room(
        money=math.inf if goal is None else float(goal) - sum(spent.values()),
        channels={name: float(most) - spent[name] for name, most in (limits.get("channel_budget") or {}).items()},
        offers={name: min(most - given[name], there.get(name, most)) for name, most in (limits.get("offer_stock") or {}).items()},
        days=dict(Counter((row["channel"], row["send_at"].astimezone(zone).date()) for row in live)),
        capacity={name: channel.capacity_per_day for name, channel in deps.settings.channels.items()},
    )
