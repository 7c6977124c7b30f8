"""Files that other systems read: rows merge by key, and a reader sees the old file or the new one, never half of one."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from liftwright.domain.errors import DataError

KEY = "send_id"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock against other processes and threads; it falls free when the holder dies."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def keys(path: Path) -> set[str]:
    """The keys in a file; none when there is no file."""
    return {row[KEY] for row in _read(path)}


def merge(path: Path, rows: Sequence[Mapping[str, str]], *, columns: Sequence[str], priorities: Mapping[str, int]) -> None:
    """Put rows into a CSV file; a row whose key is there already is left as it stands. Call with the directory `locked`.

    Rows stand by priority (1 first), then key. Priorities are not a column, so they are kept in a hidden file beside.
    Raises DataError when the file there has other columns.
    """
    there = {row[KEY]: row for row in _read(path, columns=columns)}
    beside = path.with_name(f".{path.stem}.priority.json")
    order: dict[str, int] = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    order |= {key: number for key, number in priorities.items() if key not in there}
    there |= {row[KEY]: dict(row) for row in rows if row[KEY] not in there}
    last = max(order.values(), default=0) + 1
    ordered = sorted(there.values(), key=lambda row: (order.get(row[KEY], last), row[KEY]))
    replace(beside, json.dumps(order))
    replace(path, _written(ordered, columns))


def take_out(directory: Path, gone: Collection[str]) -> int:
    """Take rows with these keys out of every file of a folder, cancellations apart; returns how many. Whole files or nothing."""
    taken = 0
    with locked(directory):
        for path in sorted(directory.glob("????-??-??.csv")):
            rows = _read(path)
            left = [row for row in rows if row[KEY] not in gone]
            if len(left) < len(rows):
                replace(path, _written(left, list(rows[0])))
                taken += len(rows) - len(left)
    return taken


def replace(path: Path, text: str) -> None:
    """Write a file beside, force it to the disk, and rename it into place."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _written(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _read(path: Path, *, columns: Sequence[str] | None = None) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if KEY not in (reader.fieldnames or ()) or (columns is not None and list(reader.fieldnames or ()) != list(columns)):
            raise DataError(
                "DROP-COLUMNS",
                f"{path} has other columns than the ones written here.",
                next_step="Move that file away and run again.",
            )
        return list(reader)
