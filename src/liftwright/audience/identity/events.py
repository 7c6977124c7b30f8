"""What people did, under the id they have now: merged ids, addresses, and what was done before somebody said who they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.identity import keys
from liftwright.audience.identity.records import REFERRING, Tables
from liftwright.audience.identity.resolution import aliases

MOST_ON_A_DEVICE = 4
"""More people than this on one session or device id make it a till or a bot: it says nothing about who did what."""
_SESSIONS = ("session_id", "anonymous_id", "device_id")


def resolve(tables: Tables, people: pa.Table, *, country: str | None = None) -> dict[str, pa.Table]:
    """The same tables with every customer_id the one the person has now.

    Events without a customer_id get that of the only person with their e-mail address or telephone number; else, within one session
    or anonymous id, that of whoever was known there last before, else first after.
    """
    known = aliases(people)
    found = {name: _resolved(table, people, known, country) if name in REFERRING else table for name, table in tables.items()}
    if "events" in found and found["events"]["customer_id"].null_count:
        found["events"] = _with_sessions(found["events"])
    return found


def _resolved(table: pa.Table, people: pa.Table, known: dict[str, str], country: str | None) -> pa.Table:
    if "customer_id" not in table.column_names:
        return table
    column = table["customer_id"]
    if known:
        old, now = pa.array(list(known), pa.string()), pa.array(list(known.values()), pa.string())
        column = pc.coalesce(now.take(pc.index_in(column, value_set=old).combine_chunks()), column)
    for name in ("email", "phone"):
        if column.null_count and name in table.column_names and name in people.column_names:
            column = pc.coalesce(column, _owners(table, people, name, country))
    return table.set_column(table.column_names.index("customer_id"), "customer_id", column)


def _owners(table: pa.Table, people: pa.Table, name: str, country: str | None) -> pa.Array:
    """Per row, who alone has its address; null where nobody or several do."""
    both = pa.chunked_array([*people[name].cast(pa.string()).chunks, *table[name].cast(pa.string()).chunks], pa.string())
    if name == "email":
        found = keys.email_keys(both)
    else:
        found = keys.phone_keys(both, pa.chunked_array([_countries(people, country), _countries(table, country)]))
    held, wanted = found.slice(0, people.num_rows), found.slice(people.num_rows)
    counts = pc.value_counts(held)
    alone = counts.field("values").filter(pc.equal(counts.field("counts"), 1))
    place = pc.index_in(wanted, value_set=held)
    owners = people["customer_id"].combine_chunks().take(place)
    return pc.if_else(pc.and_(pc.is_valid(wanted), pc.is_in(wanted, value_set=alone)), owners, pa.scalar(None, pa.string()))


def _countries(table: pa.Table, country: str | None) -> pa.Array:
    here = pa.scalar(country, pa.string())
    if "country" not in table.column_names:
        return pa.repeat(here, table.num_rows)
    return pc.coalesce(table["country"].combine_chunks(), here)


def _with_sessions(events: pa.Table) -> pa.Table:
    """Events of nobody get the person of their session; one id column after the other."""
    column = events["customer_id"].combine_chunks()
    for name in _SESSIONS:
        if column.null_count and name in events.column_names and "occurred_at" in events.column_names:
            column = _by_session(events, name, column)
    return events.set_column(events.column_names.index("customer_id"), "customer_id", column)


def _by_session(events: pa.Table, name: str, column: pa.Array) -> pa.Array:
    """Within a session, in time order: who was known last before an event, else who is known first after."""
    sessions = events[name].combine_chunks().cast(pa.string()).dictionary_encode()
    encoded = column.dictionary_encode()
    who = np.asarray(encoded.indices.fill_null(-1)).astype(np.int64)
    session = np.asarray(sessions.indices.fill_null(-1)).astype(np.int64)
    usable = (session >= 0) & np.isin(session, _asking(session, who))
    rows = np.flatnonzero(usable)
    if not len(rows):
        return column
    stamps = np.asarray(events["occurred_at"].combine_chunks().cast(pa.timestamp("us")).cast(pa.int64()).fill_null(0))
    tie = np.argsort(np.argsort(who[rows], kind="stable"), kind="stable")
    rows = rows[np.lexsort((-tie, stamps[rows], session[rows]))]
    who[rows] = _carried(session[rows], who[rows])
    return pc.coalesce(column, encoded.dictionary.take(pa.array(who, mask=who < 0)))


def _asking(session: npt.NDArray[np.int64], who: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Sessions that have somebody unknown and 1 to `MOST_ON_A_DEVICE` people."""
    pairs = np.unique(np.stack([session, who], axis=1), axis=0)
    number = np.bincount(pairs[pairs[:, 1] >= 0][:, 0].clip(0), minlength=int(session.max(initial=0)) + 1)
    asking = np.unique(session[(who < 0) & (session >= 0)])
    return asking[(number[asking] >= 1) & (number[asking] <= MOST_ON_A_DEVICE)]


def _carried(session: npt.NDArray[np.int64], who: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Known people carried forward, then backward to what came before the first of them; rows sorted by session and time."""
    for step in (1, -1):
        places, group = who[::step], session[::step]
        known = np.where(places >= 0, np.arange(len(places)), -1)
        last = np.maximum.accumulate(known)
        is_same = (last >= 0) & (group[last.clip(0)] == group)
        who = np.where(is_same, places[last.clip(0)], places)[::step]
    return who
