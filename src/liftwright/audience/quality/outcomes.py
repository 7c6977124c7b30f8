"""Days on which outcomes stopped coming in, and events told twice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from liftwright.audience.quality.look import DAY_US, Look, microseconds
from liftwright.domain.readiness import Gap

OUTCOMES = ("purchase", "visit", "page_view")
NEIGHBOURS = 28
"""Days before and after that tell how many outcomes a day usually has."""
FEWEST_DAYS, FEWEST_EXPECTED = 4, 25.0
"""A silence is this many days in a row on which together so many outcomes were expected."""
QUIET = 0.1
"""Less than this share of the usual number is silence: a broken import often lets a few through."""
LONGEST_DAYS = 1826
"""Outcomes older than five years are not looked at."""
LEAST_SHARE, FEWEST = 0.002, 5
"""Fewer repeated events than both of these are chance."""


def silence(look: Look) -> list[Gap]:
    """Runs of days without outcomes, in the middle or up to now, of events and of leads won."""
    found = []
    events = look.table("events")
    if events is not None:
        for kind in OUTCOMES:
            at = microseconds(events.filter(pc.equal(events["type"], kind))["occurred_at"])
            found += _silent(look, "events", "occurred_at", f"event of type {kind}", at, earns=kind == "purchase")
    leads = look.table("leads")
    if leads is not None and "closed_at" in leads.column_names:
        found += _silent(look, "leads", "closed_at", "closed lead", microseconds(leads["closed_at"]), earns=False)
    return found


def _silent(look: Look, table: str, column: str, what: str, at: npt.NDArray[np.int64], *, earns: bool) -> list[Gap]:
    today = int(look.now.timestamp() * 1e6) // DAY_US
    at = at[at > np.iinfo(np.int64).min]
    days = at // DAY_US
    days = days[(days < today) & (days >= today - LONGEST_DAYS)]
    if not len(days):
        return []
    first = int(days.min())
    counts = np.bincount(days - first, minlength=today - first)
    found = []
    for start, end in silent_runs(counts):
        length = end - start
        place = "up to now" if end == len(counts) else f"until {_day(first + end - 1)}"
        risk = (look.earned_a_day * length, f"margin of an average day of the last 90 x {length} silent days") if earns else None
        found.append(
            look.gap(
                "outcome_silence", table, column, concerned=length, of=len(counts), severity="block", risk=risk,
                says=f"From {_day(first + start)} {place} ({length} days) there is hardly any {what}: whoever was contacted then seems"
                " not to have reacted, and lift measured over these days is wrong.",
                fix="Export these days again; leave them out of training until then.",
            )
        )  # fmt: skip
    return found


def silent_runs(counts: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """[start, end) of every run of days far below what the days around it had."""
    usual = _usual(counts)
    quiet = np.concatenate([[False], counts <= QUIET * usual, [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1]).reshape(-1, 2)
    return [(int(a), int(b)) for a, b in edges if b - a >= FEWEST_DAYS and usual[a:b].sum() >= FEWEST_EXPECTED]


def _usual(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Median of the active days around each day; before the first and after the last ones, of the nearest."""
    active = np.flatnonzero(counts > 0)
    usual = np.zeros(len(counts))
    for day in range(len(counts)):
        a, b = np.searchsorted(active, [day - NEIGHBOURS, day + NEIGHBOURS + 1])
        near = active[a:b] if b - a >= 7 else active[max(0, np.searchsorted(active, day) - NEIGHBOURS) :][: 2 * NEIGHBOURS]
        usual[day] = float(np.median(counts[near])) if len(near) >= 7 else 0.0
    return usual


def _day(number: int) -> str:
    return str(np.datetime64(number, "D"))


def repeated(look: Look) -> list[Gap]:
    """Events that are the same in everything but their id, where times are precise enough to tell; and repeats the import kept out."""
    found = []
    if kept_out := look.refused.get(("events", "duplicate_event"), 0):
        says = f"{kept_out:,} repeated events were kept out at import; the source sends the same event more than once."
        fix = "Mend the export; nothing else needs to be done."
        found.append(
            look.gap("duplicate_event", "events", "event_id", concerned=kept_out, of=0, severity="warn", says=says, fix=fix)
        )
    events = look.table("events")
    if events is None:
        return found
    at = microseconds(events["occurred_at"])
    if np.mean(at % 60_000_000 != 0) < 0.5:
        return found
    same = [name for name in events.column_names if name not in ("event_id", "received_at")]
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in same)
    extra = look.sql(
        f"SELECT type, count(*) - count(DISTINCT hash({columns})) AS again FROM events WHERE customer_id IS NOT NULL GROUP BY type",
        events=events,
    ).to_pylist()
    again = sum(int(row["again"]) for row in extra)
    if again >= max(FEWEST, LEAST_SHARE * events.num_rows):
        orders = sum(int(row["again"]) for row in extra if row["type"] == "purchase")
        bought = int(pc.sum(pc.equal(events["type"], "purchase")).as_py() or 0)
        found.append(
            look.gap(
                "duplicate_event", "events", "event_id", concerned=again, of=events.num_rows,
                says=f"{again:,} events repeat another one in everything but the id: orders and opens are counted twice.",
                fix="Keep one event per moment, person and type at the source, under an id that a repeat does not change.",
                risk=(look.earned * orders / bought if bought else 0.0, "margin of the last 90 days x the share of orders that are repeats"),
            )
        )  # fmt: skip
    return found
