"""What is kept about one person outside the journal: found for them, or erased.

Erasing writes every lake file that holds them anew without them and makes a snapshot of those; the old files go, and their digests answer with
the new ones, so that plans made before still read. In the ledger their sends stay, for the accounts, under a random name. The journal has
never known anybody but by a salted digest (HMAC-SHA256, RFC 2104; the salt is a file beside the database), so its chain is not touched: it
gains the entry that says so. GDPR art. 15, 17 and 20 are what this is for.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine, delete, select, text, update
from sqlmodel import Session

from liftwright.domain.errors import DataError
from liftwright.domain.profile import ERASED, Erased, Identifiers
from liftwright.store import erased
from liftwright.store.engine import writing
from liftwright.store.journal import append_in
from liftwright.store.lake import ParquetLake, without_files
from liftwright.store.ledger import SqlLedger
from liftwright.store.requests import REQUESTS
from liftwright.store.tables import SENDS
from liftwright.store.visits import OF_PEOPLE, kept_of

SALT = "people.key"
ID_COLUMNS = ("customer_id", "left_id", "right_id")
"""Columns of the lake that name people by id."""
_HELD = ("leased", "sending")


class SqlTraces:
    """Lake and ledger, seen from one person. `keys` is the folder of the salt, which is made when it is first needed."""

    def __init__(self, engine: Engine, lake: ParquetLake, keys: Path) -> None:
        self._engine, self._lake, self._keys = engine, lake, keys

    def pseudonym(self, value: str) -> str:
        """The salted digest under which the journal knows an id or an address."""
        return _pseudonym(value, salt(self._keys))

    def find(self, who: Identifiers) -> dict[str, pa.Table]:
        """Their rows of every file in the lake, by its digest, of the ledger as `sends`, and of visits lately, if any, as `visits`."""
        found = {digest: table.filter(theirs) for digest, table, theirs in self._holding(who)}
        sends = SqlLedger(self._engine).sends()
        visits = kept_of(self._engine, who.ids)
        found |= {"visits": visits} if visits.num_rows else {}
        return found | {"sends": sends.filter(_any_of(sends["customer_id"], who.ids))}

    def erase(self, who: Identifiers, *, by: str, reason: str, now: datetime) -> Erased:
        """Take them out of the lake and the ledger, with one journal entry. Doing it again finishes what a crash left.

        Raises DataError PERSON-BUSY while a message to them is being delivered; then nothing was changed.
        """
        files: dict[str, str] = {}
        rows = 0
        for digest, table, theirs in self._holding(who):
            files[digest] = self._lake.put(table.filter(pc.invert(theirs)))
            rows += int(pc.sum(theirs).as_py() or 0)
        names = sorted(self.pseudonym(value) for value in who.all)
        with writing(self._engine) as session:
            sends = _unname(session, who)
            for table in (*OF_PEOPLE, REQUESTS):
                session.execute(delete(table).where(table.c.customer_id.in_(sorted(who.ids))))
            if files or sends or not set(names) <= erased.pseudonyms(self._engine):
                snapshot = without_files(session, files, now=now)
                detail = {"who": names, "files": files, "rows": rows, "sends": sends, "snapshot": snapshot, "reason": reason}
                append_in(session, at=now, actor=by, action=erased.ACTION, subject=erased.SUBJECT, detail=detail)
        for old in erased.replacements(self._engine):
            self._lake.remove(old)
        _forget_pages(self._engine)
        return Erased(rows=rows, files=len(files), sends=sends)

    def are_erased(self, values: Sequence[str | None]) -> list[bool]:
        """For each id or address, whether it belongs to somebody who was erased. Null is nobody."""
        gone = erased.pseudonyms(self._engine)
        if not gone:
            return [False] * len(values)
        key = salt(self._keys)
        return [value is not None and (value.startswith(ERASED) or _pseudonym(value, key) in gone) for value in values]

    def _holding(self, who: Identifiers) -> Iterator[tuple[str, pa.Table, pa.Array]]:
        """(digest, table, which rows are theirs) of every file that has such rows. Files are checked against their digests first."""
        replaced = erased.replacements(self._engine)
        for digest in self._lake.digests():
            texts = [field.name for field in self._lake.schema(digest) if pa.types.is_string(field.type)]
            if not texts or digest in replaced:
                continue
            table = self._lake.get(digest)
            theirs = _theirs(table, texts, who)
            if pc.any(theirs).as_py():
                yield digest, table, theirs


def salt(keys: Path) -> bytes:
    """The salt of this workspace, made once; whoever comes first makes it for all. Its owner's only."""
    path = keys / SALT
    if not path.exists():
        keys.mkdir(parents=True, exist_ok=True)
        beside = keys / f".{SALT}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            pass
        finally:
            beside.unlink()
    found = path.read_bytes()
    if len(found) != 32:
        raise DataError("PERSON-SALT", f"{path} is not what was written there.", next_step="Put the copy of it back.")
    return found


def _pseudonym(value: str, key: bytes) -> str:
    return "p-" + hmac.new(key, _spelled(value).encode(), hashlib.sha256).hexdigest()[:32]


def _spelled(value: str) -> str:
    """Addresses are compared in lower case; an id keeps its spelling."""
    return value.strip().lower() if "@" in value else value


def _theirs(table: pa.Table, texts: Sequence[str], who: Identifiers) -> pa.Array:
    """Rows that name them by id, or have one of their addresses as a whole cell."""
    found = pa.array([False] * table.num_rows, pa.bool_())
    addresses = {_spelled(address) for address in who.addresses}
    for name in texts:
        if name in ID_COLUMNS:
            found = pc.or_(found, _any_of(table[name], who.ids))
        elif addresses:
            found = pc.or_(found, _any_of(pc.utf8_lower(pc.utf8_trim_whitespace(table[name])), addresses))
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _any_of(column: Any, values: Any) -> Any:
    return pc.is_in(column, value_set=pa.array(sorted(values), pa.string()))


def _unname(session: Session, who: Identifiers) -> int:
    """Give their sends a random name, the same for all of them. DataError PERSON-BUSY while one of them is on its way."""
    query = select(SENDS.c.send_id, SENDS.c.idem_key, SENDS.c.customer_id, SENDS.c.state)
    rows = session.execute(query.where(SENDS.c.customer_id.in_(sorted(who.ids))).with_for_update()).all()
    if any(row.state in _HELD for row in rows):
        raise DataError(
            "PERSON-BUSY", "A message to them is being delivered right now.", next_step="Run the same command again in a minute."
        )
    name = ERASED + secrets.token_hex(8)
    for row in rows:
        values: Mapping[str, Any] = {"customer_id": name, "idem_key": f"{name}:{row.send_id}"}
        session.execute(update(SENDS).where(SENDS.c.send_id == row.send_id).values(**values))
    return len(rows)


def _forget_pages(engine: Engine) -> None:
    """SQLite keeps old pages in its write-ahead log until they are needed: write them over now."""
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
