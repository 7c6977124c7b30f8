"""Numbers in a text and whether something known supports them. Used on messages (exact) and on narratives (rounded)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from liftwright.domain.money import Money

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" if len(name) > 3 else name for name in MONTHS)
_DATES = re.compile(
    rf"(?<!\d)(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})(?!\d)"
    rf"|\b(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<year>\d{{4}})\b)?"
    rf"|(?<!\d)(?P<day_first>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<month_after>{_MONTH})\b(?:,?\s+(?P<year_after>\d{{4}})\b)?",
    re.IGNORECASE,
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "US$": "USD"}
_CODES = "USD|EUR|GBP|JPY|CAD|AUD|CHF|SEK|NOK|DKK"
_UNITS = (
    "percentage points?|points?|percent|per cent|pp|days?|hours?|minutes?|weeks?|months?|years?|stars?|reviews?|customers?|people|"
    "kg|km|miles?|grams?|ml|litres?|liters?|cm|mm|inch(?:es)?|watts?|x|times"
)
_SCALES = {"k": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000, "bn": 1_000_000_000, "billion": 1_000_000_000}
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9_])(?P<before>US\$|[$€£¥]|(?:{_CODES})\s?)?\s?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)|\d+,\d{1,2}(?!\d)|\d+(?:\.\d+)?|\.\d+)"
    r"(?:\s?(?P<scale>thousand|million|billion|bn|[kKmM])(?![A-Za-z]))?"
    rf"(?:(?P<sign>\s?[%€£$])|[\s-](?P<code>{_CODES})\b|[\s-]?(?P<unit>{_UNITS})\b)?",
    re.IGNORECASE,
)
_SHARE_UNITS = frozenset({"%", "point"})
_RELATIVE_ROUNDING = Decimal("0.05")


@dataclass(frozen=True)
class Number:
    """One number as written: its value, its unit (`%`, `point`, a currency code, a word in the singular, or empty) and its last shown place."""

    text: str
    value: Decimal
    unit: str
    place: Decimal


@dataclass(frozen=True)
class Known:
    """What a number may stand on. A unit of None fits every unit, because the fact is a bare number."""

    numbers: frozenset[tuple[Decimal, str | None]]
    dates: frozenset[date]


def numbers_in(text: str) -> list[str]:
    """Every number and date in a text as written, in order: `12.5%`, `$1,200`, `30 days`, `December 5`.

    Digits inside a word (SAVE10) are part of that word and not a number.
    """
    found = [(match.start(), match.group()) for match in _dates(text)]
    found += [(start, number.text) for start, number in _numbers(_without_dates(text))]
    return [written.strip() for _, written in sorted(found)]


def is_grounded(text: str, facts: Any, *, exact: bool = False) -> list[str]:
    """The numbers and dates of a text that no fact supports; empty when all are grounded.

    `facts` may nest numbers, texts, dates, money, mappings and lists. Signs are ignored ("fell by 3 %"). Without `exact`
    a number may be a fact rounded to the places shown, if that changes it by 5 % at most, and a share 0.045 may be
    written as 4.5 % or 4.5 points. With `exact` the value and the unit must be those of the fact.
    """
    known = facts if isinstance(facts, Known) else known_from(facts)
    missing = [(match.start(), match.group()) for match in _dates(text) if not _is_known_date(match, known)]
    missing += [
        (start, number.text) for start, number in _numbers(_without_dates(text)) if not _is_known(number, known, exact=exact)
    ]
    return [written.strip() for _, written in sorted(missing)]


def with_known_dates_out(text: str, known: Known) -> str:
    """The text without the dates that are known, and without a weekday before one where it is the right one. Of the first days of a range
    and the like nothing is left but the words."""

    def kept(found: re.Match[str]) -> str:
        day = _DATES.search(found.group())
        if day is None or not _is_known_date(day, known):
            return found.group()
        weekday = found.group("weekday")
        right = {
            other.strftime("%A").casefold()
            for other in known.dates
            if _is_known_date(day, Known(frozenset(), frozenset({other})))
        }
        return " " if not weekday or weekday.casefold() in right else found.group()

    dates = re.sub(r"\(\?P<\w+>", "(?:", _DATES.pattern)
    return re.sub(rf"(?:(?P<weekday>{'|'.join(_WEEKDAYS)}),?\s+)?(?:{dates})", kept, plain(text), flags=re.IGNORECASE)


def known_from(*facts: Any) -> Known:
    """Every number and date found anywhere in the facts."""
    numbers: set[tuple[Decimal, str | None]] = set()
    dates: set[date] = set()
    _collect(facts, numbers, dates)
    return Known(frozenset(numbers), frozenset(dates))


def plain(text: str) -> str:
    """The text in one form (NFKC), straight quotes, so that look-alike characters compare equal."""
    return unicodedata.normalize("NFKC", text).translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2212: "-"})


def _collect(fact: Any, numbers: set[tuple[Decimal, str | None]], dates: set[date]) -> None:
    if isinstance(fact, str):
        numbers.update((number.value, number.unit) for _, number in _numbers(_without_dates(fact)))
        dates.update(day for match in _dates(fact) if (day := _date(match, None)) is not None)
    elif isinstance(fact, Money):
        numbers.add((abs(fact.amount), fact.currency))
    elif isinstance(fact, date):
        dates.add(fact.date() if isinstance(fact, datetime) else fact)
    elif isinstance(fact, int | float | Decimal) and not isinstance(fact, bool):
        value = Decimal(str(fact))
        if value.is_finite():
            numbers.add((abs(value), None))
    elif isinstance(fact, BaseModel):
        _collect([getattr(fact, name) for name in type(fact).model_fields], numbers, dates)
    elif isinstance(fact, Mapping):
        _collect(list(fact.values()), numbers, dates)
    elif isinstance(fact, Iterable):
        for item in fact:
            _collect(item, numbers, dates)


def _numbers(text: str) -> list[tuple[int, Number]]:
    return [(match.start(), _number(match)) for match in _NUMBER.finditer(plain(text))]


def _number(match: re.Match[str]) -> Number:
    digits = match["digits"]
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d{1,2}", digits):
        digits = digits.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d+,\d{1,2}", digits):
        digits = digits.replace(",", ".")
    digits = digits.replace(",", "")
    scale = _SCALES.get((match["scale"] or "").lower(), 1)
    place = Decimal(scale).scaleb(-len(digits.partition(".")[2]))
    return Number(text=match.group().strip(), value=Decimal(digits) * scale, unit=_unit(match), place=place)


def _unit(match: re.Match[str]) -> str:
    mark = (match["before"] or match["sign"] or match["code"] or "").strip().upper()
    if mark == "%":
        return "%"
    if mark:
        return _CURRENCIES.get(mark, mark)
    word = (match["unit"] or "").lower()
    if word in {"percent", "per cent"}:
        return "%"
    if word == "pp" or word.endswith(("point", "points")):
        return "point"
    return {"inches": "inch", "times": "x"}.get(word, word.removesuffix("s"))


def _is_known(number: Number, known: Known, *, exact: bool) -> bool:
    return any(_matches(number, value, unit, exact=exact) for value, unit in known.numbers)


def _matches(number: Number, value: Decimal, unit: str | None, *, exact: bool) -> bool:
    """Whether one known value of one unit supports a number as written."""
    if unit is None:
        return _close(number, value * 100 if number.unit in _SHARE_UNITS else value, exact=exact)
    if unit == number.unit:
        return _close(number, value, exact=exact)
    if exact:
        return False
    is_one_share = {unit, number.unit} <= _SHARE_UNITS
    is_bare = "" in {unit, number.unit} and not {unit, number.unit} & _SHARE_UNITS
    return (is_one_share or is_bare) and _close(number, value, exact=False)


def _close(number: Number, value: Decimal, *, exact: bool) -> bool:
    if number.value == value:
        return True
    distance = abs(number.value - value)
    return not exact and distance <= number.place / 2 and distance <= _RELATIVE_ROUNDING * value


def _dates(text: str) -> list[re.Match[str]]:
    return list(_DATES.finditer(plain(text)))


def _without_dates(text: str) -> str:
    return _DATES.sub(lambda match: " " * len(match.group()), plain(text))


def _date(match: re.Match[str], year: int | None) -> date | None:
    """The day meant; None when it does not exist, or has no year and none is given (then a leap year stands in for comparing)."""
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        month = (match["month"] or match["month_after"])[:3].title()
        number = [name[:3] for name in MONTHS].index(month) + 1
        written = match["year"] or match["year_after"] or year
        return date(int(written or 2000), number, int(match["day"] or match["day_first"]))
    except ValueError:
        return None


def _is_known_date(match: re.Match[str], known: Known) -> bool:
    has_year = bool(match["iso"] or match["year"] or match["year_after"])
    day = _date(match, None)
    if day is None:
        return False
    return day in known.dates if has_year else any((day.month, day.day) == (other.month, other.day) for other in known.dates)
