"""What a new talk can begin with: goals that fit the data that is there, and what can be seen of it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from liftwright.domain.campaign import Snapshot
from liftwright.flow import fresh
from liftwright.ports import Deps

MOST = 3


def seen(deps: Deps) -> dict[str, Any]:
    """`rows` by table, when the data came in, channels in the order of their cost, and up to three example goals. Empty without data."""
    snapshot = deps.lake.snapshot()
    if snapshot is None or not snapshot.rows.get("customers"):
        return {"rows": {}, "created_at": None, "channels": [], "goals": []}
    channels = [name for name in deps.settings.channels if deps.settings.channels[name].capacity_per_day != 0]
    return {
        "rows": dict(snapshot.rows),
        "created_at": snapshot.created_at,
        "channels": channels,
        "goals": _goals(_products(snapshot, deps), deps)[:MOST],
    }


def _products(snapshot: Snapshot, deps: Deps) -> list[str]:
    """Categories of the products on record, the commonest first. Of the snapshot only that table is read, once."""
    products = fresh.of(snapshot, deps).tables.get("products")
    if products is None or "category" not in products.column_names:
        return []
    counted = Counter(str(name) for name in products["category"].to_pylist() if name)
    return [name for name, _ in counted.most_common(2)]


def _goals(products: list[str], deps: Deps) -> list[str]:
    currency = deps.settings.currency
    first = products[0].lower() if products else ""
    return [
        f"Sell more {first} over the next 14 days, 2,000 {currency} budget".replace("more  over", "more over"),
        "Sell more to lapsed customers over the next 14 days by e-mail",
        f"Bring back 50 lapsed customers within 3 weeks, no discounts, budget 500 {currency}",
    ]
