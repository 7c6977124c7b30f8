"""What every model in the registry sees and says today."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.agents.bench import Bench, watched
from liftwright.domain.errors import DataError
from liftwright.flow import current
from liftwright.flow.fresh import newest
from liftwright.ports import Deps
from liftwright.scoring import affinity, answers, drift, incentive, lead, lifetime, propensity, send_time, uplift
from liftwright.scoring.encoding import as_floats

Parameters = Mapping[str, Any]
RECENT_DAYS = 28
"""Days of hours that are compared with the usual ones."""


def of_bench(name: str, parameters: Parameters, deps: Deps) -> drift.Seen:
    """Propensity, answers, uplift and incentive: everybody, as of this morning."""
    data = current.scored(deps).data
    reading = {"propensity": propensity, "answers": answers, "incentive": incentive}.get(name, uplift)
    features = data.features
    if name.startswith("uplift_"):
        stored = deps.models.load("answers")
        features = answers.from_parameters(stored[1]["model"]).extend(features) if stored else features
    return watched.seen(name, reading.from_parameters(parameters), data, features=features)


def of_leads(parameters: Parameters, deps: Deps, *, since: date | None = None) -> drift.Seen:
    """Leads that came in since a day (all of them without one), with the columns the model looks at."""
    model, table = lead.from_parameters(parameters), leads(deps)
    won, _ = lead.closed(table, as_of=deps.now())
    if since is not None:
        table = table.filter(pa.array(after(table, "created_at", since)))
    if table.num_rows < drift.FEWEST:
        says = f"Only {table.num_rows} leads came in since the training."
        raise DataError("LEAD-DRIFT", says, next_step="Look again later.")
    names = sorted(set(model.encoding.sources.values()))
    return drift.Seen(table, names, {"chance": model.chance(table)}, int(won.sum()))


def of_contacts(deps: Deps) -> drift.Seen:
    """Past contacts. Which channels are used is our own doing, so nothing of it is compared; what came of them is."""
    return drift.Seen(pa.table({}), (), {}, contacts(current.scored(deps), deps).num_rows)


def of_orders(parameters: Parameters, deps: Deps) -> drift.Seen:
    """Everybody who has ordered, by what does not grow with the calendar alone."""
    model, orders = lifetime.from_parameters(parameters), past_orders(current.scored(deps), deps)
    known = model.histories(orders, as_of=deps.now())
    age = np.maximum(known.age, 1.0)
    table = pa.table({"orders_per_day": known.repeats / age, "share_of_time_active": known.recency / age, "value": known.value})
    expected = model.expected(orders, as_of=deps.now())
    outputs = {"expected_margin": np.array([expected[person] for person in known.ids])}
    return drift.Seen(table, table.column_names, outputs, int(known.repeats.sum()))


def of_hours(deps: Deps, *, days: int = RECENT_DAYS) -> drift.Seen:
    """Local hours in which people were seen lately; the training looks further back."""
    data = current.scored(deps).data
    zone = deps.settings.time_zone
    seen = send_time.occasions(data.tables.get("events"), people=data.people, zone=zone, as_of=data.as_of, days=days)
    return drift.Seen(pa.table({"hour": pa.array(seen, pa.string())}), ("hour",), {}, len(seen))


def today(name: str, parameters: Parameters, since: date | None, deps: Deps) -> drift.Seen:
    """What a model of the registry sees and says today. Raises DataError where the data it needs is gone."""
    if name == "lead":
        return of_leads(parameters, deps, since=since)
    if name == "affinity":
        return of_contacts(deps)
    if name == "lifetime":
        return of_orders(parameters, deps)
    return of_hours(deps) if name == "send_time" else of_bench(name, parameters, deps)


def leads(deps: Deps) -> pa.Table:
    """The newest leads. Raises DataError when none were imported."""
    tables = newest(deps).tables
    if "leads" not in tables or not tables["leads"].num_rows:
        raise DataError("LEAD-NONE", "There are no leads.", next_step="Run: liftwright import FILE --as leads.")
    return tables["leads"]


def contacts(bench: Bench, deps: Deps) -> pa.Table:
    """Past contacts and whether each was answered. Raises DataError without any."""
    treatments = bench.data.tables.get("treatments")
    if treatments is None or "channel" not in treatments.column_names:
        raise DataError("AFFINITY-FEW", "No past contact has a channel.", next_step="Import past contacts as treatments.")
    return affinity.answered(treatments, bench.data.tables.get("events"), as_of=deps.now())


def past_orders(bench: Bench, deps: Deps) -> pa.Table:
    """Past orders with their margin. Raises DataError without any."""
    events = bench.data.tables.get("events")
    if events is None:
        raise DataError("LIFETIME-FEW", "There are no orders.", next_step="Import purchases as events.")
    return lifetime.orders_of(events, margin_rate=deps.settings.margin.rate)


def after(table: pa.Table, column: str, since: date) -> npt.NDArray[np.bool_]:
    """Rows whose time lies on or after a day; none where the column is missing."""
    if column not in table.column_names:
        return np.zeros(table.num_rows, dtype=bool)
    return np.asarray(np.nan_to_num(moments(table[column]), nan=-np.inf) >= micros(since))


def moments(column: Any) -> npt.NDArray[np.float64]:
    """Times as microseconds UTC; NaN where missing."""
    return as_floats(column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()))


def micros(day: date) -> int:
    """The first moment of a day, microseconds UTC."""
    return int(datetime.combine(day, time(0), tzinfo=UTC).timestamp() * 1e6)
