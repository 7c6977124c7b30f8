"""The outcome column itself: columns that leak it, and whether it ranks people as money does."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.mapping.columns import SPECS
from liftwright.audience.quality import leakage
from liftwright.audience.quality.levels import levels_of
from liftwright.audience.quality.look import Look, microseconds
from liftwright.audience.quality.names import HISTORY, words_of
from liftwright.domain.readiness import Gap

OUTCOME_DAYS = 14
MATURE_DAYS = 30
"""Younger leads may still be paid; they are not held against the label."""
FEWEST = 30
AGREES = 0.5
"""A label agrees with money when at least half of its positives were paid, or when it ranks groups like money (correlation)."""
_NO = frozenset(
    [
        "lost",
        "no",
        "false",
        "0",
        "closed_lost",
        "open",
        "new",
        "unqualified",
        "disqualified",
        "rejected",
        "none",
        "pending",
        "not_converted",
        "no_show",
        "dropped",
    ]
)
_MONEY = re.compile(r"(^|_)(revenue|amount|deal_value|contract_value|arr|mrr|paid)($|_)")
_PROXIES = ("meeting", "meeting_booked", "demo", "demo_booked", "lead", "mql", "sign_up", "signup", "form", "call_booked")
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def leaks(look: Look) -> list[Gap]:
    """Columns of leads and customers that already know the outcome one would learn from them."""
    found = []
    leads = look.table("leads")
    if leads is not None and "outcome" in leads.column_names:
        known = leads.filter(pc.is_valid(leads["outcome"]))
        skip = {*SPECS["leads"].columns} | {name for name in known.column_names if _MONEY.search(name)}
        found += _leaking(look, "leads", known, is_won(known["outcome"]), skip)
    customers, bought = look.table("customers"), _bought(look)
    if customers is not None and bought is not None:
        happened = pc.is_in(customers["customer_id"], value_set=bought).to_numpy(zero_copy_only=False)
        summaries = {name for name in customers.column_names if set(words_of(name)) & HISTORY}
        found += _leaking(look, "customers", customers, happened, {*SPECS["customers"].columns} | summaries)
    return found


def is_won(outcome: pa.ChunkedArray) -> Mask:
    """True where an outcome word is not one of those that mean no."""
    return np.array(
        [str(word).strip().lower() not in _NO if word is not None else False for word in outcome.to_pylist()], dtype=bool
    )


def _bought(look: Look) -> pa.Array | None:
    """Who ordered in the last outcome window of the data."""
    events = look.table("events")
    if events is None:
        return None
    orders = events.filter(pc.equal(events["type"], "purchase"))
    newest = pc.max(orders["occurred_at"]).as_py() if orders.num_rows else None
    if newest is None:
        return None
    late = pc.greater(orders["occurred_at"], pa.scalar(newest - timedelta(days=OUTCOME_DAYS), orders["occurred_at"].type))
    return orders.filter(late)["customer_id"].combine_chunks().cast(pa.string())


def _leaking(look: Look, name: str, table: pa.Table, happened: Mask, skip: set[str]) -> list[Gap]:
    won = table["amount"].to_numpy()[happened] if name == "leads" and "amount" in table.column_names else np.zeros(0)
    risk = float(np.nansum(won)) * look.margin_rate if name == "leads" else look.earned
    because = (
        "amounts won x margin rate: all of it is ranked by what is not known in time"
        if name == "leads"
        else "margin of the last 90 days"
    )
    return [
        look.gap(
            "leakage", name, leak.column, concerned=table.num_rows, of=table.num_rows,
            says=f"{name}.{leak.column} cannot have been known in time: {leak.says}. A model that sees it looks excellent and ranks"
            " new people at random.",
            fix="Leave the column out of learning (lead scoring does), or export its value as of the moment of the decision.",
            risk=(risk, because),
        )
        for leak in leakage.find(table, happened, skip=skip, **_moments(name, table))
    ]  # fmt: skip


def _moments(name: str, table: pa.Table) -> dict[str, pa.ChunkedArray]:
    """When a lead came to be and was closed; a customer's day of birth as a record says nothing of the last orders."""
    known = ("created_at", "closed_at") if name == "leads" else ()
    return {moment: table[moment] for moment in known if moment in table.column_names}


def wrong_label(look: Look) -> list[Gap]:
    """An outcome that says yes to other people than those who pay: of leads, and of events such as meetings."""
    return [gap for gap in (_of_leads(look), _of_events(look)) if gap is not None]


