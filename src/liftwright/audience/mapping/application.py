"""A recognised mapping applied to a table of text: canonical tables, and every row that could not be kept with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from liftwright.audience import database
from liftwright.audience.mapping import past_tests, typing
from liftwright.audience.mapping.columns import spec_of
from liftwright.audience.mapping.files import ROW, rejects
from liftwright.audience.mapping.recognition import Mapping
from liftwright.audience.mapping.values import cells, literal, quoted
from liftwright.domain.errors import DataError
from liftwright.settings import Settings

DIGEST = "__digest"
REASON = "__reason"


@dataclass(frozen=True)
class Intake:
    """`tables` canonical; `quarantined` columns row (in the file, from 1), reason, content; `shown` (canonical, column, because)."""

    tables: dict[str, pa.Table]
    quarantined: pa.Table
    notes: tuple[str, ...]
    shown: list[tuple[str, str, str]]


def apply(table: pa.Table, mapping: Mapping, *, now: datetime, settings: Settings) -> Intake:
    """Type every column, put bad rows aside, and build the canonical tables.

    `now` refuses what is stamped later. Raises DataError when no row can be kept.
    """
    if ROW not in table.column_names:
        table = table.append_column(ROW, pa.array(range(1, table.num_rows + 1), pa.int64()))
    notes = list(mapping.notes)
    with database.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        names = [name for name in table.column_names if name != ROW]
        db.register("raw", cells(table, names))
        db.execute("CREATE TABLE cells AS FROM raw")
        plan = typing.plan(db, mapping, now=now, country=settings.country)
        notes += plan.notes
        columns = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in plan.columns.items())
        content = ", ".join(f"coalesce({quoted(c)}, chr(0))" for c in names)
        db.execute(
            f"CREATE TABLE typed AS SELECT {ROW}, md5(concat_ws(chr(31), {content})) AS {DIGEST}, {columns}, {plan.reason} AS {REASON}"
            " FROM cells"
        )
        notes += _unreadable(db, plan)
        notes += _repeats(db, mapping, plan)
        bad = db.execute(
            f"SELECT {ROW}, {REASON}, left(concat_ws(' | ', {', '.join('cells.' + quoted(c) for c in names)}), 500)"
            f" FROM typed JOIN cells USING ({ROW}) WHERE {REASON} IS NOT NULL ORDER BY {ROW}"
        ).fetchall()
        good = db.sql(f"SELECT * EXCLUDE ({REASON}) FROM typed WHERE {REASON} IS NULL ORDER BY {ROW}").to_arrow_table()
    if not good.num_rows:
        raise DataError(
            "IMPORT-NOTHING",
            f"Not one of {table.num_rows} rows can be kept; the first one: {bad[0][1]}.",
            next_step="Check the mapping shown by --dry-run, or pass a map file with --map.",
        )
    typed = _in_arrow_types(good, plan)
    tables, more = _tables(typed, mapping, now=now, settings=settings)
    return Intake(tables, rejects(bad), tuple(notes + more), mapping.shown)


def _unreadable(db: Any, plan: typing.Plan) -> list[str]:
    notes = []
    for name, test in plan.emptied.items():
        count = db.execute(f"SELECT count(*) FROM cells WHERE {test}").fetchone()[0]
        if count:
            notes.append(f"{count} values of {name} could not be read and are left empty.")
    return notes


def _repeats(db: Any, mapping: Mapping, plan: typing.Plan) -> list[str]:
    """Mark repeated rows: the same key with other content, and exact repeats. Events of whole days may well happen twice."""
    key = [column for column in spec_of(mapping.table).key if column in plan.columns]
    notes: list[str] = []
    if key and len(key) == len(spec_of(mapping.table).key):
        named = ", ".join(quoted(column) for column in key)
        db.execute(
            f"UPDATE typed SET {REASON} = CASE WHEN typed.{DIGEST} = first.digest THEN 'is an exact repeat of row ' || first.r"
            f" ELSE {literal(' and '.join(key))} || ' appears again with different content; row ' || first.r || ' is kept' END"
            f" FROM (SELECT {ROW} AS n, first_value({ROW}) OVER w AS r, first_value({DIGEST}) OVER w AS digest FROM typed"
            f"       WHERE {REASON} IS NULL WINDOW w AS (PARTITION BY {named} ORDER BY {ROW})) AS first"
            f" WHERE typed.{ROW} = first.n AND first.r < typed.{ROW}"
        )
        return notes
    if not _has_clock(db, mapping, plan):
        count = db.execute(f"SELECT count(*) - count(DISTINCT {DIGEST}) FROM typed WHERE {REASON} IS NULL").fetchone()[0]
        if count and mapping.table == "events":
            notes.append(f"{count} rows are the same as another; with dates only, they are kept as separate events.")
        return notes
    db.execute(
        f"UPDATE typed SET {REASON} = 'is an exact repeat of row ' || first.r FROM"
        f" (SELECT {ROW} AS n, min({ROW}) OVER (PARTITION BY {DIGEST}) AS r FROM typed WHERE {REASON} IS NULL) AS first"
        f" WHERE typed.{ROW} = first.n AND first.r < typed.{ROW}"
    )
    return notes


def _has_clock(db: Any, mapping: Mapping, plan: typing.Plan) -> bool:
    """Whether the table's time has a time of day, so that two equal rows are one thing told twice."""
    stamp = {"events": "occurred_at", "treatments": "treated_at"}.get(mapping.table)
    if stamp not in plan.columns or "customer_id" not in plan.columns:
        return False
    if mapping.table == "treatments":
        return True
    return bool(db.execute(f"SELECT coalesce(bool_or({stamp} % 86400000000 <> 0), false) FROM typed").fetchone()[0])


