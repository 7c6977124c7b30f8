"""What is known of a person just before a moment, as numbers. Only events strictly earlier count, so the past is never told the future."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.identity import Tables, resolve

NEVER_DAYS = 730.0
"""Days since something that never happened, and the most days since anything."""
MOST_LEVELS = 12
"""A text column with at most this many values becomes one 0/1 feature per value."""
LONGEST_LEVEL = 30
"""A column with a longer value is a remark, not a level: people's words never become the name of a feature."""
_NO_FEATURE = re.compile(
    r"customer_id|email|phone|first_name|last_name|birth_date|street|postal_code|time_zone|created_at|kind|merged_from"
    r"|household_id|consent_.*"
)
_CHANNELS = ("email", "sms", "push")


@dataclass(frozen=True)
class Feature:
    """A declared feature: `sql` aggregates the rows of one person in the table `source`; `window` in days, None = all time."""

    name: str
    sql: str
    says: str
    window: int | None
    source: str


def _count(test: str, days: int) -> str:
    return f"count(*) FILTER ({test} AND age <= {days})"


def _sum(value: str, days: int) -> str:
    return f"coalesce(sum({value}) FILTER (type = 'purchase' AND age <= {days}), 0)"


def _since(test: str) -> str:
    return f"coalesce(least(min(age) FILTER ({test}), {NEVER_DAYS}), {NEVER_DAYS})"


_BOUGHT, _SEEN, _CLICK = "type = 'purchase'", "type IN ('visit', 'page_view')", "type = 'click'"
_OPEN = "type = 'email_open' AND NOT is_machine"
_CLICKS = tuple(
    Feature(f"{c}_clicks_90", _count(f"{_CLICK} AND channel = '{c}'", 90), f"clicks from {c} in the last 90 days", 90, "events")
    for c in _CHANNELS
)
_ORDERS = tuple(
    Feature(f"orders_{d}", _count(_BOUGHT, d), f"orders in the last {d} days", d, "events") for d in (30, 90, 180, 365)
)
_VALUES = tuple(Feature(f"value_{d}", _sum("paid", d), f"amount paid in the last {d} days", d, "events") for d in (90, 365))
_VISITS = tuple(Feature(f"visits_{d}", _count(_SEEN, d), f"visits in the last {d} days", d, "events") for d in (30, 90, 180))
FEATURES: tuple[Feature, ...] = (
    Feature("recency_days", _since(_BOUGHT), "days since the last order", None, "events"),
    *_ORDERS,
    *_VALUES,
    Feature("margin_365", _sum("earned", 365), "margin earned in the last 365 days", 365, "events"),
    Feature("average_order", f"coalesce(avg(paid) FILTER ({_BOUGHT}), 0)", "average amount of an order", None, "events"),
    Feature(
        "discount_share",
        f"coalesce(avg(CAST(is_discounted AS DOUBLE)) FILTER ({_BOUGHT} AND age <= 365), 0)",
        "share of the last year's orders made with a discount or within 7 days of one being offered", 365, "events",
    ),
    *_VISITS,
    Feature("visit_recency_days", _since(_SEEN), "days since the last visit", None, "events"),
    Feature("email_opens_90", _count(_OPEN, 90), "e-mails opened in the last 90 days, opens by machines not counted", 90, "events"),
    Feature("email_opens_180", _count(_OPEN, 180), "e-mails opened in the last 180 days, opens by machines not counted", 180, "events"),
    *_CLICKS,
    Feature("clicks_180", _count(_CLICK, 180), "clicks from any channel in the last 180 days", 180, "events"),
    Feature("other_clicks_90", _count(f"{_CLICK} AND coalesce(channel, '') NOT IN {_CHANNELS}", 90), "clicks from elsewhere in the last 90 days", 90, "events"),
    Feature("opt_outs", "count(*) FILTER (type = 'opt_out')", "times they opted out of a channel", None, "events"),
    Feature("complaints_365", _count("type = 'complaint'", 365), "complaints in the last 365 days", 365, "events"),
    Feature("returns_365", _count("type = 'return'", 365), "returns in the last 365 days", 365, "events"),
    Feature("support_180", _count("type = 'support'", 180), "support cases in the last 180 days", 180, "events"),
    Feature("support_90", _count("type = 'support'", 90), "support cases in the last 90 days", 90, "events"),
    Feature("contacts_7", "count(*) FILTER (age <= 7)", "times contacted in the last 7 days", 7, "contacts"),
    Feature("contacts_30", "count(*) FILTER (age <= 30)", "times contacted in the last 30 days", 30, "contacts"),
    Feature("contact_recency_days", f"least(min(age), {NEVER_DAYS})", "days since the last contact", None, "contacts"),
    Feature("tenure_days", "", "days since they were first known", None, "people"),
)  # fmt: skip
"""All declared features. Those of `events` exist only where there are events at all, those of `contacts` where anyone was contacted."""
_EMPTY = {"recency_days": NEVER_DAYS, "visit_recency_days": NEVER_DAYS, "contact_recency_days": NEVER_DAYS}


