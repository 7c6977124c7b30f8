"""Bytes of CSV, CSV.gz, Parquet, JSON or JSON lines to one table of text. Nothing is interpreted here: every value stays as written."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from liftwright.audience import database
from liftwright.audience.mapping import unpacking
from liftwright.domain.errors import DataError

ROW = "__row"
"""Hidden column: number of the data row in the file, from 1, the header not counted."""
LONGEST_FIELD = 65_536
ZIP = b"PK\x03\x04"
_QUARANTINE = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("content", pa.string())])


@dataclass(frozen=True)
class TextTable:
    """`table`: every column a string, plus `__row`. `rejected`: rows that could not be kept (row, reason, content)."""

    table: pa.Table
    rejected: pa.Table
    notes: tuple[str, ...]


def rejects(rows: list[tuple[int, str, str]]) -> pa.Table:
    """Quarantine table of (row, reason, content)."""
    columns = [[row[place] for row in rows] for place in range(3)]
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, _QUARANTINE.types, strict=True)], schema=_QUARANTINE)


def read(data: bytes, *, name: str) -> TextTable:
    """Read a file of any supported kind by its content. Raises DataError when it is empty or not a table at all."""
    if data[:2] == b"\x1f\x8b":
        data = unpacking.gunzipped(data, name=name)
    if not data.strip():
        raise DataError("IMPORT-EMPTY", f"{name} is empty.", next_step="Export the file again and import that.")
    if data[:4] == b"PAR1":
        return _without_bad_cells(_from_parquet(data, name=name))
    text, notes = _decoded(data, name=name)
    if text.lstrip()[:1] in "{[":
        return _without_bad_cells(_from_json(text, name=name, notes=notes))
    return _without_bad_cells(_from_csv(text, name=name, notes=notes))


def _decoded(data: bytes, *, name: str) -> tuple[str, tuple[str, ...]]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), ("The file is UTF-16.",)
    if data[:4] == ZIP or data[:65_536].count(0) > len(data[:65_536]) / 4:
        raise DataError(
            "IMPORT-BINARY",
            f"{name} is not a text file and not Parquet.",
            next_step="Save it as CSV (UTF-8), Parquet or JSON lines; a spreadsheet file must be exported first.",
        )
    try:
        return data.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        says = f"The file is not UTF-8 (byte {error.start}); it was read as Latin-1 (Windows-1252). Check names with accents."
        return data.decode("cp1252", errors="replace") if not _has_c1(data) else data.decode("latin-1"), (says,)


def _has_c1(data: bytes) -> bool:
    return any(byte in data for byte in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"))


def _from_csv(text: str, *, name: str, notes: tuple[str, ...]) -> TextTable:
    delimiter = _delimiter(text)
    lines = io.StringIO(text, newline="")
    try:
        header, more = _header(next(csv.reader(lines, delimiter=delimiter)))
    except csv.Error as error:
        raise _not_csv(name, error) from error
    body = lines.read().encode()
    if not body.strip():
        raise DataError("IMPORT-NO-ROWS", f"{name} has a header and no rows.", next_step="Export the file again with its rows.")
    bad: list[tuple[int, str, str]] = []

    def ragged(row: Any) -> str:
        says = f"has {row.actual_columns} fields where the header has {row.expected_columns}"
        bad.append((int(row.number or 0), says, str(row.text)[:500]))
        return "skip"

    try:
        table = pa_csv.read_csv(
            io.BytesIO(body),
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=min(len(body) + 1, 2**30), column_names=header),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=ragged),
            convert_options=pa_csv.ConvertOptions(
                column_types={column: pa.string() for column in header}, strings_can_be_null=False, null_values=[]
            ),
        )
    except pa.ArrowInvalid as error:
        raise _not_csv(name, error) from error
    return TextTable(_numbered(table, skipped={row for row, _, _ in bad}), rejects(bad), notes + more)


def _not_csv(name: str, error: Exception) -> DataError:
    return DataError("IMPORT-CSV", f"{name} cannot be read as CSV: {error}.", next_step="Save it again as CSV (UTF-8).")


def _delimiter(text: str) -> str:
    line = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    counts = {mark: line.count(mark) for mark in (",", ";", "\t", "|")}
    best = max(counts, key=lambda mark: counts[mark])
    return best if counts[best] else ","


def _header(names: list[str]) -> tuple[list[str], tuple[str, ...]]:
    seen = {ROW: 1}
    header, notes = [], []
    for place, raw in enumerate(names, start=1):
        name = re.sub(r"\s+", " ", raw.replace("\x00", "")).strip() or f"column_{place}"
        folded = name.casefold()
        seen[folded] = seen.get(folded, 0) + 1
        if seen[folded] > 1:
            notes.append(f"Two columns are named '{name}'; the later one is kept as '{name}__{seen[folded]}'.")
            name = f"{name}__{seen[folded]}"
        header.append(name)
    return header, tuple(notes)


def _numbered(table: pa.Table, *, skipped: Set[int] = frozenset()) -> pa.Table:
    total = table.num_rows + len(skipped)
    numbers = [number for number in range(1, total + 1) if number not in skipped] if skipped else range(1, total + 1)
    return table.append_column(ROW, pa.array(numbers, pa.int64()))


def _from_parquet(data: bytes, *, name: str) -> TextTable:
    table = unpacking.parquet(data, name=name)
    header, notes = _header(list(table.column_names))
    columns = [_as_text(column) for column in table.columns]
    return TextTable(_numbered(pa.table(columns, names=header)), rejects([]), notes)


def _as_text(column: Any) -> Any:
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array([None if cell is None else _cell(cell) for cell in column.to_pylist()], pa.string())


def _cell(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return _whole(text)


def _whole(text: str) -> str:
    """Half a character, which JSON can write and nothing can keep, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _from_json(text: str, *, name: str, notes: tuple[str, ...]) -> TextTable:
    bad: list[tuple[int, str, str]] = []
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, record, raw in _records(text):
        if isinstance(record, dict):
            rows.append(record)
            numbers.append(number)
        else:
            bad.append((number, "is not a JSON object", raw[:500]))
    if not rows:
        raise DataError("IMPORT-JSON", f"{name} holds no JSON object.", next_step="Write one JSON object per line.")
    keys = list(dict.fromkeys(key for record in rows for key in record))
    header, more = _header([_whole(key) for key in keys])
    columns = [pa.array([None if (v := r.get(key)) is None else _cell(v) for r in rows], pa.string()) for key in keys]
    table = pa.table(columns, names=header).append_column(ROW, pa.array(numbers, pa.int64()))
    return TextTable(table, rejects(bad), notes + more)


