"""The features that come with the house. One more is one more entry here, or one more in the tuple a caller passes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from liftwright.audience.features.definition import Feature

NEVER_DAYS = 730.0
"""Days since something that never happened, and the most days since anything."""
MOST_CATEGORIES = 12
"""Product categories that get a feature of their own, the ones with most products first."""
_CHANNELS = ("email", "sms", "push")
_STORE = "channel IN ('store', 'offline', 'pos')"
_DAYS_SINCE = f"least(min(age){{rows}}, {NEVER_DAYS})"

_order = partial(Feature, types=("purchase",))
_paid = partial(_order, needs="amount", most_nulls=0.05, decides="what an order of a person is worth", owner="finance")
_visit = partial(Feature, types=("visit", "page_view"), owner="web")
_intent = partial(Feature, owner="web", decides="who is about to buy")
_open = partial(Feature, types=("email_open",), where="NOT is_machine", decides="on which channel a person is reached")
_click = partial(Feature, types=("click",), decides="on which channel a person is reached")
_care = partial(Feature, owner="service", decides="who is left in peace")
_contact = partial(Feature, source="contacts", fresh_days=None, decides="who has had enough")

FEATURES: tuple[Feature, ...] = (
    _order("recency_days", _DAYS_SINCE, "days since the last order", empty=NEVER_DAYS, high=NEVER_DAYS),
    *(_order(f"orders_{d}", "count(*)", f"orders in the last {d} days", window=d) for d in (30, 90, 180, 365)),
    *(_paid(f"value_{d}", "sum(paid)", f"amount paid in the last {d} days", window=d) for d in (90, 365)),
    _paid("margin_365", "sum(earned)", "margin earned in the last 365 days", window=365, low=float("-inf")),
    _paid("average_order", "avg(paid)", "average amount of an order"),
    _paid("largest_order_365", "max(paid)", "largest order of the last 365 days", window=365),
    _order(
        "discount_share", "avg(CAST(is_discounted AS DOUBLE))",
        "share of the last year's orders made with a discount or within 7 days of one being offered",
        window=365, high=1.0, decides="who gets a discount",
    ),
    _order("categories_365", "count(DISTINCT category)", "product categories bought in the last 365 days", window=365, decides="what is shown"),
    _order("store_orders_365", "count(*)", "orders in a store in the last 365 days", where=_STORE, window=365, owner="stores"),
    Feature("store_visits_180", "count(*)", "visits to a store in the last 180 days", types=("store_visit",), window=180, owner="stores"),
    *(_visit(f"visits_{d}", "count(*)", f"visits in the last {d} days", window=d) for d in (7, 30, 90, 180)),
    _visit("visit_recency_days", _DAYS_SINCE, "days since the last visit", empty=NEVER_DAYS, high=NEVER_DAYS),
    _intent("product_views_30", "count(*)", "products looked at or searched for in the last 30 days", types=("product_view", "search"), window=30),
    _intent("carts_30", "count(*)", "carts filled or checkouts begun in the last 30 days", types=("add_to_cart", "cart", "checkout"), window=30),
    Feature(
        "active_days_30", "bit_count(bit_or(CAST(1 AS UBIGINT) << CAST(day AS UBIGINT)){rows})",
        "days of the last 30 with a visit, a click or an order", types=("visit", "page_view", "click", "purchase"),
        where="day < 30", window=30, high=30.0, owner="web",
    ),
    *(_open(f"email_opens_{d}", "count(*)", f"e-mails opened in the last {d} days, opens by machines not counted", window=d) for d in (90, 180)),
    *(_click(f"{c}_clicks_90", "count(*)", f"clicks from {c} in the last 90 days", where=f"channel = '{c}'", window=90) for c in _CHANNELS),
    _click("clicks_180", "count(*)", "clicks from any channel in the last 180 days", window=180),
    _click("other_clicks_90", "count(*)", "clicks from elsewhere in the last 90 days", where=f"coalesce(channel, '') NOT IN {_CHANNELS}", window=90),
    _care("opt_outs", "count(*)", "times they opted out of a channel", types=("opt_out",)),
    _care("complaints_365", "count(*)", "complaints in the last 365 days", types=("complaint",), window=365),
    _care("returns_365", "count(*)", "returns in the last 365 days", types=("return",), window=365),
    *(_care(f"support_{d}", "count(*)", f"support cases in the last {d} days", types=("support",), window=d) for d in (180, 90)),
    _care("calls_180", "count(*)", "phone calls in the last 180 days", types=("call",), window=180),
    *(_contact(f"contacts_{d}", "count(*)", f"times contacted in the last {d} days", window=d) for d in (7, 30)),
    _contact("contact_recency_days", _DAYS_SINCE, "days since the last contact", empty=NEVER_DAYS, high=NEVER_DAYS),
    Feature("tenure_days", "", "days since they were first known", source="people", fresh_days=None),
)  # fmt: skip
"""All declared features. Those of `events` exist only where there are events at all, those of `contacts` where anyone was contacted."""


def category_features(categories: Iterable[str]) -> tuple[Feature, ...]:
    """One affinity per product category: its share of a person's orders of the last 365 days."""
    made: dict[str, Feature] = {}
    for category in categories:
        slug = re.sub(r"[^a-z0-9]+", "_", category.lower()).strip("_")
        literal = category.replace("'", "''")
        if slug and slug not in made and len(made) < MOST_CATEGORIES:
            sql = f"avg(CAST(coalesce(category, '') = '{literal}' AS DOUBLE))"
            says = f"share of the last year's orders in {category}"
            made[slug] = _order(f"affinity_{slug}", sql, says, window=365, high=1.0, decides="what is shown")
    return tuple(made.values())