def compute(tables: Tables, *, people: pa.Table, as_of: datetime, margin_rate: float) -> pa.Table:
    """`customer_id` and float64 columns without nulls, one row per person in the order of `people`.

    Declared features as of `as_of` (exclusive), then every numeric column of `people` (missing values become the median), then 0/1
    columns `<column>_is_<value>` of texts with few values. Deterministic.
    """
    tables = resolve(tables, people)
    columns: dict[str, Any] = {"customer_id": people["customer_id"].combine_chunks().cast(pa.string())}
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'; SET threads = 1")
        db.register("people", people.select(["customer_id"]).append_column("place", pa.array(range(people.num_rows), pa.int64())))
        moment = int(as_of.astimezone(UTC).timestamp() * 1_000_000)
        if _prepare_events(db, tables, moment=moment, margin_rate=margin_rate):
            columns |= _aggregated(db, "events", people.num_rows)
        if _prepare_contacts(db, tables, moment=moment):
            columns |= _aggregated(db, "contacts", people.num_rows)
    if "created_at" in people.column_names and people["created_at"].null_count < people.num_rows:
        columns["tenure_days"] = _tenure(people["created_at"], as_of)
    for name, values in (_numeric(people) | _levels(people)).items():
        columns[name if name not in columns else f"customer_{name}"] = values
    return pa.table(columns)


def _aggregated(db: Any, source: str, rows: int) -> dict[str, np.ndarray]:
    wanted = [feature for feature in FEATURES if feature.source == source]
    select = ", ".join(f"CAST({feature.sql} AS DOUBLE) AS {feature.name}" for feature in wanted)
    found = db.sql(
        f"SELECT place, {select} FROM {source} JOIN people USING (customer_id) GROUP BY place ORDER BY place"
    ).to_arrow_table()
    place = found["place"].to_numpy()
    columns = {}
    for feature in wanted:
        values = np.full(rows, _EMPTY.get(feature.name, 0.0))
        values[place] = found[feature.name].to_numpy()
        columns[feature.name] = values
    return columns


def _prepare_events(db: Any, tables: Tables, *, moment: int, margin_rate: float) -> bool:
    events = tables.get("events")
    if events is None or not events.num_rows:
        return False
    db.register("raw_events", _shaped(events, {"channel": pa.string(), "amount": pa.float64(), "margin": pa.float64(),
                                               "product_id": pa.string(), "discount": pa.float64(), "is_machine": pa.bool_()}))  # fmt: skip
    products = tables.get("products")
    empty = pa.table({"product_id": pa.array([], pa.string())})
    shaped = _shaped(products if products is not None else empty, {"price": pa.float64(), "unit_cost": pa.float64()})
    db.register("products", shaped.select(["product_id", "price", "unit_cost"]))
    discounted = _discounted(db, tables)
    db.execute(
        "CREATE TABLE events AS SELECT e.customer_id, e.type, e.channel, coalesce(e.is_machine, false) AS is_machine,"
        f" ({moment} - epoch_us(e.occurred_at)) / 86400e6 AS age, coalesce(e.amount, 0) AS paid,"
        f" coalesce(e.margin, e.amount * CASE WHEN p.price > 0 AND p.unit_cost IS NOT NULL THEN 1 - p.unit_cost / p.price"
        f" ELSE {float(margin_rate)!r} END, 0) AS earned, coalesce(e.discount > 0, false) OR {discounted} AS is_discounted"
        " FROM raw_events e LEFT JOIN products p ON e.product_id = p.product_id"
        f" WHERE epoch_us(e.occurred_at) < {moment} AND e.customer_id IS NOT NULL"
    )
    return True


