"""Immutable Parquet files named by the digest of their content, and the snapshots that list them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import rfc8785
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from liftwright.domain.campaign import Snapshot
from liftwright.domain.errors import DataError
from liftwright.store import erased
from liftwright.store.digest import canonical, digest_of
from liftwright.store.engine import reading, serialise, writing
from liftwright.store.merge import merged, unified
from liftwright.store.tables import ImportRow, SnapshotRow
from liftwright.store.times import utc


class ParquetLake:
    """Files under `<home>/lake`, snapshots in the database.

    A file is complete before a row names it, so a crash in between leaves an unused file and nothing else. Where somebody was erased,
    the old file is gone and its digest answers with the file without them (`store.traces`).
    """

    def __init__(self, home: Path, engine: Engine) -> None:
        self._directory = home / "lake"
        self._engine = engine

    def put(self, table: pa.Table) -> str:
        """Keep a table (in canonical types) and return the digest of its content."""
        kept = canonical(table)
        digest = digest_of(kept)
        path = self._path(digest)
        if not path.exists():
            _write(path, kept)
        return digest

    def get(self, digest: str) -> pa.Table:
        """The table of a digest, checked against it. DataError LAKE-MISSING or LAKE-TAMPERED."""
        digest = self.present(digest)
        path = self._path(digest)
        if not path.exists():
            raise DataError("LAKE-MISSING", f"The lake has no table {digest}.", next_step="Restore the lake from a backup.")
        try:
            table = pq.ParquetFile(path).read()
            is_same = digest_of(table) == digest
        except (pa.ArrowException, OSError, DataError) as error:
            raise _tampered(digest) from error
        if not is_same:
            raise _tampered(digest)
        return table

    def present(self, digest: str) -> str:
        """The digest under which a table's rows are kept now: another one once somebody in it was erased."""
        if self._path(digest).exists():
            return digest
        replaced, seen = erased.replacements(self._engine), {digest}
        while digest in replaced and replaced[digest] not in seen:
            digest = replaced[digest]
            seen.add(digest)
        return digest

    def digests(self) -> list[str]:
        """Every table kept, sorted."""
        return sorted(f"sha256:{path.stem}" for path in self._directory.glob("??/*.parquet"))

    def schema(self, digest: str) -> pa.Schema:
        """Names and types of a table's columns."""
        return pq.read_schema(self._path(digest))

    def remove(self, digest: str) -> None:
        """Take a file away for good; one that is not there is no error."""
        self._path(digest).unlink(missing_ok=True)

    def add(self, tables: Mapping[str, pa.Table], *, source: str, now: datetime) -> Snapshot:
        """A new snapshot: the latest one plus these rows. A `source` that came in before returns the snapshot it came in with.

        Raises DataError LAKE-TYPES when a column has another type than in the files already there.
        """
        there = self._imported(source)
        if there is not None:
            return there
        added = {name: (self.put(table), table.num_rows) for name, table in sorted(tables.items()) if table.num_rows}
        with writing(self._engine) as session:
            serialise(session, "snapshots")
            row = _imported(session, source)
            if row is not None:
                return _snapshot(row)
            latest = _latest(session)
            snapshot = _extended(None if latest is None else _snapshot(latest), added, source=source, now=now)
            for name in added:
                self._must_fit(name, snapshot.files[name])
            seq = 1 if latest is None else latest.seq + 1
            text = snapshot.model_dump_json()
            session.add(SnapshotRow(snapshot_id=snapshot.snapshot_id, seq=seq, created_at=utc(now), snapshot=text))
            session.flush()
            session.add(ImportRow(source=source, snapshot_id=snapshot.snapshot_id, imported_at=now))
        return snapshot

    def snapshot(self, snapshot_id: str | None = None) -> Snapshot | None:
        """A snapshot by id (default: the latest), or None."""
        with reading(self._engine) as session:
            row = _latest(session) if snapshot_id is None else session.get(SnapshotRow, snapshot_id)
        return None if row is None else _snapshot(row)

    def read(self, snapshot: Snapshot) -> dict[str, pa.Table]:
        """All tables of a snapshot, one row per key (see `merge.KEYS`) and in a stable order.

        Where rows change over time (customers, products) the latest file that speaks of a column wins; events and treatments
        are kept once each.
        """
        return {name: merged(name, [self.get(file) for file in files]) for name, files in sorted(snapshot.files.items())}

    def _path(self, digest: str) -> Path:
        kind, _, digits = digest.partition(":")
        if kind != "sha256" or len(digits) != 64 or set(digits) - set("0123456789abcdef"):
            raise DataError("LAKE-MISSING", f"'{digest}' is not a digest.", next_step="Give sha256: and 64 hex digits.")
        return self._directory / digits[:2] / f"{digits}.parquet"

    def _imported(self, source: str) -> Snapshot | None:
        with reading(self._engine) as session:
            row = _imported(session, source)
        return None if row is None else _snapshot(row)

    def _must_fit(self, name: str, files: tuple[str, ...]) -> None:
        unified(name, [self.schema(self.present(file)) for file in files])


