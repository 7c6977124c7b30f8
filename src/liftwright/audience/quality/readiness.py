"""The audit: is this data good enough to decide with, what would be decided wrongly, and how much money hangs on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.quality import amounts, clocks, columns, identities, labels, outcomes
from liftwright.audience.quality.look import DAY_US, Look, as_times, microseconds
from liftwright.domain.readiness import Gap, Readiness

FRESH_DAYS, STALE_DAYS = 2.0, 30.0
"""Outcomes as old as the first have the full latency score, as old as the second none."""
_ORDER = {"block": 0, "needs_approval": 1, "warn": 2, "info": 3}
_CHECKS = (
    labels.leaks, labels.wrong_label, columns.stale, outcomes.silence, identities.check, amounts.check, clocks.check, outcomes.repeated,
    columns.encoding,
)  # fmt: skip


def audit(
    tables: Mapping[str, pa.Table],
    *,
    now: datetime,
    currency: str = "USD",
    margin_rate: float = 0.4,
    refused: Mapping[tuple[str, str], int] | None = None,
) -> Readiness:
    """Look at canonical tables as of `now`. `refused` counts rows the import kept out, by (table, gap kind).

    Gaps come worst first; ready means that none blocks. Every check is silent below its minimum sample. Sums of money are the margin
    that hangs on a gap, in the house currency; how each was reckoned stands with it.
    """
    look = Look(tables=_usable(tables), now=now, currency=currency, margin_rate=margin_rate, refused=refused or {})
    gaps = [*_missing(look), *(gap for check in _CHECKS for gap in check(look))]
    gaps.sort(
        key=lambda gap: (_ORDER[gap.severity], -(gap.money_at_risk.minor if gap.money_at_risk else 0), gap.kind, gap.column or "")
    )
    scores = {"identity": _identity(look, gaps), "outcomes": _outcomes(look, gaps), "latency": _latency(look)}
    return Readiness(ready=all(gap.severity != "block" for gap in gaps), scores=scores, gaps=tuple(gaps))


def _usable(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables without those that lack the columns that make them what they are; times that came in as text are times."""
    needed: dict[str, set[str]] = {"customers": {"customer_id"}, "events": {"customer_id", "type", "occurred_at"}}
    whole = {name: table for name, table in tables.items() if needed.get(name, set()) <= set(table.column_names)}
    return {name: _dated(table) if name in ("customers", "leads") else table for name, table in whole.items()}


def _dated(table: pa.Table) -> pa.Table:
    for place, name in enumerate(table.column_names):
        times = as_times(table[name])
        if times is not None:
            table = table.set_column(place, name, times)
    return table


def _missing(look: Look) -> list[Gap]:
    found = []
    if look.table("customers") is None and look.table("leads") is None:
        says, fix = "There are no customers and no leads: nobody can be chosen.", "Run: liftwright import FILE --as customers."
        found.append(look.gap("missing", "customers", None, concerned=0, of=0, severity="block", says=says, fix=fix))
    if not _has_outcomes(look):
        says, fix = (
            "No outcome was ever recorded: nothing a campaign causes can be measured.",
            "Import orders or visits as events.",
        )
        found.append(look.gap("missing", "events", None, concerned=0, of=0, severity="block", says=says, fix=fix))
    return found


def _has_outcomes(look: Look) -> bool:
    events, treatments, leads = look.table("events"), look.table("treatments"), look.table("leads")
    return (
        (events is not None and bool(set(outcomes.OUTCOMES) & set(events["type"].unique().to_pylist())))
        or (
            treatments is not None and any(_is_filled(treatments, n) for n in treatments.column_names if n.startswith("outcome_"))
        )
        or (leads is not None and _is_filled(leads, "outcome"))
    )


def _is_filled(table: pa.Table, column: str) -> bool:
    return column in table.column_names and table[column].null_count < table.num_rows


def _share(gaps: Sequence[Gap], kinds: Sequence[str], size: int) -> float:
    return min(1.0, sum(gap.concerned for gap in gaps if gap.kind in kinds) / size) if size else 0.0


def _identity(look: Look, gaps: Sequence[Gap]) -> float | None:
    """Share of customer records that are one person with one answer, times the share of events that belong to somebody."""
    customers, events = look.table("customers"), look.table("events")
    if customers is None:
        return None
    clean = 1.0 - _share(gaps, ("split_identity", "case_duplicate", "consent_conflict"), customers.num_rows)
    owned = 1.0 - events["customer_id"].null_count / events.num_rows if events is not None else 1.0
    return round(clean * owned, 4)


def _outcomes(look: Look, gaps: Sequence[Gap]) -> float:
    """Share of days on which outcomes came in, times the share of events that can be counted as they are; 0 with a wrong label."""
    if not _has_outcomes(look) or any(gap.kind == "wrong_label" for gap in gaps):
        return 0.0
    events = look.table("events")
    wrong = _share(gaps, ("duplicate_event", "currency_mix", "unit_mix"), events.num_rows if events is not None else 0)
    days = _days_of_outcomes(events)
    silent = max((gap.concerned for gap in gaps if gap.kind == "outcome_silence"), default=0)
    return round((1.0 - min(1.0, silent / days if days else 0.0)) * (1.0 - wrong), 4)


def _days_of_outcomes(events: pa.Table | None) -> int:
    """Days from the first to the last event, at least 1; 0 without any."""
    at = _moments(events)
    return (int(at.max()) - int(at.min())) // DAY_US + 1 if len(at) else 0


def _latency(look: Look) -> float | None:
    """How soon outcomes are known: 1 up to two days, 0 from thirty. The worse of the newest outcome's age and the usual delay."""
    events = look.table("events")
    if events is None:
        return None
    at = _moments(events.filter(pc.is_in(events["type"], value_set=pa.array(outcomes.OUTCOMES))))
    now = int(look.now.timestamp() * 1e6)
    ages = [(now - int(at[at <= now].max())) / DAY_US] if len(at) and (at <= now).any() else [STALE_DAYS]
    if "received_at" in events.column_names and events["received_at"].null_count < events.num_rows:
        both = events.filter(pc.and_(pc.is_valid(events["received_at"]), pc.is_valid(events["occurred_at"])))
        if both.num_rows:
            ages.append(float(np.median(microseconds(both["received_at"]) - microseconds(both["occurred_at"])) / DAY_US))
    return round(float(np.clip((STALE_DAYS - max(ages)) / (STALE_DAYS - FRESH_DAYS), 0.0, 1.0)), 4)


def _moments(events: pa.Table | None) -> Any:
    if events is None:
        return np.zeros(0, dtype=np.int64)
    at = microseconds(events["occurred_at"])
    return at[at > np.iinfo(np.int64).min]
