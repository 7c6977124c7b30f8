"""Facts of a plan and of a text for the rules, computed from the objects handed in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from liftwright.domain.goal import Objective
from liftwright.domain.plan import Plan
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Variant
from liftwright.settings import Settings
from liftwright.settings.sender import MAIL_CHECKS

_TRAIT = re.compile(
    r"(?:^|_)(?:age|years_old|birth\w*|sex|gender|female|male|zip|zipcode|postcode|postal|neighbou?rhood)(?:_|$)", re.IGNORECASE
)
"""Names of features that stand for age, sex or where somebody lives (and so, often, for what they look like)."""


def plan_facts(
    plan: Plan,
    *,
    settings: Settings,
    expected_margin_rate: float | None = None,
    complaint_rate_7d: float | None = None,
    features: Sequence[str] = (),
) -> dict[str, Any]:
    """The declared plan facts. Money in major units of the cost's currency; a budget in another currency is a missing fact.

    `expected_margin_rate` is the plan's own forecast of it (share of what buyers pay). Without one it is the mean over planned touches of
    `(rate - discount) / (1 - discount)`: what a sale at the configured margin rate still earns after the touch's discount. `features` are the names of what models may see of people.
    """
    objective, cost, budget = plan.objective, plan.forecast.cost, plan.objective.budget
    discounts = {offer.name: offer.discount for offer in plan.offers}
    used = {name: touches for name, touches in plan.assignment.by_offer.items() if touches > 0}
    rate = margin_rate(used, discounts, base=settings.margin.rate) if expected_margin_rate is None else expected_margin_rate
    money = {
        "send_on": objective.starts_on,
        "cost": float(cost.amount),
        "has_budget": budget is not None,
        "budget": float(budget.amount) if budget is not None and budget.currency == cost.currency else None,
        "expected_margin_rate": round(rate, 9),
        "margin_floor": margin_floor(objective, settings=settings),
        "discount_used": max((discounts.get(name, 0.0) for name in used), default=0.0),
        "discounts_used": len({round(discounts.get(name, 0.0), 9) for name in used}),
        "discount_limit": discount_limit(objective, settings=settings),
        "expected_gain": plan.forecast.incremental_margin.mid,
        "stock_shortfall": stock_shortfall(plan),
        "complaint_rate_7d": complaint_rate_7d,
    }
    return money | _people(plan) | _sender(plan, settings=settings) | _models(settings, features)


def _people(plan: Plan) -> dict[str, Any]:
    """Facts of a plan about whom it contacts, and about what."""
    return {
        "broken_limits": plan.assignment.violations,
        "holdout_share": plan.experiment.holdout_share,
        "holdout_people": plan.audience.holdout,
        "selected_people": plan.audience.selected,
        "selected_share": plan.audience.selected / plan.audience.population if plan.audience.population else 0.0,
        "touches": plan.assignment.touches,
        "uses_paid_social": bool(_channels(plan) & {"paid_social", "display"}),
        "uses_voice": "voice" in _channels(plan),
        "product": plan.objective.product,
    }


def _channels(plan: Plan) -> set[str]:
    return {channel for channel, touches in plan.assignment.by_channel.items() if touches > 0}


def _models(settings: Settings, features: Sequence[str]) -> dict[str, Any]:
    """Facts of a plan about what its models may see of people."""
    return {
        "special_tags": len(set(settings.features.allowed_tags) - {"direct"}),
        "traits_seen": sum(bool(_TRAIT.search(name)) for name in features),
    }


def _sender(plan: Plan, *, settings: Settings) -> dict[str, Any]:
    """Facts of a plan about who sends, and about its e-mail."""
    touches, sender = plan.assignment.by_channel.get("email", 0), settings.sender
    channel = settings.channels.get("email")
    return {
        "sender_gaps": len(sender.gaps),
        "sender_is_simulated": sender.simulated,
        "live_channels": sum(way.live for name, way in settings.channels.items() if name in _channels(plan)),
        "uses_email": touches > 0,
        "email_is_live": channel is not None and channel.live,
        "email_touches": touches,
        "has_one_click": sender.unsubscribe_url.strip().lower().startswith("https://"),
        "owns_from": sender.owns_from,
        "mail_gaps": len(set(MAIL_CHECKS) - set(sender.mail_checked)),
    }


def content_facts(
    measured: Mapping[str, Any],
    *,
    variant: Variant | None = None,
    channel: Channel | None = None,
    country: str | None,
    send_on: date,
) -> dict[str, Any]:
    """The declared content facts: what was measured on the text (`content.reading.facts`) and where and when it goes.

    A null country means that every country's rules apply.
    """
    named = variant.channel if variant is not None else channel
    subject = {"variant_id": variant.variant_id} if variant is not None else {}
    return {**measured, **subject, "channel": named, "country": country.upper() if country else None, "send_on": send_on}


def margin_rate(touches: Mapping[str, int], discounts: Mapping[str, float], *, base: float) -> float:
    """Mean margin rate after discount, weighted by touches; `base` when nothing is planned. A discount of everything earns -1."""
    total = sum(touches.values())
    if total == 0:
        return base
    return sum(count * _after(discounts.get(name, 0.0), base=base) for name, count in touches.items()) / total


def margin_floor(objective: Objective, *, settings: Settings) -> float:
    """The configured floor or the goal's, whichever is higher."""
    return max(settings.margin.floor, _share(objective, "margin_floor", default=0.0))


def discount_limit(objective: Objective, *, settings: Settings) -> float:
    """The configured limit or the goal's, whichever is lower; 0 where the goal allows no discount."""
    if objective.constraint("no_discount") is not None:
        return 0.0
    return min(settings.limits.max_discount, _share(objective, "max_discount", default=1.0))


def stock_shortfall(plan: Plan) -> int:
    """Touches with an offer beyond its stock, over all offers that have one."""
    return sum(
        max(0, plan.assignment.by_offer.get(offer.name, 0) - offer.stock) for offer in plan.offers if offer.stock is not None
    )


def _after(discount: float, *, base: float) -> float:
    return (base - discount) / (1 - discount) if discount < 1 else -1.0


def _share(objective: Objective, kind: Any, *, default: float) -> float:
    constraint = objective.constraint(kind)
    return float(constraint.value) if constraint is not None and isinstance(constraint.value, int | float) else default
