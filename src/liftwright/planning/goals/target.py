"""Listens for how far the number is to move: shares, points, counts and amounts."""

from __future__ import annotations

import re
from decimal import Decimal
from re import Match
from typing import Literal

from liftwright.domain.goal import Metric, Target
from liftwright.planning.goals.metric import DOWN, METRIC, PLAIN_METRIC, UP
from liftwright.planning.goals.money import AMOUNT
from liftwright.planning.goals.numbers import MAGNITUDE, NUM, to_number
from liftwright.planning.goals.text import Said, Turn

COUNTED = frozenset({"orders", "visits", "new_customers", "reactivated_customers", "leads", "subscriptions", "opt_outs"})
_LEVELS = frozenset({"churn_rate", "repeat_rate", "opt_outs", "margin"})
_PERCENT = r"(?:%|percent(?! ?age points?)\b|per ?cent\b)"
_POINTS = r"(?:(?:percentage|percent|%)[ -]?points?|points?|p\.?p\.?\b|%-points?)"
_SIZE = rf"(?P<n>{NUM})\s?(?:(?P<points>{_POINTS})|(?P<percent>{_PERCENT}))"
_BY_SIZE = re.compile(
    rf"\b(?:by |of |about |around |at least |roughly |some ){{0,6}}(?:another |an? (?:extra|additional) )?(?:(?<![\d.,])(?P<low>{NUM})\s?(?:{_PERCENT})?\s?(?:-|to)\s?|between (?P<least>{NUM})\s?(?:{_PERCENT})? and )?(?<![\d.,]){_SIZE}"
)
_TO_SIZE = re.compile(
    rf"\b(?:from (?P<from>{NUM})\s?(?:{_PERCENT}|{_POINTS})? )?(?:up |down |back )?(?:to|reach(?:es|ing)?|hits?|at|under|below) (?:at least |about |around |above |over |under |below )?{_SIZE}"
)
_TO_COUNT = re.compile(
    rf"\b(?P<from>from {NUM} )?(?:up |down |back )?(?:to|reach(?:es|ing)?|hits?|achieve|total of) (?:at least |about |around |a total of |over )?(?P<n>{NUM})\s?(?P<mag>{MAGNITUDE})?(?![\w%])"
)
_COUNT = re.compile(
    rf"(?<![\w.,$€£-])\+?(?P<n>{NUM})(?:\s?(?P<mag>{MAGNITUDE}))?(?![\d%])(?: (?:more|extra|additional|new|newsletter|fewer|less|incremental|further|qualified|net|paying|of those|reactivated|lapsed|inactive|dormant|sales|online|unique|web|store|site|monthly|lost|of our|old|former|first[- ]time|repeat|demo)){{0,4}} (?:{METRIC}|customers?|people|buyers?|subscribers?|signups?|members)(?![\w'])"
)
_BY_COUNT = re.compile(
    rf"\b(?:by,?|plus|another|an? (?:extra|additional)|target(?: is| of|:| =|=){{0,6}}|goal(?: is| of|:){{0,6}}|aim(?:ing)? for|aim is|objective(?: is|:){{0,6}}|looking for|need|want|\+)(?: (?:at least|about|around|roughly|idk|like|say|some|maybe)[,]?){{0,6}} ?,? ?\+?(?P<n>{NUM})\s?(?P<mag>{MAGNITUDE})?(?![\w%]|[.,]\d)"
)
_WISHED = re.compile(
    rf"(?<![\w.,$€£])(?P<n>{NUM})\s?(?P<mag>{MAGNITUDE})?(?= (?:would be|is|as|should be|will do|are) (?:great|good|nice|perfect|awesome|ideal|the (?:goal|target|aim|number)|enough|fine|lovely|amazing|cool|a must|what we need|plenty|our (?:goal|target)))"
)
_TIMES: tuple[tuple[str, float], ...] = (
    (r"doubl(?:e|ing)|twice as (?:many|much)|2 ?x\b|two-?fold", 1.0),
    (r"tripl(?:e|ing)|3 times as (?:many|much)|3 ?x\b", 2.0),
    (r"quadrupl(?:e|ing)|4 ?x\b", 3.0),
    (
        r"halv(?:e|ing)|(?:cut|reduce|bring)[^.;|]{0,30}\b(?:by|in) half|by half(?! (?:term|year|time|past|price|board|way))|in half|by 50-50",
        0.5,
    ),
    (r"by an? third|by one third", 0.3333),
    (r"by an? quarter|by one quarter", 0.25),
    (r"by an? fifth", 0.2),
    (r"by an? tenth", 0.1),
)
_TIMES_WORD = re.compile("|".join(rf"\b(?P<t{i}>{pattern})" for i, (pattern, _) in enumerate(_TIMES)))


def targets(turn: Turn, metric: Metric | None) -> list[Said[Target]]:
    """How far, most explicit form first; the stretch is taken."""
    levels = (match for match in turn.found(_TO_SIZE) if _is_level(match, metric) and not _is_so_now(turn, match))
    heard = [_size(turn, match, is_level=True) for match in levels]
    heard += [_size(turn, match, is_level=False) for match in turn.found(_BY_SIZE) if _is_a_change(turn, match)]
    heard += _money_targets(turn, metric)
    heard += _counts(turn, metric)
    for match in turn.found(_TIMES_WORD):
        share = next(share for i, (_, share) in enumerate(_TIMES) if match[f"t{i}"])
        heard.append(turn.said(Target(value=share, unit="percent"), match.start(), match.end()))
    return sorted(heard, key=lambda said: said.at)


