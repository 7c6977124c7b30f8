"""All that was heard in the statements so far, and how a later statement takes the place of an earlier one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from liftwright.domain.goal import Direction, Metric, Target
from liftwright.domain.money import Money
from liftwright.domain.profile import Channel
from liftwright.planning.goals.channels import Means
from liftwright.planning.goals.leftovers import Left
from liftwright.planning.goals.limits import Discount
from liftwright.planning.goals.money import Need
from liftwright.planning.goals.product import Product
from liftwright.planning.goals.text import Said
from liftwright.planning.goals.when import Window


@dataclass(frozen=True)
class Heard:
    """What was heard, by field, in the order it was said. Two different values of one field contradict each other."""

    metrics: tuple[Said[Metric], ...] = ()
    directions: tuple[Said[Direction], ...] = ()
    targets: tuple[Said[Target], ...] = ()
    products: tuple[Said[Product], ...] = ()
    windows: tuple[Said[Window], ...] = ()
    budgets: tuple[Said[Money], ...] = ()
    needs: tuple[Said[Need], ...] = ()
    channel_budgets: tuple[Said[tuple[Channel, Money]], ...] = ()
    floors: tuple[Said[float], ...] = ()
    discounts: tuple[Said[Discount], ...] = ()
    contacts: tuple[Said[float], ...] = ()
    total_contacts: tuple[Said[float], ...] = ()
    minimum_orders: tuple[Said[float], ...] = ()
    means: tuple[Said[Means], ...] = ()
    nobody: tuple[Said[bool], ...] = ()
    countries: tuple[Said[str], ...] = ()
    include: tuple[Said[str], ...] = ()
    exclude: tuple[Said[str], ...] = ()
    guarded: tuple[Said[str], ...] = ()
    other_media: tuple[Said[str], ...] = ()
    left: tuple[Said[Left], ...] = ()
    replaced: tuple[tuple[str, str, str], ...] = field(default=())
    """(field, what was said before, what took its place)."""


def merged(earlier: Heard, later: Heard, *, today: date) -> Heard:
    """Both; where they speak of the same thing the later statement holds."""
    replaced = list(earlier.replaced)
    budgets, needs = (later.budgets, later.needs) if later.budgets or later.needs else (earlier.budgets, earlier.needs)
    if (later.budgets or later.needs) and (earlier.budgets or earlier.needs):
        replaced.append(("budget", _words(earlier.budgets + earlier.needs), _words(later.budgets + later.needs)))
    windows = _windows(earlier.windows, later.windows, today=today)
    if later.windows and earlier.windows:
        replaced.append(("horizon", _words(earlier.windows), _words(later.windows)))
    return Heard(
        metrics=later.metrics or earlier.metrics,
        directions=later.directions or earlier.directions,
        targets=later.targets or earlier.targets,
        products=later.products if any(said.value.name for said in later.products) else (earlier.products or later.products),
        windows=windows,
        budgets=budgets,
        needs=needs,
        channel_budgets=_kept(earlier.channel_budgets, later.channel_budgets),
        floors=later.floors or earlier.floors,
        discounts=later.discounts or earlier.discounts,
        contacts=later.contacts or earlier.contacts,
        total_contacts=later.total_contacts or earlier.total_contacts,
        minimum_orders=later.minimum_orders or earlier.minimum_orders,
        means=_means(earlier.means, later.means),
        nobody=() if any(said.value.is_wanted for said in later.means) and not later.nobody else earlier.nobody + later.nobody,
        countries=later.countries or earlier.countries,
        include=_unless_taken_back(earlier.include, later.exclude) + later.include,
        exclude=_unless_taken_back(earlier.exclude, later.include) + later.exclude,
        guarded=earlier.guarded + later.guarded,
        other_media=earlier.other_media + later.other_media,
        left=earlier.left + later.left,
        replaced=tuple(replaced),
    )


def _words(said: tuple[Said[Any], ...]) -> str:
    return ", ".join(f"'{one.quote}'" for one in said)


def _windows(earlier: tuple[Said[Window], ...], later: tuple[Said[Window], ...], *, today: date) -> tuple[Said[Window], ...]:
    """A later end keeps an earlier start that it fits."""
    if not later or len(earlier) != 1 or len(later) != 1:
        return later or earlier
    old, new = earlier[0].value, later[0].value
    if new.first is None and old.first is not None:
        kept = replace(new, first=old.first)
        span = kept.settled(today)
        return (replace(later[0], value=kept),) if span and span[0] <= span[1] else later
    if new.last is None and new.length is None and new.first is not None:
        kept = replace(new, last=None if old.length else old.last, length=old.length)
        return (replace(later[0], value=kept),)
    return later


def _means(earlier: tuple[Said[Means], ...], later: tuple[Said[Means], ...]) -> tuple[Said[Means], ...]:
    """A later list of channels takes the place of an earlier one; a later yes or no to one channel undoes the other."""
    wanted_now = {said.value.channel for said in later if said.value.is_wanted}
    has_new_list = any(said.value.is_wanted and not said.value.is_added for said in later)
    refused_now = {said.value.channel for said in later if not said.value.is_wanted}
    kept = []
    for said in earlier:
        channel = said.value.channel
        if said.value.is_wanted and (has_new_list or channel in refused_now):
            continue
        if not said.value.is_wanted and channel in wanted_now:
            continue
        kept.append(said)
    return (*kept, *later)


def _kept(
    earlier: tuple[Said[tuple[Channel, Money]], ...], later: tuple[Said[tuple[Channel, Money]], ...]
) -> tuple[Said[tuple[Channel, Money]], ...]:
    named = {said.value[0] for said in later}
    return (*(said for said in earlier if said.value[0] not in named), *later)


def _unless_taken_back(earlier: tuple[Said[str], ...], later: tuple[Said[str], ...]) -> tuple[Said[str], ...]:
    kinds = {kind_of(said.value) for said in later}
    return tuple(said for said in earlier if kind_of(said.value) not in kinds)


def kind_of(phrase: str) -> str:
    """The kind of people a phrase names, so that two phrases for the same people are known as such."""
    words = phrase.lower().replace("’", "'")
    for kind, signs in _KINDS:
        if any(sign in words for sign in signs):
            return kind
    return (
        " ".join(
            word for word in words.split() if word not in {"our", "the", "all", "any", "of", "customers", "people", "anyone"}
        )
        or words
    )


_KINDS = (
    (
        "lapsed",
        (
            "lapsed",
            "inactive",
            "dormant",
            "not bought",
            "n't bought",
            "nt bought",
            "not ordered",
            "n't ordered",
            "nt ordered",
            "not purchased",
            "n't purchased",
            "nt purchased",
            "not shopped",
            "n't shopped",
            "n't been",
        ),
    ),
    ("minors", ("minor", "under 18", "underage", "under age", "kids", "children")),
    ("vip", ("vip", "best customers", "top customers")),
    ("new", ("new customers", "first-time", "newcomers", "new buyers")),
    ("women", ("women", "female", "ladies")),
    ("men", ("men", "male", "guys")),
    ("recent", ("recent", "bought in the last", "purchased in the last", "ordered in the last", "bought within", "just bought")),
)
