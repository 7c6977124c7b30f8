"""Sends as a table: read at once and not value by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import ColumnElement, Text, type_coerce

from liftwright.domain.campaign import SEND_FIELDS
from liftwright.store.tables import SENDS

MOMENT = pa.timestamp("us", tz="UTC")
TYPES: dict[str, Any] = {
    **dict.fromkeys(SEND_FIELDS, pa.string()),
    **dict.fromkeys(("wave", "priority", "attempts"), pa.int64()),
    **dict.fromkeys(("discount", "cost"), pa.float64()),
    **dict.fromkeys(("send_at", "lease_until", "sent_at"), MOMENT),
}


def as_table(rows: Sequence[Any], names: Sequence[str]) -> pa.Table:
    """Rows of the ledger, whose columns were selected as `as_stored`, as Arrow."""
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.table({name: _column(column, TYPES[name]) for name, column in zip(names, columns, strict=True)})


def as_stored(name: str) -> ColumnElement[Any]:
    """A column of the ledger; a time as the database has it, for a table of times is read at once and not one by one."""
    column = SENDS.c[name]
    return type_coerce(column, Text).label(name) if TYPES[name] == MOMENT else column


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Values of one type as Arrow; SQLite writes times as UTC texts, PostgreSQL knows times."""
    if kind == MOMENT and any(isinstance(value, str) for value in values):
        return pc.assume_timezone(pa.array(values, pa.string()).cast(pa.timestamp("us")), "UTC")
    return pa.array(values, kind)
