"""Money between the channels of a running campaign: the next day's touches follow what each channel's money has brought so far.

Only where money is scarce: where the plan's budget bought every touch that pays, moving it gains nothing and costs the better touches.
Within what was approved: the approved channels, offers and texts, the same people, no more money in all, at most 30 % up or down per channel
and day, no channel below 5 %. Where the approval does not allow it, the first move is asked for (`budget_change`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.campaign import Send
from liftwright.domain.plan import Plan
from liftwright.domain.profile import Channel
from liftwright.flow import budget_change, decided, in_force, key, responses
from liftwright.flow.earned import Earned, earned
from liftwright.planning import budget_curves, budget_exchange, budget_moves
from liftwright.planning.budget_exchange import Exchange
from liftwright.planning.budget_moves import Move
from liftwright.ports import Deps

AHEAD = timedelta(hours=24)
"""The touches that move: those of the next day."""
SPREAD = (0.7, 1.0, 1.3)
"""On the first days each channel gets one of these shares of what was planned, in turn, so that its response can be told."""
SLACK = 1e-9
"""Rounding of sums of money."""
SHORTEST = timedelta(days=7)
"""A flight must be this long for days of designed spread."""


@dataclass(frozen=True)
class _Day:
    """The next day's planned sends that move, each with its worth, what else could be sent, and the money of each channel."""

    sends: pa.Table
    touches: list[dict[str, Any]]
    options: list[dict[str, Any]]
    curves: dict[str, budget_curves.Curve]
    spend: dict[str, float]


def rebudget(plan: Plan, *, number: int, deps: Deps) -> int:
    """Move the next day's money between channels, once a day; `number` is the tick's. Returns how many touches changed channel or were given up.

    The ledger notes a move in its own transaction, so a tick that broke off and is repeated does not move twice.
    """
    if not _is_scarce(plan) or has_moved_today(plan, deps):
        return 0
    near = _near(plan, deps)
    known = earned(plan.campaign_id, deps=deps) if near.num_rows else None
    if known is None or not known.sends.num_rows:
        return 0
    day = _day(plan, near, known, deps)
    if len(day.spend) < 2:
        return 0
    is_designed = number <= len(SPREAD) and _is_long(plan)
    moves = _designed(day, number) if is_designed else budget_moves.move(day.curves, day.spend)
    found = budget_exchange.exchanges(
        moves,
        day.touches,
        day.options,
        room=_room(near, deps),
        may_give_up="reduce_sends" in plan.envelope.allows and not is_designed,
        must_pay=not is_designed,
    )
    if not found or _overspends(plan, day, found, deps) or not budget_change.may_move(plan, moves, deps=deps):
        return 0
    return _carry_out(plan, day, moves, found, number=number, deps=deps)


def _is_scarce(plan: Plan) -> bool:
    """Whether one more unit of the budget, or of a channel's, would have bought something in the plan."""
    prices = plan.assignment.prices
    return bool(prices.get("budget") or any(prices.get("channel_budgets", {}).values()))


def has_moved_today(plan: Plan, deps: Deps) -> bool:
    """Whether money of this campaign was moved on this day, of the configured time zone."""
    zone = ZoneInfo(deps.settings.time_zone)
    days = [
        entry.at.astimezone(zone).date()
        for entry in deps.journal.entries(subject=plan.campaign_id)
        if entry.action == in_force.MOVED
    ]
    return bool(days) and days[-1] == deps.now().astimezone(zone).date()


def _near(plan: Plan, deps: Deps) -> pa.Table:
    """What is planned for the next day."""
    planned = deps.ledger.sends(plan.campaign_id, states=("planned",))
    return planned.filter(pc.less(planned["send_at"], pa.scalar(deps.now() + AHEAD, planned.schema.field("send_at").type)))


