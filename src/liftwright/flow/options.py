"""One person's options in money, what forbids the others, and the limits they compete under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.compute as pc

from liftwright.agents.bench import Bench, solving
from liftwright.agents.bench.audience import flight_waves
from liftwright.audience import selection
from liftwright.domain.plan import Plan
from liftwright.domain.treatment import NO_OFFER
from liftwright.planning import treatments

TERMS = {"margin": "term_margin", "contact_cost": "term_cost", "incentive": "term_incentive", "fatigue": "term_fatigue"}


def of(plan: Plan, person: str, *, bench: Bench, left_out: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Every option of a person: each stored candidate, and each action that was not one, with what forbids it.

    `terms` add up to `value`, the expected incremental margin of the touch in major units; `price` is what it uses of scarce limits.
    `left_out`: the steps of the funnel that left this person out, which forbid every option.
    """
    table = bench.deps.lake.get(plan.assignment.candidates)
    stored = table.filter(pc.equal(table["customer_id"], person)).to_pylist()
    found = [_stored(row, plan) for row in stored]
    there = {(row["channel"], row["offer"]) for row in stored}
    found += [option for option in _others(plan, person, bench, left_out) if (option["channel"], option["offer"]) not in there]
    return sorted(found, key=lambda option: (not option["allowed"], -option["value"], option["channel"], option["offer"]))


def left_out(plan: Plan, person: str, *, bench: Bench) -> list[str]:
    """The steps of the funnel, by the goal's words, that this person does not pass."""
    data = bench.data
    index = int(np.flatnonzero(data.ids == person)[0])
    found = []
    for step in (step.step for step in plan.audience.funnel if step.rule == "goal"):
        keeps, _, phrase = step.partition(" ")
        mask = selection.match_people(phrase, people=data.people, features=data.features, tables=data.tables, as_of=data.as_of)
        if mask is not None and bool(mask[index]) != (keeps == "only"):
            found.append(step)
    return found


