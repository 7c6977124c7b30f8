"""Listens for the number to move, which way, and how far."""

from __future__ import annotations

import re
from decimal import Decimal
from re import Match
from typing import Literal

from liftwright.domain.goal import Direction, Metric, Target
from liftwright.planning.goals.money import AMOUNT
from liftwright.planning.goals.numbers import MAGNITUDE, NUM, to_number
from liftwright.planning.goals.text import Said, Turn

_METRICS: tuple[tuple[Metric, str], ...] = (
    ("incremental_margin", r"(?:incremental|extra|additional|caused) (?:gross )?(?:margin|profit)"),
    ("opt_outs", r"un-?subscri(?:bes?|ptions?|bers?|bing|be rate)(?: rate)?|opt(?:ing)?[- ]?outs?(?: rate)?|list fatigue"),
    (
        "average_order_value",
        r"average (?:order|basket|cart|ticket|purchase|sale|spend)s?(?: (?:value|size|amount))?|aov|(?:basket|order|cart|ticket)s? (?:values?|sizes?)|spend per (?:order|purchase|basket)|bigger (?:baskets|orders)",
    ),
    (
        "repeat_rate",
        r"repeat[- ](?:purchas\w+|buying|orders?|rate|business|buyers?|sales|customers?)(?: rate)?|(?:com(?:e|ing) back to )?(?:buy|order|purchase|shop)(?:ing)?(?: from us)? (?:again|an? (?:second|2nd) time|twice|a (?:second|2nd) time|more often)|(?:second|2nd) (?:purchases?|orders?)|re-?purchas\w+(?: rate)?|re-?order(?: rate|s|ing)?|(?:customer )?(?:retention|loyalty)(?: rate)?",
    ),
    (
        "reactivated_customers",
        r"win(?:ning)?[- ]?backs?|re-?activat(?:e|ed|es|ing|ions?)(?: customers| people| buyers)?|re-?engag(?:e|ing|ement)|(?:bring(?:ing)?|get(?:ting)?|lure|coax)(?=[^.;!?]{1,60}\bback\b)|wake(?: up)?|revive|(?:lapsed|dormant|inactive|lost) (?:customers|buyers|people|shoppers|users) (?:back|return(?:ing)?|coming back)",
    ),
    (
        "new_customers",
        r"new(?:ly acquired)? (?:customers?|buyers?|clients?|shoppers?|accounts?)|first[- ]time (?:buyers?|customers?|orders?|purchases?)|customer acquisition|(?:our )?customer (?:base|count)|number of customers|first purchases?|acqui(?:re|ring|sition)",
    ),
    (
        "churn_rate",
        r"churn(?:ing|ers)?(?: rate)?|attrition(?: rate)?|cancell?ations?|customer (?:loss|losses)|(?:los(?:e|ing)|lost) (?:fewer |less )?customers|cancel(?:s|l?ing)?|customers (?:leaving|lost)",
    ),
    ("subscriptions", r"(?:newsletter )?(?:sign-?ups?|subscriptions?|subscribers?)|sign up|memberships?"),
    ("leads", r"leads?|demo requests?|e?in?quir(?:y|ies)|enquir(?:y|ies)|quote requests?|demo bookings?"),
    (
        "visits",
        r"(?:web ?site |web |store |shop |online |foot |site )?(?:visits?|visitors?|traffic|footfall|sessions?|page ?views?)|clicks?",
    ),
    ("orders", r"orders?|purchases|conversions?(?: rate)?|bookings?|checkouts?|transactions?|units|pairs|pieces|items"),
    ("margin", r"(?:gross |net |contribution )?(?:profits?|margins?|profitability|earnings)(?: contribution)?"),
    ("revenue", r"revenues?|sales|turn-?over|gmv|spend(?:ing)?|income|takings|top ?line|(?:business |sales )?volume"),
)
METRIC = "|".join(f"(?P<m_{name}>{pattern})" for name, pattern in _METRICS)
_PLAIN_METRIC = "|".join(pattern for _, pattern in _METRICS)
_METRIC_WORD = re.compile(rf"(?<![\w'])(?:{METRIC})(?![\w'])")
COUNTED = frozenset({"orders", "visits", "new_customers", "reactivated_customers", "leads", "subscriptions", "opt_outs"})
_LEVELS = frozenset({"churn_rate", "repeat_rate", "opt_outs", "margin"})
_DOWNWARD = frozenset({"churn_rate", "opt_outs"})
_NOT_A_METRIC = re.compile(
    r"\b(?:ad|media|marketing|advertising) spend(?:ing)?\b|\b(?:sales|spend(?:ing)?|leads?|orders?|visitors?|traffic|subscribers?|members?)\b(?= (?:team|department|rep|manager|people|limit|cap|light|jam|whatever|more than|up to|page|list))|\b(?:to|can|could|may|will|would|only|not|we|i|you|never) (?:not |only |also |even )?(?:spend|lead|order)\b(?! on)"
)
_UP_LEAD = r"(?:boost|increas|rais|grow|lift|driv|improv|maximi|push|get|sell)"
_GUARDED = re.compile(
    rf"\b(?:(?:while |and )?keep(?:ing)? (?:our |the )?(?:{_PLAIN_METRIC}) (?:flat|steady|stable|low|constant|unchanged|under control|in check|where (?:it|they) (?:is|are)) (?:while|and|but)(?= (?:we |you )?{_UP_LEAD})|while keeping (?:our |the )?(?:{_PLAIN_METRIC}) (?:flat|steady|stable|low|constant|unchanged|under control|in check)"
    rf"|(?:without (?:hurting|raising|increasing|harming|losing|killing|damaging|sacrificing|ruining|lowering|reducing|driving up|more|extra|causing|touching|eroding)|(?:do|must|should|can) not (?:hurt|harm|increase|raise|kill|damage|ruin|erode|drive up|lose|sacrifice)"
    rf"|not at the (?:cost|expense) of)(?: (?:more|our|the|any|too much|too many|a lot of)){{0,6}} (?:{_PLAIN_METRIC}))"
)
_UP = r"(?:increase|increasing|raise|raising|grow|growing|boost|boosting|lift|lifting|improve|improving|maximi[sz]e|maximi[sz]ing|more|higher|drive|driving|gain|generate|generating|bump|push up|scale|double|triple|extra|additional|rise|rising|up|add|win|expand|uplift|growth in|jump|greater|bigger|strengthen|crank up|pump up|jack up)"
_DOWN = r"(?:decrease|decreasing|reduce|reducing|cut|cutting|lower|lowering|less|fewer|shrink|minimi[sz]e|minimi[sz]ing|drop|halve|slash|stop|prevent|fight|combat|avoid|curb|limit|down|fall|come down|bring down|get down|trim|decline|slow|shave|dampen|smaller)"
_HOLD = re.compile(
    r"\b(?:(?:keep|keeping|hold|holding|maintain|stay|leave)\b[^.;!?]{0,40}\b(?:where (?:it|they) (?:is|are)|steady|stable|flat|constant|as (?:it|they) (?:is|are)|unchanged|(?:at|on) (?:the|its|their|this) (?:current|same|present|today's) level|at the same level|level with)|(?:hold(?! ?-?(?:out|back))|maintain|stabili[sz]e|defend)\b)"
)
_IS_SO = re.compile(
    r"\b(?<!should )(?<!must )(?<!has to )(?<!needs to )(?<!to )(?:is|are|was|were|went|has been|have been|has|have|keeps?)(?! to\b) "
)
"""Tells how things are, not how they should be: "sales are down"."""
_OPPOSED = re.compile(
    rf"\b(?P<one>{_UP}) (?:and|but also|and also|as well as|yet) (?:also )?(?P<two>{_DOWN})\b|\b(?P<down>{_DOWN}) (?:and|but also|and also|as well as|yet) (?:also )?(?P<up>{_UP})\b"
)
_PERCENT = r"(?:%|percent(?! ?age points?)\b|per ?cent\b)"
_POINTS = r"(?:(?:percentage|percent|%)[ -]?points?|points?|p\.?p\.?\b|%-points?)"
_SIZE = rf"(?P<n>{NUM})\s?(?:(?P<points>{_POINTS})|(?P<percent>{_PERCENT}))"
_BY_SIZE = re.compile(
    rf"\b(?:by |of |about |around |at least |roughly |some ){{0,6}}(?:another |an? (?:extra|additional) )?(?<![\d.,]){_SIZE}"
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


_PIECES = re.compile(r"units|pairs|pieces|items")
_ON_CONDITION = re.compile(r"\b(?:if|as long as|so long as|provided|providing|unless|in case)\b[^.;,!?|]*$")
"""Before a metric: it names a condition, not what is to be moved."""


def guarded(turn: Turn) -> list[Said[str]]:
    """Numbers that must not get worse on the way: "without hurting margin"."""
    return [turn.said(match[0], match.start(), match.end()) for match in turn.found(_GUARDED)]


def named_in(text: str) -> Metric | None:
    """The last metric a text names."""
    found = list(_METRIC_WORD.finditer(text.lower()))
    return metric_of(found[-1]) if found else None


def metrics(turn: Turn) -> list[Said[Metric]]:
    """Metrics named, those beside a direction or a size first; the words stay for the product to be found by them."""
    heard: list[tuple[int, Said[Metric]]] = []
    for match in _METRIC_WORD.finditer(turn.rest):
        if _NOT_A_METRIC.search(turn.rest, max(0, match.start() - 18), match.end() + 12) and _covers(turn, match):
            continue
        before = re.split(r"[.,;!?|]", turn.rest[max(0, match.start() - 30) : match.start()])[-1]
        near = before + match[0] + re.split(r"[.,;!?|]", turn.rest[match.end() : match.end() + 24])[0]
        is_moved = bool(re.search(rf"\b(?:{_UP}|{_DOWN}|keep|hold|maintain|get|bring|need|want|goal|target|by \d)\b", near))
        if not is_moved and (_PIECES.fullmatch(match[0]) or _ON_CONDITION.search(turn.rest[: match.start()][-60:])):
            continue
        turn.hear(*match.span())
        heard.append((0 if is_moved else 1, Said(metric_of(match), turn.quote(*match.span()), match.start())))
    return [said for _, said in sorted(heard, key=lambda pair: (pair[0], pair[1].at))]


def _covers(turn: Turn, match: Match[str]) -> bool:
    return any(
        m.start() < match.end() and m.end() > match.start()
        for m in _NOT_A_METRIC.finditer(turn.rest, max(0, match.start() - 18), match.end() + 12)
    )


def metric_of(match: Match[str]) -> Metric:
    """The metric a match of `METRIC` names."""
    return next(name for name, _ in _METRICS if match.groupdict().get(f"m_{name}"))


def directions(turn: Turn, metric: Metric | None) -> list[Said[Direction]]:
    """Which way the metric is to go; two ways when the turn asks for both."""
    if opposed := _OPPOSED.search(turn.rest):
        turn.hear(*opposed.span())
        up, down = (opposed["one"] or opposed["up"]), (opposed["two"] or opposed["down"])
        return [Said("increase", up, opposed.start()), Said("decrease", down, opposed.start())]
    if hold := _HOLD.search(turn.rest):
        turn.hear(*hold.span())
        return [Said("hold", turn.quote(*hold.span()), hold.start())]
    return _linked(turn, metric)


def _linked(turn: Turn, metric: Metric | None) -> list[Said[Direction]]:
    """Directions that stand by the metric, each kind once."""
    heard: dict[str, Said[Direction]] = {}
    for match in _METRIC_WORD.finditer(turn.rest):
        if metric is not None and metric_of(match) != metric:
            continue
        before = re.search(
            rf"\b(?P<word>{_UP}|{_DOWN})\b(?:(?! and | but |[.;!?,]).){{0,28}}$",
            turn.rest[max(0, match.start() - 42) : match.start()],
        )
        after = re.match(
            rf"(?:(?! and | but |[.;!?,|]).){{0,24}}?\b(?P<word>{_UP}|{_DOWN})\b", turn.rest[match.end() : match.end() + 34]
        )
        found = before or after
        if found is None or (found is after and _IS_SO.search(after[0])):
            continue
        way = way_of(found["word"], metric)
        start = max(0, match.start() - 42) if found is before else match.end()
        turn.hear(start + found.start("word"), start + found.end("word"))
        heard.setdefault(way, Said(way, found["word"], match.start()))
    return list(heard.values())


def way_of(word: str, metric: Metric | None) -> Direction:
    """The direction a verb means; to improve or fight churn is to lower it."""
    if re.fullmatch(_DOWN, word):
        return "decrease"
    is_better_lower = metric in _DOWNWARD and word.startswith("improv")
    return "decrease" if is_better_lower else "increase"


def is_a_way(word: str) -> bool:
    """Whether a word only says which way a number is to go."""
    return re.fullmatch(rf"{_UP}|{_DOWN}", word) is not None


def usual_direction(metric: Metric) -> Direction:
    """Which way a metric goes when nobody says: churn and opt-outs down, all others up."""
    return "decrease" if metric in _DOWNWARD else "increase"


def targets(turn: Turn, metric: Metric | None) -> list[Said[Target]]:
    """How far, most explicit form first; the stretch is taken."""
    heard = [_size(turn, match, is_level=_is_level(match, metric)) for match in turn.found(_TO_SIZE) if _is_level(match, metric)]
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


_CAPPED = re.compile(r"\b(?:below|under|above|over|beneath|at most|max(?:imum)?|less than|more than|up to|exceed) $")
"""Before a share, in a clause that names neither a metric nor a way: a limit on something else ("complaints below 0.1%")."""


def _is_a_change(turn: Turn, match: Match[str]) -> bool:
    """Whether a share is how far to go, not a discount, a margin or a part of the customers."""
    by = re.match(r"by ", match[0])
    before = turn.rest[max(0, match.start() - 44) : match.start()]
    clause = re.split(r"[.,;!?|]", turn.rest[: match.start()])[-1][-80:]
    is_another_limit = _CAPPED.search(clause) and not re.search(
        rf"\b(?:{_PLAIN_METRIC}|{_UP}|{_DOWN})\b", _CAPPED.sub("", clause)
    )
    if is_another_limit:
        return False
    return not _OF_SOMETHING.match(turn.rest, match.end()) and (bool(by) or not _OF_ANOTHER_THING.search(before))


def _is_level(match: Match[str], metric: Metric | None) -> bool:
    """ "to 30%" is a level only for a metric that is a rate; "at 5%" never starts one."""
    return metric in _LEVELS or match["from"] is not None


def _size(turn: Turn, match: Match[str], *, is_level: bool) -> Said[Target]:
    unit: Literal["percent", "points"] = "points" if match["points"] and not is_level else "percent"
    return turn.said(Target(value=_share(match["n"]), unit=unit, is_level=is_level), match.start(), match.end())


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
        extra = re.match(rf" (?:more |extra |additional |of |in )+(?:\w+ )?(?:{_PLAIN_METRIC})", turn.rest[match.end() :])
        names = bool(lead) and re.search(
            rf"(?:{_PLAIN_METRIC}) $", turn.rest[max(0, match.start() - 70) : match.start() - len(lead[0]) if lead else 0]
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
