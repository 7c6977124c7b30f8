"""Columns that were filled after the outcome: they sort it too well, because they already know it. Needs no configuration."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FEWEST_ROWS = 200
FEWEST_OF_EACH = 30
"""With fewer rows, or fewer with or without the outcome, nothing is said."""
MOST_ROWS = 20_000
"""More rows than this are looked at every n-th."""
BINS = 10
MOST_LEVELS = 60
"""Texts with more different values are only asked whether they are filled at all."""
ALONE = 0.88
"""AUC of one column alone above which it must know the outcome."""
AMONG_FILLED, LATE_SHARE, LATE_RATE = 0.80, 0.20, 0.65
"""A column that at least this share of rows lacks, whose outcome is so much rarer than everybody's, and that sorts the filled rows
at this AUC, was filled by those who worked on the promising ones."""
ONLY_AFTER = 0.95
"""Share of the filled rows that have the outcome above which being filled is a consequence of it."""
NAMED = 0.65
"""AUC from which a column counts as leaking whose name says that it is overwritten as things go on."""
_OVERWRITTEN = frozenset(
    ["last", "latest", "final", "closing", "closed", "modified", "updated", "status", "stage", "quality", "disposition", "result", "resolution"]
)  # fmt: skip

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Leak:
    """A column not to learn from: its AUC for the outcome when it is used alone (out of fold), and why it cannot have been known."""

    column: str
    auc: float
    says: str


def find(table: pa.Table, outcome: npt.ArrayLike, *, skip: Collection[str] = ()) -> tuple[Leak, ...]:
    """Leaking columns of `table`, the worst first; `outcome` holds true or false per row, `skip` the columns not to judge.

    Silent (empty) below FEWEST_ROWS rows or FEWEST_OF_EACH of either outcome. Any column type is survived; what cannot be compared
    (lists, structs) is only asked whether it is filled. Raises ValueError when the lengths differ.
    """
    happened = np.asarray(outcome, dtype=bool)
    if len(happened) != table.num_rows:
        raise ValueError(f"{len(happened)} outcomes for {table.num_rows} rows")
    if len(happened) > MOST_ROWS:
        chosen = np.arange(0, len(happened), -(-len(happened) // MOST_ROWS))
        table, happened = table.take(pa.array(chosen)), happened[chosen]
    if len(happened) < FEWEST_ROWS or min(happened.sum(), (~happened).sum()) < FEWEST_OF_EACH:
        return ()
    found = [_leak(name, table[name].combine_chunks(), happened) for name in table.column_names if name not in skip]
    return tuple(sorted((leak for leak in found if leak is not None), key=lambda leak: (-leak.auc, leak.column)))


def _leak(name: str, column: pa.Array, happened: npt.NDArray[np.bool_]) -> Leak | None:
    levels, filled = levels_of(column)
    base, among = float(happened.mean()), int(filled.sum())
    alone = _auc(levels, happened)
    if alone >= ALONE:
        return Leak(name, alone, f"alone it sorts the outcome almost perfectly (AUC {alone:.2f})")
    if FEWEST_OF_EACH <= among < len(filled) and float(happened[filled].mean()) >= ONLY_AFTER > 0.8 >= base:
        share = float(happened[filled].mean())
        return Leak(
            name, alone, f"it is filled for {among:,} rows, and {share:.0%} of them have the outcome, against {base:.0%} of all"
        )
    if 1 - among / len(filled) >= LATE_SHARE and among >= FEWEST_ROWS and float(happened[~filled].mean()) <= LATE_RATE * base:
        inside = _auc(levels[filled], happened[filled])
        if inside >= AMONG_FILLED:
            says = f"it is empty where the outcome is rare and sorts the rest (AUC {inside:.2f}): it was filled while people were worked on"
            return Leak(name, alone, says)
    if alone >= NAMED and set(re.findall(r"[a-z]+", name.lower())) & _OVERWRITTEN:
        return Leak(name, alone, f"by its name it is overwritten as things go on, and it sorts the outcome (AUC {alone:.2f})")
    return None


def levels_of(column: pa.Array) -> tuple[Levels, npt.NDArray[np.bool_]]:
    """Values as small numbers from 1 (numbers and times in ten bins; 0 where there is none), and where there is any."""
    filled = column.is_valid().to_numpy(zero_copy_only=False)
    if _is_number(column.type):
        return _binned(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        filled = filled & pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False).to_numpy(zero_copy_only=False)
        encoded = column.dictionary_encode()
        if len(encoded.dictionary) <= MOST_LEVELS:
            codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
            return np.where(filled, codes, 0), filled
    return filled.astype(np.int64), filled


def _is_number(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_temporal(kind))


def _binned(column: pa.Array) -> tuple[Levels, npt.NDArray[np.bool_]]:
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    filled = ~np.isnan(values)
    known = np.unique(values[filled])
    edges = (
        known[1:]
        if len(known) <= BINS + 2
        else np.unique(np.quantile(values[filled], np.linspace(0, 1, BINS + 1)[1:-1], method="lower"))
    )
    return np.where(filled, np.searchsorted(edges, values, side="right") + 1, 0), filled


def _auc(levels: Levels, happened: npt.NDArray[np.bool_]) -> float:
    """AUC of the outcome rate of each level, learned on one half and judged on the other, both ways; .5 says nothing."""
    size = int(levels.max()) + 1 if len(levels) else 1
    if size < 2 or min(happened.sum(), (~happened).sum()) < 2:
        return 0.5
    half = (np.arange(len(levels)) * 2654435761 >> 7) % 2
    found = []
    for side in (0, 1):
        mine, other = half == side, half != side
        rows, hits = _counted(levels[mine], size), _counted(levels[mine & happened], size)
        rate = (hits + 5 * happened.mean()) / (rows + 5)
        found.append(_area(rate, _counted(levels[other & happened], size), _counted(levels[other & ~happened], size)))
    return float(np.mean(found))


def _counted(levels: Levels, size: int) -> Floats:
    return np.bincount(levels, minlength=size).astype(np.float64)


def _area(rate: Floats, yes: Floats, no: Floats) -> float:
    """Chance that one with the outcome has a higher rate than one without; ties count half."""
    _, order = np.unique(rate, return_inverse=True)
    with_it, without = np.bincount(order, yes), np.bincount(order, no)
    pairs = with_it.sum() * without.sum()
    return float((with_it * (np.cumsum(without) - without / 2)).sum() / pairs) if pairs else 0.5
