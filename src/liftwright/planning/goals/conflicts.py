"""Statements of one goal that cannot both hold, each by name: the field and the words on both sides."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from liftwright.domain.money import Money
from liftwright.domain.profile import OWNED_CHANNELS
from liftwright.planning.goals import channels, metric, people, settle
from liftwright.planning.goals.days import Length
from liftwright.planning.goals.said import Heard, kind_of
from liftwright.planning.goals.text import Said


def contradictions(heard: Heard, *, today: date) -> tuple[str, ...]:
    """Every contradiction, as `field: "these words" and "those words" …`."""
    found = (
        *_several(heard),
        *_guardrails(heard),
        *_time(heard, today=today),
        *_budget(heard),
        *_discount(heard),
        *_margin(heard),
        *_channels(heard),
        *_people(heard),
    )
    return tuple(dict.fromkeys(found))


def _both(name: str, one: str, other: str, why: str = "cannot both hold") -> str:
    return f'{name}: "{one}" and "{other}" {why}'


def _several(heard: Heard) -> Iterator[str]:
    """Fields that may have one value but were given two."""
    if len({said.value for said in heard.directions}) > 1:
        yield _both("direction", heard.directions[0].quote, heard.directions[-1].quote)
    if len({said.value for said in heard.targets}) > 1:
        yield _both("target", heard.targets[0].quote, heard.targets[-1].quote, "are two different targets")
    if len({said.value for said in heard.floors}) > 1:
        yield _both("margin", heard.floors[0].quote, heard.floors[-1].quote, "are two different margin floors")
    if len({said.value for said in heard.contacts}) > 1:
        yield _both("contacts", heard.contacts[0].quote, heard.contacts[-1].quote, "are two different limits")
    if len({said.value for said in heard.total_contacts}) > 1:
        yield _both("contacts", heard.total_contacts[0].quote, heard.total_contacts[-1].quote, "are two different limits")
    for said in heard.targets:
        falls = any(way.value == "decrease" for way in heard.directions)
        if said.value.is_level and said.value.unit == "percent" and said.value.value >= 1:
            yield f'target: "{said.quote}" asks for a rate of 100 % or more'
        if falls and said.value.unit == "percent" and not said.value.is_level and said.value.value > 1:
            yield _both("target", "decrease", said.quote, "cannot both hold: nothing falls by more than 100 %")


def _guardrails(heard: Heard) -> Iterator[str]:
    """A number to raise that must not rise."""
    for said in heard.guarded:
        if heard.metrics and metric.named_in(said.quote) == heard.metrics[0].value and _RISES.search(said.quote):
            yield _both("metric", heard.metrics[0].quote, said.quote)


_RISES = re.compile(r"\b(?:raising|increasing|more|driving up|increase|raise|drive up)\b", re.IGNORECASE)


def _time(heard: Heard, *, today: date) -> Iterator[str]:
    spans = [(said, span) for said in heard.windows if (span := said.value.settled(today))]
    if len({span for _, span in spans}) > 1:
        yield _both("horizon", spans[0][0].quote, spans[-1][0].quote, "are two different horizons")
        return
    for said, (first, last) in spans:
        if last < today:
            yield f'horizon: "{said.quote}" is in the past (it ended on {last:%d %B %Y}, today is {today:%d %B %Y})'
        elif last < first:
            yield f'horizon: "{said.quote}" ends on {last:%d %B %Y}, before it starts on {first:%d %B %Y}'


def _budget(heard: Heard) -> Iterator[str]:
    values: list[Said[Money]] = list({said.value: said for said in heard.budgets}.values())
    if len(values) > 1:
        yield _both("budget", values[0].quote, values[-1].quote, "are two different budgets")
    if heard.budgets and heard.needs:
        yield _both("budget", heard.budgets[-1].quote, heard.needs[-1].quote)
    no_money = settle.has_no_money(heard)
    paid = [said for said in heard.means if said.value.is_wanted and said.value.channel not in OWNED_CHANNELS]
    if no_money and paid:
        named = ", ".join(dict.fromkeys(said.value.channel.replace("_", " ") for said in paid))
        yield _both("budget", no_money, paid[0].quote, f"cannot both hold: a budget of nothing does not pay for {named}")
    if no_money and heard.other_media:
        yield _both("budget", no_money, heard.other_media[0].quote, "cannot both hold: a budget of nothing does not pay for it")
    if any(said.value.minor < 0 for said in heard.budgets):
        yield f'budget: "{heard.budgets[-1].quote}" is less than nothing'


def _discount(heard: Heard) -> Iterator[str]:
    none = [said for said in heard.discounts if said.value.share == 0]
    some = [said for said in heard.discounts if said.value.share > 0]
    if none and some:
        yield _both("discount", none[0].quote, some[0].quote)
        return
    limits = {said.value.share: said for said in some if not said.value.is_offer}
    deeper = [said for said in some if said.value.is_offer and limits and said.value.share > min(limits)]
    if len(limits) > 1:
        first, second = list(limits.values())[:2]
        yield _both("discount", first.quote, second.quote, "are two different limits")
    elif deeper:
        yield _both("discount", next(iter(limits.values())).quote, deeper[0].quote)
    if any(said.value.share >= 1 for said in some):
        yield f'discount: "{some[0].quote}" leaves nothing to pay'


def _margin(heard: Heard) -> Iterator[str]:
    for floor in heard.floors:
        if floor.value >= 1:
            yield f'margin: "{floor.quote}" asks for a margin of {floor.value:.0%}; a margin is always below 100 %'
            return
        for offer in heard.discounts:
            if offer.value.is_offer and offer.value.share + floor.value > 1:
                why = f"cannot both hold: {1 - offer.value.share:.0%} of the list price is left before any cost, less than a margin of {floor.value:.0%} of it"
                yield _both("margin", offer.quote, floor.quote, why)


def _channels(heard: Heard) -> Iterator[str]:
    wanted, refused = settle.wanted_channels(heard), settle.refused_channels(heard)
    for channel in wanted:
        if channel in refused:
            yes = next(said.quote for said in heard.means if said.value.is_wanted and said.value.channel == channel)
            no = next(said.quote for said in heard.means if not said.value.is_wanted and said.value.channel == channel)
            yield _both("channels", yes, no)
    alone = [said for said in heard.means if said.value.is_alone]
    for said in heard.means if alone else ():
        if (
            said.value.is_wanted
            and said.quote != alone[0].quote
            and not said.value.is_added
            and said.value.channel != alone[0].value.channel
        ):
            yield _both("channels", alone[0].quote, said.quote)
            break
    for often in heard.contacts:
        for channel in refused:
            if channel in channels.named_in(often.quote):
                no = next(s.quote for s in heard.means if not s.value.is_wanted and s.value.channel == channel)
                yield _both("channels", no, often.quote)
    if heard.nobody:
        goal = heard.metrics[0].quote if heard.metrics else (heard.products[0].quote if heard.products else "a campaign")
        passive = wanted and set(wanted) <= {"web", "display", "paid_social"}
        if not passive:
            yield _both("contact", goal, heard.nobody[0].quote, "cannot both hold: nothing changes when nobody is reached")


def _people(heard: Heard) -> Iterator[str]:
    wins_back = [said for said in heard.metrics[:1] if said.value == "reactivated_customers"]
    acquires = [said for said in heard.metrics[:1] if said.value == "new_customers"]
    kinds = [(kind_of(said.value), said.quote) for said in heard.include]
    named = {kind for kind, _ in kinds}
    kinds += [("lapsed", said.quote) for said in wins_back if "lapsed" not in named]
    kinds += [("new", said.quote) for said in acquires if "new" not in named]
    yield from _opposite_people(heard)
    for out in heard.exclude:
        for code in heard.countries:
            if people.country_in(out.value) == code.value:
                yield _both("country", code.quote, out.quote, "cannot both hold: nobody is left")
        both = [quote for kind, quote in kinds if kind == kind_of(out.value) and not _leaves_some(kind, quote, out.value)]
        if both:
            yield _both("people", both[0], out.quote, "cannot both hold: nobody is left")


def _opposite_people(heard: Heard) -> Iterator[str]:
    """New customers only, and only people who bought before."""
    new = [said for said in heard.include if kind_of(said.value) == "new"]
    known = [said for said in heard.include if _BOUGHT_BEFORE.search(said.value.lower())]
    if new and known and new[0] != known[0]:
        yield _both("people", new[0].quote, known[0].quote, "cannot both hold: nobody is both")


_BOUGHT_BEFORE = re.compile(
    r"\b(?:existing|lapsed|inactive|returning|repeat|loyal|past|previous|bought before|who (?:have )?(?:already )?(?:bought|ordered|purchased))\b"
)
_SPAN = re.compile(r"(?P<count>\d+|an?|one|two|three|six|twelve) ?(?P<unit>day|week|month|year)s?")
_IN_WORDS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "six": 6, "twelve": 12}


def _leaves_some(kind: str, included: str, excluded: str) -> bool:
    """Whether someone is left: lapsed for half a year, but not for three years or more."""
    if kind == "recent":
        return _days(included) > _days(excluded) > 0
    return kind == "lapsed" and _days(excluded) > _days(included) > 0


def _days(phrase: str) -> int:
    match = _SPAN.search(phrase.lower())
    if match is None:
        return 0
    count = _IN_WORDS.get(match["count"]) or int(match["count"])
    first = date(2001, 1, 1)
    return (Length(min(count, 1_000), match["unit"]).last_day(first) - first).days + 1
