"""The rows features are aggregated from: events and contacts, each told once and priced, as relations inside DuckDB."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

DAY_US = 86_400_000_000
"""Microseconds of a day."""
_EVENT_COLUMNS = {
    "channel": "VARCHAR", "amount": "DOUBLE", "margin": "DOUBLE", "product_id": "VARCHAR", "discount": "DOUBLE", "is_machine": "BOOLEAN",
}  # fmt: skip


def event_rows(
    db: Any, source: str, columns: Collection[str], *, tables: Mapping[str, pa.Table], margin_rate: float, is_kept: bool
) -> None:
    """Create `event_rows` from the table expression `source`, which has `columns`: customer_id, type, channel, is_machine, at
    (microseconds since 1970), product_id, category, paid, earned (major units), is_discounted.

    `is_kept`: as a table; otherwise as a view that reads `source` again for every use, for events larger than memory.
    """
    value = {name: f"e.{name}" if name in columns else f"CAST(NULL AS {kind})" for name, kind in _EVENT_COLUMNS.items()}
    join, category, rate = (
        _products(db, tables.get("products"), margin_rate) if "product_id" in columns else _unpriced(margin_rate)
    )
    db.execute(
        f"CREATE {'TABLE' if is_kept else 'VIEW'} event_rows AS SELECT e.customer_id, e.type, {value['channel']} AS channel,"
        f' coalesce({value["is_machine"]}, false) AS is_machine, epoch_us(e.occurred_at) AS "at", {value["product_id"]} AS product_id,'
        f" {category} AS category, coalesce({value['amount']}, 0) AS paid,"
        f" coalesce({value['margin']}, {value['amount']} * {rate}, 0) AS earned,"
        f" coalesce({value['discount']} > 0, false) OR {_discounted(db, source, tables.get('treatments'))} AS is_discounted"
        f" FROM {source} e{join} WHERE e.customer_id IS NOT NULL AND e.occurred_at IS NOT NULL"
    )


def _unpriced(margin_rate: float) -> tuple[str, str, str]:
    return "", "CAST(NULL AS VARCHAR)", repr(float(margin_rate))


def _products(db: Any, products: pa.Table | None, margin_rate: float) -> tuple[str, str, str]:
    """Join, category and margin rate of an event's product; the given rate where the product does not say."""
    if products is None or not products.num_rows:
        return _unpriced(margin_rate)
    wanted = {"price": pa.float64(), "unit_cost": pa.float64(), "category": pa.string()}
    db.register("products", shaped(products, wanted).select(["product_id", *wanted]))
    rate = f"CASE WHEN p.price > 0 AND p.unit_cost IS NOT NULL THEN 1 - p.unit_cost / p.price ELSE {float(margin_rate)!r} END"
    return " LEFT JOIN products p ON e.product_id = p.product_id", "p.category", rate


def _discounted(db: Any, source: str, treatments: pa.Table | None) -> str:
    """SQL that tells whether a purchase followed a discounted treatment by at most 7 days.

    Purchases are few among events: they are looked up first, instead of asking for every event.
    """
    if treatments is None or "discount" not in treatments.column_names:
        return "false"
    offered = treatments.filter(pc.greater(treatments["discount"], 0.0)).select(["customer_id", "treated_at"])
    if not offered.num_rows:
        return "false"
    db.register("offered", offered)
    return (
        "(e.type = 'purchase' AND (e.customer_id, e.occurred_at) IN (SELECT (b.customer_id, b.occurred_at)"
        f" FROM {source} b JOIN offered o ON o.customer_id = b.customer_id AND o.treated_at <= b.occurred_at"
        " AND o.treated_at > b.occurred_at - INTERVAL 7 DAY WHERE b.type = 'purchase'))"
    )


def contact_rows(db: Any, tables: Mapping[str, pa.Table], *, has_events: bool) -> bool:
    """Create `contact_rows` (customer_id, channel, at): one contact per person, channel and day, from treatments given and from
    delivered events. False when there is neither."""
    parts = []
    treatments = tables.get("treatments")
    if treatments is not None and treatments.num_rows:
        db.register("raw_treatments", shaped(treatments, {"channel": pa.string()}))
        parts.append("SELECT customer_id, channel, epoch_us(treated_at) AS moment FROM raw_treatments WHERE arm <> 'control'")
    if has_events:
        parts.append("SELECT customer_id, channel, \"at\" AS moment FROM event_rows WHERE type = 'delivered'")
    if not parts:
        return False
    db.execute(
        f"CREATE TABLE contact_rows AS SELECT customer_id, coalesce(channel, '') AS channel, min(moment) AS \"at\""
        f" FROM ({' UNION ALL '.join(parts)}) WHERE moment IS NOT NULL GROUP BY customer_id, coalesce(channel, ''), moment // {DAY_US}"
    )
    return True


def shaped(table: pa.Table, wanted: Mapping[str, Any]) -> pa.Table:
    """The table with the wanted columns, empty where it had none."""
    for name, kind in wanted.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, kind))
    return table
