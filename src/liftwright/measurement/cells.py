"""A campaign's outcomes by cell and arm as sufficient statistics: sums that can be put together, whoever asks later."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.domain.learning import Moments

Floats = npt.NDArray[np.float64]
CELL = ("channel", "segment", "offer")


def by_cell(
    people: pa.Table, *, holdout_share: float, cap: float | None
) -> Iterator[tuple[tuple[str, str, str], Moments, Moments]]:
    """(channel, segment, offer), treated, holdout of every cell, sorted.

    people: arm, channel, segment, offer, expected, margin, orders, one row per person compared. The cell is what a person would have got
    first, known before the draw and the same in both arms, so each cell is a small experiment of its own. A person weighs 1 / chance of
    their arm; margins above `cap` (or below its negative) count as it.
    """
    names = [np.asarray(people[name].to_pylist(), dtype=object).astype(str) for name in CELL]
    held = np.asarray(people["arm"].to_pylist(), dtype=object) == "holdout"
    margin = np.asarray(people["margin"].to_numpy(), dtype=np.float64)
    margin = margin if cap is None else np.clip(margin, -cap, cap)
    orders = np.asarray(people["orders"].to_numpy(), dtype=np.float64)
    expected = np.asarray(people["expected"].to_numpy(), dtype=np.float64)
    weight = np.where(held, 1.0 / holdout_share, 1.0 / (1.0 - holdout_share))
    keys, cell = np.unique(np.stack(names, axis=1), axis=0, return_inverse=True)
    for number, (channel, segment, offer) in enumerate(keys.tolist()):
        mine = cell.ravel() == number
        treated, holdout = (_moments(mine & arm, orders, margin, expected, weight) for arm in (~held, held))
        yield (channel, segment, offer), treated, holdout


def _moments(rows: npt.NDArray[np.bool_], orders: Floats, margin: Floats, expected: Floats, weight: Floats) -> Moments:
    w = weight[rows]
    return Moments(
        people=int(rows.sum()),
        conversions=int((orders[rows] > 0).sum()),
        weight=float(w.sum()),
        weight_squares=float((w**2).sum()),
        total=float((w * margin[rows]).sum()),
        squares=float((w * margin[rows] ** 2).sum()),
        expected=float((w * expected[rows]).sum()),
    )
