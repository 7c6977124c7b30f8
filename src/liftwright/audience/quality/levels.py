"""A column of any kind as a few levels, and how well those tell an outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.quality.look import is_text

BINS = 10
MOST_LEVELS = 60
"""Of texts with more different values the most frequent ones are looked at one by one, the rest together."""
SHRINK = 5.0
"""A level's rate counts as much as this many rows with the usual rate."""

Floats = npt.NDArray[np.float64]
Levels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def levels_of(column: pa.Array) -> tuple[Levels, Mask]:
    """Values as small numbers from 1 (numbers and times in ten bins; 0 where there is none), and where there is any.

    Of a text with more than MOST_LEVELS values only whether it is filled.
    """
    filled = column.is_valid().to_numpy(zero_copy_only=False)
    if _is_number(column.type):
        return _binned(column)
    if is_text(column.type):
        filled = filled & pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False).to_numpy(zero_copy_only=False)
        encoded = column.dictionary_encode()
        if len(encoded.dictionary) <= MOST_LEVELS:
            codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
            return np.where(filled, codes, 0), filled
    return filled.astype(np.int64), filled


def finer_levels_of(column: pa.Array) -> tuple[Levels, Mask]:
    """As `levels_of`, but of texts with many values the most frequent ones, and one number for the rest."""
    levels, filled = levels_of(column)
    if not is_text(column.type) or int(levels.max(initial=0)) > 1 or not filled.any():
        return levels, filled
    encoded = column.dictionary_encode()
    codes = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False).astype(np.int64)
    count = np.bincount(codes[filled], minlength=len(encoded.dictionary))
    place = np.full(len(count), MOST_LEVELS, dtype=np.int64)
    usual = np.argsort(-count, kind="stable")[: MOST_LEVELS - 1]
    place[usual] = np.arange(1, len(usual) + 1)
    return np.where(filled, place[codes], 0), filled


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


def told_by(levels: Levels, happened: Mask) -> tuple[float, float]:
    """(AUC, share of the entropy explained) of the outcome rate of each level, learned on one half and judged on the other, both ways.

    (.5, 0) says nothing.
    """
    size = int(levels.max()) + 1 if len(levels) else 1
    if size < 2 or min(happened.sum(), (~happened).sum()) < 2:
        return 0.5, 0.0
    half, base = (np.arange(len(levels)) * 2654435761 >> 7) % 2, float(happened.mean())
    areas, loss = [], 0.0
    for side in (0, 1):
        mine, other = half == side, half != side
        rows, hits = _counted(levels[mine], size), _counted(levels[mine & happened], size)
        rate = (hits + SHRINK * base) / (rows + SHRINK)
        yes, no = _counted(levels[other & happened], size), _counted(levels[other & ~happened], size)
        areas.append(_area(rate, yes, no))
        sure = np.clip(rate, 1e-9, 1 - 1e-9)
        loss -= float((yes * np.log(sure) + no * np.log(1 - sure)).sum())
    usual = -len(levels) * (base * np.log(base) + (1 - base) * np.log(1 - base))
    return float(np.mean(areas)), 1.0 - loss / usual


def _counted(levels: Levels, size: int) -> Floats:
    return np.bincount(levels, minlength=size).astype(np.float64)


def _area(rate: Floats, yes: Floats, no: Floats) -> float:
    """Chance that one with the outcome has a higher rate than one without; ties count half."""
    _, order = np.unique(rate, return_inverse=True)
    with_it, without = np.bincount(order, yes), np.bincount(order, no)
    pairs = with_it.sum() * without.sum()
    return float((with_it * (np.cumsum(without) - without / 2)).sum() / pairs) if pairs else 0.5
