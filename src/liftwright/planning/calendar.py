"""The contact calendar: whom a plan would write to while other campaigns already do, and who gets the room that is left under the weekly cap.

Pure: touches in, counts out. A booked touch keeps its place unless a later one is worth clearly more; what neither fits nor outbids falls away.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

WEEK = 7
"""Two touches less than so many days apart count against the same cap."""


@dataclass(frozen=True)
class Shared:
    """One other campaign: people both would contact within a week, their touches here and there, and what those are worth (major units).
    `worth_there` is None where the other plan's values are not known."""

    campaign_id: str
    people: int
    touches_here: int
    touches_there: int
    worth_here: float
    worth_there: float | None


@dataclass(frozen=True)
class Bids:
    """Row numbers: `lost` touches of the plan find no room; `won` maps each booking that gives way to the touch it gives way to."""

    lost: tuple[int, ...] = ()
    won: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Calendar:
    """`shared` by people, most first; `bids` by row of `mine` and `booked`; `lost_people` and `lost_worth` (major units) of the touches
    without room."""

    shared: tuple[Shared, ...] = ()
    bids: Bids = Bids()
    lost_people: int = 0
    lost_worth: float = 0.0


def calendar(mine: pa.Table, booked: pa.Table, *, cap: int, by: float) -> Calendar:
    """`mine`: customer_id, send_on (date), value of every touch of the plan. `booked`: the same of other campaigns (value may be null),
    campaign_id, and is_open: whether the touch could still be given up. `cap`: contacts a person may get in seven days, over all campaigns.
    `by`: a touch takes the place of open bookings when it is worth more than theirs together and this share on top."""
    mine = mine.select(["customer_id", "send_on", "value"]).append_column("touch", pa.array(np.arange(mine.num_rows)))
    booked = booked.append_column("booking", pa.array(np.arange(booked.num_rows)))
    pairs = _within_a_week(mine, booked)
    if not pairs.num_rows:
        return Calendar()
    bids = _bids(mine, booked, set(pairs["customer_id"].to_pylist()), cap=cap, by=by)
    lost = mine.take(pa.array(bids.lost, pa.int64()))
    names = sorted(set(pairs["campaign_id"].to_pylist()))
    shared = [_shared(name, pairs.filter(pc.equal(pairs["campaign_id"], name))) for name in names]
    return Calendar(
        shared=tuple(sorted(shared, key=lambda each: (-each.people, each.campaign_id))),
        bids=bids,
        lost_people=len(pc.unique(lost["customer_id"])),
        lost_worth=_total(lost["value"]) or 0.0,
    )


@dataclass
class _Week:
    """The contacts of one person: touches of the plan that got a place, and bookings that keep theirs, as (day, row)."""

    mine: list[tuple[int, int]]
    booked: list[tuple[int, int]]

    def has_room(self, day: int, cap: int) -> bool:
        """Whether with one more contact on this day no seven days ending with a contact have more than `cap`."""
        days = sorted([day, *(each for each, _ in self.mine), *(each for each, _ in self.booked)])
        ends = [each for each in days if day <= each < day + WEEK]
        return all(sum(end - WEEK < each <= end for each in days) <= cap for end in ends)

    def near(self, day: int) -> list[tuple[int, int]]:
        """Bookings that count against the same cap as a contact on this day."""
        return [each for each in self.booked if abs(each[0] - day) < WEEK]


def _bids(mine: pa.Table, booked: pa.Table, people: set[str], *, cap: int, by: float) -> Bids:
    """Dearest touches first; each fits, or takes the place of the cheapest open bookings, or is lost."""
    here, there = _by_person(mine, people), _by_person(booked, people)
    worth = mine["value"].to_pylist()
    price = [
        value if is_open else None
        for value, is_open in zip(booked["value"].to_pylist(), booked["is_open"].to_pylist(), strict=True)
    ]
    lost: list[int] = []
    won: dict[int, int] = {}
    for person in sorted(here):
        week = _Week([], list(there.get(person, ())))
        waiting = []
        for day, row in sorted(here[person], key=lambda touch: (-(worth[touch[1]] or 0.0), touch)):
            given_up = _outbid(week, day, worth[row] or 0.0, price, cap=cap, by=by)
            if given_up is None:
                waiting.append((day, row))
                continue
            week.booked = [each for each in week.booked if each not in given_up]
            week.mine.append((day, row))
            won |= {booking: row for _, booking in given_up}
        for day, row in waiting:
            if week.has_room(day, cap):
                week.mine.append((day, row))
            else:
                lost.append(row)
    return Bids(tuple(sorted(lost)), won)


def _outbid(
    week: _Week, day: int, worth: float, price: list[float | None], *, cap: int, by: float
) -> list[tuple[int, int]] | None:
    """The bookings that must give way to a touch on this day: none where it fits, None where it is not worth enough."""
    open_now = [(float(bid), booking) for booking in week.near(day) if (bid := price[booking[1]]) is not None]
    cheapest = sorted(open_now)
    given_up: list[tuple[int, int]] = []
    paid = 0.0
    while not _Week(week.mine, [each for each in week.booked if each not in given_up]).has_room(day, cap):
        if not cheapest:
            return None
        bid, booking = cheapest.pop(0)
        given_up.append(booking)
        paid += max(bid, 0.0)
        if worth <= paid * (1 + by):
            return None
    return given_up


def _by_person(touches: pa.Table, people: set[str]) -> dict[str, list[tuple[int, int]]]:
    """(day, row number) of the touches of these people."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, (person, day) in enumerate(
        zip(touches["customer_id"].to_pylist(), _day(touches["send_on"]).to_pylist(), strict=True)
    ):
        if person in people:
            found[person].append((day, row))
    return found


def _within_a_week(mine: pa.Table, booked: pa.Table) -> pa.Table:
    """Every touch of the plan with every booked one of the same person less than a week away."""
    pairs = mine.join(booked, keys="customer_id", join_type="inner", right_suffix="_booked", use_threads=False)
    days = pc.subtract(_day(pairs["send_on"]), _day(pairs["send_on_booked"]))
    return pairs.filter(pc.less(pc.abs(days), WEEK)).sort_by([("touch", "ascending"), ("booking", "ascending")])


def _shared(name: str, pairs: pa.Table) -> Shared:
    here = pairs.take(pa.array(np.unique(pairs["touch"].to_numpy(), return_index=True)[1]))
    there = pairs.take(pa.array(np.unique(pairs["booking"].to_numpy(), return_index=True)[1]))
    return Shared(
        campaign_id=name,
        people=len(pc.unique(pairs["customer_id"])),
        touches_here=here.num_rows,
        touches_there=there.num_rows,
        worth_here=_total(here["value"]) or 0.0,
        worth_there=_total(there["value_booked"]),
    )


def _day(column: Any) -> Any:
    return pc.cast(pc.cast(column, pa.date32()), pa.int32())


def _total(values: Any) -> float | None:
    found = pc.sum(values).as_py()
    return None if found is None else float(found)
