"""Clocks that are wrong: hours shifted for a while or for a source, things received before they happened, dates in the future."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.quality.look import DAY_US, Look, is_text, is_time, microseconds
from liftwright.audience.quality.names import AHEAD, words_of
from liftwright.domain.readiness import Gap

HOUR_US = 3_600_000_000
TYPES = ("purchase", "visit", "page_view")
FEWEST_EVENTS = 400
"""A stretch of time or a source needs so many events before its hours are compared with the others'."""
STRETCHES = (7, 14, 28, 56)
SHIFTED = 0.25
"""Total variation between two distributions over the 24 hours from which they differ in earnest (0 = equal, 1 = disjoint)."""
FITS = 0.45
"""A shift explains the difference when it leaves less than this share of it."""
MOST_SOURCES = 12
_LOOKED_AT = ("customers", "events", "treatments", "leads", "products")


def check(look: Look) -> list[Gap]:
    """Shifted hours, deliveries before their event, and stamps after now."""
    return [*_shifts(look), *_received_early(look), *_future(look)]


def _shifts(look: Look) -> list[Gap]:
    events = look.table("events")
    if events is None:
        return []
    found = []
    for kind in TYPES:
        mine = events.filter(pc.equal(events["type"], kind))
        at = microseconds(mine["occurred_at"])
        if len(at) < 3 * FEWEST_EVENTS or np.mean(at % DAY_US == 0) > 0.5:
            continue
        hours = (at // HOUR_US) % 24
        spans = [span for label, among in _parts(mine, at) if (span := _moved(label, among, hours)) is not None]
        if spans:
            rows = int(sum(span[2] for span in spans))
            where = "; ".join(f"{label} by {hour:+d} h" for label, hour, _ in spans[:3])
            found.append(
                look.gap(
                    "clock", "events", "occurred_at", concerned=rows, of=len(at), severity="block",
                    says=f"The hours of {rows:,} events of type {kind} are shifted against all others ({where}): a time zone was read wrongly."
                    " Send times, quiet hours and what came first are decided on the wrong hour.",
                    fix="Export times with their offset (or in UTC) and import that stretch again.",
                    risk=(look.earned * rows / len(at) if kind == "purchase" else 0.0, "margin of the last 90 days x the share of orders shifted"),
                )
            )  # fmt: skip
    return found


def _parts(mine: pa.Table, at: npt.NDArray[np.int64]) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Parts whose clock may differ from the rest's: stretches of time with enough events, and the values of short text columns."""
    day = at // DAY_US
    a_day = len(at) / max(1, int(day.max() - day.min()))
    length = next((days for days in STRETCHES if a_day * days >= 1.5 * FEWEST_EVENTS), STRETCHES[-1])
    stretch = (day - day.min()) // length
    for number in np.unique(stretch):
        first = np.datetime64(int(day.min() + number * length), "D")
        yield f"{first} to {first + np.timedelta64(length - 1, 'D')}", stretch == number
    for name in mine.column_names:
        if name != "type" and is_text(mine.schema.field(name).type) and name not in ("customer_id", "event_id"):
            values = pc.fill_null(mine[name], "").combine_chunks().dictionary_encode()
            if 2 <= len(values.dictionary) <= MOST_SOURCES:
                codes = values.indices.to_numpy()
                for number, value in enumerate(values.dictionary.to_pylist()):
                    yield f"{name} {value or 'not given'}", codes == number


def _moved(label: str, among: npt.NDArray[np.bool_], hours: npt.NDArray[np.int64]) -> tuple[str, int, int] | None:
    """(label, shift in hours, events) when these events fit the hours of all others only after a shift of two hours or more."""
    count, others = int(among.sum()), int((~among).sum())
    if count < FEWEST_EVENTS or others < FEWEST_EVENTS:
        return None
    mine, rest = (np.bincount(hours[part], minlength=24) / part.sum() for part in (among, ~among))
    apart = np.array([np.abs(np.roll(mine, -lag) - rest).sum() / 2 for lag in range(24)])
    best = int(apart.argmin())
    if apart[0] < SHIFTED or best in (0, 1, 23) or apart[best] > FITS * apart[0]:
        return None
    return label, best if best <= 12 else best - 24, count


def _received_early(look: Look) -> list[Gap]:
    events = look.table("events")
    if events is None or "received_at" not in events.column_names:
        return []
    both = events.filter(pc.and_(pc.is_valid(events["received_at"]), pc.is_valid(events["occurred_at"])))
    early = (
        int((microseconds(both["received_at"]) < microseconds(both["occurred_at"]) - 60_000_000).sum()) if both.num_rows else 0
    )
    if early <= 0.001 * both.num_rows:
        return []
    says = f"{early:,} of {both.num_rows:,} events were received before they happened: one of the two clocks is wrong."
    fix = "Let the source write both times in UTC."
    return [look.gap("clock", "events", "received_at", concerned=early, of=both.num_rows, says=says, fix=fix)]


def _future(look: Look) -> list[Gap]:
    found = []
    for (refused_by, kind), count in sorted(look.refused.items()):
        if kind == "future_date":
            says = f"{count:,} rows of {refused_by} are stamped later than the moment of their import and were kept out."
            fix = "Check the clock and the time zone of the source and import the rows again."
            found.append(look.gap("future_date", refused_by, None, concerned=count, of=0, severity="warn", says=says, fix=fix))
    for name, table in ((name, look.table(name)) for name in _LOOKED_AT):
        for column in _past_times(table):
            late = _later(look, table, column)
            if table is not None and late:
                says = f"{late:,} of {table.num_rows:,} values of {name}.{column} lie in the future: what is computed from them is wrong."
                fix = "Check the clock and the date format of the source."
                found.append(look.gap("future_date", name, column, concerned=late, of=table.num_rows, says=says, fix=fix))
    return found


def _past_times(table: pa.Table | None) -> list[str]:
    """Columns of moments and days that cannot lie ahead by what their name says."""
    if table is None:
        return []
    times = [name for name in table.column_names if is_time(table.schema.field(name).type)]
    return [name for name in times if not set(words_of(name)) & AHEAD]


def _later(look: Look, table: pa.Table | None, column: str) -> int:
    if table is None:
        return 0
    slack = DAY_US if pa.types.is_date(table.schema.field(column).type) else 60_000_000
    return int((microseconds(table[column]) > int(look.now.timestamp() * 1e6) + slack).sum())