def _day(plan: Plan, near: pa.Table, known: Earned, deps: Deps) -> _Day:
    """Worth is what was planned, corrected by what the channel has brought of what was planned, less the cost."""
    brings = responses.planned_margin(plan, near, deps=deps)
    spend = {channel: cost for channel, cost in _spent(near).items() if cost > 0.0}
    relative = responses.curves(plan, known, list(spend), deps=deps)
    kept = {channel: float(curve.margin([1.0])[0]) for channel, curve in relative.items()}
    channels = np.array(near["channel"].to_pylist(), dtype=str)
    planned = {channel: float(brings[channels == channel].sum()) for channel in spend}
    spend = {channel: cost for channel, cost in spend.items() if planned[channel] > 0.0}
    rows = near.to_pylist()
    return _Day(
        sends=near,
        touches=[
            row | {"worth": float(margin) * kept.get(row["channel"], 1.0) - row["cost"]}
            for row, margin in zip(rows, brings, strict=True)
            if row["channel"] in spend
        ],
        options=[
            row | {"worth": (row["value"] + row["cost"]) * kept.get(row["channel"], 1.0) - row["cost"]}
            for row in _options(plan, near, deps)
        ],
        curves={channel: relative[channel].scaled(spend=spend[channel], margin=planned[channel]) for channel in spend},
        spend=spend,
    )


def _is_long(plan: Plan) -> bool:
    return plan.objective.ends_on - plan.objective.starts_on + timedelta(days=1) >= SHORTEST


def _designed(day: _Day, number: int) -> tuple[Move, ...]:
    """A day of designed spread, within what may change in a day."""
    names = sorted(day.spend)
    spends = budget_curves.designed([day.spend[name] for name in names], day=number - 1, factors=SPREAD)
    most = budget_moves.MOST_A_DAY
    found = []
    for name, spend in zip(names, spends.tolist(), strict=True):
        before = day.spend[name]
        after = min(max(spend, (1.0 - most) * before), (1.0 + most) * before)
        found.append(Move(channel=name, before=before, after=after, marginal=day.curves[name].marginal(after)))
    return tuple(found)


def _carry_out(plan: Plan, day: _Day, moves: tuple[Move, ...], found: tuple[Exchange, ...], *, number: int, deps: Deps) -> int:
    """Exchange touches in one transaction, and write down what was decided for whom."""
    now, seed, by_id = deps.now(), plan.pins.seed + number, {row["send_id"]: row for row in day.touches}
    sends = [_send(plan, by_id[each.send_id], each.option) for each in found if each.option is not None]
    detail: dict[str, Any] = {
        "rule": "BUDGET",
        "tick": number,
        "before": {"spend": _rounded(_spent(day.sends))},
        "spend": _rounded(_spent_after(day, found)),
        "wanted": {each.channel: round(each.after, 4) for each in moves},
        "marginal_return": {each.channel: round(each.marginal, 3) for each in moves},
        "moved": len(sends),
        "given_up": len(found) - len(sends),
        "policy": decided.policy("budget"),
        "seed": seed,
        "log": decided.keep(_logged(by_id, found, day.options, seed, deps), deps=deps),
    }
    planned = [each.send_id for each in found]
    counts = deps.ledger.replace(plan.campaign_id, planned=planned, sends=sends, now=now, detail=detail, entry=in_force.MOVED)
    in_force.write_down(plan, deps=deps)
    return len(found) if any(counts.values()) else 0


def _spent(sends: pa.Table) -> dict[str, float]:
    """Cost by channel, major units."""
    sums = sends.group_by("channel").aggregate([("cost", "sum")]).to_pylist()
    return {row["channel"]: float(row["cost_sum"]) for row in sorted(sums, key=lambda row: str(row["channel"]))}


def _rounded(spent: dict[str, float]) -> dict[str, float]:
    return {channel: round(cost, 4) for channel, cost in spent.items()}


def _options(plan: Plan, near: pa.Table, deps: Deps) -> list[dict[str, Any]]:
    """What else these people could get in these waves; nothing that takes days to arrive."""
    table = deps.lake.get(plan.assignment.candidates)
    at_once = [name for name in plan.envelope.channels if not _lead_days(name, deps)]
    keep = pc.and_(
        pc.is_in(table["customer_id"], value_set=near["customer_id"].combine_chunks()),
        pc.is_in(table["channel"], value_set=pa.array(at_once, pa.string())),
    )
    names = ["customer_id", "wave", "channel", "offer", "variant", "cost", "value"]
    return list(table.filter(keep).select(names).to_pylist())


