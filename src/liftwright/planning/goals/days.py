"""The calendar marketers speak in: holidays, weeks, months, quarters, and lengths of time. Pure date arithmetic."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)
LATEST_YEAR = 2200
FAR = 300
"""A day without a year that passed, and comes again only after this many days, was meant as past."""


@dataclass(frozen=True)
class Period:
    """Days from `first` to `last`, both included. `is_long` for months and longer: "by October" ends before it starts."""

    first: date
    last: date
    is_long: bool = False
    note: str = ""


@dataclass(frozen=True)
class Length:
    """A length of time, for example 2 weeks."""

    count: int
    unit: str

    def last_day(self, first: date) -> date:
        """The last of the days counted from `first` on."""
        if self.unit in {"day", "week", "fortnight"}:
            days = {"day": 1, "week": 7, "fortnight": 14}[self.unit] * self.count
            return first + timedelta(days=min(days, 36_500) - 1)
        months = {"month": 1, "quarter": 3, "year": 12}[self.unit] * self.count
        return add_months(first, min(months, 1_200)) - DAY


def add_months(day: date, months: int) -> date:
    """The same day some months on, or the last day of a shorter month."""
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def month(year: int, number: int) -> Period:
    """A calendar month."""
    return Period(date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1]), is_long=True)


def quarter(year: int, number: int) -> Period:
    """A calendar quarter, 1 to 4."""
    return Period(date(year, 3 * number - 2, 1), month(year, 3 * number).last, is_long=True)


def half(year: int, number: int) -> Period:
    """A half of a calendar year, 1 or 2."""
    return Period(date(year, 6 * number - 5, 1), month(year, 6 * number).last, is_long=True)


def year_of(year: int) -> Period:
    """A calendar year."""
    return Period(date(year, 1, 1), date(year, 12, 31), is_long=True)


def week(day: date) -> Period:
    """Monday to Sunday around a day."""
    monday = day - timedelta(days=day.weekday())
    return Period(monday, monday + timedelta(days=6))


def weekend(day: date) -> Period:
    """Saturday and Sunday of the week a day is in."""
    saturday = week(day).first + timedelta(days=5)
    return Period(saturday, saturday + DAY)


def around(day: date, unit: str, *, ahead: int = 0) -> Period:
    """The calendar week, weekend, month, quarter or year a day is in, or one `ahead` of it."""
    if unit in {"week", "weekend"}:
        moved = day + timedelta(weeks=ahead)
        return week(moved) if unit == "week" else weekend(moved)
    if unit == "year":
        return year_of(day.year + ahead)
    moved = add_months(day.replace(day=1), ahead * (3 if unit == "quarter" else 1))
    return quarter(moved.year, (moved.month + 2) // 3) if unit == "quarter" else month(moved.year, moved.month)


def season(name: str, year: int) -> Period:
    """A meteorological season of the northern hemisphere; winter starts in December of `year`."""
    start = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}[name]
    first = date(year, start, 1)
    note = f"{name} is read as the three months from {first:%B} on"
    return Period(first, add_months(first, 3) - DAY, is_long=True, note=note)


def upcoming(make: Callable[[int], Period], today: date) -> Period:
    """The first period of its kind that is not over yet."""
    return next(p for p in (make(today.year - 1), make(today.year), make(today.year + 1)) if p.last >= today)


def day_in(today: date, *, day: int, number: int, year: int | None = None) -> Period | None:
    """A day of a month; without a year the next one, unless it only just passed. None when there is no such day."""
    years = (year,) if year is not None else (today.year, today.year + 1)
    days = [date(y, number, day) for y in years if 1 <= number <= 12 and 1 <= day <= calendar.monthrange(y, number)[1]]
    if not days:
        return None
    passed = days[0] < today and len(days) > 1
    chosen = days[1] if passed and (days[1] - today).days <= FAR else days[0]
    return Period(chosen, chosen)


def easter(year: int) -> date:
    """Western Easter Sunday (anonymous Gregorian algorithm, Meeus, Astronomical Algorithms, 1991, ch. 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    ell = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * ell) // 451
    number, day = divmod(h + ell - 7 * m + 114, 31)
    return date(year, number, day + 1)


def nth_weekday(year: int, number: int, weekday: int, nth: int) -> date:
    """The nth weekday (Monday 0) of a month; -1 the last one."""
    if nth < 0:
        last = month(year, number).last
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, number, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _fixed(number: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, number, day)


def _thanksgiving(year: int) -> date:
    return nth_weekday(year, 11, 3, 4)


HOLIDAYS: dict[str, Callable[[int], date]] = {
    "black friday": lambda year: _thanksgiving(year) + DAY,
    "cyber monday": lambda year: _thanksgiving(year) + timedelta(days=4),
    "thanksgiving": _thanksgiving,
    "christmas eve": _fixed(12, 24),
    "christmas": _fixed(12, 25),
    "boxing day": _fixed(12, 26),
    "new year's eve": _fixed(12, 31),
    "new year": _fixed(1, 1),
    "halloween": _fixed(10, 31),
    "valentine": _fixed(2, 14),
    "good friday": lambda year: easter(year) - timedelta(days=2),
    "easter": easter,
    "mother day": lambda year: nth_weekday(year, 5, 6, 2),
    "father day": lambda year: nth_weekday(year, 6, 6, 3),
    "memorial day": lambda year: nth_weekday(year, 5, 0, -1),
    "labor day": lambda year: nth_weekday(year, 9, 0, 1),
    "independence day": _fixed(7, 4),
    "singles day": _fixed(11, 11),
    "st patrick day": _fixed(3, 17),
}
"""Name to date in a year. Mother's and Father's Day as in the United States."""


def holiday(name: str, today: date, *, year: int | None = None) -> Period:
    """The next holiday of a name, or that of a given year."""
    make = HOLIDAYS[name]
    if year is not None:
        return Period(make(year), make(year))
    return upcoming(lambda y: Period(make(y), make(y)), today)
