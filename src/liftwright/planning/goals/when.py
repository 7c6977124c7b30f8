"""Listens for the horizon: when it starts, when it ends, how long it takes. Dates are inclusive."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from re import Match

from liftwright.planning.goals import days
from liftwright.planning.goals.days import Length, Period
from liftwright.planning.goals.moments import MONTH, moment
from liftwright.planning.goals.text import Said, Turn


@dataclass(frozen=True)
class Window:
    """What was said of the time; what was not said is None."""

    first: date | None = None
    last: date | None = None
    length: Length | None = None
    note: str = ""

    def settled(self, today: date) -> tuple[date, date] | None:
        """First and last day, starting today where no start was said; None without an end."""
        first = self.first or today
        last = self.last or (self.length.last_day(first) if self.length else None)
        return (first, last) if last else None


_CUE = re.compile(
    r"\b(?:(?P<start>from|between|starting(?: on| from)?|starts?(?: on)?|beginning(?: on)?|begins?(?: on)?|as of|launch(?:ing|es)?(?: on)?)"
    r"|(?P<end>by|until|no later than|not later than|up to|up until|through|ending(?: on)?|ends?(?: on)?|deadline(?: is|:| of)?"
    r"|due(?: by| on)?|to(?= the end| end)|finish(?:ed|ing)?(?: by| on)?|runs? (?:to|until|through)|at the latest by)"
    r"|(?P<before>before|ahead of|prior to)|(?P<on>on)"
    r"|(?P<span>in|during|for|over|within|throughout|across|around|the whole of|period(?: is|:)?|time ?frame(?: is|:)?|horizon(?: is|:)?"
    r"|when:|timing:|flight:?|for all of))(?: the (?=christmas|black|cyber|easter|new year|thanksgiving|holiday|month of|period|rest))? "
)
_RELATIVE = re.compile(
    r"\b(?=(?:this|next|the next|the coming|coming|the following|the current|the rest of|rest of|later this|the upcoming) "
    r"(?:week|weekend|month|quarter|year|q[1-4]|spring|summer|autumn|fall|winter|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul"
    r"|aug|sep|oct|nov|dec|the|this|current))"
)
_CONNECT = re.compile(r"\s?,?\s?(?:-|to|until|through|up to|and(?: ends?(?: on)?)?|ending(?: on)?)\s?(?:the end of (?=\w))?")
_UNIT = r"(?P<unit>day|week|month|quarter|year|fortnight)s?\b"
_ROLLING = re.compile(
    rf"\b(?:(?:over|in|within|during|for|across|throughout|inside) )?(?:the |these |our )?(?:next|coming|following|upcoming) "
    rf"(?P<count>\d{{1,4}})[ -]?{_UNIT}"
    rf"|\b(?:over|in|within|during|for|across|throughout|inside) the (?:next|coming|following|upcoming) (?P<unit1>day|week|month|quarter|year|fortnight)\b"
    rf"|\b(?:the )?(?:next|coming) (?P<unit2>fortnight)\b"
)
_PAST = re.compile(
    r"\b(?:(?:(?:in|during|over|within) )?(?:the )?(?:last|past|previous) (?P<unit>week|weekend|month|quarter|year)|yesterday)"
    r"(?=\s*(?:[.,;!?)]|$|(?:with|for|using|via|by|on a)\b))"
)
_TOLD = re.compile(
    r"\b(?:was|were|had|did|went|got|came|made|saw|sold|fell|rose|grew|lost|won|ran|sent|said|told|\w{3,}ed|than|as|like|since|vs|versus|on|of|from|against|who|whom|whose|'s)\b"
)
_BARE = re.compile(
    rf"(?<![\w.,-])(?:(?:over|in|within|during|for|about|say|lasting|duration:?|horizon:?|time ?frame:?|period:?) ){{0,6}}(?:of |a period of |is )?"
    rf"(?:(?P<count>\d{{1,4}})[ -]?|(?:an?|one|the) )?{_UNIT}"
)
_NOT_AHEAD = re.compile(
    r"(?:last|past|previous|every|each|per|since|after|than|least|by|once|twice|times|a day|weekly|old|first|trailing|prior|rolling|same"
    r"|this|next|end of|of the|messages?|contacts?|e-?mails?|/) ?$"
)
_NOT_A_LENGTH = re.compile(
    r"\s?(?:ago|old|earlier|warranty|guarantee|returns?|trial|before|delivery|free|in a row|high|low|olds?)\b"
)
_LAUNCH = re.compile(r"\b(?:launch\w*|start\w*|kick\w* off|go(?:es|ing)? live|begin\w*)\b[^.;!?|]*$")
_ABOUT_PEOPLE = re.compile(
    r"\b(?:bought|purchased|ordered|shopped|visited|opened|clicked|spent|joined|registered|signed up|seen|been|(?:active|inactive|lapsed)(?! (?:customers|people|buyers|shoppers|users|clients|members|ones)\b)"
    r"|happened|occurred|fell|dropped|failed|tried|complained|returned|ran|did|lost|left us)"
    r"\b[^.;,!?|]{0,24}$"
)
_BARE_MOMENT = re.compile(
    rf"(?<![\w'/.,-])(?=black[- ]?friday|cyber|thanksgiving|christmas|boxing|new year|hallow|valentine|easter|mother|father|memorial|labou?r"
    rf"|independence|4th|the 4th|single|st\.? |q[1-4]\b|h[12]\b|\d|(?:the )?week (?:of|commencing|beginning|starting)|(?:the )?(?:whole|all)(?: of)? |end of|the end|(?:week|month|quarter|year)[- ]?end|today|tomorrow|tonight|{MONTH})"
)
_IS_NEAR = re.compile(r" (?:is|'s) (?:coming|near|nearly|almost|around|here|approaching|close|upon|soon)\b")
_NOUN_FOLLOWS = re.compile(
    r"\s(?!among|except|exclud|across|throughout|limit|cap|target|reach|just|mostly|also|again|over|under|with|and|on|for|using|via|at|by|but|while|without|or|in|we|please|budget|max|to|spend|keep|no\b|not|only|is|if|i\b|our|the|from"
    r"|of|until|as|so|thanks|coming|this|next|around|through|before|over|\d|margin|e-?mail|sms|push|web|leave|exclude|don|do|up|at|have|has"
    r"|then|you|it|can|could|should|need|want|would|starts?|ends?|deadline|horizon|latest|please|women|men|vips?|target|lapsed|have|per)[a-z]"
)


def ahead(turn: Turn, *, today: date, day_first: bool) -> list[Said[Window]]:
    """What is clearly about the time to come: "over the next 14 days", "by Black Friday", "in Q3", "this month"."""
    heard = [_rolling(turn, match) for match in turn.found(_ROLLING)]
    for match in turn.found(_CUE):
        if said := _cued(turn, match, today, day_first):
            heard.append(said)
    if not heard:
        heard += _gone(turn, today)
    for match in turn.found(_RELATIVE):
        at = _skip_article(turn.rest, match.start())
        found = moment(turn.rest, at, today=today, day_first=day_first)
        if found and not _is_about_people(turn, match.start()):
            heard.append(turn.said(_window(found[0]), match.start(), found[1]))
    return heard


def _gone(turn: Turn, today: date) -> list[Said[Window]]:
    """A period that is over, asked for as if it were to come: "sell more boots last week"."""
    heard: list[Said[Window]] = []
    for match in turn.found(_PAST):
        clause = re.split(r"[.;!?]", turn.rest[max(0, match.start() - 120) : match.start()])[-1]
        if not (_TOLD.search(clause) or _is_about_people(turn, match.start())):
            gone = days.around(today, match["unit"], ahead=-1) if match["unit"] else Period(today - days.DAY, today - days.DAY)
            heard.append(turn.said(_window(gone), match.start(), match.end()))
    return heard


def bare(turn: Turn, *, today: date, day_first: bool, is_known: bool) -> list[Said[Window]]:
    """Times named without a preposition, and lengths: "Q1", "two weeks", "01.11.-30.11."; for after people were heard.

    `is_known`: a time was heard already, so that "Black Friday is coming" only tells why.
    """
    heard: list[Said[Window]] = []
    for match in turn.found(_BARE_MOMENT):
        found = _range_or_moment(turn, match.start(), today, day_first)
        if found and not _is_loose(turn, match.start(), found[1]):
            window = found[0]
            if is_known and _IS_NEAR.match(turn.rest, found[1]):
                turn.hear(match.start(), found[1])
                continue
            is_deadline = window.first == window.last and not turn.rest.startswith("to", match.start())
            heard.append(turn.said(replace(window, first=None) if is_deadline else window, match.start(), found[1]))
    for match in turn.found(_BARE):
        has_count = bool(match["count"]) or re.search(r"\b(?:an?|one|fortnight)\b", match[0])
        before = turn.rest[max(0, match.start() - 24) : match.start()]
        is_rate = not match["count"] and re.search(
            r"\d(?:[km%]|\b.{0,9})$", turn.text[max(0, match.start() - 12) : match.start()].rstrip()
        )
        if has_count and not is_rate and not _NOT_AHEAD.search(before) and not _NOT_A_LENGTH.match(turn.rest, match.end()):
            heard.append(turn.said(Window(length=_length(match["count"], match["unit"])), match.start(), match.end()))
    return heard


def combined(heard: list[Said[Window]]) -> list[Said[Window]]:
    """The windows one turn speaks of: starts, ends and lengths that fit together are one."""
    ordered = sorted(heard, key=lambda said: said.at)
    windows: list[Said[Window]] = []
    for said in ordered:
        for place, other in enumerate(windows):
            if (fit := _fitted(other.value, said.value)) is not None:
                windows[place] = replace(
                    other, value=fit, quote=f"{other.quote} … {said.quote}" if fit != other.value else other.quote
                )
                break
        else:
            windows.append(said)
    return windows


def _fitted(one: Window, other: Window) -> Window | None:
    """Both as one window, or None when they speak of different times."""
    if one == other:
        return one
    note = one.note or other.note
    first = one.first or other.first
    if (one.first and other.first) and one.first != other.first:
        return None
    last, length = _ends(one, other)
    if last is not None and length is not None:
        if first is None or length.last_day(first) > last:
            return None
        last = None
    if not _ends_agree(one, other):
        return None
    return Window(first, last, length, note)


def _ends(one: Window, other: Window) -> tuple[date | None, Length | None]:
    lasts = [last for last in (one.last, other.last) if last]
    return (min(lasts) if lasts else None), one.length or other.length


def _ends_agree(one: Window, other: Window) -> bool:
    if one.length and other.length and one.length != other.length:
        return False
    if not (one.last and other.last) or one.last == other.last:
        return True
    whole, part = (one, other) if one.first else (other, one)
    return bool(whole.first and whole.last and part.last and part.first is None and whole.first <= part.last <= whole.last)


def _rolling(turn: Turn, match: Match[str]) -> Said[Window]:
    unit = match["unit"] or match["unit1"] or match["unit2"]
    return turn.said(Window(length=_length(match["count"], unit)), match.start(), match.end())


def _length(count: str | None, unit: str) -> Length:
    return Length(max(int(count or 1), 1), unit)


def _cued(turn: Turn, match: Match[str], today: date, day_first: bool) -> Said[Window] | None:
    found = _range_or_moment(turn, match.end(), today, day_first)
    if found is None:
        return None
    window, end = found
    if _needs_a_guess(match, turn, end):
        return None
    if match["start"]:
        is_range = window.last is not None and window.first != window.last
        window = window if is_range and _has_range(turn, match.end(), today, day_first) else replace(window, last=None)
    elif match["on"] and _LAUNCH.search(turn.rest[max(0, match.start() - 60) : match.start()]):
        window = replace(window, last=None)
    elif match["end"]:
        window = _until(turn, match.end(), today, day_first, is_whole=match["end"].startswith("through"))
    elif match["before"]:
        is_end = re.match(r"(?:the )?(?:very )?end\b|(?:month|quarter|year)[- ]?end", turn.rest[match.end() :]) is not None
        window = replace(window, last=window.last if is_end or not window.first else window.first - days.DAY, first=None)
    elif match["span"] == "for" and window.first == window.last:
        window = replace(window, first=None)
    return turn.said(window, match.start(), end)


def _needs_a_guess(match: Match[str], turn: Turn, end: int) -> bool:
    """Whether the words only look like a time: people who bought in May, christmas trees."""
    is_past = not match["end"] and _is_about_people(turn, match.start())
    is_past = is_past or turn.rest.startswith("'s", end)
    return is_past or bool(_NOUN_FOLLOWS.match(turn.rest, end) and not match["end"])


def _until(turn: Turn, at: int, today: date, day_first: bool, *, is_whole: bool) -> Window:
    found = moment(turn.rest, at, today=today, day_first=day_first)
    assert found is not None
    period = found[0]
    named_long = period.is_long and not re.match(r"(?:the )?(?:next|this|the|current|rest)", turn.rest[at:])
    if is_whole or not named_long:
        return Window(last=period.last, note=period.note)
    last = period.first - days.DAY
    note = period.note or f"'{turn.quote(at, found[1])}' is read as before {period.first:%d %B %Y}"
    return Window(last=last if last >= today else period.last, note=note)


def _has_range(turn: Turn, at: int, today: date, day_first: bool) -> bool:
    found = moment(turn.rest, at, today=today, day_first=day_first)
    if found is None:
        return False
    return bool(found[0].first != found[0].last and not found[0].is_long) or _second(turn, found[1], today, day_first) is not None


def _second(turn: Turn, at: int, today: date, day_first: bool) -> tuple[Period, int] | None:
    connect = _CONNECT.match(turn.rest, at)
    return moment(turn.rest, connect.end(), today=today, day_first=day_first) if connect else None


def _range_or_moment(turn: Turn, at: int, today: date, day_first: bool) -> tuple[Window, int] | None:
    found = moment(turn.rest, at, today=today, day_first=day_first)
    if found is None:
        return None
    second = _second(turn, found[1], today, day_first)
    if second is None:
        return _window(found[0]), found[1]
    first, last = found[0].first, second[0].last
    is_dated = re.search(r"20\d\d", turn.text[at : second[1]])
    if last < first and not is_dated:
        last = days.add_months(last, 12)
        last = second[0].last if (last - first).days > days.FAR else last
    return Window(first, last, note=found[0].note or second[0].note), second[1]


def _window(period: Period) -> Window:
    return Window(period.first, period.last, note=period.note)


def _skip_article(text: str, at: int) -> int:
    for lead in ("later ", "the next ", "the upcoming "):
        if text.startswith(lead, at):
            return at + len(lead) - (len("next ") if lead == "the next " else 0)
    return at


def _is_about_people(turn: Turn, at: int) -> bool:
    return bool(_ABOUT_PEOPLE.search(turn.rest[max(0, at - 40) : at]))


def _is_loose(turn: Turn, first: int, last: int) -> bool:
    """Whether a moment without a preposition is about something else: christmas trees, a version number."""
    before = turn.rest[max(0, first - 12) : first]
    if (
        re.search(r"(?:since|last|past|previous|of|than|a|an|every|'s|our|more|some|the) $", before)
        and turn.rest[first].isalpha()
    ):
        return not turn.rest.startswith(("end of", "the end"), first)
    if turn.rest[first:last] in {"may", "mar", "march", "jan", "sun", "sat"}:
        return not (re.search(r"(?:^|[.,;:!?|(-]) ?$", before) and re.match(r" ?(?:[.,;:!?|)-]|$)", turn.rest[last:]))
    return bool(_NOUN_FOLLOWS.match(turn.rest, last)) or _is_about_people(turn, first)