def _records(text: str) -> list[tuple[int, Any, str]]:
    if text.lstrip()[:1] == "[":
        try:
            whole = json.loads(text, parse_float=str, parse_int=str)
        except (ValueError, RecursionError):
            return [(1, None, text)]
        return [(number, record, str(record)) for number, record in enumerate(whole, start=1)]
    found = []
    for number, line in enumerate((line for line in text.split("\n") if line.strip()), start=1):
        try:
            found.append((number, json.loads(line, parse_float=str, parse_int=str), line))
        except (ValueError, RecursionError):
            found.append((number, None, line))
    return found


def _without_bad_cells(read_: TextTable) -> TextTable:
    """Rows with a NUL character or a field too long to be meant go to quarantine."""
    table = read_.table
    if not table.num_rows:
        return read_
    names = [name for name in table.column_names if name != ROW]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    long_ = " OR ".join(f"length({name}) > {LONGEST_FIELD}" for name in quoted)
    nul = " OR ".join(f"contains({name}, chr(0))" for name in quoted)
    with database.connect() as db:
        db.register("raw", table)
        bad = db.execute(
            f"SELECT {ROW}, CASE WHEN {long_} THEN 'has a field of more than {LONGEST_FIELD} characters'"
            f" ELSE 'has a NUL character in a field' END FROM raw WHERE ({long_}) OR ({nul}) ORDER BY {ROW}"
        ).fetchall()
        if not bad:
            return read_
        kept = db.sql(f"SELECT * FROM raw WHERE NOT coalesce(({long_}) OR ({nul}), false) ORDER BY {ROW}").to_arrow_table()
    more = rejects([(row, reason, "") for row, reason in bad])
    return TextTable(kept, pa.concat_tables([read_.rejected, more]), read_.notes)