def _lead_days(channel: Channel, deps: Deps) -> int:
    found = deps.settings.channels.get(channel)
    return found.lead_days if found is not None else 0


def _room(near: pa.Table, deps: Deps) -> dict[str, int | None]:
    """How many more touches each channel can carry on that day."""
    taken = Counter(near["channel"].to_pylist())
    return {
        channel: None if found.capacity_per_day is None else max(found.capacity_per_day - taken[channel], 0)
        for channel, found in deps.settings.channels.items()
    }


def _spent_after(day: _Day, found: tuple[Exchange, ...]) -> dict[str, float]:
    """Cost of the day by channel once these touches are exchanged, major units."""
    spent, by_id = defaultdict(float, _spent(day.sends)), {row["send_id"]: row for row in day.touches}
    for each in found:
        spent[by_id[each.send_id]["channel"]] -= by_id[each.send_id]["cost"]
        if each.option is not None:
            spent[each.option["channel"]] += each.option["cost"]
    return dict(spent)


def _overspends(plan: Plan, day: _Day, found: tuple[Exchange, ...], deps: Deps) -> bool:
    """Whether the flight, its dearest day or a channel with a budget of its own would cost more than was approved; what is there already
    may stay."""
    sends = deps.ledger.sends(plan.campaign_id, columns=("channel", "cost", "state"))
    dropped = pc.is_in(sends["state"], value_set=pa.array(["cancelled", "suppressed", "failed"]))
    whole, before, after = _spent(sends.filter(pc.invert(dropped))), _spent(day.sends), _spent_after(day, found)
    more = {channel: after[channel] - before.get(channel, 0.0) for channel in after}
    total, most = sum(more.values()), float(plan.envelope.max_total_spend.amount) + in_force.added_cost(plan, deps=deps)
    is_dear = total > SLACK and (
        sum(whole.values()) + total > most + SLACK or sum(after.values()) > float(plan.envelope.max_daily_spend.amount) + SLACK
    )
    budgets = plan.assignment.limits.get("channel_budget") or {}
    return is_dear or any(
        more.get(channel, 0.0) > SLACK and whole.get(channel, 0.0) + more[channel] > float(limit) + SLACK
        for channel, limit in budgets.items()
    )


def _send(plan: Plan, row: dict[str, Any], option: Any) -> Send:
    """The same touch by another channel, at the same moment."""
    name = key.touch(plan.campaign_id, row["customer_id"], option["channel"], row["wave"])
    changes = {
        "send_id": key.of_send(name),
        "idem_key": name,
        "channel": option["channel"],
        "variant_id": option["variant"],
        "cost": option["cost"],
    }
    return Send.model_validate({name: row[name] for name in Send.model_fields} | changes)


def _logged(
    by_id: dict[str, dict[str, Any]], found: tuple[Exchange, ...], options: list[dict[str, Any]], seed: int, deps: Deps
) -> list[dict[str, Any]]:
    """Decisions without chance: what was moved was bound to be, so no other policy can be judged by them."""
    open_to: dict[tuple[Any, ...], set[str]] = defaultdict(lambda: {"none"})
    for option in options:
        open_to[option["customer_id"], option["wave"], option["offer"]].add(option["channel"])
    rows = []
    for each in found:
        row = by_id[each.send_id]
        chosen = each.option["channel"] if each.option else "none"
        eligible = sorted(open_to[row["customer_id"], row["wave"], row["offer"]] | {row["channel"]})
        rows.append(
            {
                "decision_id": each.send_id,
                "customer_id": row["customer_id"],
                "subject": f"budget:{row['channel']}:{row['offer']}",
                "decided_at": deps.now(),
                "eligible": eligible,
                "chances": [float(name == chosen) for name in eligible],
                "chosen": chosen,
                "propensity": 1.0,
                "policy": decided.policy("budget"),
                "seed": seed,
            }
        )
    return rows
