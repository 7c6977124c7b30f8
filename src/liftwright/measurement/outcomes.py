"""What people did in the window of a campaign, one row per person, whoever or whatever caused it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
OUTCOMES = ("purchase", "return", "visit")
COUNTED = {"visits": "visit", "opt_outs": "opt_out", "complaints": "complaint"}


def outcomes(
    events: pa.Table | None,
    *,
    customer_ids: Sequence[str],
    starts_at: datetime,
    ends_at: datetime,
    margin_rate: float,
    costs: pa.Table | None = None,
    opt_out_price: float = 0.0,
) -> pa.Table:
    """customer_id, margin, revenue, orders, visits, opt_outs, complaints, order_margin in [starts_at, ends_at), in the order of
    `customer_ids`.

    A purchase without a margin earns amount x margin_rate. A return takes its amount and margin back: that is `order_margin`. costs:
    customer_id, cost; what was spent on contacting a person is taken off their `margin`, and so is `opt_out_price` (major units), the
    margin expected to be lost with a person who opts out. People without events have zeros.
    """
    place = {name: position for position, name in enumerate(customer_ids)}
    columns = {name: np.zeros(len(customer_ids)) for name in ("margin", "revenue", "orders", *COUNTED)}
    if events is not None and events.num_rows:
        mine = _window(events, starts_at=starts_at, ends_at=ends_at, people=customer_ids)
        rows = np.array([place[name] for name in mine["customer_id"].to_pylist()], dtype=np.int64)
        kinds = np.array(mine["type"].to_pylist(), dtype=object)
        amount, margin = _money(mine, margin_rate=margin_rate)
        for kind, sign in (("purchase", 1.0), ("return", -1.0)):
            chosen = kinds == kind
            _add(columns["revenue"], rows[chosen], sign * np.abs(amount[chosen]) if sign < 0 else amount[chosen])
            _add(columns["margin"], rows[chosen], sign * np.abs(margin[chosen]) if sign < 0 else margin[chosen])
        _add(columns["orders"], rows[kinds == "purchase"], None)
        for name, kind in COUNTED.items():
            _add(columns[name], rows[kinds == kind], None)
    columns["order_margin"] = columns["margin"].copy()
    columns["margin"] -= opt_out_price * (columns["opt_outs"] > 0)
    if costs is not None and costs.num_rows:
        _take_off(columns["margin"], costs, place)
    return pa.table({"customer_id": pa.array(list(customer_ids), pa.string()), **columns})


def _take_off(margin: Floats, costs: pa.Table, place: Mapping[str, int]) -> None:
    """Each person's contact costs off their margin."""
    spent = [
        (place[name], cost)
        for name, cost in zip(costs["customer_id"].to_pylist(), costs["cost"].to_pylist(), strict=True)
        if name in place
    ]
    _add(margin, np.array([p for p, _ in spent], dtype=np.int64), -np.array([c for _, c in spent], dtype=np.float64))


def by_day(
    events: pa.Table | None, *, customer_ids: Sequence[str], starts_at: datetime, ends_at: datetime, margin_rate: float
) -> Floats:
    """(days, 2): sum and sum of squares over people of each day's margin of orders less returns, whole days from `starts_at` on."""
    days = max(int((ends_at - starts_at) / timedelta(days=1)), 0)
    found = np.zeros((days, 2))
    if events is None or not events.num_rows or not days:
        return found
    mine = _window(events, starts_at=starts_at, ends_at=starts_at + timedelta(days=days), people=customer_ids)
    mine = mine.filter(pc.is_in(mine["type"], value_set=pa.array(["purchase", "return"])))
    people = np.asarray(pc.index_in(mine["customer_id"], value_set=pa.array(sorted(set(customer_ids)), pa.string())).to_numpy())
    start = _at(starts_at, mine).cast(pa.int64()).as_py()
    unit = _at(starts_at + timedelta(days=1), mine).cast(pa.int64()).as_py() - start
    day = (mine["occurred_at"].cast(pa.int64()).to_numpy() - start) // unit
    _, margin = _money(mine, margin_rate=margin_rate)
    is_return = np.asarray(pc.equal(mine["type"], "return"))
    margin = np.where(is_return, -np.abs(margin), margin)
    cells, place = np.unique(people * days + day, return_inverse=True)
    sums = np.bincount(place, weights=margin, minlength=len(cells))
    for column, values in enumerate((sums, sums**2)):
        found[:, column] = np.bincount(cells % days, weights=values, minlength=days)
    return found


