"""Where the money of a solved assignment goes: by channel, by offer, by day."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa


@dataclass(frozen=True)
class Split:
    """Contact cost and touches of a plan, major units; days are the days of sending."""

    total: float
    touches: int
    by_channel: dict[str, float]
    by_offer: dict[str, float]
    by_day: dict[date, float]
    by_channel_day: dict[tuple[str, date], float]
    touches_by_channel: dict[str, int]
    touches_by_offer: dict[str, int]


@dataclass(frozen=True)
class CurvePoint:
    """What is expected to have been spent by the end of a day."""

    day: date
    spent: float


def split(rows: pa.Table) -> Split:
    """Sum the assignment rows (channel, offer, send_on, cost)."""
    by_channel: dict[str, float] = defaultdict(float)
    by_offer: dict[str, float] = defaultdict(float)
    by_day: dict[date, float] = defaultdict(float)
    by_both: dict[tuple[str, date], float] = defaultdict(float)
    touches_by_channel: dict[str, int] = defaultdict(int)
    touches_by_offer: dict[str, int] = defaultdict(int)
    grouped = rows.group_by(["channel", "offer", "send_on"]).aggregate([("cost", "sum"), ("cost", "count")])
    for row in sorted(grouped.to_pylist(), key=lambda r: (r["channel"], r["offer"], r["send_on"])):
        channel, offer, day, cost, count = (row[key] for key in ("channel", "offer", "send_on", "cost_sum", "cost_count"))
        by_channel[channel] += cost
        by_offer[offer] += cost
        by_day[day] += cost
        by_both[channel, day] += cost
        touches_by_channel[channel] += count
        touches_by_offer[offer] += count
    return Split(
        total=sum(by_channel.values()),
        touches=rows.num_rows,
        by_channel=dict(by_channel),
        by_offer=dict(by_offer),
        by_day=dict(sorted(by_day.items())),
        by_channel_day=dict(by_both),
        touches_by_channel=dict(touches_by_channel),
        touches_by_offer=dict(touches_by_offer),
    )


def curve(rows: pa.Table, *, starts_on: date, ends_on: date) -> tuple[CurvePoint, ...]:
    """Expected cumulative spend at the end of every day of the flight, both dates included."""
    by_day = split(rows).by_day
    spent = sum(cost for day, cost in by_day.items() if day < starts_on)
    points = []
    for number in range((ends_on - starts_on).days + 1):
        day = starts_on + timedelta(days=number)
        spent += by_day.get(day, 0.0)
        points.append(CurvePoint(day=day, spent=spent))
    return tuple(points)
