"""What came of what a model said since it was trained, day by day, for models that can be held against what people did without a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench.data import OUTCOME_DAYS, Data
from liftwright.flow import current, seen
from liftwright.ports import Deps
from liftwright.scoring import affinity, drift, lead, lifetime, propensity

DAY_US = 86_400_000_000
MOST_DAYS = 60
"""Days of outcomes that are looked at; a model is trained again long before."""
RIPE = 0.9
"""Leads count once they are older than this share of closed ones were when they closed; before, only the quick ones have."""


def since(name: str, parameters: Mapping[str, Any], trained_on: date, deps: Deps) -> drift.Came:
    """Nothing for a model that only a test can judge."""
    return CAME[name](parameters, trained_on, deps) if name in CAME else drift.Came()


def _propensity(parameters: Mapping[str, Any], trained_on: date, deps: Deps) -> drift.Came:
    """Chances of past days against orders of the two weeks after. Each person counts every 14th day, so that no order counts twice."""
    model, data = propensity.from_parameters(parameters), current.scored(deps).data
    moments = _moments(data, trained_on)
    if moments is None:
        return drift.Came()
    features = data.features_of(moments)
    moments = moments.take(features["row"])
    chance, happened = model.chance(features), _bought(moments, data)
    day = moments["at"].cast(pa.int64()).to_numpy() // DAY_US
    return drift.Came({"orders": drift.of_chances(day, chance, happened)}, drift.display(day, chance, happened))


def _lead(parameters: Mapping[str, Any], trained_on: date, deps: Deps) -> drift.Came:
    """Chances of leads that came in since the training and are old enough to have closed."""
    model, table = lead.from_parameters(parameters), seen.leads(deps)
    if not {"created_at", "closed_at"} <= set(table.column_names):
        return drift.Came()
    won, is_closed = lead.closed(table, as_of=deps.now())
    created, ended = (seen.moments(table[name]) for name in ("created_at", "closed_at"))
    took = (ended - created)[is_closed & np.isfinite(ended - created)]
    if not len(took):
        return drift.Came()
    ripe = created <= deps.now().timestamp() * 1e6 - np.quantile(took, RIPE)
    mine = ripe & is_closed & seen.after(table, "created_at", trained_on)
    if not mine.any():
        return drift.Came()
    day, chance = created[mine] // DAY_US, model.chance(table.filter(pa.array(mine)))
    return drift.Came({"closings": drift.of_chances(day, chance, won[mine])}, drift.display(day, chance, won[mine]))


def _affinity(parameters: Mapping[str, Any], trained_on: date, deps: Deps) -> drift.Came:
    """Answers to contacts since the training against the rates each person had by then, channel by channel."""
    model, table = affinity.from_parameters(parameters), seen.contacts(current.scored(deps), deps)
    start = seen.micros(trained_on)
    before, later = (table.filter(mask(table["at"], start)) for mask in (pc.less, pc.greater_equal))
    found: dict[str, drift.Batches] = {}
    for channel in sorted(model.usual):
        mine = later.filter(pc.equal(later["channel"], channel))
        if not mine.num_rows:
            continue
        people, place = np.unique(np.asarray(mine["customer_id"].to_pylist(), dtype=object), return_inverse=True)
        rate = model.rates(before, people=people.tolist(), channels=[channel])[place, 0]
        day = mine["at"].to_numpy() // DAY_US
        happened = mine["answered"].to_numpy(zero_copy_only=False).astype(bool)
        found[f"answers_on_{channel}"] = drift.of_chances(day, rate, happened)
    return drift.Came(found)


def _lifetime(parameters: Mapping[str, Any], trained_on: date, deps: Deps) -> drift.Came:
    """Order days of known people, day by day since the training, against the repeat-purchase model's.

    The variance is that of people's totals, not of a Poisson count: some have stopped buying, and nobody has seen it.
    """
    model, orders = lifetime.from_parameters(parameters), seen.past_orders(current.scored(deps), deps)
    start = datetime.combine(trained_on, time(0), tzinfo=UTC)
    known = model.histories(orders, as_of=start)
    days = min((deps.now() - start).days, MOST_DAYS)
    if not len(known) or days < 1:
        return drift.Came()
    totals, wanted = np.zeros((days + 1, len(known))), np.zeros((days + 1, len(known)))
    for day in range(1, days + 1):
        now = model.histories(orders, as_of=start + timedelta(days=day))
        place = np.searchsorted(now.ids.astype(str), known.ids.astype(str))
        totals[day] = now.repeats[place] - known.repeats
        wanted[day] = model.repeat.orders(known, days=float(day))
    spread = ((totals - wanted) ** 2).sum(axis=1)
    batches = drift.Batches(
        observed=np.diff(totals.sum(axis=1)).tolist(),
        expected=np.diff(wanted.sum(axis=1)).tolist(),
        variance=np.maximum(np.diff(spread), 0.0).tolist(),
        rows=len(known),
    )
    return drift.Came({"orders": batches})


CAME: Mapping[str, Callable[[Mapping[str, Any], date, Deps], drift.Came]] = {
    "propensity": _propensity,
    "lead": _lead,
    "affinity": _affinity,
    "lifetime": _lifetime,
}
"""Models whose scores can be held against what people did without a test."""


def _moments(data: Data, trained_on: date) -> pa.Table | None:
    """(customer_id, at): for every day since the training whose two weeks are over, the people whose turn it is."""
    last = data.as_of - timedelta(days=OUTCOME_DAYS)
    days = [last - timedelta(days=number) for number in range(MOST_DAYS)]
    days = [day for day in reversed(days) if day.date() >= trained_on]
    if not days:
        return None
    turn = np.arange(len(data.ids)) % OUTCOME_DAYS
    whose = [np.flatnonzero(turn == day.toordinal() % OUTCOME_DAYS) for day in days]
    at = np.repeat([int(day.timestamp() * 1e6) for day in days], [len(each) for each in whose])
    stamps = pa.array(at, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
    return pa.table({"customer_id": pa.array(data.ids[np.concatenate(whose)].tolist(), pa.string()), "at": stamps})


def _bought(moments: pa.Table, data: Data) -> npt.NDArray[np.bool_]:
    """Whether each person ordered within the window that starts at their moment."""
    events = data.tables["events"]
    bought = events.filter(pc.equal(events["type"].cast(pa.string()), "purchase"))
    order = pa.array(data.ids.tolist(), pa.string())
    who, buyer = (
        pc.fill_null(pc.index_in(table["customer_id"].combine_chunks().cast(pa.string()), value_set=order), -1).to_numpy()
        for table in (moments, bought)
    )
    stamp = pa.timestamp("us", tz="UTC")
    start, at = moments["at"].cast(pa.int64()).to_numpy(), bought["occurred_at"].cast(stamp).cast(pa.int64()).to_numpy()
    width = np.int64(max(int(start.max(initial=0)), int(at.max(initial=0))) + OUTCOME_DAYS * DAY_US + 1) // 1_000_000
    keys = np.sort(buyer.astype(np.int64) * width + at // 1_000_000)
    first = who.astype(np.int64) * width + start // 1_000_000
    until = first + OUTCOME_DAYS * DAY_US // 1_000_000
    return np.asarray(np.searchsorted(keys, until, side="left") > np.searchsorted(keys, first, side="left"))
