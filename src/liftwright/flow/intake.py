"""A file into the lake: read, recognised, quarantined, added to the snapshot. Importing the same file again changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liftwright.audience.mapping import choosing
from liftwright.audience.mapping.application import Intake, apply
from liftwright.audience.mapping.choosing import Column
from liftwright.audience.mapping.columns import spec_of
from liftwright.audience.mapping.files import TextTable, read, rejects
from liftwright.audience.mapping.recognition import guess, recognise
from liftwright.domain.base import Value
from liftwright.domain.errors import DataError
from liftwright.flow import forgetting, identities
from liftwright.ports import Deps

_TEXT_FILES = {".txt", ".md", ".markdown"}


class ImportResult(Value):
    """What an import did. `tables` rows per table; `shown` (canonical, column, because); `already` when the same file was in before."""

    table: str
    tables: dict[str, int]
    shown: tuple[tuple[str, str, str], ...]
    quarantined: int
    reasons: dict[str, int] = {}
    quarantine_path: str | None = None
    notes: tuple[str, ...] = ()
    snapshot_id: str | None = None
    already: bool = False
    dry_run: bool = False


def import_file(
    path: Path | str,
    *,
    declared: str,
    mapping: Mapping[str, Any] | None = None,
    dry_run: bool = False,
    deps: Deps,
) -> ImportResult:
    """Import one file as the declared table (contract section 3).

    `mapping` is the content of a map file. With `dry_run` nothing is written. Raises DataError when the file cannot be read, when
    a required column is missing, or when no row can be kept.
    """
    path = Path(path)
    spec_of(declared)
    data = _bytes_of(path)
    source = _source_digest(data, declared=declared, mapping=mapping)
    snapshot = deps.lake.snapshot()
    already = snapshot is not None and source in snapshot.sources
    deps.progress("import", f"reading {path.name}")
    taken_in, rejected = _taken_in(path, data, declared=declared, mapping=mapping, deps=deps)
    intake = _without_erased(taken_in, rejected, deps=deps)
    kept = _quarantine_path(source, path=path, home=deps.settings.home) if intake.quarantined.num_rows and not dry_run else None
    if not dry_run and not already:
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(intake.quarantined.replace_schema_metadata({"table": declared}), kept)
        snapshot = deps.lake.add(intake.tables, source=source, now=deps.now())
        _remember(intake.tables.get("documents"), deps=deps)
    if not dry_run and declared == "customers" and snapshot is not None:
        snapshot, found = identities.look_for_repeats(snapshot, deps=deps)
        intake = replace(intake, notes=(*intake.notes, *found))
    return ImportResult(
        **_summary(intake),
        table=declared,
        quarantine_path=str(kept) if kept is not None else None,
        snapshot_id=snapshot.snapshot_id if snapshot is not None and not dry_run else None,
        already=already,
        dry_run=dry_run,
    )


def columns(path: Path, *, declared: str) -> list[Column]:
    """Every column of a file as an import would take it, also where that would fail; none for a document that is one text.

    Raises DataError when the file cannot be read or has no row.
    """
    data = _bytes_of(path)
    if _is_text(path, data, declared=declared):
        return []
    table = _rows_of(path, data).table
    return choosing.columns(table, guess(table, name=path.name, declared=declared))


def _summary(intake: Intake) -> dict[str, Any]:
    return {
        "tables": {name: table.num_rows for name, table in intake.tables.items()},
        "shown": tuple(intake.shown),
        "quarantined": intake.quarantined.num_rows,
        "reasons": _counted(intake.quarantined),
        "notes": intake.notes,
    }


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            "IMPORT-FILE", f"{path} cannot be read: {error.strerror or error}.", next_step="Check the path and its permissions."
        ) from error


def _source_digest(data: bytes, *, declared: str, mapping: Mapping[str, Any] | None) -> str:
    told = json.dumps([declared, mapping], sort_keys=True, default=str).encode()
    return hashlib.sha256(hashlib.sha256(data).digest() + told).hexdigest()


def _taken_in(
    path: Path, data: bytes, *, declared: str, mapping: Mapping[str, Any] | None, deps: Deps
) -> tuple[Intake, pa.Table]:
    if _is_text(path, data, declared=declared):
        return _document(path, data), rejects([])
    text = _rows_of(path, data)
    found = recognise(text.table, name=path.name, declared=declared, mapping=dict(mapping) if mapping is not None else None)
    intake = apply(text.table, found, now=deps.now(), settings=deps.settings)
    if "events" in intake.tables:
        intake = _with_recipients(intake, deps=deps)
    return Intake(intake.tables, intake.quarantined, text.notes + intake.notes, intake.shown), text.rejected


def _is_text(path: Path, data: bytes, *, declared: str) -> bool:
    return declared == "documents" and (path.suffix.lower() in {*_TEXT_FILES, ".pdf"} or data[:5] == b"%PDF-")


def _rows_of(path: Path, data: bytes) -> TextTable:
    text = read(data, name=path.name)
    if not text.table.num_rows:
        first = text.rejected["reason"][0].as_py() if text.rejected.num_rows else "there is none"
        raise DataError(
            "IMPORT-NOTHING",
            f"Not one row of {path.name} can be kept: {first}.",
            next_step="Export the file again and import that.",
        )
    return text


def _without_erased(intake: Intake, rejected: pa.Table, *, deps: Deps) -> Intake:
    """Nobody who was erased comes back with a later file, nor with its rejected rows (which join those quarantined)."""
    aside = pa.concat_tables([rejected, intake.quarantined]).sort_by("row")
    intake = replace(intake, quarantined=forgetting.not_of_erased(aside, deps=deps))
    tables, left_out = forgetting.without_erased(intake.tables, deps=deps)
    if not left_out:
        return intake
    note = f"{left_out} rows are about people whose data was erased; they are left out. Take them out of the source too."
    return replace(intake, tables=tables, notes=(*intake.notes, note))


def _with_recipients(intake: Intake, *, deps: Deps) -> Intake:
    """Events that name a send and no customer get the customer the send went to."""
    events = intake.tables["events"]
    if "send_id" not in events.column_names or not events["customer_id"].null_count:
        return intake
    sends = deps.ledger.sends()
    place = pc.index_in(events["send_id"], value_set=sends["send_id"].combine_chunks())
    people = pc.coalesce(events["customer_id"], sends["customer_id"].combine_chunks().take(place.combine_chunks()))
    events = events.set_column(events.column_names.index("customer_id"), "customer_id", people)
    notes = intake.notes
    if unknown := people.null_count - _reachable(events, people):
        notes = (*notes, f"{unknown} events name a send that this house never made; they belong to nobody.")
    return Intake(intake.tables | {"events": events}, intake.quarantined, notes, intake.shown)


def _reachable(events: pa.Table, people: pa.ChunkedArray) -> int:
    """Rows without a customer that an e-mail address or phone may still identify."""
    known = pa.chunked_array([pa.array([False] * events.num_rows)])
    for name in ("email", "phone"):
        if name in events.column_names:
            known = pc.or_(known, pc.is_valid(events[name]))
    return int(pc.sum(pc.and_(pc.is_null(people), known)).as_py() or 0)


def _document(path: Path, data: bytes) -> Intake:
    is_pdf = path.suffix.lower() == ".pdf" or data[:5] == b"%PDF-"
    text = _pdf_text(path, data) if is_pdf else data.decode("utf-8-sig", errors="replace").replace("\x00", "")
    if not text.strip():
        raise DataError(
            "IMPORT-EMPTY", f"{path.name} holds no text.", next_step="A scanned document must be turned into text first."
        )
    heading = re.search(r"^#+\s+(.+)$", text, flags=re.MULTILINE)
    row = {
        "document_id": re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "document",
        "title": heading.group(1).strip() if heading else path.stem,
        "text": text,
    }
    table = pa.table({name: pa.array([value], pa.string()) for name, value in row.items()})
    shown = [("document_id", path.name, "the name of the file"), ("text", path.name, "the whole file")]
    return Intake({"documents": table}, rejects([]), (), shown)


def _pdf_text(path: Path, data: bytes) -> str:
    try:
        import pypdf
    except ImportError as error:
        raise DataError(
            "IMPORT-PDF", f"{path.name} is a PDF and no PDF reader is installed.", next_step="Install the extra: liftwright[pdf]."
        ) from error
    try:
        return "\n\n".join(page.extract_text() or "" for page in pypdf.PdfReader(io.BytesIO(data)).pages)
    except Exception as error:
        raise DataError(
            "IMPORT-PDF",
            f"{path.name} cannot be read: {type(error).__name__}.",
            next_step="Save the PDF again, or export its text.",
        ) from error


def _remember(documents: pa.Table | None, *, deps: Deps) -> None:
    if documents is None:
        return
    for row in documents.to_pylist():
        deps.memory.remember("documents", row["document_id"], row["text"], {"title": str(row.get("title") or row["document_id"])})


def _quarantine_path(source: str, *, path: Path, home: Path) -> Path:
    return home / "quarantine" / f"{path.name.split('.')[0]}-{source[:12]}.parquet"


def _counted(quarantined: pa.Table) -> dict[str, int]:
    """Rows per reason, with the values and row numbers inside a reason left out so that equal reasons count together."""
    counts: dict[str, int] = {}
    for reason in quarantined["reason"].to_pylist():
        kind = re.sub(r"\brow \d+", "another row", re.sub(r" '.*?' (?=is no)", " ", reason))
        counts[kind] = counts.get(kind, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
