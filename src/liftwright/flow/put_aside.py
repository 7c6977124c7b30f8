"""Rows that imports put aside, to be looked at and mended where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from liftwright.domain.errors import DataError
from liftwright.ports import Deps


@dataclass(frozen=True)
class Aside:
    """The rows one import put aside: the name of their file, the table they were meant for, and how many they are."""

    name: str
    table: str
    rows: int


def every(*, deps: Deps) -> list[Aside]:
    """What every import put aside, newest first; only the ends of the files are read. A file that cannot be read is left out."""
    found = []
    for path in sorted(_root(deps).glob("*.parquet"), key=lambda each: each.stat().st_mtime, reverse=True):
        try:
            kept = pq.read_metadata(path)
        except (OSError, pa.ArrowInvalid):
            continue
        found.append(Aside(path.stem, (kept.metadata or {}).get(b"table", b"").decode("utf-8", "replace"), kept.num_rows))
    return found


def rows(name: str, *, deps: Deps) -> pa.Table:
    """row, reason, content of one of them. Raises DataError QUARANTINE-UNKNOWN for a name that is not listed."""
    if name not in {each.name for each in every(deps=deps)}:
        raise DataError("QUARANTINE-UNKNOWN", "No import put rows aside under this name.", next_step="See them on /data.")
    return pq.read_table(_root(deps) / f"{name}.parquet").replace_schema_metadata(None)


def _root(deps: Deps) -> Path:
    return deps.settings.home / "quarantine"
