"""Columns of any kind as numbers: amounts stay, texts become one 0/1 column per usual value, what is missing is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.scoring.design import Floats

MOST_LEVELS = 30
FEWEST_ROWS = 10
"""A text value that fewer rows have gets no column of its own."""
_MOSTLY_DIFFERENT = 0.5
"""A text whose values are different in more than this share of rows is a name or a remark, not a kind."""


@dataclass(frozen=True)
class Encoding:
    """`numbers`: column and what stands in for a missing value; `missing`: columns that get a 0/1 column for it; `levels` by text column."""

    numbers: Mapping[str, float]
    missing: tuple[str, ...]
    levels: Mapping[str, tuple[str, ...]]

    @classmethod
    def fit(cls, table: pa.Table, names: Sequence[str]) -> Encoding:
        """Learn from these columns; those that are of no use (dates, names, remarks, running numbers) are left out."""
        numbers: dict[str, float] = {}
        levels: dict[str, tuple[str, ...]] = {}
        for name in names:
            column = table[name]
            if is_number(column):
                values = as_floats(column)
                known = values[np.isfinite(values)]
                if len(known) and not _is_running(known):
                    numbers[name] = float(np.median(known))
            elif is_text(column):
                levels[name] = _levels(column)
        present = {name: as_floats(table[name]) for name in numbers}
        missing = tuple(name for name, values in present.items() if not np.isfinite(values).all())
        return cls(numbers, missing, {name: found for name, found in levels.items() if found})

    @property
    def sources(self) -> dict[str, str]:
        """The original column of every encoded one, in order."""
        return {
            **{name: name for name in self.numbers},
            **{f"{name}_is_missing": name for name in self.missing},
            **{f"{name}_is_{level}": name for name, levels in self.levels.items() for level in levels},
        }

    def apply(self, table: pa.Table) -> pa.Table:
        """The encoded columns, floats. Columns and values never seen before count as missing."""
        found: dict[str, Floats] = {}
        for name, usual in self.numbers.items():
            is_usable = name in table.column_names and is_number(table[name])
            values = as_floats(table[name]) if is_usable else np.full(table.num_rows, np.nan)
            is_known = np.isfinite(values)
            found[name] = np.where(is_known, values, usual)
            if name in self.missing:
                found[f"{name}_is_missing"] = (~is_known).astype(np.float64)
        for name, levels in self.levels.items():
            texts = _texts(table[name]) if name in table.column_names else pa.nulls(table.num_rows, pa.string())
            place = pc.fill_null(pc.index_in(texts, value_set=pa.array(levels, pa.string())), -1).to_numpy(zero_copy_only=False)
            found |= {f"{name}_is_{level}": (place == number).astype(np.float64) for number, level in enumerate(levels)}
        return pa.table({name: found[name] for name in self.sources})

    def as_json(self) -> dict[str, Any]:
        """Plain values; order is kept."""
        levels = [[name, list(found)] for name, found in self.levels.items()]
        return {"numbers": [[n, v] for n, v in self.numbers.items()], "missing": list(self.missing), "levels": levels}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Encoding:
        """The encoding whose `as_json` this is."""
        levels = {str(name): tuple(found) for name, found in data["levels"]}
        return cls({str(n): float(v) for n, v in data["numbers"]}, tuple(data["missing"]), levels)


def is_number(column: Any) -> bool:
    """Whether a column holds numbers or yes/no."""
    kind = column.type
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind))


def is_text(column: Any) -> bool:
    """Whether a column holds texts."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def as_floats(column: Any) -> Floats:
    """Numbers as floats; missing and infinite ones as NaN."""
    values = np.asarray(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _texts(column: Any) -> Any:
    texts = column.cast(pa.string())
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _is_running(known: Floats) -> bool:
    """Whole numbers that are different in every one of many rows: an id."""
    return len(known) > MOST_LEVELS and bool((known == np.round(known)).all()) and len(np.unique(known)) == len(known)


def _levels(column: Any) -> tuple[str, ...]:
    """The usual values, most frequent first, among equals by the alphabet."""
    counts = {str(row["values"]): int(row["counts"]) for row in pc.value_counts(_texts(column)).to_pylist() if row["values"]}
    rows = sum(counts.values())
    if len(counts) > _MOSTLY_DIFFERENT * rows and len(counts) > MOST_LEVELS:
        return ()
    usual = sorted((level for level, count in counts.items() if count >= FEWEST_ROWS), key=lambda level: (-counts[level], level))
    return tuple(usual[:MOST_LEVELS])
