"""Money between the channels of a running campaign: the next day's touches follow what each channel's money has brought so far.

Only where money is scarce: where the plan's budget bought every touch that pays, moving it gains nothing and costs the better touches.
Within what was approved: the approved channels, offers and texts, the same people, no more money in all, at most 30 % up or down per channel
and day, no channel below 5 %. Where the approval does not allow it, the first move is asked for (`budget_change`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.campaign import Send
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import budget_change, decided, launch, responses
from liftwright.flow.earned import earned
from liftwright.planning import budget_curves, budget_exchange, budget_moves
from liftwright.planning.budget_exchange import Exchange
from liftwright.planning.budget_moves import Move
from liftwright.ports import Deps

AHEAD = timedelta(hours=24)
"""The touches that move: those of the next day."""
SPREAD = (0.7, 1.0, 1.3)
"""On the first days each channel gets one of these shares of what was planned, in turn, so that its response can be told."""
SHORTEST = timedelta(days=7)
"""A flight must be this long for days of designed spread."""


def rebudget(plan: Plan, *, number: int, deps: Deps) -> int:
    """Move the next day's money between channels; `number` is the tick's. Returns how many touches changed channel or were given up."""
    if not _is_scarce(plan):
        return 0
    now = deps.now()
    planned = deps.ledger.sends(plan.campaign_id, states=("planned",))
    near = planned.filter(pc.less(planned["send_at"], pa.scalar(now + AHEAD, planned.schema.field("send_at").type)))
    known = earned(plan.campaign_id, deps=deps) if near.num_rows else None
    if known is None or not known.sends.num_rows:
        return 0
    curves = responses.curves(plan, known, deps=deps)
    today = {channel: spent for channel, spent in _spent(near).items() if channel in curves}
    if len(today) < 2 or sum(today.values()) <= 0.0:
        return 0
    moves = _moves(plan, curves, today, number=number)
    if all(abs(each.after - each.before) < 1e-9 for each in moves):
        return 0
    if not budget_change.may_move(plan, moves, deps=deps):
        return 0
    return _carry_out(plan, moves, near, number=number, deps=deps)


def _is_scarce(plan: Plan) -> bool:
    """Whether one more unit of the budget, or of a channel's, would have bought something in the plan."""
    prices = plan.assignment.prices
    return bool(prices.get("budget") or any(prices.get("channel_budgets", {}).values()))


def _moves(plan: Plan, curves: dict[str, budget_curves.Curve], today: dict[str, float], *, number: int) -> tuple[Move, ...]:
    """A designed day at the start of a flight that is long enough, else the best split of what the curves expect."""
    length = plan.objective.ends_on - plan.objective.starts_on + timedelta(days=1)
    if number > len(SPREAD) or length < SHORTEST:
        return budget_moves.move(curves, today, least_return=1.0)
    names = sorted(today)
    spends = budget_curves.designed([today[name] for name in names], day=number - 1, factors=SPREAD)
    limited = [min(max(float(spend), 0.7 * today[name]), 1.3 * today[name]) for name, spend in zip(names, spends, strict=True)]
    return tuple(
        Move(channel=name, before=today[name], after=after, marginal=curves[name].marginal(after))
        for name, after in zip(names, limited, strict=True)
    )


