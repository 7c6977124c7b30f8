"""The tamper-evident log: a chain of hashes over canonical JSON, one row an entry."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any

import rfc8785
from pydantic_core import to_jsonable_python
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from liftwright.domain.campaign import JournalEntry
from liftwright.store.engine import reading, serialise, writing
from liftwright.store.tables import JournalRow
from liftwright.store.times import utc

FIRST_PREV_HASH = "0" * 64
_EXACT = 2**53


class SqlJournal:
    """Append-only hash chain in the table `journal`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def append(self, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> JournalEntry:
        """Add one entry in a transaction of its own; writers in any process take turns."""
        with writing(self._engine) as session:
            return append_in(session, at=at, actor=actor, action=action, subject=subject, detail=detail)

    def entries(self, *, subject: str | None = None) -> list[JournalEntry]:
        """All entries, oldest first, or those about one subject."""
        query = select(JournalRow.entry).order_by(col(JournalRow.seq))
        if subject is not None:
            query = query.where(JournalRow.subject == subject)
        with reading(self._engine) as session:
            return [JournalEntry.model_validate(_read(entry)) for entry in session.exec(query)]

    def verify(self) -> tuple[bool, int, int | None]:
        """(ok, number of entries, sequence number of the first bad entry).

        Finds an entry that was changed, removed from the middle, inserted or re-ordered: `first_bad` is the first place in the
        sequence that does not hold what was written there. What no chain can find by itself: entries cut off at the end, and a
        chain rewritten whole from some point to the end. Note the last `entry_hash` elsewhere to find those.
        """
        with reading(self._engine) as session:
            rows = session.exec(select(JournalRow).order_by(col(JournalRow.seq))).all()
        prev_hash = FIRST_PREV_HASH
        for expected, row in zip(count(1), rows, strict=False):
            entry_hash = _hash_of_sound(row, seq=expected, prev_hash=prev_hash)
            if entry_hash is None:
                return False, len(rows), expected
            prev_hash = entry_hash
        return True, len(rows), None


def append_in(
    session: Session, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> JournalEntry:
    """Add one entry inside a write transaction that is already open.

    Must be the last thing the transaction locks: from here to its end every other writer of the journal waits.
    """
    serialise(session, "journal")
    last = session.exec(select(JournalRow).where(JournalRow.seq == select(func.max(JournalRow.seq)).scalar_subquery())).first()
    body: dict[str, Any] = {
        "seq": 1 if last is None else last.seq + 1,
        "prev_hash": FIRST_PREV_HASH if last is None else json.loads(last.entry)["entry_hash"],
        "at": utc(at).isoformat(),
        "actor": _plain(actor),
        "action": _plain(action),
        "subject": _plain(subject),
        "detail": _plain(to_jsonable_python(dict(detail), fallback=str)),
    }
    body["entry_hash"] = _hash(body)
    session.add(JournalRow(seq=body["seq"], subject=body["subject"], entry=rfc8785.dumps(body).decode()))
    session.flush()
    return JournalEntry.model_validate(body)


def _hash(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps({key: value for key, value in body.items() if key != "entry_hash"})).hexdigest()


def _hash_of_sound(row: JournalRow, *, seq: int, prev_hash: str) -> str | None:
    """The entry's hash when the row is what was written at this place of the chain, else None."""
    try:
        entry = _read(row.entry)
        canonical = rfc8785.dumps(entry).decode()
        entry_hash = _hash(entry)
        says = (entry["seq"], entry["prev_hash"], entry["subject"], entry["entry_hash"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, rfc8785.CanonicalizationError):
        return None
    is_sound = canonical == row.entry and row.seq == seq and says == (seq, prev_hash, row.subject, entry_hash)
    return entry_hash if is_sound else None


def _read(entry: str) -> Any:
    return json.loads(entry, parse_int=_whole)


def _whole(digits: str) -> int | float:
    """RFC 8785 writes a large float without a point; it must be read back as the float it was."""
    number = int(digits)
    return number if abs(number) < _EXACT else float(digits)


def _plain(value: Any) -> Any:
    """JSON that survives a round trip: numbers no double can hold become text, broken characters become `?`."""
    match value:
        case bool() | None:
            return value
        case int() if abs(value) >= _EXACT:
            return str(value)
        case float() if not math.isfinite(value):
            return str(value)
        case str():
            return value.encode("utf-8", "replace").decode().replace("\x00", "?")
        case Mapping():
            return {_plain(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
