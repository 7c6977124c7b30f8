"""What the journal says about people who were erased: which lake file took the place of which, and who it was, as salted digests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, select

from liftwright.store.engine import reading
from liftwright.store.tables import JournalRow

SUBJECT, ACTION = "people", "person.erased"


def replacements(engine: Engine) -> dict[str, str]:
    """Digest of a file that held somebody to that of the file without them."""
    return {str(old): str(new) for detail in _details(engine) for old, new in detail["files"].items()}


def pseudonyms(engine: Engine) -> frozenset[str]:
    """Salted digests of the ids and addresses of everybody who was erased."""
    return frozenset(str(name) for detail in _details(engine) for name in detail["who"])


def _details(engine: Engine) -> Iterator[dict[str, Any]]:
    with reading(engine) as session:
        query = select(JournalRow.entry).where(JournalRow.subject == SUBJECT).order_by(col(JournalRow.seq))
        entries = [json.loads(entry) for entry in session.exec(query)]
    return (entry["detail"] for entry in entries if entry["action"] == ACTION)
