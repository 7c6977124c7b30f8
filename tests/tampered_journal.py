"""A journal with some entries, and what somebody with the database's own rights does to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from liftwright.domain.campaign import JournalEntry
from liftwright.store.journal import SqlJournal

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GUARDS = {
    "sqlite": [f"DROP TRIGGER journal_no_{what}" for what in ("update", "delete", "replace")],
    "postgresql": ["DROP TRIGGER journal_append_only ON journal", "DROP TRIGGER journal_no_truncate ON journal"],
}


def append(journal: SqlJournal, number: int) -> list[JournalEntry]:
    return [
        journal.append(
            at=NOW + timedelta(minutes=i), actor="anna", action="test", subject=f"s{i % 2}", detail={"amount": i + 0.5}
        )
        for i in range(number)
    ]


def behind_its_back(engine: Any, *statements: str, **values: object) -> None:
    with engine.begin() as connection:
        for statement in (*GUARDS[engine.dialect.name], *statements):
            connection.execute(text(statement), values)