def _stored(row: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    return {
        "channel": row["channel"],
        "offer": row["offer"],
        "wave": row["wave"],
        "send_on": row["send_on"].isoformat(),
        "value": row["value"],
        "terms": {name: row[column] for name, column in TERMS.items()},
        "price": price(row, plan),
        "allowed": True,
        "blocked_by": [],
    }


def _others(plan: Plan, person: str, bench: Bench, left_out: Sequence[str]) -> list[dict[str, Any]]:
    """Actions without a stored candidate, valued as a first touch by the same models and economics."""
    data = bench.data
    index = int(np.flatnonzero(data.ids == person)[0])
    economics = solving.economics_of(data, bench.scored, plan.objective, np.array([index]))
    rules = _blocking(person, bench)
    waves = flight_waves(data, plan.objective, touches=int(plan.assignment.limits["per_person_cap"]))
    effects = bench.scored.effects
    least = solving.least_z(effects, sure=any(step.rule == "past test" for step in plan.audience.funnel))
    found = []
    for place, action in enumerate(data.actions):
        channel, offer = treatments.action_parts(action)
        effect, error = effects.values[[index], place], effects.errors[index, place]
        worth = treatments.terms(effect, channel=channel, offer=offer, wave=1, economics=economics)
        terms = {name: float(worth[column][0]) for name, column in TERMS.items()}
        value = sum(terms.values())
        blocked = [
            *rules.get(channel, ()),
            *(["GOAL-PEOPLE"] if left_out else []),
            *_unused(plan, channel, offer, economics),
            *(["HOUSEHOLD"] if channel == "direct_mail" and not rules.get(channel) and not data.allowed[channel][index] else []),
            *(["EFFECT-UNSURE"] if least > 0.0 and 0.0 < effect[0] <= least * error else []),
            *([] if value > 0 else ["DO-NOTHING-IS-WORTH-MORE"]),
        ]
        what = {"channel": channel, "offer": offer, "wave": 1, "send_on": waves[0].send_on.isoformat() if waves else None}
        found.append(what | {"value": value, "terms": terms, "price": 0.0, "allowed": not blocked, "blocked_by": blocked})
    return found


def _blocking(person: str, bench: Bench) -> dict[str, list[str]]:
    verdicts = bench.data.verdicts
    mine = verdicts.filter(pc.equal(verdicts["customer_id"], person)).to_pylist()
    return {row["channel"]: list(row["rules"]) for row in mine if row["outcome"] == "block"}


def _unused(plan: Plan, channel: str, offer: str, economics: treatments.Economics) -> list[str]:
    """The plan's own reasons to leave an action out: its channels, offers and texts, and the margin that an offer would leave."""
    reasons = []
    if channel not in plan.envelope.channels:
        reasons.append("PLAN-CHANNEL")
    if offer not in (NO_OFFER, *(each.name for each in plan.offers)):
        reasons.append("PLAN-OFFER")
    if not any((text.channel, text.offer) == (channel, offer) for text in plan.variants):
        reasons.append("PLAN-TEXT")
    if not treatments.keeps_floor(offer, economics=economics)[0]:
        reasons.append("MARGIN-FLOOR")
    return reasons


def price(row: Mapping[str, Any], plan: Plan) -> float:
    """What one touch uses of scarce limits, at the prices of the solution, major units."""
    prices = plan.assignment.prices
    cost, channel = float(row["cost"]), row["channel"]
    by_wave = prices.get("channel_waves", {}).get(channel, {})
    return (
        float(prices.get("budget", 0.0)) * cost
        + float(by_wave.get(str(row["wave"]), 0.0))
        + float(prices.get("channel_budgets", {}).get(channel, 0.0)) * cost
        + float(prices.get("offers", {}).get(row["offer"], 0.0)) * float(row["stock_use"])
    )


def binding(plan: Plan) -> list[str]:
    """The limits that hold the plan back, and what one more unit of each would bring."""
    prices = plan.assignment.prices
    found = []
    if prices.get("budget", 0.0) > 0:
        found.append(f"budget: one more unit of money would bring {prices['budget']:.2f}")
    found += [
        f"capacity of {name}: one more touch would bring {value:.2f}"
        for name, value in sorted(prices.get("channels", {}).items())
        if value > 0
    ]
    found += [
        f"budget of {name}: one more unit of money would bring {value:.2f}"
        for name, value in sorted(prices.get("channel_budgets", {}).items())
        if value > 0
    ]
    found += [
        f"stock of {name}: one more would bring {value:.2f}"
        for name, value in sorted(prices.get("offers", {}).items())
        if value > 0
    ]
    return found


def would_change(
    plan: Plan,
    options: Sequence[Mapping[str, Any]],
    chosen: Sequence[Mapping[str, Any]],
    audience: Sequence[Mapping[str, Any]],
    *,
    draws: Sequence[Mapping[str, Any]] = (),
    left_out: Sequence[str] = (),
) -> list[str]:
    """What would have to be different for another outcome, everybody else and the prices of the plan being as they are.

    `draws`: this person's decisions that the lot took.
    """
    if audience and audience[0]["arm"] == "holdout":
        return ["being drawn into the treated arm: the holdout is never contacted"]
    if left_out:
        return [f"being among the people the goal asks for: '{step}' left this person out" for step in left_out]
    free = [option for option in options if option["allowed"]]
    blocked = [option for option in options if not option["allowed"] and option["value"] > 0]
    lots = [_lot(draw) for draw in draws]
    found = [_opened(option) for option in blocked[:3]]
    planned = [row for row in chosen if not row.get("randomised")]
    if planned:
        worst = min(float(row["value"]) - price(row, plan) for row in planned)
        return [
            *lots,
            f"a touch worth {max(worst, 0.0):.2f} less: at the prices of this plan doing nothing is then better",
            *found,
        ]
    if lots:
        return [*lots, *found]
    if free:
        best = max(float(option["value"]) - float(option["price"]) for option in free)
        return [
            f"an option worth {max(-best, 0.0):.2f} more: at the prices of this plan the best one is worth less than what it takes from others",
            *found,
        ]
    return found or _worth_more(options)


def _worth_more(options: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of a person whose every option loses: how much the best of them lacks, and what else keeps it closed."""
    if not options:
        return []
    best = max(options, key=lambda option: float(option["value"]))
    closed = f"; it is also closed by {', '.join(best['blocked_by'])}" if best["blocked_by"] else ""
    return [f"{best['channel']}:{best['offer']} being worth {-float(best['value']):.2f} more: no contact pays now{closed}"]


def _opened(option: Mapping[str, Any]) -> str:
    reasons = ", ".join(option["blocked_by"])
    return f"{option['channel']}:{option['offer']} being allowed (worth {option['value']:.2f}; now {reasons})"


def _lot(draw: Mapping[str, Any]) -> str:
    got = "no contact" if draw["channel"] is None else f"{draw['channel']}:{draw['offer']}"
    return (
        f"another draw in wave {draw['wave']}: the lot gave {got}, one of {draw['outcomes']} equally likely outcomes, so that the next"
        f" campaign can learn (chance of it in this plan {draw['propensity']:.1%})"
    )


def reasons(person: str, action: str | None, *, bench: Bench) -> list[dict[str, Any]]:
    """The features that move the effect of one action on this person most, when a model can rank people at all.

    Without a randomised history the assumed effect follows the chance to buy, and its reasons are given.
    """
    effects = bench.scored.effects
    if action is None or (effects.is_tested and not effects.ranked_by):
        return []
    index = int(np.flatnonzero(bench.data.ids == person)[0])
    features = bench.scored.features if effects.is_tested else bench.data.features
    row = {name: features[name][index].as_py() for name in features.column_names if name != "customer_id"}
    if effects.is_tested:
        found = bench.scored.model(effects.ranked_by).why(row, action)
    else:
        chance = bench.scored.chance_model
        found = chance.why(row) if chance is not None else []
    return [reason.model_dump(mode="json") for reason in found]
