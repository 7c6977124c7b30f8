"""Facts of one person at one moment, without a database: what lasts about them, what reached them and what they did, put together.

Says exactly what `facts.person_facts` says of a table of one (a property test compares them). For visitors, who are answered at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from liftwright.compliance import places
from liftwright.compliance.contacts import ANSWERING, CALLING
from liftwright.settings import Settings

DONE = ("planned", "leased", "sent", "sending", "unknown")
"""States of sends that count as contacts."""
_DAY, _WEEK, _MONTH = timedelta(hours=24), timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True)
class Contact:
    """One send that reached the person or may have."""

    channel: str
    send_at: datetime
    state: str


@dataclass(frozen=True)
class Event:
    """One thing the person did; `channel` None where it is about no channel."""

    type: str
    channel: str | None
    occurred_at: datetime


def facts(
    lasts: Mapping[str, Any],
    *,
    channels: Sequence[str],
    at: datetime,
    settings: Settings,
    contacts: Sequence[Contact] = (),
    events: Sequence[Event] = (),
    is_held: bool = False,
) -> list[dict[str, Any]]:
    """One mapping of facts per channel, in the order given. lasts: the person's row of `facts.lasting_facts`."""
    past = [event for event in events if event.occurred_at <= at]
    person = _person(lasts, past, at=at, settings=settings, is_held=is_held) | _counted(contacts, past, at=at)
    week = [c.channel for c in _lately(contacts, at) if c.send_at > at - _WEEK]
    quiet = [event for event in past if event.type in ("opt_out", "complaint")]
    silent = {event.channel.lower() for event in quiet if event.channel is not None}
    everywhere = any(event.channel is None for event in quiet)
    return [
        {
            **person,
            "channel": channel,
            "consent": lasts[f"consent_{channel}"],
            "has_address": lasts[f"address_{channel}"],
            "is_suppressed": everywhere or channel in silent,
            "channel_contacts_7d": week.count(channel),
            "channel_per_week": settings.channels[channel].most_per_week if channel in settings.channels else None,
        }
        for channel in channels
    ]


def _person(
    lasts: Mapping[str, Any], past: Sequence[Event], *, at: datetime, settings: Settings, is_held: bool
) -> dict[str, Any]:
    """Facts that are the same on every channel."""
    local = at.astimezone(ZoneInfo(lasts["zone_name"]))
    behind, ahead = _spread(lasts, at, settings)
    bought = max((event.occurred_at for event in past if event.type == "purchase"), default=None)
    limits, place = settings.limits, f"{lasts['country']}-{lasts['region']}"
    registered = {name.upper() for name, words in settings.sender.registrations.items() if words.strip()}
    return {
        **{name: lasts[name] for name in ("customer_id", "country", "region")},
        "send_on": local.date(),
        "local_minute": local.hour * 60 + local.minute,
        "local_weekday": local.isoweekday(),
        "zone_behind": behind,
        "zone_ahead": ahead,
        "is_blackout": local.date() in limits.blackout,
        "has_objected": lasts["objected"] or any(event.type == "opt_out" and event.channel is None for event in past),
        "opted_out_of_sharing": lasts["no_sharing"],
        "on_do_not_call": lasts["no_calls"],
        "is_minor": _is_minor(lasts, local.date()),
        "age": None if lasts["born"] is None else _years(lasts["born"], local.date()),
        "is_holdout": is_held,
        "has_assessment": bool(settings.sender.interest_assessment.strip()),
        "is_registered": lasts["region"] is not None and place in registered,
        "days_since_purchase": None if bought is None else (at.astimezone(UTC).date() - bought.astimezone(UTC).date()).days,
        "contacts_per_week": limits.contacts_per_week,
        "contacts_per_day": limits.contacts_per_day,
        "contacts_per_month": limits.contacts_per_month,
        "hours_between": limits.hours_between,
        "unanswered_limit": limits.unanswered,
    }


def _lately(contacts: Sequence[Contact], at: datetime) -> list[Contact]:
    return [c for c in contacts if c.state in DONE and at - _MONTH < c.send_at <= at]


def _counted(contacts: Sequence[Contact], past: Sequence[Event], *, at: datetime) -> dict[str, Any]:
    """As `contacts.tables` counts the ledger."""
    lately = _lately(contacts, at)
    answered = max((event.occurred_at for event in past if event.type in ANSWERING), default=None)
    last = max((c.send_at for c in lately), default=None)
    return {
        "contacts_24h": sum(c.send_at > at - _DAY for c in lately),
        "contacts_7d": sum(c.send_at > at - _WEEK for c in lately),
        "contacts_30d": len(lately),
        "calls_24h": sum(c.channel in CALLING and c.send_at > at - _DAY for c in lately),
        "unanswered_30d": sum(answered is None or c.send_at > answered for c in lately),
        "hours_since_contact": None if last is None else (_minute(at) - _minute(last)) // 60,
    }


def _minute(at: datetime) -> int:
    return int(at.timestamp() // 60)


def _spread(lasts: Mapping[str, Any], at: datetime, settings: Settings) -> tuple[int | None, int | None]:
    """By how many minutes other zones of the place may be behind and ahead; not known where the place is not."""
    if lasts["zone_of"] == "person":
        return 0, 0
    if lasts["zone_of"] == "state":
        return places.of_state(lasts["region"], at=at)
    found = places.countries([lasts["country"]], house=settings.time_zone, at=at)
    return (found[0][2], found[0][3]) if found else (None, None)


def _is_minor(lasts: Mapping[str, Any], day: date) -> bool | None:
    flag: bool | None = lasts["minor_flag"]
    if flag or lasts["born"] is None:
        return flag
    born: date = lasts["born"]
    return _years_before(day, 18) < born


def _years_before(day: date, years: int) -> date:
    """The same day so many years ago; the last of February for one that was not."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _years(born: date, day: date) -> int:
    """Full years of age; on the last of February also for those of the 29th, as the database counts."""
    if born > day:
        return -_years(day, born)
    is_last = (day + timedelta(days=1)).day == 1
    is_before = day.month < born.month or (day.month == born.month and day.day < born.day and not is_last)
    return day.year - born.year - is_before
