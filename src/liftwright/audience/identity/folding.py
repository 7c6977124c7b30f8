"""Many records of one person into one row. Whatever protects the person wins: a denial, an objection, the younger birth date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.profile import PROTECTIVE_FLAGS

_GRANTED = frozenset({"granted", "true", "yes", "y", "1"})
_DENIED = frozenset({"denied", "false", "no", "n", "0"})


def kept_rows(count: int, merged: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """The row that stands for each person, ascending: all of `count` but those that follow another in a group."""
    is_kept = np.ones(count, dtype=bool)
    is_kept[[row for group in merged for row in group[1:]]] = False
    return np.flatnonzero(is_kept)


def folded(table: pa.Table, merged: Sequence[Sequence[int]]) -> pa.Table:
    """One row per person, in the order of `kept_rows`; `merged` are the rows of people with several, the leading one first.

    Consent per channel: a denial beats a grant, a grant beats silence. A flag that keeps messages away is set when any record sets it.
    The birth date is the latest. Every other column has the first value known.
    """
    if not merged:
        return table
    kept = kept_rows(table.num_rows, merged)
    leaders = table.take(pa.array(kept))
    merged = sorted(merged, key=lambda group: group[0])
    places = np.isin(kept, [group[0] for group in merged])
    ranks = [
        pa.array([group[rank] if rank < len(group) else None for group in merged], pa.int64())
        for rank in range(max(map(len, merged)))
    ]
    for index, field in enumerate(table.schema):
        column = table[field.name].combine_chunks()
        if _is_first_known(field.name):
            values = pc.coalesce(*(column.take(rank) for rank in ranks))
        else:
            values = pa.array(_values(field.name, column, merged), field.type)
        leaders = leaders.set_column(
            index, field, pc.replace_with_mask(leaders[field.name].combine_chunks(), pa.array(places), values)
        )
    return leaders


def _is_first_known(name: str) -> bool:
    return not (name.startswith("consent_") or name in PROTECTIVE_FLAGS or name == "birth_date")


def _values(name: str, column: pa.Array, groups: Sequence[Sequence[int]]) -> list[Any]:
    values = iter(column.take(pa.array([row for group in groups for row in group], pa.int64())).to_pylist())
    return [one_value(name, [next(values) for _ in group]) for group in groups]


def one_value(name: str, values: Sequence[Any]) -> Any:
    """What protects the person most in the column `name`, from the values of their records, the leading one first."""
    known = [value for value in values if value is not None]
    if name.startswith("consent_"):
        return _first(known, _DENIED, _first(known, _GRANTED, known[0] if known else None))
    if name in PROTECTIVE_FLAGS:
        return _first(known, _GRANTED, known[0] if known else None)
    return max(known, default=None)


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
