"""Many records of one person into one row. Whatever protects the person wins: a denial, an objection, the younger birth date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from liftwright.domain.profile import PROTECTIVE_FLAGS

_GRANTED = frozenset({"granted", "true", "yes", "y", "1"})
_DENIED = frozenset({"denied", "false", "no", "n", "0"})


def folded(table: pa.Table, groups: Sequence[Sequence[int]]) -> pa.Table:
    """One row per group of row numbers, in the order given; within a group, the row that leads comes first.

    Consent per channel: a denial beats a grant, a grant beats silence. A flag that keeps messages away is set when any record sets it.
    The birth date is the latest. Every other column has the first value known.
    """
    leaders = table.take(pa.array([group[0] for group in groups], pa.int64()))
    many = {place: group for place, group in enumerate(groups) if len(group) > 1}
    if not many:
        return leaders
    rows = [row for group in many.values() for row in group]
    merged = table.take(pa.array(rows, pa.int64()))
    for index, name in enumerate(table.column_names):
        values, column = iter(merged[name].to_pylist()), leaders[name].to_pylist()
        for place, group in many.items():
            column[place] = one_value(name, [next(values) for _ in group])
        leaders = leaders.set_column(index, name, pa.array(column, table.schema.field(name).type))
    return leaders


def one_value(name: str, values: Sequence[Any]) -> Any:
    """The value of a person in the column `name`, from those of their records, the leading one first."""
    known = [value for value in values if value is not None]
    if name.startswith("consent_"):
        return _first(known, _DENIED, _first(known, _GRANTED, known[0] if known else None))
    if name in PROTECTIVE_FLAGS:
        return _first(known, _GRANTED, known[0] if known else None)
    if name == "birth_date":
        return max(known, default=None)
    return known[0] if known else None


def _first(values: Sequence[Any], words: frozenset[str], otherwise: Any) -> Any:
    return next((value for value in values if said(value) in words), otherwise)


def said(value: Any) -> str:
    """A consent or flag as the rules read it: small letters, no blanks around."""
    return str(value).strip().lower()


def is_denied(value: Any) -> bool:
    """Whether a consent says no."""
    return said(value) in _DENIED


def is_granted(value: Any) -> bool:
    """Whether a consent says yes."""
    return said(value) in _GRANTED