def _write(path: Path, table: pa.Table) -> None:
    """Write whole, force to disk, then give it its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".unfinished-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _tampered(digest: str) -> DataError:
    return DataError(
        "LAKE-TAMPERED",
        f"The file of table {digest} does not hold what it held when it was written.",
        next_step="Restore the lake from a backup, or import the data again into a new workspace.",
    )


def _latest(session: Session) -> SnapshotRow | None:
    return session.exec(select(SnapshotRow).order_by(col(SnapshotRow.seq).desc())).first()


def _imported(session: Session, source: str) -> SnapshotRow | None:
    row = session.get(ImportRow, source)
    return None if row is None else session.get(SnapshotRow, row.snapshot_id)


def without_files(session: Session, files: Mapping[str, str], *, now: datetime) -> str | None:
    """A new snapshot, inside an open transaction: the latest one with these files in the place of others. None where it has none of them."""
    serialise(session, "snapshots")
    latest = _latest(session)
    before = None if latest is None else _snapshot(latest)
    if latest is None or before is None or not any(file in files for paths in before.files.values() for file in paths):
        return None
    after = {name: tuple(dict.fromkeys(files.get(file, file) for file in paths)) for name, paths in before.files.items()}
    snapshot = before.model_copy(update={"snapshot_id": _id_of(after, before.sources), "created_at": utc(now), "files": after})
    if session.get(SnapshotRow, snapshot.snapshot_id) is None:
        text = snapshot.model_dump_json()
        session.add(SnapshotRow(snapshot_id=snapshot.snapshot_id, seq=latest.seq + 1, created_at=utc(now), snapshot=text))
    return snapshot.snapshot_id


def _id_of(files: Mapping[str, tuple[str, ...]], sources: tuple[str, ...]) -> str:
    identity: dict[str, Any] = {"files": {name: list(paths) for name, paths in files.items()}, "sources": list(sources)}
    return "snap-" + hashlib.sha256(rfc8785.dumps(identity)).hexdigest()[:16]


def _snapshot(row: SnapshotRow) -> Snapshot:
    return Snapshot.model_validate_json(row.snapshot)


def _extended(latest: Snapshot | None, added: Mapping[str, tuple[str, int]], *, source: str, now: datetime) -> Snapshot:
    """The id is a digest of the files and sources, so the same imports in the same order give the same id everywhere.

    A table that comes in again moves to the end (the latest file wins); `rows` counts rows as they came in, once per file.
    """
    files: dict[str, tuple[str, ...]] = dict(latest.files) if latest else {}
    rows: dict[str, int] = dict(latest.rows) if latest else {}
    for name, (file, number) in added.items():
        there = files.get(name, ())
        files[name] = (*(other for other in there if other != file), file)
        rows[name] = rows.get(name, 0) + (0 if file in there else number)
    sources = (*(latest.sources if latest else ()), source)
    return Snapshot(snapshot_id=_id_of(files, sources), created_at=utc(now), files=files, rows=rows, sources=sources)
