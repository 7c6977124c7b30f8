"""From what was heard to one objective: defaults stated as assumptions, nothing without words for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar, get_args

from liftwright.domain.goal import Assumption, Constraint, Direction, Metric, Objective, Target
from liftwright.domain.money import Money
from liftwright.domain.profile import CHANNELS, OWNED_CHANNELS, Channel
from liftwright.planning.goals import leftovers, limits, metric, people
from liftwright.planning.goals.said import Heard
from liftwright.planning.goals.text import Said

T = TypeVar("T")
PAID_CHANNELS: tuple[Channel, ...] = tuple(channel for channel in CHANNELS if channel not in OWNED_CHANNELS)
assert set(get_args(Channel)) == set(PAID_CHANNELS) | OWNED_CHANNELS


@dataclass
class Draft:
    """The parts of an objective as far as they were said."""

    metric: Metric | None = None
    direction: Direction | None = None
    target: Target | None = None
    product: str | None = None
    span: tuple[date, date] | None = None
    budget: Money | None = None
    constraints: tuple[Constraint, ...] = ()
    missing: tuple[str, ...] = ()
    assumptions: list[Assumption] = field(default_factory=list)


def last(said: tuple[Said[T], ...]) -> Said[T] | None:
    """What was said last, if anything."""
    return said[-1] if said else None


def wanted_channels(heard: Heard) -> tuple[Channel, ...]:
    """Channels that alone are to be used, in the order named; empty when none was singled out."""
    named = [said.value for said in heard.means if said.value.is_wanted]
    if named and all(means.is_added for means in named):
        return ()
    return tuple(dict.fromkeys(means.channel for means in named))


def refused_channels(heard: Heard) -> tuple[Channel, ...]:
    """Channels not to be used, in the order named."""
    return tuple(dict.fromkeys(said.value.channel for said in heard.means if not said.value.is_wanted))


def is_owned_only(heard: Heard) -> bool:
    """Whether all channels left cost next to nothing."""
    wanted = wanted_channels(heard)
    left = set(wanted or CHANNELS) - set(refused_channels(heard))
    return bool(left) and left <= OWNED_CHANNELS


def draft(heard: Heard, *, today: date) -> Draft:
    """Settle every field; essentials that were not said are in `missing`."""
    made = Draft()
    made.metric, made.product = _metric(heard, made.assumptions), _product(heard)
    if made.metric:
        directions = [said.value for said in heard.directions]
        made.direction = directions[-1] if directions else metric.usual_direction(made.metric)
    made.target = _target(heard)
    made.span = _span(heard, made.assumptions, today=today)
    made.budget = _budget(heard, made.assumptions)
    made.constraints = _constraints(heard, made.metric)
    made.missing = _missing(made, heard)
    made.assumptions += _others(heard)
    return made


def objective(made: Draft) -> Objective:
    """The objective of a draft that misses nothing and contradicts nothing."""
    assert made.metric is not None
    assert made.span is not None
    return Objective(
        metric=made.metric,
        direction=made.direction or "increase",
        target=made.target,
        product=made.product,
        starts_on=made.span[0],
        ends_on=made.span[1],
        budget=made.budget,
        constraints=made.constraints,
    )


def _metric(heard: Heard, assumptions: list[Assumption]) -> Metric | None:
    if heard.metrics:
        others = tuple(dict.fromkeys(said.value for said in heard.metrics if said.value != heard.metrics[0].value))
        if others:
            because = f"'{heard.metrics[0].quote}' stands first or beside the change asked for; one campaign moves one number"
            assumptions.append(
                Assumption(field="metric", value=heard.metrics[0].value, because=because, effect="the others are not optimised")
            )
        return heard.metrics[0].value
    said = last(heard.products)
    if said is None:
        return None
    if said.value.count or any(target.value.unit == "absolute" for target in heard.targets):
        because = "a number of items to sell was named; it is counted in orders"
        assumptions.append(
            Assumption(
                field="metric", value="orders", because=because, effect="one order counts once, however many items are in it"
            )
        )
        return "orders"
    if not said.value.is_sold and said.value.name is None:
        return None
    because = f"'{said.quote}' names no number; selling more is read as more revenue"
    assumptions.append(
        Assumption(
            field="metric", value="revenue", because=because, effect="whom to reach is still decided by incremental margin"
        )
    )
    return "revenue"


def _product(heard: Heard) -> str | None:
    named = [said.value.name for said in heard.products if said.value.name]
    return named[0] if named else None


def _target(heard: Heard) -> Target | None:
    if heard.targets:
        return heard.targets[-1].value
    counts = [said.value.count for said in heard.products if said.value.count]
    return Target(value=counts[-1], unit="absolute") if counts else None


def _span(heard: Heard, assumptions: list[Assumption], *, today: date) -> tuple[date, date] | None:
    said = last(heard.windows)
    if said is None:
        return None
    span = said.value.settled(today)
    if span is None:
        return None
    first, end = span
    if said.value.first is None:
        assumptions.append(
            Assumption(field="starts_on", value=today.isoformat(), because="no start was named", effect="the flight starts today")
        )
    elif first < today <= end:
        because = "the period named has already begun"
        assumptions.append(
            Assumption(field="starts_on", value=today.isoformat(), because=because, effect="only the days left are planned")
        )
        first = today
    if said.value.note:
        assumptions.append(Assumption(field="ends_on", value=end.isoformat(), because=said.value.note))
    return first, end


def _budget(heard: Heard, assumptions: list[Assumption]) -> Money | None:
    said, need = last(heard.budgets), last(heard.needs)
    if said is not None:
        if said.because:
            assumptions.append(Assumption(field="budget", value=str(said.value), because=said.because))
        return said.value if said.value.minor else None
    if need is not None and need.value == "open":
        because = f"'{need.quote}' sets no limit"
        effect = "money is spent as long as a contact is expected to earn more than it costs"
        assumptions.append(Assumption(field="budget", value="no limit", because=because, effect=effect))
    elif need is None and is_owned_only(heard):
        because = "only channels that cost next to nothing are used"
        assumptions.append(
            Assumption(field="budget", value="no limit", because=because, effect="contact costs still count against the margin")
        )
    return None


def has_no_money(heard: Heard) -> str | None:
    """The words that say there is no money, if any."""
    said, need = last(heard.budgets), last(heard.needs)
    if said is not None:
        return said.quote if said.value.minor == 0 else None
    return need.quote if need is not None and need.value == "zero" else None


def _missing(made: Draft, heard: Heard) -> tuple[str, ...]:
    has_budget = bool(heard.budgets or heard.needs) or is_owned_only(heard)
    parts = (("metric", made.metric is not None), ("horizon", made.span is not None), ("budget", has_budget))
    return tuple(name for name, is_there in parts if not is_there)


def _constraints(heard: Heard, named: Metric | None) -> tuple[Constraint, ...]:
    found: list[Constraint] = []
    if floor := last(heard.floors):
        found.append(Constraint(kind="margin_floor", value=floor.value, quote=floor.quote))
    if heard.discounts:
        found.append(limits.as_constraint(min(heard.discounts, key=lambda said: said.value.share)))
    found += _channel_constraints(heard)
    found += _people_constraints(heard, named)
    if contact := last(heard.contacts):
        found.append(Constraint(kind="max_contacts_per_week", value=contact.value, quote=contact.quote))
    if total := last(heard.total_contacts):
        found.append(Constraint(kind="max_contacts", value=total.value, quote=total.quote))
    for said in heard.channel_budgets:
        channel, amount = said.value
        found.append(Constraint(kind="channel_budget", value=(channel, f"{amount.amount:f}"), quote=said.quote))
    if minimum := last(heard.minimum_orders):
        found.append(Constraint(kind="minimum_order", value=minimum.value, quote=minimum.quote))
    return tuple(found)


def _channel_constraints(heard: Heard) -> list[Constraint]:
    found: list[Constraint] = []
    wanted, refused = wanted_channels(heard), refused_channels(heard)
    if wanted:
        found.append(Constraint(kind="only_channels", value=wanted, quote=_quotes(heard, is_wanted=True)))
    if refused:
        found.append(Constraint(kind="exclude_channels", value=refused, quote=_quotes(heard, is_wanted=False)))
    no_money = has_no_money(heard)
    if no_money and not wanted:
        left_out = tuple(channel for channel in PAID_CHANNELS if channel not in refused)
        found.append(Constraint(kind="exclude_channels", value=left_out, quote=no_money))
    return found


def _quotes(heard: Heard, *, is_wanted: bool) -> str:
    return " … ".join(dict.fromkeys(said.quote for said in heard.means if said.value.is_wanted is is_wanted))


def _people_constraints(heard: Heard, named: Metric | None) -> list[Constraint]:
    found: list[Constraint] = []
    for said in heard.include:
        if not people.restates(named or "", said.value):
            found.append(Constraint(kind="include_people", value=said.value, quote=said.quote))
    found += [Constraint(kind="exclude_people", value=said.value, quote=said.quote) for said in heard.exclude]
    if heard.countries:
        codes = tuple(dict.fromkeys(said.value for said in heard.countries))
        quote = " … ".join(dict.fromkeys(said.quote for said in heard.countries))
        found.append(Constraint(kind="country", value=codes if len(codes) > 1 else codes[0], quote=quote))
    return list({(c.kind, str(c.value).lower()): c for c in found}.values())


def _others(heard: Heard) -> list[Assumption]:
    found = [
        Assumption(field=name, value=after, because=f"said after {before}", effect="what was said before no longer holds")
        for name, before, after in heard.replaced
    ]
    for offer in [said for said in heard.discounts if said.value.is_offer and said.value.share][-1:]:
        because = f"'{offer.quote}' is read as the deepest discount allowed"
        found.append(
            Assumption(field="max_discount", value=f"{offer.value.share:.0%}", because=because, effect="nobody gets more")
        )
    for said in heard.guarded:
        because = f"'{said.quote}' names what must not get worse"
        found.append(Assumption(field="guardrail", value=said.value, because=because, effect="it is not what is optimised"))
    for media in heard.other_media:
        because = f"'{media.quote}' is none of the channels that can be planned"
        found.append(Assumption(field="channels", value=media.value, because=because, effect="it is left out"))
    found += [leftovers.as_assumption(said) for said in heard.left]
    if no_money := has_no_money(heard):
        effect = "only channels that cost next to nothing are used"
        found.append(Assumption(field="budget", value="none", because=f"'{no_money}'", effect=effect))
    return found
