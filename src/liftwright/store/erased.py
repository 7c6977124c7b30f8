"""What the journal says about people who were erased: which lake file took the place of which, and who it was, as salted digests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from liftwright.store.journal import SqlJournal

SUBJECT, ACTION = "people", "person.erased"


def replacements(engine: Engine) -> dict[str, str]:
    """Digest of a file that held somebody to that of the file without them."""
    return {str(old): str(new) for detail in _details(engine) for old, new in detail["files"].items()}


def pseudonyms(engine: Engine) -> frozenset[str]:
    """Salted digests of the ids and addresses of everybody who was erased."""
    return frozenset(str(name) for detail in _details(engine) for name in detail["who"])


def _details(engine: Engine) -> list[dict[str, Any]]:
    return [entry.detail for entry in SqlJournal(engine).entries(subject=SUBJECT) if entry.action == ACTION]
