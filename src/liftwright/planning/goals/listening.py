"""One turn through all listeners, in the order that lets each take its own words before the next one looks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from liftwright.domain.goal import Metric, Target
from liftwright.domain.money import Money
from liftwright.domain.profile import Channel
from liftwright.planning.goals import channels, limits, metric, money, people, product, target, when
from liftwright.planning.goals.said import Heard
from liftwright.planning.goals.text import TAKEN, Said, Turn

_OF_IT = re.compile(
    r"\s?(?:of (?:it|that|which|the budget|this) )?(?:max |at most |may go |can go |goes |should go |is |are )?(?:on|for|to|into|in|through) (?:the )?"
)
_CHANNEL_CAP = re.compile(
    r"(?:budget|spend|cap|limit|max(?:imum)?)?\s?(?:budget|spend|cap|limit|max(?:imum)?|at most|up to|no more than)(?: of| is|:)? $"
)


def listen(turn: Turn, *, today: date, currency: str, metric_so_far: Metric | None) -> Heard:
    """Everything one turn says. `metric_so_far` is the metric of earlier turns, for sizes that name none."""
    day_first = currency != "USD"
    limited = _limits(turn)
    lines = product.lines(turn)
    windows = when.ahead(turn, today=today, day_first=day_first)
    needs = tuple(money.need(turn))
    channel_budgets = _channel_budgets(turn, currency=currency)
    budgets = money.cued_budgets(turn, currency=currency)
    countries = tuple(people.countries(turn))
    exclude, include = tuple(people.excluded(turn)), tuple(people.included(turn))
    means = channels.channels(turn)
    other_media = tuple(channels.other_media(turn))
    windows += when.bare(turn, today=today, day_first=day_first, is_known=bool(windows))
    metrics, products = _moved_and_sold(turn, lines)
    named = metrics[0].value if metrics else None
    targets = tuple(target.targets(turn, named or metric_so_far or _counted(products)))
    budgets = money.joined(
        turn, budgets + money.loose_budgets(turn, currency=currency, may_stand_alone=_is_sized(targets, named))
    )
    if channel_budgets and not budgets and not needs:
        budgets = _whole(channel_budgets)
        means += [Said(channels.Means(said.value[0], True), said.quote, said.at) for said in channel_budgets]
        channel_budgets = channel_budgets if len(channel_budgets) > 1 else []
    return replace(
        limited,
        metrics=tuple(metrics),
        directions=tuple(metric.directions(turn, named)),
        targets=targets,
        products=tuple(products),
        windows=tuple(when.combined(windows)),
        budgets=tuple(budgets),
        needs=needs,
        channel_budgets=tuple(channel_budgets),
        means=tuple(means),
        other_media=other_media,
        countries=countries,
        include=include,
        exclude=exclude,
    )


def _moved_and_sold(turn: Turn, lines: list[Said[product.Product]]) -> tuple[list[Said[Metric]], list[Said[product.Product]]]:
    """The metrics and products; a metric's word in the name of what is sold ("coffee subscriptions") is part of the name."""
    metrics = metric.metrics(turn)
    products = lines or product.products(turn)
    return [said for said in metrics if turn.rest[said.at] != TAKEN], products


def _limits(turn: Turn) -> Heard:
    """What must come first: limits whose numbers are neither targets nor money."""
    return Heard(
        nobody=tuple(channels.nobody(turn)),
        guarded=tuple(metric.guarded(turn)),
        contacts=tuple(limits.contacts(turn)),
        total_contacts=tuple(limits.total_contacts(turn)),
        floors=tuple(limits.margin_floors(turn)),
        discounts=tuple(limits.discounts(turn)),
        minimum_orders=tuple(limits.minimum_orders(turn)),
    )


def _is_sized(targets: tuple[Said[Target], ...], named: Metric | None) -> bool:
    """Whether a number that stands alone cannot be the target: there is one, or the metric is not counted."""
    return bool(targets) or (named is not None and named not in target.COUNTED)


def _counted(products: list[Said[product.Product]]) -> Metric | None:
    return "orders" if any(said.value.count for said in products) else None


def _channel_budgets(turn: Turn, *, currency: str) -> list[Said[tuple[Channel, Money]]]:
    """ "at most 5k of it on SMS": an amount for one channel beside the amount for all."""
    found = [amount for amount in money.amounts(turn) if amount.is_money or amount.is_scaled]
    heard: list[Said[tuple[Channel, Money]]] = []
    for amount in found if len(found) > 1 else []:
        lead = _OF_IT.match(turn.rest, amount.last)
        after = channels.channel_at(turn.rest, lead.end()) if lead else None
        if after:
            heard.append(turn.said((after[0], money.to_money(amount, currency=currency)), amount.first, after[1]))
            continue
        before = turn.rest[max(0, amount.first - 40) : amount.first]
        if (cap := _CHANNEL_CAP.search(before)) and (named := _channel_before(before[: cap.start()])):
            first = amount.first - len(before) + named[1]
            heard.append(turn.said((named[0], money.to_money(amount, currency=currency)), first, amount.last))
    return heard


def _whole(parts: list[Said[tuple[Channel, Money]]]) -> list[Said[Money]]:
    """The budget when only amounts per channel were named: their sum."""
    amounts = [said.value[1] for said in parts]
    if len({amount.currency for amount in amounts}) > 1:
        return [Said(said.value[1], said.quote, said.at) for said in parts]
    total = Money(minor=sum(amount.minor for amount in amounts), currency=amounts[0].currency)
    because = "the sum of what was named for each channel" if len(parts) > 1 else ""
    return [Said(total, " … ".join(said.quote for said in parts), parts[0].at, because)]


def _channel_before(text: str) -> tuple[Channel, int] | None:
    """The channel whose name ends a text, and where it starts."""
    for word in re.finditer(r"(?<![\w-])[a-z]", text):
        named = channels.channel_at(text, word.start())
        if named and named[1] >= len(text.rstrip()):
            return named[0], word.start()
    return None
