"""What a goal asks for that the plan does not do: words nobody understood, unknown products, limits beyond the house's, targets out of reach."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from scipy.stats import norm

from liftwright.agents.bench.audience import measured_as
from liftwright.agents.bench.baseline import baseline
from liftwright.agents.bench.data import OUTCOME_DAYS, Data
from liftwright.agents.bench.scores import Scores
from liftwright.domain.goal import Assumption, Objective
from liftwright.domain.money import Money
from liftwright.domain.plan import Forecast
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
from liftwright.planning import forecast as forecasts
from liftwright.planning.goals import leftovers

UNLIKELY = 0.05
"""A target reached with a smaller chance than this is out of reach."""
LIKELY = 0.80


def unread(assumptions: Sequence[Assumption]) -> tuple[Finding, ...]:
    """Words of the goal that nobody understood; those that may set a limit need a yes."""
    return tuple(
        Finding(
            rule="GOAL-NOT-UNDERSTOOD",
            severity="needs_approval" if found.effect == leftovers.MAY_LIMIT else "warn",
            subject=found.value,
            says=f"Not understood: '{found.value}'. The plan does nothing about these words.",
            fix="Say it in other words, or approve the plan without it.",
        )
        for found in assumptions
        if found.field == leftovers.NOT_UNDERSTOOD
    )


def beyond(data: Data, scores: Scores, objective: Objective, forecast: Forecast) -> tuple[Finding, ...]:
    """What of an objective the data, the house or the expected effect do not allow."""
    return (
        *_unknown_product(data, objective),
        *_discount_above_limit(data, objective),
        *_minimum_order(objective),
        *_out_of_reach(data, scores, objective, forecast),
    )


def too_late(data: Data, channels: Sequence[Channel]) -> tuple[Finding, ...]:
    """Channels whose lead time leaves no wave of the flight that would land within it."""
    return tuple(
        Finding(
            rule="LEAD-TIME",
            severity="info",
            subject=channel,
            says=f"What goes out by {channel.replace('_', ' ')} lands {data.deps.settings.channels[channel].lead_days} days after it is"
            " handed over; no wave of this flight would land before it ends.",
            fix="Give the campaign more days.",
        )
        for channel in channels
    )


def target_margin(data: Data, scores: Scores, objective: Objective) -> float | None:
    """The incremental margin a goal's target asks for, major units; None without a target or where it cannot be said in margin."""
    line = _in_margin(data, scores, objective)
    return None if line is None or objective.target is None else line[0] * (objective.target.value - line[1])


def _in_margin(data: Data, scores: Scores, objective: Objective) -> tuple[float, float] | None:
    """Margin per unit of the target, and what of the target is there without a campaign."""
    target, rate = objective.target, data.deps.settings.margin.rate
    if target is None or objective.direction != "increase":
        return None
    spans = len(data.ids) * objective.days / OUTCOME_DAYS
    if target.unit == "percent":
        return None if target.is_level else (baseline(data, "margin")[0] * spans, 0.0)
    usual = baseline(data, measured_as(objective))[0] * spans if target.is_level else 0.0
    if target.unit == "money":
        return (1.0 if objective.metric in ("margin", "incremental_margin") else rate), usual
    if target.unit == "absolute" and objective.metric == "orders":
        return float(scores.order_revenue.mean()) * rate, usual
    return None


def _out_of_reach(data: Data, scores: Scores, objective: Objective, forecast: Forecast) -> Iterator[Finding]:
    chance, line = forecast.probability_of_target, _in_margin(data, scores, objective)
    if chance is None or chance >= UNLIKELY or line is None:
        return
    expected = forecast.incremental_margin
    sd = (expected.high - expected.low) / (2 * float(norm.ppf(0.5 + expected.level / 2)))
    within = forecasts.reachable(mid=expected.mid, sd=sd, chance=LIKELY)
    asked = _amount(data, objective, objective.target.value if objective.target else 0.0)
    if within > 0 and line[0] > 0:
        nearest = f"the nearest goal that is reached with a chance of {LIKELY:.0%} is {_amount(data, objective, line[1] + within / line[0])}"
    else:
        nearest = f"no gain at all is reached with a chance of {LIKELY:.0%}"
    said = "less than 1%" if chance < 0.01 else f"{chance:.0%}"
    yield Finding(
        rule="TARGET-OUT-OF-REACH",
        severity="warn",
        subject="target",
        says=f"The target of {asked} is reached with a chance of {said}; {nearest}.",
        fix="Lower the target, or give the campaign more time, more people, more channels or a deeper offer.",
    )


def _amount(data: Data, objective: Objective, value: float) -> str:
    """A size in the unit of the objective's target."""
    target = objective.target
    to = "to " if target is not None and target.is_level else "+"
    if target is not None and target.unit == "percent":
        return f"{to}{value * 100:.3g} %"
    if target is not None and target.unit == "money":
        return f"{to}{Money.of(value, data.deps.settings.currency)}"
    return f"{to}{value:,.0f} {objective.metric.replace('_', ' ')}"


def _discount_above_limit(data: Data, objective: Objective) -> Iterator[Finding]:
    asked, house = objective.constraint("max_discount"), data.deps.settings.limits.max_discount
    if asked is not None and isinstance(asked.value, int | float) and asked.value > house + 1e-9:
        yield Finding(
            rule="DISCOUNT-ABOVE-LIMIT",
            severity="warn",
            subject="discount",
            says=f"The goal speaks of {asked.value:.0%} off ('{asked.quote}'); the house allows at most {house:.0%}, and that limit applies.",
            fix=f"Go on with at most {house:.0%}, or raise limits.max_discount.",
        )


def _minimum_order(objective: Objective) -> Iterator[Finding]:
    asked = objective.constraint("minimum_order")
    if asked is not None:
        yield Finding(
            rule="GOAL-LIMIT-NOT-APPLIED",
            severity="needs_approval",
            subject="minimum_order",
            says=f"'{asked.quote}' was understood, but the plan does not check the size of an order.",
            fix="Set the smallest order in the shop where the offer is redeemed.",
        )


def _unknown_product(data: Data, objective: Objective) -> Iterator[Finding]:
    product = objective.product
    if product is None or _stem(product.split()[-1]) in _goods(data):
        return
    products = data.tables.get("products")
    count = products.num_rows if products is not None else 0
    why = f"None of the {count:,} products is" if count else "No imported file names products, so none is"
    yield Finding(
        rule="PRODUCT-UNKNOWN",
        severity="warn",
        subject=product,
        says=f"{why} known as '{product}'. The plan keeps the words, but who buys them, and what they earn, is not known.",
        fix="Import products (liftwright import FILE --as products), or say which category is meant.",
    )


def _goods(data: Data) -> frozenset[str]:
    """Stems of all words that name goods in this workspace: products, their categories, what customers' columns and past offers are called."""
    products = data.tables.get("products")
    texts: list[str] = [*data.features.column_names, *(offer.name for offer in data.offers)]
    for name in ("name", "category", "product_id"):
        if products is not None and name in products.column_names:
            texts += [text for text in products[name].unique().to_pylist() if isinstance(text, str)]
    return frozenset(_stems(texts))


def _stems(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (_stem(word) for word in re.split(r"[\s_/,;()-]+", text))


def _stem(word: str) -> str:
    plain = re.sub(r"[^\w]", "", word.lower())
    return (
        re.sub(r"(?<=[a-z]{2})(?:ies|y)$", "i", plain)
        if plain.endswith(("ies", "y"))
        else re.sub(r"(?<=\w\w)(?:es|s)$", "", plain)
    )
