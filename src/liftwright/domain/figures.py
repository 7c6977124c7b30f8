"""What a report draws besides its headline: ranges, looks, arms, days, and campaigns together."""

from __future__ import annotations

from liftwright.domain.base import AwareDatetime, Value


class Interval(Value):
    """A range and how sure it is: `level` 0.95 means 95 %."""

    low: float
    mid: float
    high: float
    level: float = 0.95


class LookPoint(Value):
    """One look on the chart: the effect per person with the interval valid at planned looks, and the one valid at any look.

    `conversions` counts people with an order in the smaller arm; `information` is their share of the planned number, `spending` the
    share of the allowed error spent by then, `critical` the |z| the look needs.
    """

    at: AwareDatetime
    conversions: int
    information: float
    spending: float
    critical: float | None = None
    low: float | None = None
    mid: float | None = None
    high: float | None = None
    anytime_low: float | None = None
    anytime_high: float | None = None


class ArmResult(Value):
    """What one arm did in the window. Money in major units of the report's currency, totals; `reached` had a delivered send.

    `gain`: margin per person above the holdout's, with the interval of this look; None for the holdout and where it is too early.
    """

    arm: str
    people: int
    reached: int
    buyers: int
    orders: float
    revenue: float
    margin: float
    contact_cost: float
    gain: Interval | None = None
    query: str = ""


class DayEffect(Value):
    """The effect per person on one day since the campaign's first touch, major units."""

    day: int
    mid: float
    error: float


class Trend(Value):
    """How the effect of a day changes per day. `is_decaying` when it surely falls; `late` is the effect per person and day in the last third."""

    days: tuple[DayEffect, ...]
    slope: Interval | None = None
    is_decaying: bool = False
    late: Interval | None = None
    reason: str = ""


class PooledCampaign(Value):
    """One campaign's measured effect per person, and its standard error."""

    campaign_id: str
    mid: float
    error: float
    people: int


class Pooled(Value):
    """What campaigns caused on the whole, per selected person, major units.

    `fixed`: the mean effect of these campaigns. `random`: the effect of a next campaign's kind, `tau` being how much true effects differ.
    """

    campaigns: tuple[PooledCampaign, ...]
    fixed: Interval | None = None
    random: Interval | None = None
    tau: float | None = None
    reason: str = ""


class Pace(Value):
    """One day of the flight: touches planned for it, delivered on it, and what they cost, major units."""

    day: str
    planned: int
    delivered: int
    cost: float
