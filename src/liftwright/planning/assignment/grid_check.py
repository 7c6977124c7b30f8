"""Verify a plan on a grid of options x people from plain arrays alone. Shares no code with the solver, on purpose.

value: (options, people), -inf or NaN = not allowed. slot: (options,) at most one option of a slot per person. kinds: pairs (limit of
each option, past the last = none; use, (options, 1) or (options, people)). cap: most options per person, a number or (people,).
plan: (slots, people), the option chosen in each slot, -1 = none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
STEP = 20_000
"""How many people are looked at at a time."""


def violations(
    plan: Array,
    *,
    value: Array,
    slot: Array,
    kinds: Sequence[tuple[Array, Array]],
    limits: Array,
    cap: Array | int,
    objective: float | None = None,
) -> list[str]:
    """Every violation as a sentence; an empty list means feasible. `objective`: also recompute it and compare."""
    found, total, used = [], 0.0, np.zeros(len(limits) + 1)
    caps = np.broadcast_to(np.asarray(cap), value.shape[1])
    for start in range(0, value.shape[1], STEP):
        mine = plan[:, start : start + STEP]
        place, person = np.nonzero(mine != -1)
        option = mine[place, person].astype(np.int64)
        if ((option < 0) | (option >= value.shape[0])).any():
            return [f"the plan names options that do not exist (people from {start})"]
        worth = value[option, start + person].astype(np.float64)
        checks = (
            ("options in a slot that is not theirs", slot[option] != place),
            ("options that are not allowed", ~np.isfinite(worth)),
            (
                "people with more options than they may have",
                np.bincount(person, minlength=1) > caps[start:][: person.max(initial=0) + 1],
            ),
        )
        found += [f"{int(wrong.sum())} {says} (people from {start})" for says, wrong in checks if wrong.any()]
        total += float(worth.sum())
        for limit, use in kinds:
            amount = use[option, 0] if use.shape[1] == 1 else use[option, start + person]
            used += np.bincount(limit[option], weights=amount, minlength=len(used))
    over = np.flatnonzero(used[:-1] > limits + 1e-6 * np.maximum(1.0, limits))
    found += [f"limit {number} is {limits[number]:.6g} and {used[number]:.6g} is used" for number in over]
    if objective is not None and abs(total - objective) > 1e-6 * max(1.0, abs(objective)):
        found.append(f"the objective is {total:.6f} by the plan, not {objective:.6f}")
    return found


def bound(
    prices: Array, *, value: Array, slot: Array, kinds: Sequence[tuple[Array, Array]], limits: Array, cap: Array | int
) -> float:
    """The upper bound that prices prove: limits at their prices plus everybody's best choice at those prices, in double precision.

    Holds for any prices >= 0 (weak duality). Raises ValueError for a negative price.
    """
    if (prices < 0).any():
        raise ValueError("a price is negative")
    padded, total = np.append(prices, 0.0), float(np.dot(prices, limits))
    caps = np.broadcast_to(np.asarray(cap), value.shape[1])
    edges = np.flatnonzero(np.append(True, slot[1:] != slot[:-1]))
    for start in range(0, value.shape[1], STEP):
        left = value[:, start : start + STEP].astype(np.float64)
        for limit, use in kinds:
            left -= padded[limit][:, None] * (use if use.shape[1] == 1 else use[:, start : start + STEP])
        best = np.maximum.reduceat(np.where(np.isfinite(left), left, 0.0), edges, axis=0)
        best = -np.sort(-np.maximum(best, 0.0), axis=0)
        rank = np.arange(len(best))[:, None]
        total += float(best[np.broadcast_to(rank < caps[start : start + STEP], best.shape)].sum())
    return total
