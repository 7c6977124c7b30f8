"""UTC in, UTC out, on a database that knows time zones (PostgreSQL) and on one that does not (SQLite)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.types import TypeDecorator


class NaiveTime(DontWrapMixin, ValueError):
    """A time without an offset was about to be stored."""


def utc(at: datetime) -> datetime:
    """The same moment in UTC; raises NaiveTime when `at` has no offset."""
    if at.tzinfo is None:
        raise NaiveTime(f"{at.isoformat()} has no offset and cannot be stored; give it one, for example +00:00")
    return at.astimezone(UTC)


class UtcTime(TypeDecorator[datetime]):
    """A moment, microseconds, always aware and in UTC on the Python side."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return None if value is None else utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        at: datetime = value
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
