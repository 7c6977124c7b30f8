"""The rest of a flight, planned again before each wave: what people did since changes who gets what, inside what was approved.

Only people the plan selected in the treated arm, only approved channels, offers and texts, never more money, people or discount. So the
comparison with the holdout stays what it was: by assignment, among those selected before anything was sent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench import Bench, remainder
from liftwright.domain.campaign import REPLANNED
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import additions, in_force, launch, rebudget, stock, suppressing, trust
from liftwright.flow.fresh import newest
from liftwright.planning.waves import Wave
from liftwright.ports import Deps

NEEDED = ("shift_budget", "change_timing")
"""What the approval must allow: moving money between options, and touches in time."""
AHEAD = timedelta(hours=48)
"""A wave is planned again once its first touch is nearer than this: executors take a day's touches ahead."""
NOT_USED = ("cancelled", "suppressed", "failed")
"""States of sends that took nothing from the limits and never reached anybody."""
CENT = 0.01
OUT_OF_REACH = frozenset({"direct_mail"})
"""Channels printed and posted days ahead keep what was planned."""


def replan(plan: Plan, *, number: int, starts_at: datetime, deps: Deps) -> int:
    """Solve what is left of the flight on the newest data and put it in place of what was planned; returns how many touches changed.

    `number` is the tick's: it seeds the lot. Does nothing where the approval does not allow it, when no wave is near, or when the
    flight has only one, and once money was moved today: that stands. Asks whether to add people who have become worth a contact.
    """
    if not all(trust.may(plan, action, deps=deps) for action in NEEDED) or rebudget.has_moved_today(plan, deps):
        return 0
    sends = deps.ledger.sends(plan.campaign_id)
    flight = _flight_left(plan, sends, deps)
    if not flight:
        return 0
    bench = _bench(plan, deps)
    people = _open_to(plan, sends, starts_at=starts_at, deps=deps)
    planned = _planned(sends, flight, bench)
    kept = sends.filter(pc.invert(pc.is_in(sends["send_id"], value_set=planned["send_id"].combine_chunks())))
    used = kept.filter(pc.invert(pc.is_in(kept["state"], value_set=pa.array(NOT_USED))))
    if not people:
        return 0
    left, seed = _left(plan, used, people, flight, deps=deps), plan.pins.seed + number
    found = remainder.resolve(bench.data, bench.scored, plan, left, planned, seed=seed)
    zone = ZoneInfo(deps.settings.time_zone)
    if found is None or found.violations or _excess(plan, found.solution.rows, used, planned, zone) > CENT:
        return 0
    changed = _put_in_place(plan, found, planned, bench, left, number=number, deps=deps)
    additions.ask(plan, left, found, sends, bench, seed=seed, deps=deps)
    return changed


def _bench(plan: Plan, deps: Deps) -> Bench:
    """Today's data, the plan's models."""
    return Bench(
        deps,
        campaign_id=plan.campaign_id,
        snapshot_id=newest(deps).snapshot.snapshot_id,
        as_of=deps.now(),
        seed=plan.pins.seed,
        models=plan.pins.models,
    )


def _put_in_place(
    plan: Plan, found: remainder.Resolved, planned: pa.Table, bench: Bench, left: remainder.Left, *, number: int, deps: Deps
) -> int:
    """Change the ledger and write down what was decided from what."""
    rows, put, now = found.solution.rows, deps.lake.put, deps.now()
    before = {"touches": planned.num_rows, "by_action": remainder.by_action(planned), "worth": round(found.planned_worth, 2)}
    detail = {
        "tick": number,
        "snapshot": bench.data.snapshot.snapshot_id,
        "seed": plan.pins.seed + number,
        "waves": [wave.index for wave in left.flight],
        "rows": put(rows),
        "kept": put(in_force.among(plan, left.frozen, deps=deps)),
        "candidates": put(found.solution.candidates),
        "draws": put(found.solution.draws),
        "touches": rows.num_rows,
        "by_action": remainder.by_action(rows),
        "worth": round(float(pc.sum(rows["value"]).as_py() or 0.0), 2),
    }
    sends = launch.sends_now(plan, rows, people=bench.data.people, deps=deps)
    counts = deps.ledger.replace(
        plan.campaign_id, planned=planned["send_id"].to_pylist(), sends=sends, now=now, detail={**detail, "before": before}
    )
    in_force.write_down(plan, deps=deps)
    return sum(counts.values())


def _flight_left(plan: Plan, sends: pa.Table, deps: Deps) -> tuple[Wave, ...]:
    """The waves after the last of which something has left or is leaving; none where the first of them is not near yet."""
    tried = pc.invert(pc.is_in(sends["state"], value_set=pa.array(["planned", "cancelled"])))
    begun = pc.max(sends["wave"].filter(tried)).as_py() or 0
    left = tuple(wave for wave in _waves(plan, deps) if wave.index > begun)
    if not begun or not left:
        return ()
    first = datetime.combine(left[0].send_on, time(0), tzinfo=ZoneInfo(deps.settings.time_zone))
    return left if deps.now() < first <= deps.now() + AHEAD else ()


def _waves(plan: Plan, deps: Deps) -> list[Wave]:
    """The waves of a plan, from its candidates."""
    table = deps.lake.get(plan.assignment.candidates).group_by("wave").aggregate([("send_on", "min")]).sort_by("wave")
    index, days = table["wave"].to_pylist(), table["send_on_min"].to_pylist()
    ends = [*days[1:], date.fromisoformat(plan.envelope.ends_on[:10]) + timedelta(days=1)]
    return [Wave(number, day, (end - day).days) for number, day, end in zip(index, days, ends, strict=True)]


