"""Tomorrow's money by channel: the best split of the expected curves, one step from today's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from liftwright.planning.budget_curves import Curve

Floats = npt.NDArray[np.float64]
MOST_A_DAY = 0.30
"""A channel's spend changes by at most this share from one day to the next."""
FLOOR = 0.05
"""No channel gets less than this share of the day's money: what is not tried cannot be learned."""
STEPS = 400
"""Into how many parts the day's money is cut."""


@dataclass(frozen=True)
class Move:
    """A channel's spend of a day before and after, major units; the margin that one more unit of money is expected to bring there."""

    channel: str
    before: float
    after: float
    marginal: float


def move(
    curves: Mapping[str, Curve],
    today: Mapping[str, float],
    *,
    least_return: float = 0.0,
    floor: float = FLOOR,
    most: float = MOST_A_DAY,
) -> tuple[Move, ...]:
    """Split the money of today (by channel, major units) anew for tomorrow, by exact dynamic programming over the expected curves.

    Each channel stays within `most` of what it has and above `floor` of the whole. Money whose margin is expected to be below
    `least_return` per unit is left unspent. Raises ValueError when a channel has no curve or the day has no money.
    """
    names = sorted(today)
    total = sum(today.values())
    if total <= 0.0 or set(names) - set(curves):
        raise ValueError("a day's money and a curve for every channel are needed")
    unit = total / STEPS
    spans = [_span(today[name] / unit, floor=floor * STEPS, most=most) for name in names]
    returns = [curves[name].margin(np.arange(low, high + 1) * unit) for name, (low, high) in zip(names, spans, strict=True)]
    parts = _best(spans, returns, spare=least_return * unit)
    found = []
    for name, count, (low, high) in zip(names, parts, spans, strict=True):
        after = today[name] if low == high else count * unit
        found.append(Move(channel=name, before=today[name], after=after, marginal=curves[name].marginal(after)))
    return tuple(found)


def _span(parts: float, *, floor: float, most: float) -> tuple[int, int]:
    """Fewest and most parts a channel may get; the nearest to what it has where nothing lies in between."""
    low, high = int(np.ceil(max(parts * (1.0 - most), min(floor, parts)) - 1e-9)), int(np.floor(parts * (1.0 + most) + 1e-9))
    return (low, high) if low <= high else (round(parts), round(parts))


def _best(spans: list[tuple[int, int]], returns: list[Floats], *, spare: float) -> list[int]:
    """Parts of each channel that bring most together, at most STEPS in all; a part left over brings `spare`."""
    reach = np.full(STEPS + 1, -np.inf)
    reach[0] = 0.0
    taken: list[npt.NDArray[np.int64]] = []
    for (low, high), brings in zip(spans, returns, strict=True):
        options = np.full((high - low + 1, STEPS + 1), -np.inf)
        for place, count in enumerate(range(low, high + 1)):
            if count <= STEPS:
                options[place, count:] = reach[: STEPS + 1 - count] + brings[place]
        taken.append(low + options.argmax(axis=0))
        reach = options.max(axis=0)
    left = int(np.argmax(reach + spare * np.arange(STEPS, -1, -1)))
    counts: list[int] = []
    for choice in reversed(taken):
        counts.append(int(choice[left]))
        left -= counts[-1]
    return counts[::-1]
