"""Recognises one moment written in a text: a date, a named day, a week, month, quarter or year."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from re import Match

from liftwright.planning.goals import days
from liftwright.planning.goals.days import Period
from liftwright.planning.goals.spelling import in_words

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?(?!\w)"
)
WEEKDAY = r"(?P<weekday>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs?(?:day)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?)\b"
_YEAR = r"(?:,? (?P<year>20\d\d|'\d\d)\b)?"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_ORDINALS = in_words(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth "
)
_TO = r"\s?(?:-|to|until|and|through)\s?"
_HOLIDAY = (
    r"(?P<holiday>black[- ]?friday|cyber[- ]?(?:monday|week)|thanksgiving(?: day)?|christmas eve|christmas(?: day)?|x-mas|boxing day"
    r"|new years? eve|new year'?s(?: eve| day)?|the new year|new year|hall?owe'?en|(?:st\.? )?valentine'?s?(?: day)?|good friday"
    r"|easter(?: sunday| monday)?|(?:mothers?'?|mother's) day|(?:fathers?'?|father's) day|memorial day|labou?r day"
    r"|independence day|(?:the )?4th of july|single'?s'? day|st\.? patrick'?s?(?: day)?)(?![\w'])"
)
_CURRENT = r"(?:this|the current|current|the present|the)"
_NEXT = r"(?:next|the following|the coming|coming|the upcoming|upcoming)"
_SEASON = r"(?P<season>spring|summer|autumn|fall|winter)"


def _month_number(match: Match[str]) -> int:
    return _MONTHS.index(match["month"][:3]) + 1


def _year(match: Match[str]) -> int | None:
    written = match.groupdict().get("year")
    if not written:
        return None
    return 2000 + int(written[1:]) if written.startswith("'") else int(written)


def _iso(match: Match[str], today: date, day_first: bool) -> Period | None:
    return days.day_in(today, day=int(match["day"]), number=int(match["number"]), year=int(match["year"]))


def _digits(match: Match[str], today: date, day_first: bool) -> Period | None:
    first, second, year = int(match["first"]), int(match["second"]), match["year"]
    full = None if not year else int(year) if len(year) == 4 else 2000 + int(year)
    is_dotted = match["mark"] == "."
    swap = not is_dotted and not day_first
    is_open = not is_dotted and first <= 12 and second <= 12 and first != second
    day, number = (second, first) if (swap and first <= 12) or second > 12 else (first, second)
    found = days.day_in(today, day=day, number=number, year=full)
    if found is None or not is_open:
        return found
    return Period(found.first, found.last, note=f"'{match[0].strip()}' is read as {found.first:%d %B %Y}")


def _day_month(match: Match[str], today: date, day_first: bool) -> Period | None:
    return days.day_in(today, day=int(match["day"]), number=_month_number(match), year=_year(match))


def _word_month(match: Match[str], today: date, day_first: bool) -> Period | None:
    return days.day_in(today, day=_ORDINALS.index(match["ordinal"]) + 1, number=_month_number(match), year=_year(match))


def _days_month(match: Match[str], today: date, day_first: bool) -> Period | None:
    number, year = _month_number(match), _year(match)
    last = days.day_in(today, day=int(match["last"]), number=number, year=year)
    first = days.day_in(today, day=int(match["first"]), number=number, year=last.last.year if last else None)
    return Period(first.first, last.last) if first and last and first.first <= last.last else None


def _day_only(match: Match[str], today: date, day_first: bool) -> Period | None:
    for month_ahead in range(3):
        month = days.around(today, "month", ahead=month_ahead)
        if int(match["day"]) <= month.last.day and (day := month.first.replace(day=int(match["day"]))) >= today:
            return Period(day, day)
    return None


def _holiday_name(written: str) -> str:
    name = re.sub(r"^the |'|\.| sunday| monday(?<!cyber monday)", "", written).replace("-", " ")
    name = (
        name.replace("blackfriday", "black friday").replace("cybermonday", "cyber monday").replace("cyber week", "cyber monday")
    )
    name = re.sub(r"^st valentines?.*|^valentines?.*", "valentine", name)
    name = re.sub(r"^st patricks?.*", "st patrick day", name)
    name = re.sub(r"^new years? eve", "new year's eve", name)
    name = re.sub(r"^new years?(?: day)?$", "new year", name)
    name = {
        "x mas": "christmas",
        "christmas day": "christmas",
        "thanksgiving day": "thanksgiving",
        "hallowe en": "halloween",
    }.get(name, name)
    name = (
        name.replace("labour", "labor").replace("mothers", "mother").replace("fathers", "father").replace("haloween", "halloween")
    )
    return {"4th of july": "independence day"}.get(name, name)


def _holiday(match: Match[str], today: date, day_first: bool) -> Period | None:
    name = _holiday_name(match["holiday"])
    if name not in days.HOLIDAYS:
        return None
    found = days.holiday(name, today, year=_year(match))
    around = match.groupdict().get("around")
    if around == "weekend":
        later = timedelta(days=3) if name == "black friday" else timedelta(days=6 - found.first.weekday())
        return Period(found.first, found.first + later)
    if around == "week":
        return days.week(found.first)
    note = "Mother's and Father's Day are dated as in the United States" if name in {"mother day", "father day"} else ""
    day = found.first + days.DAY if match["holiday"].endswith("easter monday") else found.first
    return Period(day, day, note=note)


def _month(match: Match[str], today: date, day_first: bool) -> Period | None:
    number, year = _month_number(match), _year(match)
    if year is not None:
        return days.month(year, number)
    found = days.upcoming(lambda y: days.month(y, number), today)
    return days.month(found.first.year + 1, number) if match.groupdict().get("next") and found.first <= today else found


def _part_of_month(match: Match[str], today: date, day_first: bool) -> Period | None:
    """Early, mid and late: the 1st to the 10th, the 15th, from the 21st on; halves end and begin with the 15th and 16th, weeks have seven days."""
    whole, part = _month(match, today, day_first), re.sub(r"^the | of$", "", match["part"].strip(" -"))
    if whole is None:
        return None
    length = whole.last.day
    first, last = {
        "early": (1, 10),
        "start": (1, 1),
        "beginning": (1, 1),
        "mid": (15, 15),
        "middle": (15, 15),
        "late": (21, length),
        "first half": (1, 15),
        "second half": (16, length),
        "first week": (1, 7),
        "second week": (8, 14),
        "third week": (15, 21),
        "last week": (length - 6, length),
    }[part]
    note = f"'{match[0].strip()}' is read as {first}" + (f" to {last}" if last != first else "") + f" {whole.first:%B}"
    return Period(whole.first.replace(day=first), whole.first.replace(day=last), note=note)


def _week_of(match: Match[str], today: date, day_first: bool) -> Period | None:
    inner = moment(match.string, match.end("lead"), today=today, day_first=day_first, is_inner=True)
    return days.week(inner[0].first) if inner else None


def _quarter(match: Match[str], today: date, day_first: bool) -> Period | None:
    groups = match.groupdict()
    spoken = groups.get("nth")
    number = int(match["q"]) if not spoken else {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3}.get(spoken, 4)
    year = _year(match)
    return days.quarter(year, number) if year else days.upcoming(lambda y: days.quarter(y, number), today)


def _half(match: Match[str], today: date, day_first: bool) -> Period | None:
    year, number = _year(match), int(match["h"])
    return days.half(year, number) if year else days.upcoming(lambda y: days.half(y, number), today)


def _this(match: Match[str], today: date, day_first: bool) -> Period | None:
    return days.around(today, match["unit"])


def _next(match: Match[str], today: date, day_first: bool) -> Period | None:
    return days.around(today, match["unit"], ahead=1)


def _season_now(match: Match[str], today: date, day_first: bool) -> Period | None:
    return days.upcoming(lambda y: days.season(match["season"], y), today)


def _end_of(match: Match[str], today: date, day_first: bool) -> Period | None:
    inner = moment(match.string, match.end("lead"), today=today, day_first=day_first, is_inner=True)
    return Period(inner[0].last, inner[0].last, note=inner[0].note) if inner else None


def _unit_end(match: Match[str], today: date, day_first: bool) -> Period | None:
    last = days.around(today, match["unit"], ahead=1 if match["next"] else 0).last
    return Period(last, last)


def _weekday(match: Match[str], today: date, day_first: bool) -> Period | None:
    number = _WEEKDAYS.index(match["weekday"][:3])
    if match["when"] and match["when"].strip() in {"next", "the following"}:
        day = days.week(today).first + timedelta(days=7 + number)
    else:
        day = today + timedelta(days=(number - today.weekday()) % 7)
    return Period(day, day)


def _near(match: Match[str], today: date, day_first: bool) -> Period | None:
    day = today + timedelta(days={"today": 0, "now": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1}[match["near"]])
    return Period(day, day)


def _a_year(match: Match[str], today: date, day_first: bool) -> Period | None:
    return days.year_of(int(match["year"]))


Resolve = Callable[[Match[str], date, bool], Period | None]
_FORMS: tuple[tuple[re.Pattern[str], Resolve], ...] = tuple(
    (re.compile(pattern), resolve)
    for pattern, resolve in (
        (r"(?P<year>20\d\d)-(?P<number>\d\d)-(?P<day>\d\d)(?!\d)", _iso),
        (r"(?P<first>\d{1,2})(?P<mark>[./])(?P<second>\d{1,2})(?:(?P=mark)(?P<year>20\d\d|\d\d)(?!\d)|(?<=\d)\.(?!\d))", _digits),
        (r"(?P<first>\d{1,2})(?P<mark>/)(?P<second>\d{1,2})(?P<year>)(?![\d/%])", _digits),
        (
            rf"(?:the )?(?P<first>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?{_TO}(?:the )?(?P<last>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?: of)? {MONTH}{_YEAR}",
            _days_month,
        ),
        (
            rf"{MONTH} (?:the )?(?P<first>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?{_TO}(?:the )?(?P<last>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?(?![\w.,]*\d|\w){_YEAR}",
            _days_month,
        ),
        (rf"(?:{WEEKDAY},? )?(?:the )?{_DAY}\.?(?: of)?[ -]{MONTH}{_YEAR}", _day_month),
        (rf"(?:the )?(?P<ordinal>{'|'.join(_ORDINALS)}) of {MONTH}{_YEAR}", _word_month),
        (rf"(?:{WEEKDAY},? )?{MONTH} (?:the )?{_DAY}(?![\w%]|[.,]\d){_YEAR}", _day_month),
        (rf"{_HOLIDAY}(?: (?P<around>weekend|week)\b)?{_YEAR}", _holiday),
        (r"(?P<lead>(?:the )?(?:very )?end (?:of |to )?(?:the |of )?(?=\S))", _end_of),
        (r"(?:the )?(?P<next>next )?(?P<unit>week(?='s)|month|quarter|year)(?:'s)?[- ]?end\b", _unit_end),
        (
            rf"(?P<part>(?:early|mid|late)[- ]|(?:the )?(?:start|beginning|middle|(?:first|second) half|(?:first|second|third|last) week) of )(?:in )?{MONTH}{_YEAR}",
            _part_of_month,
        ),
        (r"(?P<lead>(?:the )?week (?:of|commencing|beginning|starting)(?: on)? (?=\S))", _week_of),
        (rf"(?:{_CURRENT} |{_NEXT} )?q(?P<q>[1-4])\b(?:[ /]?(?P<year>20\d\d|'\d\d)\b)?", _quarter),
        (r"(?:the )?(?P<nth>first|second|third|fourth|last|1st|2nd|3rd|4th) quarter\b(?:(?: of)? (?P<year>20\d\d)\b)?", _quarter),
        (r"h(?P<h>[12])\b(?: (?P<year>20\d\d)\b)?", _half),
        (
            rf"(?:the rest of |rest of |the remainder of |remainder of |later )?{_CURRENT} (?P<unit>week|weekend|month|quarter|year)\b",
            _this,
        ),
        (rf"{_NEXT} (?P<unit>week|weekend|month|quarter|year)\b", _next),
        (rf"(?:this |the |next |the coming |coming ){_SEASON}\b(?! \w+s\b| collection| range| sale| line)", _season_now),
        (rf"(?P<when>next |this |the following |the coming |coming |on )?{WEEKDAY}", _weekday),
        (rf"(?:(?P<next>next )|this |the month of |(?:the )?(?:whole|all)(?: of)? )?{MONTH}{_YEAR}", _month),
        (r"(?P<near>today|tonight|tomorrow|yesterday|now)\b", _near),
        (r"the (?P<day>3[01]|[12]\d|[1-9])(?:st|nd|rd|th)\b", _day_only),
        (r"(?P<year>20[2-9]\d)\b(?! (?:orders|visits|leads|customers|units|pairs))", _a_year),
    )
)
_INNER = re.compile(r"(?P<unit>week|month|quarter|year)\b")


def moment(text: str, at: int, *, today: date, day_first: bool, is_inner: bool = False) -> tuple[Period, int] | None:
    """The moment that starts at `at` and where it ends, or None. `is_inner` also reads a bare unit ("end of month")."""
    if is_inner and (match := _INNER.match(text, at)):
        return days.around(today, match["unit"]), match.end()
    for pattern, resolve in _FORMS:
        if is_inner and resolve in {_end_of, _week_of}:
            continue
        if (match := pattern.match(text, at)) and (found := resolve(match, today, day_first)) and _is_sane(found):
            return found, _end(match, resolve, today, day_first)
    return None


def _end(match: Match[str], resolve: Resolve, today: date, day_first: bool) -> int:
    if resolve not in {_end_of, _week_of}:
        return match.end()
    inner = moment(match.string, match.end("lead"), today=today, day_first=day_first, is_inner=True)
    return inner[1] if inner else match.end()


def _is_sane(period: Period) -> bool:
    return 2000 <= period.first.year <= days.LATEST_YEAR and period.last.year <= days.LATEST_YEAR
