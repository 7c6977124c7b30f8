"""Listens for limits: margin floor, discounts, contacts per week, smallest order. Shares are 0 to 1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import Match

from liftwright.domain.goal import Constraint
from liftwright.planning.goals.money import AMOUNT
from liftwright.planning.goals.numbers import NUM, to_number
from liftwright.planning.goals.text import Said, Turn

_SHARE = rf"(?P<n>{NUM})\s?(?P<pct>%|percent(?:age points?)?\b|per ?cent\b|points?\b|pp\b|p\.p\.)?(?![\w])"
_KEEP = (
    r"(?:(?:please )?(?:keep|keeping|hold|holding|maintain(?:ing)?|stay(?:ing)?|leave|leaving|with|need|want|make|protect|and|but|do not (?:let|go)|never let"
    r"|must|should|has to|needs to) ){0,6}"
)
_GROSS = r"(?:(?:the|our|a|an|my|gross|net|profit|product|unit|contribution|overall|average|total|minimum|min) ){0,6}"
_OVER = (
    r"(?:above|over|at least|at or above|min(?:imum)?\b\.?(?: of)?|not? (?:below|under|less than|lower than|beneath)|no (?:less|lower) than"
    r"|never (?:below|under|less than)|higher than|more than|greater than|north of|>=?|from|stays? (?:above|over)|remains? (?:above|over)|or (?:more|better))"
)
_FLOOR_AFTER = re.compile(
    rf"{_KEEP}{_GROSS}\bmargins?\b(?: (?:rate|level|percentage))?(?P<gap>[\s:=,-]*(?:(?:must|should|has|have|needs?|can|may|to|stay|remain|be|is|are|keep|go|fall|drop|slip|dip|kept"
    rf"|sink|come|held|at|of|a|the|floor|minimum|target|limit|not|never|do|does|does not|it|let|in|about|around|up|say) ?){{0,6}})(?P<over>(?:{_OVER}|below|under|less than|lower than|beneath) ?(?:a |the )?)?{_SHARE}"
)
_FLOOR_BEFORE = re.compile(
    rf"{_KEEP}(?P<over>{_OVER}|(?:not|never|without|no) (?:\w+ )?(?:go|going|drop|dropping|fall|falling|dip|dipping|slip|sink|get|getting|let it (?:go|fall|drop))(?:ing)? (?:below|under|beneath|lower than)"
    rf"|(?:not|never) (?:below|under)|floor of)? ?{_GROSS}{_SHARE} ?(?:or (?:more|better|above) )?(?:of |in )?{_GROSS}margins?\b(?P<tail> floor| min(?:imum)?| or (?:more|better|above))?"
)
_UNDER = re.compile(r"\b(?:below|under|less|lower|beneath)\b")
_NOT = re.compile(r"\b(?:no|not|never|without)\b")
_AIM = re.compile(
    r"\b(?:increase|raise|grow|boost|lift|improve|maximi[sz]e|bump|reduce|decrease|cut|push|get|bring|take|up)\b[^.;|]{0,24}$"
)

_COUPON = r"(?:discounts?|coupons?|vouchers?|promo(?:tion)?(?: codes?)?s?|rebates?|price cuts?|mark ?downs?|money off|reductions?|promos?|incentives?|sale prices?)"
_LIMIT = (
    r"(?:up to|at most|at or (?:below|under|less than)|max(?:imum)?\b\.?(?: of)?|no (?:more|deeper|higher|bigger|greater|larger) than|not (?:more|deeper|higher|bigger|greater|larger|above|over) (?:than )?"
    r"|nothing (?:deeper|bigger|higher|more|above|over|beyond|larger)(?: than)?|never (?:more|deeper|above|over)(?: than)?|(?:is |are |be )?cap(?:ped)? (?:at|of)|capped|limit(?:ed)? (?:to|of|at)|below|under|less than"
    r"|(?:no|not|any|without) \w{0,12} ?(?:over|above|beyond|deeper than|greater than|higher than|bigger than|more than)|<=?|within)"
)
_PCT = rf"(?P<n>{NUM})\s?(?:%|percent\b|per ?cent\b)"
_TO_PCT = rf"(?:{NUM}\s?(?:%|percent)?\s?(?:-|to|or|and)\s?)?{_PCT}"
_DISCOUNTS = (
    re.compile(
        rf"\b(?:no|not any|without|avoid|never)\s{_COUPON}\s(?:over|above|beyond|deeper than|greater than|higher than|bigger than|more than|larger than|of more than)\s{_TO_PCT}(?: off)?"
    ),
    re.compile(
        rf"\b(?:max(?:imum)?\.?|the (?:max|maximum|deepest|highest|biggest)|deepest|highest|biggest) {_COUPON}(?: is| of|:| at|,){{0,6}} ?{_TO_PCT}(?: off)?"
    ),
    re.compile(
        rf"\b{_COUPON}(?: limit| cap| ceiling| depth| level)?(?: is| are| ok| okay| fine| allowed| possible| must| should| may| can| stay| be| to| of| limit|:| not| never| only| go| at| a| must be){{0,6}} ?{_LIMIT} ?{_TO_PCT}(?: off)?"
    ),
    re.compile(rf"\b{_COUPON} (?:limit|cap|ceiling|maximum)(?: is| of|:| at){{0,2}} ?{_TO_PCT}(?: off)?"),
    re.compile(rf"(?:\b|(?<= )){_LIMIT} ?(?:a |an )?{_TO_PCT}(?: off\b| in)?(?: {_COUPON})?(?P<kind>)"),
    re.compile(
        rf"{_TO_PCT} (?:{_COUPON} )?(?:off )?(?:is the )?(?:max(?:imum)?|tops|at most|cap|limit)(?: {_COUPON})?(?P<kind>)"
    ),
)
_OFFER = re.compile(
    rf"(?P<lead>\b(?:give|giving|offer|offering|send|grant|with|everyone gets|everybody gets|use|run|take)\b[^.;,|%]{{0,40}})?(?:a |an )?{_TO_PCT}(?: off\b| {_COUPON}| reduction| cheaper)"
    rf"|\b{_COUPON}(?: is| of| at|:| code for| for| at least| minimum| from| between){{0,6}} ?(?:{NUM}\s?%?\s?(?:-|to|and)\s?)?(?P<n2>{NUM})\s?(?:%|percent\b)"
)
_NO_DISCOUNT = re.compile(
    rf"\b(?:(?:no|zero|0|without(?: any| a)?|avoid|skip|never any|not any|nor|neither) (?:\w{{2,12}} )?{_COUPON}(?:ing)?(?! (?:over|above|beyond|deeper|greater|higher|more|of more))(?:(?:,| or| and| nor) (?:no )?{_COUPON}){{0,6}}(?: at all| whatsoever| codes?)?"
    rf"|(?:do|does|must|should|can|may|will) not (?:\w{{2,10}} ){{0,3}}?(?:discount|{_COUPON})(?:ing)?(?! (?:over|above|more|deeper))(?: at all| anything)?|(?:do|can|should|must) not (?:lower|cut|reduce|touch) (?:the |our )?prices?"
    rf"|never discount\b|without (?:discounting|lowering prices|cutting prices|price cuts)|(?:at )?full price(?: only)?|only (?:at )?full price|not? (?:be )?discount(?:ed|ing)?\b)"
)
_TIMES = r"(?P<times>once|twice|thrice|(?<!\d)\d{1,2}(?!\d)(?: ?x|(?! ?%))(?: times?)?)"
_TOUCH = r"(?:contacts?|messages?|e-?mails?|mails?|mailings?|touch(?:es|points?)?|times?|texts?|sms|pushes|push notifications?|notifications?|newsletters?|sends?)"
_EACH = r"(?:a|an|per|each|every|/|in a|in one|in any|any)"
_CONTACTS = re.compile(
    rf"(?:\b(?:do not|never|not|no|please|and|but|only) ){{0,6}}(?:\b(?:contact|bug|bother|e-?mail|mail|message|annoy|write(?: to)?|send|text|spam|disturb|touch|reach|hit|ping|pester)\b(?: (?:our |the |any|each )?(?:people|them|anyone|anybody|customers?|everyone|a person|person|one|folks|somebody|someone|him|her|us))? )?"
    rf"(?:\b(?:(?:max(?:imum)?\b\.?(?: of)?|at most|no more than|not more than|more than|never more than|up to|limit(?:ed)? (?:of|to)|cap(?:ped)? (?:of|at)|only|frequency cap(?: of|:)?|weekly cap(?: of|:)?|not more often than|more often than|less than|no more often than) ?))?(?:of )?"
    rf"{_TIMES}(?: {_TOUCH})?(?: to (?:each|any|every) (?:person|customer|one))?(?: (?:each|per (?:person|customer|head)))?(?: max(?:imum)?| at most)?\s?{_EACH}\s?(?P<unit>day|week|month|fortnight)\b(?: per (?:person|customer|head)| max(?:imum)?| at most| each){{0,6}}"
)
_EACH_ONE = r"(?:per|for (?:each|every)|to (?:each|any|every|one)|each|every|a) ?(?:person|customer|head|recipient|individual|contact|one|user|client|buyer)s?"
_IN_ALL = r"(?:in total|overall|altogether|all in all|in all|for the (?:whole|entire) (?:campaign|flight|period)|(?:during|over|throughout) the (?:whole |entire )?(?:campaign|flight))"
_AT_MOST = r"(?:max(?:imum)?\b\.?(?: of)?|at most|no more than|not more than|more than|never more than|up to|limit(?:ed)? (?:of|to)|cap(?:ped)? (?:of|at)|only|not more often than|just|no more often than)"
_WHOM = r"(?:people|them|anyone|anybody|customers?|everyone|everybody|each (?:person|customer)|any (?:person|customer)|every (?:person|customer)|a (?:person|customer)|nobody|no one|somebody|someone)"
_TOTALS = (
    re.compile(
        rf"\b(?:(?:do|must|should|can|may) not |never |please ){{0,3}}(?:contact|bug|bother|e-?mail|mail|message|annoy|write to|text|spam|disturb|touch|reach) (?:our |the )?{_WHOM} (?:{_AT_MOST} ){_TIMES}(?: {_TOUCH})?(?: {_IN_ALL})?(?![\w])"
    ),
    re.compile(
        rf"\b{_WHOM}(?: (?:should|may|must|can|will|is to|are to))? (?:not )?(?:gets?|receives?|hears? from us|sees?|be sent|be contacted|contacted) (?:{_AT_MOST} {_TIMES}(?: {_TOUCH})?|(?:exactly )?(?P<times1>\d) {_TOUCH})(?: {_IN_ALL})?(?![\w])"
    ),
    re.compile(
        rf"\b(?:{_AT_MOST} )?{_TIMES}(?: {_TOUCH})?(?: max(?:imum)?| at most)? (?:{_EACH_ONE}(?: {_IN_ALL})?|(?:{_EACH_ONE} )?{_IN_ALL})(?: max(?:imum)?| at most)?(?![\w])"
    ),
    re.compile(
        rf"\b(?:contact|touch|message|e-?mail) (?:cap|limit|maximum)(?: is| of|:| at| per person){{0,3}} ?(?P<times>\d{{1,2}})(?: {_TOUCH})?(?: {_IN_ALL}| {_EACH_ONE})"
    ),
)
_ONE_OF_SEVERAL = re.compile(rf"\d {_TOUCH}(?:,| and| or|, and)? $")
_NOT_MORE = re.compile(r"\b(?:no|not|never|nobody)\b")
_DAILY = re.compile(
    r"\b(?:send|write|mail|e-?mail|message|contact|text|with|want)(?: (?:them|people|everyone|out|a|customers))* (?P<each>daily|weekly|every day|every week|each day|each week)\b(?: (?:e-?mails?|messages?|mails?|texts?|sms|newsletters?|reminders?))?"
    r"|\b(?:an? |one )?(?:e-?mails?|messages?|mails?|texts?|sms|reminders?) (?P<every>every day|every week|each day|each week|daily|weekly)\b"
)
_WEEKLY_CAP = re.compile(
    rf"\b(?:weekly (?:cap|limit|maximum)|frequency cap|contact cap|contacts? per week|e-?mails? per week|messages? per week)(?: is| of|:| at| at most| max){{0,6}} ?(?P<times>\d{{1,2}}(?!\d))(?!(?: {_TOUCH})? (?:{_EACH_ONE}|{_IN_ALL}))(?: {_TOUCH})?(?: per week| a week)?(?! ?%)"
)
_IS_A_CHANGE = re.compile(r" (?:up |down )?to\b")
_MINIMUM = re.compile(
    rf"\b(?:(?:only )?(?:on |for |from )?(?:orders?|baskets?|purchases?|carts?) (?:values? |sizes? )?(?:over|above|of at least|of more than|worth at least|from|starting at|of)|minimum (?:order|basket|purchase|cart)(?: value| size)?(?: is| of|:)?|min\.? (?:order|basket)(?: value)?(?: of|:)?) ?(?={AMOUNT.pattern})"
)


@dataclass(frozen=True)
class Discount:
    """A share off the price: the deepest allowed, or one that is to be given (`is_offer`). Zero when none is allowed."""

    share: float
    is_offer: bool = False


def margin_floors(turn: Turn) -> list[Said[float]]:
    """ "keep margin above 35%", "don't go under 40 points of margin", "margin floor 33 percent"."""
    heard: list[Said[float]] = []
    for match in turn.found(_FLOOR_AFTER):
        if _is_floor(turn, match):
            heard.append(turn.said(_share(match), match.start(), match.end()))
    for match in turn.found(_FLOOR_BEFORE):
        if _has_unit(match) and (match["over"] or match["tail"] or _stands_alone(turn, match)):
            heard.append(turn.said(_share(match), match.start(), match.end()))
    return heard


def _is_floor(turn: Turn, match: Match[str]) -> bool:
    before = turn.rest[max(0, match.start() - 40) : match.start()]
    words = f"{match['gap']} {match['over'] or ''}"
    if _UNDER.search(words) and not (_NOT.search(words) or _NOT.search(match[0])):
        return False
    is_kept = bool(match["over"]) or "floor" in words or bool(re.search(r"\bkeep|hold|maintain|stay|protect|minimum", match[0]))
    is_stated = re.fullmatch(r"[\s:=,-]*(?:of |at |is )?", match["gap"]) is not None
    if _AIM.search(before) and not match["over"]:
        return False
    return (is_kept or is_stated) and _has_unit(match)


def _stands_alone(turn: Turn, match: Match[str]) -> bool:
    """Whether "35% margin" is a condition of its own, not what is to be reached."""
    before = turn.rest[: match.start()].rstrip()
    return bool(match["pct"]) and (
        before == "" or before[-1] in ".,;|" or re.search(r"\b(?:with|and|at|keep)$", before) is not None
    )


def _has_unit(match: Match[str]) -> bool:
    return bool(match["pct"]) or 0 < to_number(match["n"], is_share=True) <= 200


def _share(match: Match[str]) -> float:
    value = to_number(match["n"], is_share=True)
    return float(value if not match["pct"] and value < 1 else value / 100)


def discounts(turn: Turn) -> list[Said[Discount]]:
    """The deepest discount allowed, discounts that are to be given, and that there must be none."""
    heard: list[Said[Discount]] = []
    for place, pattern in enumerate(_DISCOUNTS):
        for match in turn.found(pattern):
            speaks = place < 4 or re.search(rf"\boff\b|{_COUPON}", match[0])
            if speaks:
                heard.append(turn.said(Discount(_percent(match["n"])), match.start(), match.end()))
    for match in turn.found(_OFFER):
        number = match["n"] or match["n2"]
        heard.append(turn.said(Discount(_percent(number), is_offer=True), match.start(), match.end()))
    heard += [turn.said(Discount(0.0), m.start(), m.end()) for m in turn.found(_NO_DISCOUNT)]
    return sorted(heard, key=lambda said: said.at)


def _percent(number: str) -> float:
    return float(to_number(number, is_share=True) / 100)


def contacts(turn: Turn) -> list[Said[float]]:
    """Contacts per person and week; a monthly number is divided by four."""
    heard: list[Said[float]] = []
    for match in turn.found(_CONTACTS):
        if not _is_a_habit(match[0]):
            heard.append(turn.said(_per_week(match["times"], match["unit"]), match.start(), match.end()))
    for match in turn.found(_WEEKLY_CAP):
        heard.append(turn.said(float(match["times"]), match.start(), match.end()))
    for match in turn.found(_DAILY):
        each = match["each"] or match["every"]
        heard.append(turn.said(7.0 if "da" in each else 1.0, match.start(), match.end()))
    return heard


def total_contacts(turn: Turn) -> list[Said[float]]:
    """Contacts per person in the whole flight: "max two touches per person", "everyone gets at most one message". After `contacts`."""
    heard: list[Said[float]] = []
    for pattern in _TOTALS:
        for match in turn.found(pattern):
            is_part = _ONE_OF_SEVERAL.search(turn.text[max(0, match.start() - 24) : match.start()])
            if not is_part and ("more" not in match[0] or _NOT_MORE.search(match[0])):
                times = match.groupdict().get("times") or match["times1"]
                heard.append(turn.said(float(_count(times)), match.start(), match.end()))
    return heard


def _count(times: str) -> int:
    return {"once": 1, "twice": 2, "thrice": 3}.get(times) or int(re.split(r"\D", times, maxsplit=1)[0])


def _is_a_habit(words: str) -> bool:
    """Whether it speaks of what people do ("once a week") rather than of how often they hear from us."""
    return not re.search(
        rf"\b(?:max|most|more|cap|limit|up to|only|less|contact|bug|bother|annoy|write|send|text|spam|disturb|touch|hit|ping|pester|reach|mail|message)|{_TOUCH}\b",
        words,
    )


def _per_week(times: str, unit: str) -> float:
    count = _count(times)
    return {"day": 7.0 * count, "week": float(count), "month": count / 4, "fortnight": count / 2}[unit]


def minimum_orders(turn: Turn) -> list[Said[float]]:
    """The smallest order an offer is for, in major units."""
    heard: list[Said[float]] = []
    for match in turn.found(_MINIMUM):
        amount = AMOUNT.match(turn.rest, match.end())
        if amount and not _IS_A_CHANGE.match(turn.rest, amount.end()) and (amount["pre"] or amount["post"] or "min" in match[0]):
            heard.append(turn.said(float(to_number(amount["num"], magnitude=amount["mag"] or "")), match.start(), amount.end()))
    return heard


def as_constraint(said: Said[Discount]) -> Constraint:
    """A discount heard, as the limit it sets."""
    if said.value.share == 0:
        return Constraint(kind="no_discount", value=0.0, quote=said.quote)
    return Constraint(kind="max_discount", value=said.value.share, quote=said.quote)