def redemptions(events: pa.Table | None, *, sends: pa.Table, starts_at: datetime, ends_at: datetime, days: int) -> dict[str, int]:
    """How often each offer was redeemed in [starts_at, ends_at): purchases by people who had got it at most `days` before.

    sends: send_id, customer_id, offer, sent_at of what was delivered. A purchase that names its send redeems that offer, any other the
    one its person got last. A purchase without a discount where `discount` is known redeems nothing; where it is not known it counts,
    so that a stock is never overdrawn.
    """
    found: dict[str, int] = {}
    if events is None or not events.num_rows or not sends.num_rows:
        return found
    got = {row["send_id"]: row for row in sends.sort_by("sent_at").to_pylist()}
    by_person: dict[str, list[dict[str, Any]]] = {}
    for row in got.values():
        by_person.setdefault(row["customer_id"], []).append(row)
    mine = _window(events, starts_at=starts_at, ends_at=ends_at, people=list(by_person))
    names = [name for name in ("customer_id", "occurred_at", "send_id", "discount") if name in mine.column_names]
    for bought in mine.filter(pc.equal(mine["type"], "purchase")).select(names).to_pylist():
        since = bought["occurred_at"] - timedelta(days=days)
        earlier = [row for row in by_person[bought["customer_id"]] if since <= row["sent_at"] <= bought["occurred_at"]]
        named = got.get(bought.get("send_id") or "")
        source = named or (earlier[-1] if earlier else None)
        if source is not None and bought.get("discount") != 0:
            found[source["offer"]] = found.get(source["offer"], 0) + 1
    return found


def has_any(events: pa.Table | None, *, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether anybody's purchase, return or visit in [starts_at, ends_at) is known."""
    if events is None or not events.num_rows:
        return False
    inside = pc.and_(
        pc.greater_equal(events["occurred_at"], _at(starts_at, events)), pc.less(events["occurred_at"], _at(ends_at, events))
    )
    return bool(pc.any(pc.and_(inside, pc.is_in(events["type"], value_set=pa.array(OUTCOMES)))).as_py())


def late_events(events: pa.Table | None, *, starts_at: datetime, ends_at: datetime, closed_at: datetime) -> int:
    """Events of the window that were received after `closed_at`, too late for the figures of that moment."""
    if events is None or not events.num_rows or "received_at" not in events.column_names:
        return 0
    inside = pc.and_(
        pc.greater_equal(events["occurred_at"], _at(starts_at, events)), pc.less(events["occurred_at"], _at(ends_at, events))
    )
    late = pc.greater(events["received_at"], _at(closed_at, events, column="received_at"))
    return int(pc.sum(pc.fill_null(pc.and_(inside, late), False)).as_py() or 0)


def _at(moment: datetime, events: pa.Table, *, column: str = "occurred_at") -> pa.Scalar:
    return pa.scalar(moment, type=events.schema.field(column).type)


def _window(events: pa.Table, *, starts_at: datetime, ends_at: datetime, people: Sequence[str]) -> pa.Table:
    keep = pc.and_(
        pc.and_(
            pc.greater_equal(events["occurred_at"], _at(starts_at, events)), pc.less(events["occurred_at"], _at(ends_at, events))
        ),
        pc.is_in(events["customer_id"], value_set=pa.array(list(people), pa.string())),
    )
    return events.filter(pc.fill_null(keep, False))


def _money(events: pa.Table, *, margin_rate: float) -> tuple[Floats, Floats]:
    def column(name: str) -> Floats:
        if name not in events.column_names:
            return np.full(events.num_rows, np.nan)
        return np.asarray(pc.fill_null(events[name].cast(pa.float64()), np.nan).to_numpy(), dtype=np.float64)

    amount = np.nan_to_num(column("amount"), nan=0.0)
    margin = column("margin")
    return amount, np.where(np.isnan(margin), amount * margin_rate, margin)


def _add(into: Floats, rows: npt.NDArray[np.int64], values: Floats | None) -> None:
    into += np.bincount(rows, weights=values, minlength=len(into)) if len(into) else into
