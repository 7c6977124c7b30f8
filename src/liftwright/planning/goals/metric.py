"""Listens for the number to move and which way."""

from __future__ import annotations

import re
from re import Match

from liftwright.domain.goal import Direction, Metric
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
        r"new(?:ly acquired)? (?:customers?|buyers?|clients?|shoppers?|accounts?)|(?:more|extra|additional) (?:customers|buyers|clients|shoppers)(?! (?:to|who|that|buy|buying|order|come|coming|back))|first[- ]time (?:buyers?|customers?|orders?|purchases?)|customer acquisition|(?:our )?customer (?:base|count)|number of customers|first purchases?|acqui(?:re|ring|sition)",
    ),
    (
        "churn_rate",
        r"churn(?:ing|ers)?(?: rate)?|attrition(?: rate)?|cancell?ations?|customer (?:loss|losses)|(?:los(?:e|ing)|lost) (?:fewer |less )?customers|cancel(?:s|l?ing)?|customers (?:leaving|lost)",
    ),
    ("subscriptions", r"(?:newsletter )?(?:sign-?ups?|subscriptions?|subscribers?)|sign up|memberships?"),
    ("leads", r"leads?|demo requests?|e?in?quir(?:y|ies)|enquir(?:y|ies)|quote requests?|demo bookings?"),
    (
        "visits",
        r"(?:web ?site |web |store |shop |online |foot |site |app )?(?:visits?|visitors?|traffic|footfall|sessions?|page ?views?)|clicks?",
    ),
    ("orders", r"orders?|purchases|conversions?(?: rate)?|bookings?|checkouts?|transactions?|units|pairs|pieces|items"),
    ("margin", r"(?:gross |net |contribution )?(?:profits?|margins?|profitability|earnings)(?: contribution)?"),
    ("revenue", r"revenues?|sales|turn-?over|gmv|spend(?:ing)?|income|takings|top ?line|(?:business |sales )?volume"),
)
METRIC = "|".join(f"(?P<m_{name}>{pattern})" for name, pattern in _METRICS)
PLAIN_METRIC = "|".join(pattern for _, pattern in _METRICS)
_METRIC_WORD = re.compile(rf"(?<![\w'])(?:{METRIC})(?![\w'])")
_DOWNWARD = frozenset({"churn_rate", "opt_outs"})
_NOT_A_METRIC = re.compile(
    r"\b(?:ad|media|marketing|advertising) spend(?:ing)?\b|\b(?:sales|spend(?:ing)?|leads?|orders?|visitors?|traffic|subscribers?|members?)\b(?= (?:team|department|rep|manager|people|limit|cap|light|jam|whatever|more than|up to|page|list))|\b(?:to|can|could|may|will|would|only|not|we|i|you|never) (?:not |only |also |even )?(?:spend|lead|order)\b(?! on)"
)
_UP_LEAD = r"(?:boost|increas|rais|grow|lift|driv|improv|maximi|push|get|sell)"
_GUARDED = re.compile(
    rf"\b(?:(?:while |and )?keep(?:ing)? (?:our |the )?(?:{PLAIN_METRIC}) (?:flat|steady|stable|low|constant|unchanged|under control|in check|where (?:it|they) (?:is|are)) (?:while|and|but)(?= (?:we |you )?{_UP_LEAD})|while keeping (?:our |the )?(?:{PLAIN_METRIC}) (?:flat|steady|stable|low|constant|unchanged|under control|in check)"
    rf"|(?:without (?:hurting|raising|increasing|harming|losing|killing|damaging|sacrificing|ruining|lowering|reducing|driving up|more|extra|causing|touching|eroding)|(?:do|must|should|can) not (?:hurt|harm|increase|raise|kill|damage|ruin|erode|drive up|lose|sacrifice)"
    rf"|not at the (?:cost|expense) of)(?: (?:more|our|the|any|too much|too many|a lot of)){{0,6}} (?:{PLAIN_METRIC}))"
)
UP = r"(?:increase|increasing|raise|raising|grow|growing|boost|boosting|lift|lifting|improve|improving|maximi[sz]e|maximi[sz]ing|more|higher|drive|driving|gain|generate|generating|bump|push up|scale|double|triple|extra|additional|rise|rising|up|add|win|expand|uplift|growth in|jump|greater|bigger|strengthen|crank up|pump up|jack up)"
DOWN = r"(?:decrease|decreasing|reduce|reducing|cut|cutting|lower|lowering|less|fewer|shrink|minimi[sz]e|minimi[sz]ing|drop|halve|slash|stop|prevent|fight|combat|avoid|curb|limit|down|fall|come down|bring down|get down|trim|decline|slow|shave|dampen|smaller)"
_HOLD = re.compile(
    r"\b(?:(?:keep|keeping|hold|holding|maintain|stay|leave)\b[^.;!?]{0,40}\b(?:where (?:it|they) (?:is|are)|steady|stable|flat|constant|as (?:it|they) (?:is|are)|unchanged|(?:at|on) (?:the|its|their|this) (?:current|same|present|today's) level|at the same level|level with)|(?:hold(?! ?-?(?:out|back))|maintain|stabili[sz]e|defend)\b)"
)
_IS_SO = re.compile(
    r"\b(?<!should )(?<!must )(?<!has to )(?<!needs to )(?<!to )(?:is|are|was|were|went|has been|have been|has|have|keeps?)(?! to\b) "
)
"""Tells how things are, not how they should be: "sales are down"."""
_OPPOSED = re.compile(
    rf"\b(?P<one>{UP}) (?:and|but also|and also|as well as|yet) (?:also )?(?P<two>{DOWN})\b|\b(?P<down>{DOWN}) (?:and|but also|and also|as well as|yet) (?:also )?(?P<up>{UP})\b"
)


_ONLY_A_VERB = re.compile(r"acqui(?:re|ring)|revive|wake(?: up)?")
"""They name a metric where no other does: "acquire 90 leads" is about leads."""
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
        is_moved = bool(re.search(rf"\b(?:{UP}|{DOWN}|keep|hold|maintain|get|bring|need|want|goal|target|by \d)\b", near))
        if not is_moved and (
            _PIECES.fullmatch(match[0]) or _ON_CONDITION.search(turn.rest[max(0, match.start() - 60) : match.start()])
        ):
            continue
        turn.hear(*match.span())
        rank = 2 if _ONLY_A_VERB.fullmatch(match[0]) else 0 if is_moved else 1
        heard.append((rank, Said(metric_of(match), turn.quote(*match.span()), match.start())))
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
            rf"\b(?P<word>{UP}|{DOWN})\b(?:(?! and | but |[.;!?,]).){{0,28}}$",
            turn.rest[max(0, match.start() - 42) : match.start()],
        )
        after = re.match(
            rf"(?:(?! and | but |[.;!?,|]).){{0,24}}?\b(?P<word>{UP}|{DOWN})\b", turn.rest[match.end() : match.end() + 34]
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
    if re.fullmatch(DOWN, word):
        return "decrease"
    is_better_lower = metric in _DOWNWARD and word.startswith("improv")
    return "decrease" if is_better_lower else "increase"


def is_a_way(word: str) -> bool:
    """Whether a word only says which way a number is to go."""
    return re.fullmatch(rf"{UP}|{DOWN}", word) is not None


def usual_direction(metric: Metric) -> Direction:
    """Which way a metric goes when nobody says: churn and opt-outs down, all others up."""
    return "decrease" if metric in _DOWNWARD else "increase"