def _in_arrow_types(table: pa.Table, plan: typing.Plan) -> pa.Table:
    for name in plan.times:
        place = table.column_names.index(name)
        table = table.set_column(place, name, table[name].cast(pa.int64()).cast(pa.timestamp("us", tz="UTC")))
    return table


def _tables(typed: pa.Table, mapping: Mapping, *, now: datetime, settings: Settings) -> tuple[dict[str, pa.Table], list[str]]:
    if mapping.table == "treatments":
        return past_tests.build(typed, mapping, now=now)
    table = typed.drop_columns([ROW, DIGEST])
    notes: list[str] = []
    if mapping.table == "events":
        table, notes = _events(typed, settings=settings)
    if mapping.table == "leads" and "created_at" not in table.column_names:
        table = table.append_column("created_at", pa.nulls(table.num_rows, pa.timestamp("us", tz="UTC")))
    return {mapping.table: table}, notes


def _events(typed: pa.Table, *, settings: Settings) -> tuple[pa.Table, list[str]]:
    notes = []
    if "event_id" not in typed.column_names:
        notes.append("Events have no id of their own; each gets one from its content, so importing it again adds nothing.")
        with database.connect() as db:
            db.register("typed", typed)
            ids = db.sql(
                f"SELECT 'e' || left({DIGEST}, 20) || CASE WHEN n > 1 THEN '-' || n ELSE '' END AS event_id FROM"
                f" (SELECT {ROW}, {DIGEST}, row_number() OVER (PARTITION BY {DIGEST} ORDER BY {ROW}) AS n FROM typed) ORDER BY {ROW}"
            ).to_arrow_table()
        typed = typed.append_column("event_id", ids["event_id"].combine_chunks())
    for name in ("customer_id", "amount", "margin", "currency"):
        if name not in typed.column_names:
            typed = typed.append_column(
                name, pa.nulls(typed.num_rows, pa.float64() if name in ("amount", "margin") else pa.string())
            )
    table = typed.drop_columns([ROW, DIGEST])
    others = sorted({str(c) for c in table["currency"].unique().to_pylist() if c is not None and c != settings.currency})
    if others:
        notes.append(f"Amounts in {', '.join(others)} are kept as they are; the house counts in {settings.currency}.")
    return table, notes


def aware(at: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    return int((at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000 + at.microsecond