_OF_SOMETHING = re.compile(
    r" (?:of (?:our|the|all|customers|people|them|traffic)|vat|tax|apr|share|commission|likely|sure|open|click)"
)
_OF_ANOTHER_THING = re.compile(
    r"\b(?:discounts?|coupons?|vouchers?|margins?|hold(?:ing)?[- ]?(?:out|back)|control group|vat|tax|fees?|commission|interest|currently|at the moment|last (?:year|month|week))\b[^.;!?|]{0,24}$"
)


_TOLD_OR_PART = re.compile(
    r"\b(?:top|best|upper|bottom|worst|(?<!target )(?<!goal )(?<!aim )(?<!objective )(?:is|are|was|were|stands|sits|currently|now)(?: at)?) $"
)
_CAPPED = re.compile(r"\b(?:below|under|above|over|beneath|at most|max(?:imum)?|less than|more than|up to|exceed) $")
"""Before a share, in a clause that names neither a metric nor a way: a limit on something else ("complaints below 0.1%")."""


def _is_a_change(turn: Turn, match: Match[str]) -> bool:
    """Whether a share is how far to go, not a discount, a margin or a part of the customers."""
    by = re.match(r"by ", match[0])
    before = turn.rest[max(0, match.start() - 44) : match.start()]
    if _TOLD_OR_PART.search(before):
        return False
    clause = re.split(r"[.,;!?|]", turn.rest[max(0, match.start() - 80) : match.start()])[-1]
    is_another_limit = _CAPPED.search(clause) and not re.search(rf"\b(?:{PLAIN_METRIC}|{UP}|{DOWN})\b", _CAPPED.sub("", clause))
    if is_another_limit:
        return False
    return not _OF_SOMETHING.match(turn.rest, match.end()) and (bool(by) or not _OF_ANOTHER_THING.search(before))


_NOW = re.compile(r"\b(?:is|are|was|were|currently|now|stands?|sits?|hovers?|today) $")


def _is_so_now(turn: Turn, match: Match[str]) -> bool:
    """Whether a level is where the number stands, not where it is to go: "our churn is at 6%"."""
    return match["from"] is None and _NOW.search(turn.rest[max(0, match.start() - 16) : match.start()]) is not None


def _is_level(match: Match[str], metric: Metric | None) -> bool:
    """ "to 30%" is a level only for a metric that is a rate; "at 5%" never starts one."""
    return metric in _LEVELS or match["from"] is not None


def _size(turn: Turn, match: Match[str], *, is_level: bool) -> Said[Target]:
    """A share; of a range the lower end, which is the least that is asked for."""
    unit: Literal["percent", "points"] = "points" if match["points"] and not is_level else "percent"
    groups = match.groupdict()
    number = groups.get("low") or groups.get("least") or match["n"]
    return turn.said(Target(value=_share(number), unit=unit, is_level=is_level), match.start(), match.end())


def _share(number: str) -> float:
    return float(to_number(number, is_share=True) / 100)


_TO_MONEY = re.compile(
    r"\b(?P<to>(?:from [^.;|]{1,18} )?(?:up |down )?(?:to|reach|hit)|by|of|plus|another|an extra)(?: (?:at least|about|around|over|a total of)){0,6} $"
)


def _money_targets(turn: Turn, metric: Metric | None) -> list[Said[Target]]:
    """ "by $5", "from $60 to $66", "$2m in revenue"; only for metrics that are money."""
    if metric not in {"revenue", "margin", "incremental_margin", "average_order_value"}:
        return []
    heard: list[Said[Target]] = []
    for match in turn.found(AMOUNT):
        if not (match["pre"] or match["post"] or match["mag"]) and metric != "average_order_value":
            continue
        value = float(to_number(match["num"], magnitude=match["mag"] or ""))
        lead = _TO_MONEY.search(turn.rest[max(0, match.start() - 40) : match.start()])
        extra = re.match(rf" (?:more |extra |additional |of |in )+(?:\w+ )?(?:{PLAIN_METRIC})", turn.rest[match.end() :])
        names = bool(lead) and re.search(
            rf"(?:{PLAIN_METRIC}) $", turn.rest[max(0, match.start() - 70) : match.start() - len(lead[0]) if lead else 0]
        )
        if lead and (lead["to"] != "of" or extra or names):
            is_level = lead["to"].rstrip().endswith(("to", "reach", "hit")) or (lead["to"] == "of" and not extra)
            first = max(0, match.start() - 40) + lead.start()
            heard.append(turn.said(Target(value=value, unit="money", is_level=is_level), first, match.end()))
        elif extra:
            heard.append(turn.said(Target(value=value, unit="money"), match.start(), match.end()))
    return heard


def _counts(turn: Turn, metric: Metric | None) -> list[Said[Target]]:
    heard: list[Said[Target]] = []
    if metric not in COUNTED:
        return heard
    for match in turn.found(_COUNT):
        lead = re.search(
            r"\b(?:to|reach|hit|total of)(?: (?:at least|about|around|over))? $",
            turn.rest[max(0, match.start() - 22) : match.start()],
        )
        turn.hear(*match.span())
        is_level = bool(lead) and not re.search(r"more|extra|additional|new|fewer|incremental|further", match[0])
        heard.append(_counted(turn, match, match.end("mag") if match["mag"] else match.end("n"), is_level=is_level))
    if not heard:
        for pattern, is_level in ((_TO_COUNT, True), (_BY_COUNT, False), (_WISHED, False)):
            heard += [_counted(turn, match, match.end(), is_level=is_level) for match in turn.found(pattern)]
    return heard


def _counted(turn: Turn, match: Match[str], end: int, *, is_level: bool) -> Said[Target]:
    value = float(to_number(match["n"], magnitude=match["mag"] or "").quantize(Decimal("0.01")))
    return turn.said(Target(value=value, unit="absolute", is_level=is_level), match.start(), end)
