"""Who already did, during a flight, what the goal wanted: facts from events, so that nobody is asked for what they have done."""

from __future__ import annotations

import re
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.goal import Objective

WANTED = {
    "visits": "visit",
    **dict.fromkeys(
        (
            "incremental_margin",
            "margin",
            "revenue",
            "orders",
            "repeat_rate",
            "new_customers",
            "reactivated_customers",
        ),
        "purchase",
    ),
}
"""The event that fulfils a goal, by its metric. Other metrics are not fulfilled by one event of one person."""


def converted(
    events: pa.Table | None, products: pa.Table | None, *, objective: Objective, starts_at: datetime, until: datetime
) -> set[str]:
    """customer_id of everybody with a fulfilling event in [starts_at, until].

    Where the goal names a product, only purchases of products whose name, category or id holds all of its words count; nobody
    when the catalogue or the events cannot tell.
    """
    kind = WANTED.get(objective.metric)
    if events is None or kind is None or objective.direction != "increase":
        return set()
    moment = events.schema.field("occurred_at").type
    inside = pc.and_(
        pc.greater_equal(events["occurred_at"], pa.scalar(starts_at, moment)),
        pc.less_equal(events["occurred_at"], pa.scalar(until, moment)),
    )
    done = events.filter(pc.fill_null(pc.and_(inside, pc.equal(events["type"], kind)), False))
    if objective.product and kind == "purchase":
        if products is None or "product_id" not in done.column_names:
            return set()
        done = done.filter(pc.fill_null(pc.is_in(done["product_id"], value_set=_named(products, objective.product)), False))
    return set(done["customer_id"].drop_null().to_pylist())


def _named(products: pa.Table, product: str) -> pa.Array:
    """product_id of the products that the goal's words name."""
    wanted = _words(product)
    columns = [name for name in ("product_id", "name", "category") if name in products.column_names]
    found = [
        row["product_id"]
        for row in products.select(columns).to_pylist()
        if wanted and wanted <= _words(" ".join(str(row[name]) for name in columns if row[name]))
    ]
    return pa.array(found, pa.string())


def _words(text: str) -> set[str]:
    """Words without case, possessive and plural endings."""
    return {re.sub(r"(?:'s|s'|s)$", "", word) for word in re.findall(r"[\w'-]+", text.lower().replace("’", "'"))}
