"""The tamper-evident log: a chain of hashes over canonical JSON, one row an entry."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import rfc8785
from pydantic_core import to_jsonable_python
from sqlalchemy import ColumnElement, Engine, func
from sqlmodel import Session, col, select

from liftwright.domain.campaign import Examined, JournalEntry, Sealed
from liftwright.domain.errors import ConfigError, DataError
from liftwright.store.engine import reading, serialise, writing
from liftwright.store.seals import Read, Seal, SealFile
from liftwright.store.tables import JournalRow
from liftwright.store.times import utc

FIRST_PREV_HASH = "0" * 64
_EXACT = 2**53


SEAL_EVERY, SEAL_AFTER, PAGE = 1_000, timedelta(minutes=5), 5_000
"""A seal is due after so many entries, or so long after the last one; entries read at once when verifying."""


class SqlJournal:
    """Append-only hash chain in the table `journal`, sealed in a file outside the database where one is given."""

    def __init__(self, engine: Engine, seals: SealFile | None = None) -> None:
        self._engine = engine
        self._seals = seals

    def append(self, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any]) -> JournalEntry:
        """Add one entry in a transaction of its own; writers in any process take turns."""
        with writing(self._engine) as session:
            return append_in(session, at=at, actor=actor, action=action, subject=subject, detail=detail)

    def entries(self, *, subject: str | None = None, action: str = "") -> list[JournalEntry]:
        """All entries, oldest first, or those about one subject; `action`: whose action begins so.

        Raises DataError JOURNAL-BROKEN for an entry that cannot be read any more.
        """
        query = select(JournalRow.seq, JournalRow.entry).order_by(col(JournalRow.seq)).where(*_whose_action(action))
        if subject is not None:
            query = query.where(JournalRow.subject == subject)
        with reading(self._engine) as session:
            return [_entry(seq, entry) for seq, entry in session.exec(query)]

    def page(
        self, *, before: int | None = None, after: int | None = None, subject: str = "", action: str = "", limit: int = 100
    ) -> list[JournalEntry]:
        """At most `limit` entries, newest first: the newest of those before a number, or the oldest of those after one.

        `subject`: about exactly this; `action`: whose action begins so; "" for any. Raises DataError JOURNAL-BROKEN for an entry that
        cannot be read any more.
        """
        number = col(JournalRow.seq)
        query = select(JournalRow.seq, JournalRow.entry).order_by(number if after is not None else number.desc()).limit(limit)
        if after is not None:
            query = query.where(number > after)
        if before is not None:
            query = query.where(number < before)
        if subject:
            query = query.where(JournalRow.subject == subject)
        query = query.where(*_whose_action(action))
        with reading(self._engine) as session:
            found = [_entry(seq, entry) for seq, entry in session.exec(query)]
        return found[::-1] if after is not None else found

    def verify(self) -> tuple[bool, int, int | None]:
        """(ok, number of entries, sequence number of the first bad entry).

        Finds an entry that was changed, removed from the middle, inserted or re-ordered: `first_bad` is the first place in the
        sequence that does not hold what was written there. What no chain can find by itself: entries cut off at the end, and a
        chain rewritten whole from some point to the end. Note the last `entry_hash` elsewhere to find those.
        """
        found = self._walk(frozenset())
        return found.first_bad is None, found.entries, found.first_bad

    def seal(self, *, at: datetime, is_due: bool = True) -> Sealed | None:
        """Sign how the journal ends now, if that is due (`is_due=False`: if anything came since). None where there is nothing to do.

        Never signs what does not hold: raises DataError JOURNAL-BROKEN.
        """
        last = self._seals.last() if self._seals is not None else None
        with reading(self._engine) as session:
            head = session.exec(select(func.max(JournalRow.seq))).one() or 0
        new = head - (last.seq if last else 0)
        if self._seals is None or new <= 0 or (is_due and last and new < SEAL_EVERY and at - last.sealed_at < SEAL_AFTER):
            return None
        found = self._walk(frozenset({head}), after=(last.seq, last.entry_hash) if last else (0, FIRST_PREV_HASH))
        if found.first_bad is not None or head not in found.hashes:
            raise DataError(
                "JOURNAL-BROKEN",
                f"The journal does not hold at entry {found.first_bad}; it was not sealed.",
                next_step="Run `liftwright journal verify` and find out who changed it.",
            )
        self._seals.add(Seal(head, found.hashes[head], at))
        return Sealed(seq=head, entry_hash=found.hashes[head], file=str(self._seals.path))

    def examine(self, *, seals: Path | None = None, public_key: str | None = None) -> Examined:
        """Verify the chain and compare it with its seals: those of this workspace, or a copy kept elsewhere (`seals`, a folder), against
        the first public key (this workspace's, or one kept elsewhere)."""
        file = self._seals if seals is None or self._seals is None else SealFile(seals, self._seals.keys)
        told = file.read(public_key=public_key) if file is not None else Read(())
        found = self._walk(frozenset(seal.seq for seal in told.seals))
        first_bad, says, sound = found.first_bad, "", 0
        if first_bad is not None:
            says = f"Entry {first_bad} is not what was written there."
        for seal in told.seals:
            if found.hashes.get(seal.seq) == seal.entry_hash:
                sound = seal.seq
                continue
            if first_bad is None or seal.seq < first_bad:
                first_bad, says = _differing(seal, sound=sound, entries=found.entries)
            break
        if told.bad_line is not None:
            says = f"{says} The seal file was changed: {told.says}.".strip()
        return Examined(
            ok=first_bad is None and told.bad_line is None,
            entries=found.entries,
            first_bad=first_bad,
            sealed=sound,
            seals=len(told.seals),
            bad_seal=told.bad_line,
            says=says,
        )

    def public_key(self) -> str:
        """The first public key of the seals, hexadecimal."""
        return self._sealing().public_key()

    def change_key(self, *, at: datetime) -> str:
        """Let the present key name a new one; returns the new public key."""
        return self._sealing().rotate(at=at)

    def _sealing(self) -> SealFile:
        if self._seals is None:
            raise ConfigError("JOURNAL-SEALS", "This journal has no seal file.", next_step="Open it as a workspace.")
        return self._seals

    def _walk(self, wanted: Set[int], *, after: tuple[int, str] = (0, FIRST_PREV_HASH)) -> _Walked:
        """Check the chain after an entry (its number and hash), page by page; `hashes` of the wanted entries that hold."""
        hashes: dict[int, str] = {}
        first_bad, (place, prev_hash), last, entries = None, after, after[0], after[0]
        while True:
            query = select(JournalRow).where(JournalRow.seq > last).order_by(col(JournalRow.seq)).limit(PAGE)
            with reading(self._engine) as session:
                rows = session.exec(query).all()
            entries += len(rows)
            for row in rows:
                place, last = place + 1, row.seq
                entry_hash = _hash_of_sound(row, seq=place, prev_hash=prev_hash) if first_bad is None else None
                if entry_hash is None:
                    first_bad = first_bad or place
                elif place in wanted:
                    hashes[place] = entry_hash
                prev_hash = entry_hash or ""
            if len(rows) < PAGE:
                return _Walked(entries, first_bad, hashes)


def _differing(seal: Seal, *, sound: int, entries: int) -> tuple[int, str]:
    """Where a chain that holds differs from a seal, the seal at `sound` being right, and what that means."""
    place = entries + 1 if seal.seq > entries else sound + 1
    what = f"cut off after entry {entries}" if seal.seq > entries else f"written anew between entries {place} and {seal.seq}"
    return place, f"The journal was {what}: a seal of {seal.sealed_at:%Y-%m-%d %H:%M} UTC says otherwise."


@dataclass(frozen=True)
class _Walked:
    """How many entries there are, the first that does not hold, and hashes of some that do."""

    entries: int
    first_bad: int | None
    hashes: Mapping[int, str]


def append_in(
    session: Session, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, Any]
) -> JournalEntry:
    """Add one entry inside a write transaction that is already open.

    Must be the last thing the transaction locks: from here to its end every other writer of the journal waits. Raises DataError
    JOURNAL-BROKEN where the last entry cannot be read any more: nothing can follow it.
    """
    serialise(session, "journal")
    last = session.exec(select(JournalRow).where(JournalRow.seq == select(func.max(JournalRow.seq)).scalar_subquery())).first()
    body: dict[str, Any] = {
        "seq": 1 if last is None else last.seq + 1,
        "prev_hash": FIRST_PREV_HASH if last is None else _entry(last.seq, last.entry).entry_hash,
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


def _whose_action(begins: str) -> list[ColumnElement[bool]]:
    """What holds for entries whose action begins so ("" = any): `action` is the first key of their canonical JSON."""
    if not begins:
        return []
    start = '{"action":' + rfc8785.dumps(_plain(begins)).decode()[:-1]
    return [func.substr(JournalRow.entry, 1, len(start)) == start]


def _entry(seq: int, entry: str) -> JournalEntry:
    try:
        return JournalEntry.model_validate(_read(entry))
    except (ValueError, RecursionError) as error:
        raise DataError(
            "JOURNAL-BROKEN",
            f"Entry {seq} of the journal cannot be read: it is not what was written there.",
            next_step="Run `liftwright journal verify` and find out who changed it.",
        ) from error


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
