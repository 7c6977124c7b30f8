"""How late orders come in after a contact: measured on orders seen so far, although late ones of young contacts are not seen yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MEDIAN_DAYS = 3.0
"""Where nothing was measured: half of the orders that a contact brings have come in by then (exponential delays)."""
WEIGHT = 25.0
"""How many measured orders the stated curve counts for."""


@dataclass(frozen=True)
class Delays:
    """The curve of arrival. arrived: share of a contact's orders in by the end of each day after it, rising to 1 on the last day of
    the window; orders: how many it was measured on."""

    arrived: tuple[float, ...]
    orders: int

    @property
    def window_days(self) -> int:
        """Days after a contact in which its orders count."""
        return len(self.arrived)

    @property
    def median_days(self) -> float:
        """By when half of the orders are in."""
        return float(np.interp(0.5, (0.0, *self.arrived), np.arange(self.window_days + 1)))

    def share(self, ages_in_days: npt.ArrayLike) -> Floats:
        """Share of its orders that a contact of each age has already brought; 0 before it, 1 after the window."""
        days = np.arange(self.window_days + 1, dtype=np.float64)
        return np.interp(np.asarray(ages_in_days, dtype=np.float64), days, (0.0, *self.arrived))

    def exposure(self, ages_in_days: npt.ArrayLike) -> float:
        """Contacts counted by the share of their orders that is in: the denominator that is corrected for delay."""
        return float(self.share(ages_in_days).sum())


def measured(
    delays_in_days: npt.ArrayLike, ages_in_days: npt.ArrayLike, *, window_days: int, median_days: float = MEDIAN_DAYS
) -> Delays:
    """The curve from the orders seen: for each, days from contact to order, and how old that contact is by now.

    An order is only seen when its delay is at most the contact's age, so short delays are over-represented. The product-limit
    estimate for data cut off on the right (Lynden-Bell 1971; Woodroofe 1985) undoes that: from the last day backwards, the chance
    that an order of the first k days came on day k, among contacts at least k days old. The exponential curve with `median_days`
    joins as WEIGHT orders and decides alone where nothing was seen. Raises ValueError for a window below one day or arrays that differ.
    """
    delays, ages = np.asarray(delays_in_days, dtype=np.float64), np.asarray(ages_in_days, dtype=np.float64)
    if window_days < 1 or len(delays) != len(ages):
        raise ValueError("the window must be at least a day, and every order needs a delay and an age of its contact")
    inside = (delays >= 0) & (delays < window_days) & (delays <= ages)
    day = np.floor(delays[inside]).astype(np.int64)
    old = np.minimum(np.floor(ages[inside]).astype(np.int64), window_days)
    ends = np.arange(1, window_days + 1)
    stated = (1.0 - 0.5 ** (ends / median_days)) / (1.0 - 0.5 ** (window_days / median_days))
    come = np.array([np.count_nonzero((day == end - 1) & (old >= end)) for end in ends]) + WEIGHT * np.diff(stated, prepend=0.0)
    could = np.array([np.count_nonzero((day < end) & (old >= end)) for end in ends]) + WEIGHT * stated
    kept = 1.0 - come / could
    arrived = [1.0]
    for share in kept[:0:-1]:
        arrived.append(arrived[-1] * float(share))
    return Delays(arrived=tuple(reversed(arrived)), orders=int(inside.sum()))
