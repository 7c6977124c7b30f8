"""Listens for money: amounts with their currency, the budget, and statements that none is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from re import Match
from typing import Literal

from liftwright.domain.money import Money
from liftwright.planning.goals.numbers import MAGNITUDE, NUM, to_number
from liftwright.planning.goals.spelling import in_words
from liftwright.planning.goals.text import Said, Turn

_DOLLARS = frozenset({"USD", "AUD", "CAD", "NZD", "SGD", "HKD"})
_CODES = in_words("usd eur gbp chf jpy cad aud nzd sgd hkd sek nok dkk pln czk huf inr brl mxn zar aed try cny krw ")
_SIGNS = {"us$": "USD", "au$": "AUD", "a$": "AUD", "ca$": "CAD", "c$": "CAD", "nz$": "NZD", "hk$": "HKD", "s$": "SGD"} | {
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
}
_WORDS = {"euro": "EUR", "pound": "GBP", "quid": "GBP", "sterling": "GBP", "franc": "CHF", "yen": "JPY", "rupee": "INR"}
_SIGN = r"(?:us\$|au\$|a\$|ca\$|c\$|nz\$|hk\$|s\$|[$€£¥₹])"
_CODE = rf"(?:{'|'.join(_CODES)})\b"
_NAME = r"(?:(?:us |american |australian |canadian )?dollars?|bucks?|euros?|pounds?(?: sterling)?|quid|sterling|francs?|yen|rupees?)\b"
AMOUNT = re.compile(
    rf"(?<![\w.,$€£¥₹])(?:(?P<pre>{_SIGN}|{_CODE}|{_NAME})\s?)?(?P<sign>-)?(?P<num>{NUM})(?![\d])(?:\s?(?P<mag>{MAGNITUDE}))?"
    rf"(?:\s?,-+|\s?\.-+|,--)?(?:\s?(?P<post>{_SIGN}|{_CODE}|{_NAME}))?(?![\w%])(?!\s?(?:%|percent\b|per ?cent\b|points?\b|pp\b))"
)
_RANGE = re.compile(r"\s?(?:-|to|and|or)\s?$")
_BEFORE = re.compile(
    r"\b(?:budget(?:s|ed)?|spend(?:ing)?|spent|invest(?:ing|ment)?|costs?|costing|funds?|funding|money|cash|marketing spend|media spend"
    r"|outlay)\b(?:[^.;!?|\d%,]|(?<=budget),){0,36}$"
)
_AFTER = re.compile(
    r"\s?(?:(?:in|of|as|is|for|on) )?(?:the |a |an |our |my |total |overall |marketing |media |ad |campaign |max |maximum |whole ){0,6}"
    r"(?:budget|max\b|cap\b|tops\b|limit|left\b|to spend|to invest|available|at most|in total|all[- ]in\b|to play with|to burn|in the pot|maximum)"
)
_HAVE = re.compile(
    r"\b(?:we have|i have|have got|we got|got|have|with|max|maximum|at most|up to|no more than|not more than|cap(?:ped)? (?:of|at)|limit(?: of)?"
    r"|under|below|less than|for|make it|cheaper:?|cut (?:it )?to|go up to)(?: (?:only|just|like|about|around|roughly|some|circa|ca|a|the|up to|max|another)){0,6}:? ?$"
)
_OPEN = re.compile(
    r"\b(?:(?:the )?(?:budget|money|cost|price)s?(?: wise)?[ :-]+(?:does not matter|do not matter|is not (?:an issue|a problem|an object|limited|important"
    r"|fixed)|is no (?:object|issue|problem|concern)|is (?:open|unlimited|flexible|endless)|no (?:object|issue|problem|limit)|open|unlimited|flexible)"
    r"|no (?:budget|spending|spend) (?:limits?|caps?|constraints?|restrictions?|ceilings?)|no (?:limit|cap|ceiling|restriction)s? (?:on|to|for) (?:the )?(?:budget|spend(?:ing)?|money|cost)"
    r"|(?:unlimited|endless|open|any) (?:budget|funds|money|spend)|(?:no|without(?: a)?) (?:fixed |set )?budget (?:is )?(?:needed|required|necessary|fixed|set)"
    r"|(?:do|does) not need (?:a |any )?budget|budget (?:is )?not (?:needed|required|necessary)"
    r"|(?:spend )?(?:whatever|what|as much as|anything that|everything that) (?:it takes|it costs|pays (?:for itself|off|back)|you (?:need|like|want)|is (?:needed|necessary)|needed|pays)"
    r"|(?:as|so) long as it (?:pays|is profitable|makes money|earns)(?: (?:for itself|off|back))?|if it pays (?:for itself|off|back)|it (?:must |should |has to )?(?:just )?pays? for itself"
    r"|(?:it )?(?:must|should|has to|needs to) pay for itself|sky is the limit|spend as needed)(?: is (?:fine|ok|okay|good))?(?: budget wise)?"
)
_RATE_UNIT = r"(?:day|week|month|person|customer|order|head|lead|click|contact|message|visit|sale|acquisition|purchase|conversion|sign-?up|buyer|recipient)"
_RATE_AFTER = re.compile(
    rf"\s?(?:max(?:imum)? )?(?:an?|per|each|every|/) ?{_RATE_UNIT}\b|\s(?:off\b|(?:discounts?|vouchers?|coupons?|gift)\b)|\s?(?:daily|weekly|monthly|cpm|cpc|cpa|cpo|cac)\b"
)
_RATE_BEFORE = re.compile(rf"(?:\bper {_RATE_UNIT}|\b(?:cpa|cpo|cac|cpc|cpm|cpl|daily|weekly|monthly)\b)(?:[^.;,|\d]{{0,24}})$")
_KIND = r"(?:media |marketing |ad |extra |additional |real |dedicated |advertising |own |external |more ){0,6}"
_ZERO = re.compile(
    rf"\b(?:(?:no|zero|0|without(?: an?| any)?|not have an?|not any|nil|do not have(?: an?| any)?|not got(?: an?| any)?) {_KIND}(?:budget|money|funds|cash|ad ?spend|spend|spending)\b"
    rf"|{_KIND}(?:budget|spend)(?: is| of| =|:){{0,6}},? (?:exactly )?(?:zero|nil|none|nothing|0)\b(?![.,]?\d| ?(?:k|%|percent|million|mio|grand|thousand)\b)"
    rf"|without spending (?:anything|money|any money|a (?:cent|dime|penny))|(?:do|can|should|must|may) not spend (?:anything|money|any money|a (?:cent|dime|penny))"
    rf"|spend (?:nothing|no money)|free of charge|(?:at|for) (?:no|0|zero) cost|must not cost (?:anything|a (?:cent|dime|penny)))"
)
_COUNTS = re.compile(
    r"\s(?!(?:give|take|plus|incl|including|left|here|and|or|on|for|in|max|please|over|by|until|to|with|budget|total|tops|at|but|no|only|per|we|i|is|all|as|of|from)\b)[a-z]"
)
_WISHED_SPEND = re.compile(
    r"\b(?:raise|increase|grow|boost|lift|improve|more|higher|customers?'?|average|their|see|push up|drive) (?:the |our |customer |average |online ){0,6}$"
)
_AIMED = re.compile(r"\bspend(?:ing)?\b.*\bby $")
_PLAIN_REPLY = {
    "zero": {"none", "nothing", "no money", "0", "zero", "nil", "no"},
    "open": {"no limit", "unlimited", "whatever", "open", "any"},
}

_MOST = Decimal(10) ** 15

Need = Literal["zero", "open"]


@dataclass(frozen=True)
class Amount:
    """An amount in the text. `is_money` when a currency or slang for money stands by it."""

    value: Decimal
    currency: str | None
    is_money: bool
    is_scaled: bool
    first: int
    last: int


def amounts(turn: Turn) -> Iterator[Amount]:
    """Amounts in what is left; the turn may be taken from while iterating."""
    for match in turn.found(AMOUNT):
        if (amount := _amount(match)).value.copy_abs() < _MOST:
            yield amount


def _amount(match: Match[str]) -> Amount:
    written = (match["pre"] or match["post"] or "").strip()
    magnitude = match["mag"] or ""
    value = to_number(match["num"], magnitude=magnitude)
    currency = _currency(written)
    is_money = bool(written) or magnitude.startswith("grand")
    last = match.end() - (1 if match[0].endswith(".") and magnitude else 0)
    return Amount(-value if match["sign"] else value, currency, is_money, bool(magnitude), match.start(), last)


def _currency(written: str) -> str | None:
    """ISO code of a sign, code or name; `$` stands for any dollar; None for slang such as bucks."""
    if written in _SIGNS:
        return _SIGNS[written]
    if written in _CODES:
        return written.upper()
    if written == "$" or "dollar" in written:
        return {"us": "USD", "american": "USD", "australian": "AUD", "canadian": "CAD"}.get(
            written.split(" ", maxsplit=1)[0], "$"
        )
    return next((code for name, code in _WORDS.items() if written.startswith(name)), None)


def to_money(amount: Amount, *, currency: str) -> Money:
    """As `Money`; the currency written wins over the default, and a plain `$` is the default when that is a dollar."""
    code = amount.currency or currency
    if code == "$":
        code = currency if currency in _DOLLARS else "USD"
    return Money.of(amount.value, code)


def need(turn: Turn) -> list[Said[Need]]:
    """Statements that no budget is set: `open` (any that pays), or that there is none: `zero`."""
    heard: list[Said[Need]] = [turn.said("open", m.start(), m.end()) for m in turn.found(_OPEN)]
    heard += [turn.said("zero", m.start(), m.end()) for m in turn.found(_ZERO)]
    return heard


def bare_need(turn: Turn) -> list[Said[Need]]:
    """A one-word answer to the question for the budget."""
    words = turn.rest.strip(" .!,")
    if words in _PLAIN_REPLY["zero"]:
        return [turn.said("zero", 0, len(turn.rest))]
    return [turn.said("open", 0, len(turn.rest))] if words in _PLAIN_REPLY["open"] else []


def cued_budgets(turn: Turn, *, currency: str) -> list[Said[Money]]:
    """Amounts that words such as budget or spend stand by."""
    heard: list[Said[Money]] = []
    for amount in amounts(turn):
        if _is_a_rate(turn, amount):
            continue
        before = _BEFORE.search(turn.rest[max(0, amount.first - 60) : amount.first])
        after = _AFTER.match(turn.rest, amount.last)
        is_count = not (amount.is_money or amount.is_scaled) and _COUNTS.match(turn.rest, amount.last)
        is_aim = before is not None and (_AIMED.search(before[0]) or _is_wish(turn, amount, before))
        if is_aim or is_count or not (before or after):
            continue
        first = min(amount.first, max(0, amount.first - 60) + before.start()) if before else amount.first
        heard.append(_said(turn, amount, first, after.end() if after else amount.last, currency))
    return heard


def _is_wish(turn: Turn, amount: Amount, before: Match[str]) -> bool:
    """Whether `spend` is what customers are to do: "raise spend with 5k"."""
    at = max(0, amount.first - 60) + before.start()
    return before[0].startswith("spend") and bool(_WISHED_SPEND.search(turn.rest[max(0, at - 30) : at]))


def _is_a_rate(turn: Turn, amount: Amount) -> bool:
    """Whether an amount is for a day, an order or a person ("$100 a day", "cost per order under $6"), so not a budget for it all."""
    before = turn.text[max(0, amount.first - 48) : amount.first]
    return bool(_RATE_AFTER.match(turn.text, amount.last) or _RATE_BEFORE.search(before))


def loose_budgets(turn: Turn, *, currency: str, may_stand_alone: bool = False) -> list[Said[Money]]:
    """Amounts of money nobody else understood: "30k", "got like 15 grand", "we have 5000".

    `may_stand_alone`: a plain number between two stops can only be the budget.
    """
    heard: list[Said[Money]] = []
    for amount in amounts(turn):
        if _is_a_rate(turn, amount):
            continue
        is_alone = turn.rest[: amount.first].strip(" .:") == "" and turn.rest[amount.last :].strip(" .!") in {"", "max", "please"}
        is_alone = is_alone or (may_stand_alone and _stands_alone(turn, amount))
        have = _HAVE.search(turn.rest[max(0, amount.first - 44) : amount.first])
        ends_here = re.match(r"\s*(?:[.,;!?)|]|$|and\b|please\b|for\b|to\b|on\b)", turn.rest[amount.last :])
        is_scaled = amount.is_scaled and not _COUNTS.match(turn.rest, amount.last)
        is_plain = (have and ends_here and amount.value >= 100) or (is_alone and amount.value >= 20)
        if amount.is_money or is_scaled or is_plain:
            heard.append(_said(turn, amount, amount.first, amount.last, currency))
    return heard


def _stands_alone(turn: Turn, amount: Amount) -> bool:
    before, after = turn.rest[: amount.first].rstrip(), turn.rest[amount.last :].lstrip()
    return amount.value >= 100 and before[-1:] in {"", ",", ";", "."} and after[:1] in {"", ",", ";", ".", "!"}


def _said(turn: Turn, amount: Amount, first: int, last: int, currency: str) -> Said[Money]:
    because = "" if amount.currency else f"no currency was named, so {currency} is meant"
    money = to_money(amount, currency=currency)
    turn.take(first, last)
    return Said(money, turn.quote(amount.first, amount.last), amount.first, because)


def joined(turn: Turn, heard: list[Said[Money]]) -> list[Said[Money]]:
    """A range ("10 to 20k") is its upper end: the most that may be spent."""
    kept: list[Said[Money]] = []
    for said in sorted(heard, key=lambda one: one.at):
        lead = re.search(r"(\d[\d.,]*\s?k?)(\s?(?:-|to)\s?)$", turn.text[max(0, said.at - 16) : said.at])
        if lead:
            turn.take(said.at - len(lead[0]), said.at)
        if kept and kept[-1].value.currency == said.value.currency and kept[-1].value < said.value:
            between = turn.text[kept[-1].at : said.at]
            if re.search(rf"^[^a-z]*{NUM}[^a-z]{{0,3}}(?:{MAGNITUDE})?\s?(?:-|to|and|or)\s?[$€£]?$", between) and _is_range(
                turn, kept[-1].at, said.at
            ):
                kept[-1] = Said(
                    said.value,
                    turn.quote(kept[-1].at, said.at + len(said.quote)),
                    kept[-1].at,
                    "the upper end of a range is the most that may be spent",
                )
                continue
        kept.append(said)
    return kept


def _is_range(turn: Turn, first: int, last: int) -> bool:
    return bool(
        re.search(r"(?:between|from) $", turn.text[max(0, first - 8) : first]) or re.search(r"-|\bto\b", turn.text[first:last])
    )