def _of_leads(look: Look) -> Gap | None:
    leads = look.table("leads")
    if leads is None or "outcome" not in leads.column_names:
        return None
    column = next(
        (name for name in ("amount", *sorted(leads.column_names)) if name in leads.column_names and _is_money(leads, name)), None
    )
    if column is None:
        return None
    if "created_at" in leads.column_names:
        at = microseconds(leads["created_at"])
        leads = (
            leads.filter(pa.array(at <= at.max() - MATURE_DAYS * 86_400_000_000))
            if (at > np.iinfo(np.int64).min).any()
            else leads
        )
    money = np.nan_to_num(leads[column].cast(pa.float64()).to_numpy(zero_copy_only=False))
    label = is_won(leads["outcome"])
    words = ", ".join(sorted({str(w) for w in leads.filter(pa.array(label))["outcome"].unique().to_pylist()})[:3])
    skip = {*SPECS["leads"].columns, column}
    return _judged(
        look,
        "leads",
        "outcome",
        f"The outcome '{words}'",
        leads.drop_columns([n for n in leads.column_names if n in skip]),
        label,
        money,
    )


def _is_money(leads: pa.Table, name: str) -> bool:
    kind = leads.schema.field(name).type
    is_number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    return bool(is_number and _MONEY.search(name) and leads[name].null_count < leads.num_rows)


def _of_events(look: Look) -> Gap | None:
    """Meetings, demos and sign-ups against what the same people paid."""
    events, customers = look.table("events"), look.table("customers")
    if events is None or customers is None or "amount" not in events.column_names:
        return None
    seen = [kind for kind in _PROXIES if kind in set(events["type"].unique().to_pylist())]
    if not seen:
        return None
    names = ", ".join(f"'{kind}'" for kind in seen)
    people = look.sql(
        f"SELECT customer_id, bool_or(type IN ({names})) AS label, coalesce(sum(amount) FILTER (type = 'purchase'), 0)::DOUBLE AS money"
        " FROM events WHERE customer_id IS NOT NULL GROUP BY customer_id",
        events=events,
    )
    place = pc.index_in(customers["customer_id"], value_set=people["customer_id"].combine_chunks())
    label = pc.fill_null(people["label"].take(place), False).to_numpy(zero_copy_only=False)
    money = pc.fill_null(people["money"].take(place), 0.0).to_numpy(zero_copy_only=False)
    traits = customers.drop_columns([name for name in customers.column_names if name in SPECS["customers"].columns])
    return _judged(look, "events", "type", f"The event '{seen[0]}'", traits, label, money)


def _judged(look: Look, table: str, column: str, what: str, traits: pa.Table, label: Mask, money: Floats) -> Gap | None:
    paid = money > 0
    if min(label.sum(), (~label).sum(), paid.sum()) < FEWEST:
        return None
    precision, alike = float(paid[label].mean()), agreement(traits, label, money)
    if precision >= AGREES or (alike is not None and alike >= AGREES):
        return None
    missed = float(money[~label].sum())
    ranks = (
        "there is no column to compare their ranking by"
        if alike is None
        else f"it ranks groups of people unlike money (correlation {alike:.2f})"
    )
    return look.gap(
        "wrong_label", table, column, concerned=int(label.sum()), of=len(label), severity="block",
        says=f"{what} is not what pays: {precision:.0%} of {int(label.sum()):,} with it paid anything, and {ranks}. A model trained on it"
        " finds people who say yes, not people who buy.",
        fix="Train on closed revenue (an outcome won with its amount, or purchases); keep this one as a step on the way.",
        risk=(missed * look.margin_rate, "amounts paid by those without the label x margin rate"),
    )  # fmt: skip


def agreement(traits: pa.Table, label: Mask, money: Floats) -> float | None:
    """Correlation, over the values of all columns with at least 30 rows, between how much more often the label is true there and how
    much more is paid there than on average; weighted by rows. None when no column tells people apart."""
    capped = np.minimum(money, np.quantile(money[money > 0], 0.99))
    weights, by_label, by_money = [], [], []
    for name in traits.column_names:
        levels, _ = levels_of(traits[name].combine_chunks())
        rows = np.bincount(levels).astype(np.float64)
        kept = rows >= FEWEST
        if kept.sum() >= 2:
            weights.append(rows[kept])
            by_label.append(np.bincount(levels, label)[kept] / rows[kept])
            by_money.append(np.bincount(levels, capped)[kept] / rows[kept])
    if not weights:
        return None
    weight, first, second = np.concatenate(weights), np.concatenate(by_label), np.concatenate(by_money)
    first, second = first - np.average(first, weights=weight), second - np.average(second, weights=weight)
    spread = np.sqrt(np.average(first**2, weights=weight) * np.average(second**2, weights=weight))
    return float(np.average(first * second, weights=weight) / spread) if spread > 0 else None
