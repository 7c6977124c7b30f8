"""When each person is about: the local hour at which a message finds them, learned from what they did themselves.

Only what people do themselves counts: clicks, purchases and visits, none that a machine made. Opens do not, because mail programs open
messages by themselves at any hour. Why visits count: docs/adr/0005-visits-tell-the-hour.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import ModelCard
from liftwright.scoring import card as cards

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SIGNS = ("visit", "page_view", "click", "purchase")
WIDTH_HOURS = 3.0
"""Standard deviation of the circular smoothing: a message this far from the moment someone is about is worth about 60 % of one at it."""
WINDOW_DAYS = 180
"""How far back people are looked at, days."""
PRIOR_HOURS = 2.0
"""Everybody's profile counts as much as this many hours in which the person was seen."""
NO_SWITCH = "is not switched: hours are drawn from the newest events each time, and quiet hours always hold"
_QUARTER_US = 900_000_000
_QUARTERS = 96


@dataclass(frozen=True)
class UsualHours:
    """The hours at which people are about, as they were when last looked at. Hours of sending are drawn from the newest events each time."""

    shares: tuple[float, ...]
    data: dict[str, Any]

    @classmethod
    def of(cls, seen: Sequence[str]) -> UsualHours:
        """From a list of `occasions`."""
        counts = Counter(seen)
        shares = tuple(round(counts[f"{hour:02d}"] / max(len(seen), 1), 6) for hour in range(24))
        return cls(shares, {"occasions": len(seen), "window_days": WINDOW_DAYS})

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON."""
        return {"shares": list(self.shares), "data": self.data}

    def card(self) -> ModelCard:
        """What it is for, and what breaks it."""
        card = cards.card_of(
            "send_time",
            cards.version("send_time", self.parameters()),
            optimises="the local hour at which a message finds a person",
            data=self.data,
            quality={},
            breaks_when=(
                "times of events are off by hours",
                "visits, clicks and purchases are not recorded, or made by machines",
            ),
        )
        return card.model_copy(update={"turn_off": NO_SWITCH})


def hours(
    events: pa.Table | None, *, people: pa.Table, zone: str, as_of: datetime, allowed: Sequence[int], days: int = WINDOW_DAYS
) -> Ints:
    """(people,) the best of the `allowed` local hours (0 to 23) per person. Raises ValueError when none is allowed."""
    return best(profile(events, people=people, zone=zone, as_of=as_of, days=days), allowed=allowed)


def profile(events: pa.Table | None, *, people: pa.Table, zone: str, as_of: datetime, days: int = WINDOW_DAYS) -> Floats:
    """(people, 24) how much a person is about around each local hour, in hours seen during the `days` before `as_of`.

    Times are read in the person's own `time_zone` (`zone` where it is missing or unknown), daylight saving included. Several events
    of a person in one hour count once. Counts are smoothed around the clock and pooled with everybody's profile, so that who was
    seen rarely gets the usual hours. Without any event every hour is alike.
    """
    seen = _seen(events, people=people, zone=zone, as_of=as_of, days=days)
    kernel = _kernel()
    total = float(seen.sum())
    usual = seen.sum(axis=0) / total if total else np.full(24, 1 / 24)
    return np.asarray((seen + PRIOR_HOURS * usual) @ kernel, dtype=np.float64)


def occasions(events: pa.Table | None, *, people: pa.Table, zone: str, as_of: datetime, days: int = WINDOW_DAYS) -> list[str]:
    """The local hours ("00" to "23") in which people were seen during the `days` before `as_of`, each hour of a person once."""
    counts = _seen(events, people=people, zone=zone, as_of=as_of, days=days).sum(axis=0).astype(np.int64)
    return [f"{hour:02d}" for hour in range(24) for _ in range(counts[hour])]


def best(profiles: Floats, *, allowed: Sequence[int]) -> Ints:
    """(people,) the allowed hour with the highest profile; among equals the one nearest to noon, then the earlier."""
    open_hours = sorted({int(hour) for hour in allowed}, key=lambda hour: (abs(hour - 12), hour))
    if not open_hours or not set(open_hours) <= set(range(24)):
        raise ValueError(f"no usable hour among {list(allowed)}")
    order = np.array(open_hours, dtype=np.int64)
    return np.asarray(order[np.argmax(np.round(profiles[:, order], 9), axis=1)], dtype=np.int64)


def _kernel() -> Floats:
    gap = np.abs(np.arange(24)[:, None] - np.arange(24)[None, :])
    gap = np.minimum(gap, 24 - gap)
    return np.asarray(np.exp(-0.5 * (gap / WIDTH_HOURS) ** 2), dtype=np.float64)


def _seen(events: pa.Table | None, *, people: pa.Table, zone: str, as_of: datetime, days: int) -> Floats:
    """(people, 24) in how many distinct hours each person was seen, by local hour of the day."""
    counts = np.zeros(people.num_rows * 24)
    if events is None or not events.num_rows or not people.num_rows:
        return counts.reshape(-1, 24)
    start = (as_of - timedelta(days=days)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first, last = int(start.timestamp()) * 1_000_000, int(as_of.astimezone(UTC).timestamp() * 1_000_000)
    person, at = _signs(events, people, first=first, last=last)
    zones, which = _zones(people, zone)
    offsets = np.stack([_offsets(place, start, days=days + 2) for place in zones])
    quarter = (at - first) // _QUARTER_US
    local = quarter + offsets[which[person], quarter] + _QUARTERS
    occasions = np.unique(person * 24 * (days + 5) + local // 4)
    hour = (occasions % (24 * (days + 5))) % 24
    np.add.at(counts, (occasions // (24 * (days + 5))) * 24 + hour, 1.0)
    return counts.reshape(-1, 24)


def _signs(events: pa.Table, people: pa.Table, *, first: int, last: int) -> tuple[Ints, Ints]:
    """(row of the person, microseconds UTC) of each countable event of someone known, `first` <= time < `last`."""
    kept = pc.is_in(events["type"], value_set=pa.array(SIGNS, pa.string()))
    if "is_machine" in events.column_names:
        kept = pc.and_(kept, pc.invert(pc.fill_null(events["is_machine"], False)))
    found = events.select(["customer_id", "occurred_at"]).filter(kept)
    at = found["occurred_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    person = pc.index_in(
        found["customer_id"].cast(pa.string()), value_set=people["customer_id"].combine_chunks().cast(pa.string())
    )
    inside = pc.and_(pc.and_(pc.is_valid(person), pc.is_valid(at)), pc.and_(pc.greater_equal(at, first), pc.less(at, last)))
    return (
        np.asarray(person.filter(inside).to_numpy(), dtype=np.int64),
        np.asarray(at.filter(inside).to_numpy(), dtype=np.int64),
    )


def _zones(people: pa.Table, zone: str) -> tuple[list[ZoneInfo], Ints]:
    """The distinct time zones and which one each person lives in; unknown names count as the default."""
    names = people["time_zone"].to_pylist() if "time_zone" in people.column_names else [None] * people.num_rows
    place: dict[str, int] = {}
    default = ZoneInfo(zone)
    zones: list[ZoneInfo] = []
    for name in sorted({name or zone for name in names}):
        place[name] = len(zones)
        zones.append(_zone(name) or default)
    return zones, np.array([place[name or zone] for name in names], dtype=np.int64)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _offsets(zone: ZoneInfo, start: datetime, *, days: int) -> Ints:
    """Quarters of an hour to add to UTC, for each quarter from `start` on; days on which the clock changes are looked at closely."""
    daily = [_offset(zone, start + timedelta(days=day)) for day in range(days + 1)]
    found = np.repeat(np.array(daily[:-1], dtype=np.int64), _QUARTERS)
    for day in range(days):
        if daily[day] != daily[day + 1]:
            close = [_offset(zone, start + timedelta(days=day, minutes=15 * step)) for step in range(_QUARTERS)]
            found[day * _QUARTERS : (day + 1) * _QUARTERS] = close
    return found


def _offset(zone: ZoneInfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset() or timedelta(0)
    return int(offset.total_seconds() // 900)