def _discounted(db: Any, tables: Tables) -> str:
    """SQL that tells whether a purchase followed a discounted treatment by at most 7 days."""
    treatments = tables.get("treatments")
    if treatments is None or "discount" not in treatments.column_names:
        return "false"
    offered = treatments.filter(pc.greater(treatments["discount"], 0.0)).select(["customer_id", "treated_at"])
    if not offered.num_rows:
        return "false"
    db.register("offered", offered)
    return (
        "(e.type = 'purchase' AND EXISTS (SELECT 1 FROM offered o WHERE o.customer_id = e.customer_id"
        " AND o.treated_at <= e.occurred_at AND o.treated_at > e.occurred_at - INTERVAL 7 DAY))"
    )


def _prepare_contacts(db: Any, tables: Tables, *, moment: int) -> bool:
    """One contact per person, channel and day, from treatments given and from delivered events."""
    parts = []
    treatments = tables.get("treatments")
    if treatments is not None and treatments.num_rows:
        db.register("raw_treatments", _shaped(treatments, {"channel": pa.string()}))
        parts.append("SELECT customer_id, channel, treated_at AS moment FROM raw_treatments WHERE arm <> 'control'")
    events = tables.get("events")
    if events is not None and events.num_rows:
        parts.append("SELECT customer_id, channel, occurred_at AS moment FROM raw_events WHERE type = 'delivered'")
    if not parts:
        return False
    db.execute(
        f"CREATE TABLE contacts AS SELECT customer_id, ({moment} - min(epoch_us(moment))) / 86400e6 AS age FROM ({' UNION ALL '.join(parts)})"
        f" WHERE epoch_us(moment) < {moment} GROUP BY customer_id, coalesce(channel, ''), epoch_us(moment) // 86400000000"
    )
    return True


def _shaped(table: pa.Table, wanted: Mapping[str, Any]) -> pa.Table:
    for name, kind in wanted.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, kind))
    return table


def _tenure(created: pa.ChunkedArray, as_of: datetime) -> np.ndarray:
    micros = created.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    known = pc.fill_null(micros, int(as_of.timestamp() * 1e6)).to_numpy().astype(np.float64)
    days: np.ndarray = np.clip((as_of.timestamp() * 1e6 - known) / 86400e6, 0.0, 3650.0)
    return days


def _numeric(people: pa.Table) -> dict[str, np.ndarray]:
    found = {}
    for name in people.column_names:
        kind = people.schema.field(name).type
        is_number = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
        if is_number and not _NO_FEATURE.fullmatch(name):
            values = people[name].cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
            known = values[np.isfinite(values)]
            if len(known):
                found[name] = np.where(np.isfinite(values), values, float(np.median(known)))
    return found


def _levels(people: pa.Table) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for name in people.column_names:
        if not pa.types.is_string(people.schema.field(name).type) or _NO_FEATURE.fullmatch(name):
            continue
        levels = sorted(level for level in pc.unique(people[name]).to_pylist() if level)
        if 2 <= len(levels) <= MOST_LEVELS and max(map(len, levels)) <= LONGEST_LEVEL:
            for level in levels:
                slug = re.sub(r"[^a-z0-9]+", "_", level.lower()).strip("_") or "other"
                is_level = pc.fill_null(pc.equal(people[name], level), False).to_numpy(zero_copy_only=False).astype(np.float64)
                key = f"{name}_is_{slug}"
                found[key] = np.maximum(found[key], is_level) if key in found else is_level
    return found
