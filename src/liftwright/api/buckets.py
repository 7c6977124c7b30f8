"""Token buckets: how often one caller may ask. In the memory of one process, so with several each counts for itself."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST = 10_000
"""Callers remembered; the one who asked longest ago is forgotten first."""


@dataclass(frozen=True)
class Allowed:
    """Whether a request may pass; how many more may right now; seconds until one more may."""

    is_allowed: bool
    left: int
    wait: int


class Buckets:
    """One bucket a caller: `per_minute` deep, filled evenly. A key counts for itself only once somebody found that it holds (`trust`).

    Else every made-up key would bring a full bucket of its own.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._trusted: OrderedDict[str, None] = OrderedDict()

    def take(self, caller: str, *, per_minute: int) -> Allowed:
        """Take one token of a caller."""
        now = self._clock()
        left, at = self._filled.pop(caller, (float(per_minute), now))
        left = min(float(per_minute), left + (now - at) * per_minute / 60)
        is_allowed = left >= 1
        left -= is_allowed
        self._filled[caller] = (left, now)
        if len(self._filled) > MOST:
            self._filled.popitem(last=False)
        return Allowed(is_allowed, int(left), 0 if left >= 1 else math.ceil((1 - left) * 60 / per_minute))

    def trust(self, key: str) -> None:
        """A key, by its digest, that holds."""
        self._trusted[key] = None
        self._trusted.move_to_end(key)
        if len(self._trusted) > MOST:
            self._trusted.popitem(last=False)

    def caller(self, key: str | None, address: str) -> str:
        """Whose bucket it is: that of a trusted key, else that of the address (of an IPv6 address its network of 64 bits)."""
        if key is not None and key in self._trusted:
            return f"key {key}"
        try:
            given = ipaddress.ip_address(address)
        except ValueError:
            return f"from {address}"
        return f"from {ipaddress.ip_network((given, 64), strict=False)}" if given.version == 6 else f"from {given}"