def _planned(sends: pa.Table, flight: Iterable[Wave], bench: Bench) -> pa.Table:
    """Planned sends of these waves that may be replaced: not on channels out of reach, of people known under the id they had."""
    waves = pa.array([wave.index for wave in flight], pa.int64())
    mine = pc.and_(pc.equal(sends["state"], "planned"), pc.is_in(sends["wave"], value_set=waves))
    movable = pc.invert(pc.is_in(sends["channel"], value_set=pa.array(sorted(OUT_OF_REACH))))
    known = pc.is_in(sends["customer_id"], value_set=pa.array(bench.data.ids, pa.string()))
    return sends.filter(pc.and_(pc.and_(mine, movable), known))


def _left(plan: Plan, used: pa.Table, people: Iterable[str], flight: tuple[Wave, ...], *, deps: Deps) -> remainder.Left:
    """People with the touches they had, waves, and what `used` sends (those that left or stay) leave of the limits, of stock what
    redemptions leave too; money that was approved since counts, offers that ended do not."""
    limits = dict(plan.assignment.limits)
    money = float(plan.envelope.max_total_spend.amount) + in_force.added_cost(plan, deps=deps)
    there = stock.left(plan.campaign_id, deps=deps)
    spent, given, had = (
        _summed(used, "channel", "cost"),
        Counter(used["offer"].to_pylist()),
        Counter(used["customer_id"].to_pylist()),
    )
    most = money if limits.get("budget") is None else min(money, float(limits["budget"]))
    budgets, stocks = limits.get("channel_budget") or {}, limits.get("offer_stock") or {}
    limits |= {
        "budget": max(most - sum(spent.values()), 0.0),
        "channel_budget": {name: max(limit - spent.get(name, 0.0), 0.0) for name, limit in budgets.items()},
        "offer_stock": {name: max(min(limit - given.get(name, 0), there.get(name, limit)), 0) for name, limit in stocks.items()},
        "channel_min_run": {},
    }
    waves = pa.array([wave.index for wave in flight], pa.int64())
    frozen = used.filter(pc.is_in(used["wave"], value_set=waves))
    channels = tuple(channel for channel in plan.envelope.channels if channel not in OUT_OF_REACH)
    return remainder.Left(
        people={customer: had[customer] for customer in people},
        flight=flight,
        frozen=frozen,
        channels=channels,
        offers=tuple(offer.name for offer in plan.offers if offer.name not in stock.ended(plan.campaign_id, deps=deps)),
        limits=limits,
        spent=sum(spent.values()),
    )


def _summed(table: pa.Table, key: str, value: str) -> dict[str, float]:
    found = table.group_by(key).aggregate([(value, "sum")])
    return dict(zip(found[key].to_pylist(), found[f"{value}_sum"].to_pylist(), strict=True))


def _open_to(plan: Plan, sends: pa.Table, *, starts_at: datetime, deps: Deps) -> list[str]:
    """People of the treated arm for whom the plan had a touch, without those who were taken out, want no more, or have done it already.

    Whom the lot gave nothing keeps getting nothing: that is what the next campaign learns from.
    """
    audience = in_force.audience(plan, deps=deps)
    chosen = pc.and_(pc.equal(audience["arm"], "treated"), audience["is_selected"])
    taken_out = sends.filter(_was_taken_out(sends, deps.campaigns.actions(plan.campaign_id)))
    known, out = (set(some["customer_id"].to_pylist()) for some in (sends, taken_out))
    if "suppress_person" in plan.envelope.allows:
        out = out.union(*suppressing.finished(plan, starts_at=starts_at, deps=deps))
    known -= out
    return [customer for customer in audience.filter(chosen)["customer_id"].to_pylist() if customer in known]


def _was_taken_out(sends: pa.Table, actions: Iterable[Action]) -> pa.ChunkedArray:
    """Cancelled because of the person: neither by an earlier replanning nor with everybody else, by a pause or the end of an offer. What
    the last check before sending suppressed once, it judges again."""
    whole = [REPLANNED]
    whole += [f"paused by {action.by}: {action.after['reason']}" for action in actions if action.kind == "pause"]
    whole += [str(action.after["says"]) for action in actions if action.kind == "stop_offer"]
    is_out = pc.equal(sends["state"], "cancelled")
    for reason in whole:
        is_out = pc.and_(is_out, pc.invert(pc.starts_with(sends["reason"], reason)))
    return is_out


def _excess(plan: Plan, rows: pa.Table, used: pa.Table, planned: pa.Table, zone: ZoneInfo) -> float:
    """By how much the dearest day (of `zone`) would cost more than the approval allows for one, or than was planned for it."""
    before, after = _by_day(used, planned, zone=zone), _by_day(used, zone=zone)
    for row in rows.group_by("send_on").aggregate([("cost", "sum")]).to_pylist():
        after[row["send_on"]] += row["cost_sum"]
    daily = float(plan.envelope.max_daily_spend.amount)
    return max((cost - max(daily, before[day]) for day, cost in after.items()), default=0.0)


def _by_day(*tables: pa.Table, zone: ZoneInfo) -> dict[date, float]:
    spent: dict[date, float] = defaultdict(float)
    for table in tables:
        for at, cost in zip(table["send_at"].to_pylist(), table["cost"].to_pylist(), strict=True):
            spent[at.astimezone(zone).date()] += cost
    return spent
