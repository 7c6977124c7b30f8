"""The contact calendar: whom a plan would write to while other campaigns already do, and what then does not fit the weekly cap.

Pure: touches in, counts out. A booked touch keeps its place; a later one that does not fit beside it waits or falls away at sending.
"""

from __future__ import annotations

from dataclasses import dataclass
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
class Calendar:
    """`shared` by people, most first; `full`: touches of the plan that stand in a week that is full without them, `full_people` theirs, and what
    they are worth."""

    shared: tuple[Shared, ...]
    full: int
    full_people: int
    full_worth: float


def calendar(mine: pa.Table, booked: pa.Table, *, cap: int) -> Calendar:
    """`mine`: customer_id, send_on (date), value of every touch of the plan. `booked`: the same of other campaigns (value may be null) and
    campaign_id. `cap`: contacts a person may get in seven days, over all campaigns."""
    mine = mine.select(["customer_id", "send_on", "value"]).append_column("touch", pa.array(np.arange(mine.num_rows)))
    booked = booked.append_column("booking", pa.array(np.arange(booked.num_rows)))
    pairs = _within_a_week(mine, booked)
    if not pairs.num_rows:
        return Calendar((), 0, 0, 0.0)
    beside = np.bincount(pairs["touch"].to_numpy(), minlength=mine.num_rows)
    full = mine.filter(pa.array(beside >= cap))
    names = sorted(set(pairs["campaign_id"].to_pylist()))
    shared = [_shared(name, pairs.filter(pc.equal(pairs["campaign_id"], name))) for name in names]
    return Calendar(
        shared=tuple(sorted(shared, key=lambda each: (-each.people, each.campaign_id))),
        full=full.num_rows,
        full_people=len(pc.unique(full["customer_id"])),
        full_worth=_total(full["value"]) or 0.0,
    )


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
