"""Columns that stopped being kept, and texts whose letters were broken."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.quality.levels import levels_of
from liftwright.audience.quality.look import DAY_US, Look, is_text, is_time, microseconds
from liftwright.audience.quality.names import BORN, words_of
from liftwright.domain.readiness import Gap

FEWEST_ROWS = 100
RECENT_DAYS, RECENT_SHARE = 14, 0.10
"""New rows are those of the last 14 days of the events, or the newest tenth of the customers and leads."""
KEPT, ABANDONED = 0.6, 0.05
"""A column filled for at least the first share of the old rows and at most the second of the new ones has been abandoned."""
VARIED = 0.8
"""A column whose commonest value had at most this share before, and is the only one now, has been frozen."""
BEHIND_DAYS = 45
"""A date column whose newest value lies so far behind the newest row is no longer updated."""
_STAMPS = {"events": "occurred_at", "customers": "created_at", "leads": "created_at"}
BROKEN = "[ÂÃ][\u0080-\u00bf‰–—„Ÿœš…†‡ˆ™›‚‘’“”•]|â€|ï¿½|\ufffd"
Mask = npt.NDArray[np.bool_]
_TEXTS = ("customers", "products", "leads", "documents", "evidence")


def stale(look: Look) -> list[Gap]:
    """Columns that were abandoned, frozen, or left behind."""
    found = []
    for name, stamp in _STAMPS.items():
        table = look.table(name)
        if table is not None and stamp in table.column_names:
            found += [_stale(look, name, column, why, of=table.num_rows) for column, why in _stopped(table, stamp, name)]
    for name in ("customers", "leads"):
        table = look.table(name)
        if table is not None:
            found += [_stale(look, name, column, why, of=table.num_rows) for column, why in _left_behind(look, table)]
    return list({(gap.table, gap.column): gap for gap in found}.values())


def _stale(look: Look, name: str, column: str, why: str, *, of: int) -> Gap:
    return look.gap(
        "stale_column", name, column, concerned=of, of=of,
        says=f"{name}.{column} is no longer kept: {why}. Whoever is chosen by it is chosen by what was true long ago.",
        fix="Mend the feed of this column, or leave it out of the export.",
        risk=(look.earned, "margin of the last 90 days: everybody is judged by this column"),
    )  # fmt: skip


def _stopped(table: pa.Table, stamp: str, name: str) -> list[tuple[str, str]]:
    """Columns abandoned or frozen in the new rows; of events, type by type, since types have columns of their own."""
    at = microseconds(table[stamp])
    known = at > np.iinfo(np.int64).min
    if known.sum() < 2 * FEWEST_ROWS:
        return []
    border = at.max() - RECENT_DAYS * DAY_US if name == "events" else np.quantile(at[known], 1 - RECENT_SHARE)
    groups = [known]
    if name == "events":
        kinds = table["type"].combine_chunks().dictionary_encode().indices
        codes = pc.fill_null(kinds, -1).to_numpy()
        groups = [known & (codes == code) for code in np.unique(codes)]
    found = {}
    for column in table.column_names:
        if column in (stamp, "type", "currency") or column.endswith("_id") or column.startswith("consent_"):
            continue
        levels, filled = levels_of(table[column].combine_chunks())
        kind = table.schema.field(column).type
        is_word = is_text(kind) or pa.types.is_boolean(kind)
        for group in groups:
            new, old = group & (at > border), group & (at <= border)
            why = _abandoned(filled, new=new, old=old) or (_frozen(levels, filled, new=new, old=old) if is_word else "")
            if why:
                found[column] = why
    return list(found.items())


def _abandoned(filled: Mask, *, new: Mask, old: Mask) -> str:
    if min(new.sum(), old.sum()) < FEWEST_ROWS:
        return ""
    before, now = float(filled[old].mean()), float(filled[new].mean())
    is_abandoned = before >= KEPT and now <= ABANDONED
    return f"it was filled for {before:.0%} of the older rows and is for {now:.0%} of the newest" if is_abandoned else ""


def _frozen(levels: npt.NDArray[np.int64], filled: Mask, *, new: Mask, old: Mask) -> str:
    if min(new.sum(), old.sum()) < FEWEST_ROWS or filled[new].mean() < KEPT or len(np.unique(levels[new])) > 1:
        return ""
    is_varied = np.bincount(levels[old]).max() <= VARIED * old.sum()
    return "all of the newest rows have the same value, the older ones have many" if is_varied else ""


def _left_behind(look: Look, table: pa.Table) -> list[tuple[str, str]]:
    events = look.table("events")
    stamps = [microseconds(events["occurred_at"])] if events is not None else []
    stamps += [microseconds(table["created_at"])] if "created_at" in table.column_names else []
    now = int(look.now.timestamp() * 1e6)
    newest = max((int(at[at <= now].max()) for at in stamps if (at <= now).any()), default=np.iinfo(np.int64).min)
    found = []
    for column in table.column_names:
        if not is_time(table.schema.field(column).type) or set(words_of(column)) & BORN:
            continue
        at = microseconds(table[column])
        at = at[at > np.iinfo(np.int64).min]
        if len(at) >= max(FEWEST_ROWS, 0.5 * table.num_rows) and newest - int(at.max()) > BEHIND_DAYS * DAY_US:
            found.append(
                (
                    column,
                    f"its newest value is of {np.datetime64(int(at.max()), 'us').astype('datetime64[D]')}, {(newest - int(at.max())) // DAY_US} days before the newest row",
                )
            )
    return found


def encoding(look: Look) -> list[Gap]:
    """Texts in which UTF-8 was read as Latin-1 (Ã© for é), or whose letters were replaced."""
    found = []
    for name in _TEXTS:
        table = look.table(name)
        for column in table.column_names if table is not None else ():
            if table is None or not is_text(table.schema.field(column).type):
                continue
            broken = int(pc.sum(pc.match_substring_regex(table[column], BROKEN)).as_py() or 0)
            if broken:
                says = f"{broken:,} values of {name}.{column} have broken letters (such as Ã© for é): people would be addressed with them."
                fix = "Export the file as UTF-8 and import it again."
                found.append(look.gap("encoding", name, column, concerned=broken, of=table.num_rows, says=says, fix=fix))
    return found