def _carry_out(plan: Plan, moves: tuple[Move, ...], near: pa.Table, *, number: int, deps: Deps) -> int:
    """Exchange touches in one transaction, and write down what was decided for whom."""
    touches, options = _valued(plan, near, deps), _options(plan, near, deps)
    found = budget_exchange.exchanges(
        moves,
        touches,
        options,
        room=_room(near, deps),
        may_give_up="reduce_sends" in plan.envelope.allows,
    )
    if not found or _overspends(plan, touches, found, deps):
        return 0
    now, by_id = deps.now(), {row["send_id"]: row for row in touches}
    sends = [_send(plan, by_id[each.send_id], each.option) for each in found if each.option is not None]
    before, seed = _spent(near), plan.pins.seed + number
    detail = {"rule": "BUDGET", "tick": number}
    counts = deps.ledger.replace(
        plan.campaign_id,
        planned=[each.send_id for each in found],
        sends=sends,
        now=now,
        detail=detail,
        entry="campaign.rebudgeted",
    )
    changed = counts["added"] + counts["changed"]
    if not any(counts.values()):
        return 0
    after: dict[str, Any] = {
        "spend": _rounded(_spent(_near_now(plan, deps))),
        "wanted": {each.channel: round(each.after, 4) for each in moves},
        "marginal_return": {each.channel: round(each.marginal, 3) for each in moves},
        "moved": changed,
        "given_up": len(found) - len(sends),
        "policy": decided.policy("budget"),
        "seed": seed,
        "log": decided.keep(_logged(by_id, found, options, seed, deps), deps=deps),
    }
    action = Action(at=now, kind="rebudget", rule="BUDGET", before={"spend": _rounded(before)}, after=after, by="liftwright")
    deps.campaigns.record_action(plan.campaign_id, action)
    return changed + len(found) - len(sends)


def _spent(sends: pa.Table) -> dict[str, float]:
    """Cost by channel, major units."""
    sums = sends.group_by("channel").aggregate([("cost", "sum")]).to_pylist()
    return {row["channel"]: float(row["cost_sum"]) for row in sorted(sums, key=lambda row: str(row["channel"]))}


def _rounded(spent: dict[str, float]) -> dict[str, float]:
    return {channel: round(cost, 4) for channel, cost in spent.items()}


def _near_now(plan: Plan, deps: Deps) -> pa.Table:
    planned = deps.ledger.sends(plan.campaign_id, states=("planned",))
    return planned.filter(pc.less(planned["send_at"], pa.scalar(deps.now() + AHEAD, planned.schema.field("send_at").type)))


def _valued(plan: Plan, near: pa.Table, deps: Deps) -> list[dict[str, Any]]:
    """The day's sends with the value the plan's solver gave the option they stand for; 0 where it is not known."""
    table = deps.lake.get(plan.assignment.candidates).select(["customer_id", "wave", "channel", "offer", "value"])
    mine = table.filter(pc.is_in(table["customer_id"], value_set=near["customer_id"].combine_chunks()))
    value = {(row["customer_id"], row["wave"], row["channel"], row["offer"]): row["value"] for row in mine.to_pylist()}
    rows = near.to_pylist()
    return [row | {"value": value.get((row["customer_id"], row["wave"], row["channel"], row["offer"]), 0.0)} for row in rows]


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


def _lead_days(channel: str, deps: Deps) -> int:
    found = deps.settings.channels.get(channel)  # type: ignore[call-overload]
    return found.lead_days if found is not None else 0


def _room(near: pa.Table, deps: Deps) -> dict[str, int | None]:
    """How many more touches each channel can carry on that day."""
    taken = Counter(near["channel"].to_pylist())
    return {
        channel: None if found.capacity_per_day is None else max(found.capacity_per_day - taken[channel], 0)
        for channel, found in deps.settings.channels.items()
    }


def _overspends(plan: Plan, touches: list[dict[str, Any]], found: tuple[Exchange, ...], deps: Deps) -> bool:
    """Whether the flight would cost more than was approved."""
    sends = deps.ledger.sends(plan.campaign_id)
    dropped = pc.is_in(sends["state"], value_set=pa.array(["cancelled", "suppressed", "failed"]))
    whole = float(pc.sum(sends.filter(pc.invert(dropped))["cost"]).as_py() or 0.0)
    cost = {row["send_id"]: row["cost"] for row in touches}
    more = sum((each.option["cost"] if each.option else 0.0) - cost[each.send_id] for each in found)
    return bool(more > 0 and whole + more > float(plan.envelope.max_total_spend.amount) + 1e-9)


def _send(plan: Plan, row: dict[str, Any], option: Any) -> Send:
    """The same touch by another channel, at the same moment."""
    key = launch.key_of(plan.campaign_id, row["customer_id"], option["channel"], row["wave"])
    changes = {
        "send_id": launch.id_of(key),
        "idem_key": key,
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
