"""Past randomised opportunities as rows to learn from, and what past tests showed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import norm

from liftwright.domain.evidence import Estimate, PastTest
from liftwright.scoring import shapes

CONTROL = "control"
OUTCOMES = ("y_margin", "y_revenue", "y_orders", "y_visits")
ANSWERED = ("y_clicks", "y_opt_outs")
SEEN_IN = {"y_visits": {"visit", "page_view"}, "y_clicks": {"click"}, "y_opt_outs": {"opt_out"}}
"""Types of events that show an outcome is recorded at all; of the others it is a purchase."""
DELAYED = "orders_by_delay"
"""Column of the rows: how many orders came in each span of DELAY_HOURS after the opportunity; null where orders come without moments."""
DELAY_HOURS = (0, 1, 3, 6, 12, 24, 48, 72, 96, 120, 144, 168, 192, 216, 240, 288, 336)
KEYS = ("customer_id", "at", "action", "propensity")
STAMP = pa.timestamp("us", tz="UTC")
FEWEST = 30
"""Fewer people in an arm than this show nothing."""
FEWEST_REDEEMED = 200
SEEMS_GIVEN = 0.02
"""Discount of people without an offer, as a share of the full price, above which margins do not tell discounts."""


def training_rows(
    tables: Mapping[str, pa.Table],
    *,
    as_of: datetime,
    window_days: int,
    margin_rate: float,
    features_at: Callable[[pa.Table], pa.Table],
) -> pa.Table | None:
    """One row per past opportunity whose outcome window is over: customer_id, at, action, propensity, y_*, then features as of `at`.

    `action` is "channel:offer" or "control"; `propensity` the chance of the action taken. y_margin and y_revenue are major units
    over `window_days`, y_orders, y_visits, y_clicks and y_opt_outs counts; NaN where nothing was recorded. `features_at` takes moments (customer_id, at) and
    gives the features of each known one, with its place in `row`. Sorted by customer_id, at, action. None when there is no
    randomised history: no control, no treated people, or no known propensities. Any shape that `shapes.complete` understands.
    """
    treatments = tables.get("treatments")
    if treatments is None or not treatments.num_rows:
        return None
    rows = _opportunities(shapes.complete(treatments, tables.get("customers")), as_of=as_of, window_days=window_days)
    actions = set(rows["action"].unique().to_pylist())
    if CONTROL not in actions or len(actions) < 2:
        return None
    rows = _with_outcomes(rows, tables, window_days=window_days, margin_rate=margin_rate)
    rows = with_features(rows, features_at)
    return rows if rows.num_rows else None


def _opportunities(treatments: pa.Table, *, as_of: datetime, window_days: int) -> pa.Table:
    present = treatments.column_names
    latest = int((as_of - timedelta(days=window_days)).astimezone(UTC).timestamp() * 1_000_000)
    channel = "coalesce(channel, 'unknown')" if "channel" in present else "'unknown'"
    offer = "coalesce(offer, 'none')" if "offer" in present else "'none'"
    given = [name for name in ("outcome_visits", "outcome_orders", "outcome_revenue") if name in present]
    kept = "".join(f", CAST({name} AS DOUBLE) AS {name}" for name in given)
    if "propensity" not in present:
        treatments = treatments.append_column("propensity", pa.nulls(treatments.num_rows, pa.float64()))
    with duckdb.connect() as db:
        db.register("treatments", treatments)
        return db.sql(
            f"SELECT customer_id, epoch_us(treated_at) AS \"at\", CASE WHEN arm = '{CONTROL}' THEN '{CONTROL}' ELSE {channel} || ':' ||"
            f" {offer} END AS action, CAST(propensity AS DOUBLE) AS propensity{kept} FROM treatments"
            f" WHERE propensity > 0 AND propensity <= 1 AND customer_id IS NOT NULL AND epoch_us(treated_at) <= {latest}"
            " ORDER BY ALL"
        ).to_arrow_table()


def _with_outcomes(rows: pa.Table, tables: Mapping[str, pa.Table], *, window_days: int, margin_rate: float) -> pa.Table:
    found = _given(rows, margin_rate)
    events = tables.get("events")
    if not found and events is not None and events.num_rows:
        found = _counted(rows, events, tables.get("products"), window_days=window_days, margin_rate=margin_rate)
    for name in (*OUTCOMES, *ANSWERED):
        rows = rows.append_column(name, pa.array(found.get(name, np.full(rows.num_rows, np.nan)), pa.float64()))
    rows = rows.append_column(DELAYED, _spans(found.get(DELAYED), rows.num_rows))
    return rows.select([*KEYS, *OUTCOMES, *ANSWERED, DELAYED])


def _spans(counts: np.ndarray | None, rows: int) -> pa.Array:
    """One list of counts a row."""
    width = len(DELAY_HOURS) - 1
    if counts is None:
        return pa.nulls(rows, pa.list_(pa.float32(), width))
    return pa.FixedSizeListArray.from_arrays(pa.array(counts.ravel(), pa.float32()), width)


def _given(rows: pa.Table, margin_rate: float) -> dict[str, np.ndarray]:
    """Outcomes that came with the treatments, in one wide file."""
    found: dict[str, np.ndarray] = {}
    for name in ("visits", "orders", "revenue"):
        if f"outcome_{name}" in rows.column_names and rows[f"outcome_{name}"].null_count < rows.num_rows:
            found[f"y_{name}"] = pc.fill_null(rows[f"outcome_{name}"], np.nan).to_numpy().astype(np.float64)
    if "y_revenue" in found:
        found["y_margin"] = found["y_revenue"] * margin_rate
    return found


def _counted(
    rows: pa.Table, events: pa.Table, products: pa.Table | None, *, window_days: int, margin_rate: float
) -> dict[str, np.ndarray]:
    """Outcomes counted from events at or after the treatment and inside the window."""
    wanted = {"amount": pa.float64(), "margin": pa.float64(), "product_id": pa.string()}
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.register("opportunities", rows.select(["customer_id", "at"]).append_column("place", pa.array(range(rows.num_rows))))
        db.register("events", _shaped(events, wanted))
        empty = pa.table({"product_id": pa.array([], pa.string())})
        costs = _shaped(products if products is not None else empty, {"price": pa.float64(), "unit_cost": pa.float64()})
        db.register("products", costs.select(["product_id", "price", "unit_cost"]))
        found = db.sql(
            "WITH e AS (SELECT customer_id, type, epoch_us(occurred_at) AS happened, coalesce(amount, 0) AS paid,"
            "  coalesce(margin, amount * CASE WHEN p.price > 0 AND p.unit_cost IS NOT NULL THEN 1 - p.unit_cost / p.price"
            f"  ELSE {float(margin_rate)!r} END, 0) AS earned FROM events LEFT JOIN products p ON events.product_id = p.product_id"
            "  WHERE type IN ('purchase', 'visit', 'page_view', 'click', 'opt_out'))"
            " SELECT place, sum(earned) FILTER (type = 'purchase') AS y_margin, sum(paid) FILTER (type = 'purchase') AS y_revenue,"
            " count(*) FILTER (type = 'purchase') AS y_orders, count(*) FILTER (type IN ('visit', 'page_view')) AS y_visits,"
            " count(*) FILTER (type = 'click') AS y_clicks, count(*) FILTER (type = 'opt_out') AS y_opt_outs"
            " FROM opportunities o JOIN e USING (customer_id)"
            f' WHERE e.happened >= o."at" AND e.happened < o."at" + {window_days * 86_400_000_000} GROUP BY place ORDER BY place'
        ).to_arrow_table()
        kinds = {row[0] for row in db.execute("SELECT DISTINCT type FROM events").fetchall()}
    place = found["place"].to_numpy()
    counted: dict[str, np.ndarray] = {}
    for name in (*OUTCOMES, *ANSWERED):
        is_seen = kinds & SEEN_IN.get(name, {"purchase"})
        values = np.zeros(rows.num_rows) if is_seen else np.full(rows.num_rows, np.nan)
        if is_seen:
            values[place] = pc.fill_null(found[name].cast(pa.float64()), 0.0).to_numpy()
        counted[name] = values
    if "purchase" in kinds:
        counted[DELAYED] = _by_delay(rows, events, window_days=window_days)
    return counted


def counts_of(rows: pa.Table) -> np.ndarray:
    """(rows, spans) DELAYED as numbers."""
    column = rows[DELAYED].combine_chunks()
    counts: np.ndarray = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64).reshape(-1, len(DELAY_HOURS) - 1)
    return counts


def _by_delay(rows: pa.Table, events: pa.Table, *, window_days: int) -> np.ndarray:
    """(rows, spans) orders in each span after the moment `at` (microseconds), inside the window."""
    hour, spans = 3_600_000_000, len(DELAY_HOURS) - 1
    last = min(window_days * 24, DELAY_HOURS[-1]) * hour
    orders = events.select(["customer_id", "occurred_at"]).filter(pc.equal(events["type"], "purchase"))
    with duckdb.connect() as db:
        db.execute("SET threads = 1")
        db.register("opportunities", rows.select(["customer_id", "at"]).append_column("place", pa.array(range(rows.num_rows))))
        db.register("orders", orders)
        found = db.sql(
            'SELECT place, epoch_us(occurred_at) - o."at" AS delay FROM opportunities o JOIN orders USING (customer_id)'
            f" WHERE delay >= 0 AND delay < {last}"
        ).to_arrow_table()
    span = np.searchsorted(np.array(DELAY_HOURS) * hour, found["delay"].to_numpy(), side="right") - 1
    cells = np.bincount(found["place"].to_numpy() * spans + span, minlength=rows.num_rows * spans)
    return cells.astype(np.float32).reshape(-1, spans)


def _shaped(table: pa.Table, wanted: Mapping[str, Any]) -> pa.Table:
    for name, kind in wanted.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, kind))
    return table


def with_features(rows: pa.Table, features_at: Callable[[pa.Table], pa.Table]) -> pa.Table:
    """Features of each opportunity as of the start of its day (UTC); people without features are left out.

    The start of the day, because some systems stamp the control at midnight and the treated at the hour of sending: what a person
    did on that morning would tell the arms apart.
    """
    stamps = rows["at"].cast(STAMP)
    days = pc.floor_temporal(stamps, unit="day").cast(STAMP)
    features = features_at(pa.table({"customer_id": rows["customer_id"], "at": days}))
    rows = rows.set_column(rows.column_names.index("at"), "at", stamps).take(features["row"])
    for name in features.column_names:
        if name not in ("row", "customer_id"):
            rows = rows.append_column(name if name not in rows.column_names else f"feature_{name}", features[name])
    return rows.combine_chunks()


def redeemed(rows: pa.Table, discounts: Mapping[str, float], *, margin_rate: float) -> dict[str, float]:
    """By offer, the share of orders' value within the window that really got its discount: coupons expire, and some are not used.

    Goods cost (1 - margin_rate) of the full price, so what was paid and what was earned tell the full price and the discount given.
    1 where that cannot be told: margins were not recorded, fewer than FEWEST_REDEEMED orders, or people without an offer seem to have got one.
    """
    found = {offer: 1.0 for offer in discounts}
    revenue, margin = (np.nan_to_num(rows[name].to_numpy().astype(np.float64)) for name in ("y_revenue", "y_margin"))
    full = (revenue - margin) / (1.0 - margin_rate)
    given, ordered = full - revenue, revenue > 0
    offers = np.array([action.partition(":")[2] for action in rows["action"].to_pylist()], dtype=object)
    without = ordered & ((offers == "none") | (offers == ""))
    if full[without].sum() <= 0 or abs(given[without].sum() / full[without].sum()) > SEEMS_GIVEN:
        return found
    for offer, discount in discounts.items():
        mine = ordered & (offers == offer)
        share = float(given[mine].sum() / (discount * full[mine].sum())) if discount > 0 and full[mine].sum() > 0 else 0.0
        if int(mine.sum()) >= FEWEST_REDEEMED and share > 0:
            found[offer] = min(share, 1.0)
    return found


def past_tests(rows: pa.Table) -> tuple[PastTest, ...]:
    """Per action against the control: the difference per person of visits, orders, revenue and margin, with a 95 % interval.

    Means are weighted by the inverse propensity (Hajek 1971), so that people who were likelier to get an action do not count more;
    the variance is that of the linearised weighted means, added up by person when someone was in several waves.
    """
    actions = np.asarray(rows["action"].to_pylist(), dtype=object)
    _, person = np.unique(np.asarray(rows["customer_id"].to_pylist(), dtype=object), return_inverse=True)
    weight = 1.0 / rows["propensity"].to_numpy()
    control = actions == CONTROL
    tests = []
    for action in sorted(set(actions) - {CONTROL}):
        mine = actions == action
        effects = tuple(
            _difference(name, rows[f"y_{name}"].to_numpy(), mine, control, weight=weight, person=person)
            for name in ("visits", "orders", "revenue", "margin")
        )
        tests.append(
            PastTest(action=str(action), control=CONTROL, treated=int(mine.sum()), untreated=int(control.sum()), effects=effects)
        )
    return tuple(tests)


def _difference(
    metric: str, outcome: np.ndarray, treated: np.ndarray, control: np.ndarray, *, weight: np.ndarray, person: np.ndarray
) -> Estimate:
    known = np.isfinite(outcome)
    one, other = treated & known, control & known
    sizes = {"treated": int(one.sum()), "holdout": int(other.sum())}
    if min(sizes.values()) < FEWEST:
        reason = "this outcome was not recorded" if not known.any() else f"fewer than {FEWEST} people in an arm"
        return Estimate(metric=metric, reason=reason, **sizes)
    y = np.where(known, outcome, 0.0)
    shares = [np.where(mask, weight, 0.0) / weight[mask].sum() for mask in (one, other)]
    means = [float(share @ y) for share in shares]
    spread = shares[0] * (y - means[0]) - shares[1] * (y - means[1])
    error = float(np.sqrt((np.bincount(person, weights=spread) ** 2).sum()))
    mid = means[0] - means[1]
    half = float(norm.ppf(0.975)) * error
    return Estimate(
        metric=metric,
        low=mid - half,
        mid=mid,
        high=mid + half,
        method="difference of means weighted by inverse propensity, normal interval by person",
        p_value=float(2 * norm.sf(abs(mid) / error)) if error > 0 else None,
        **sizes,
    )
