"""The days a flight sends on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Wave:
    """One round of touches: `index` counts from 1; sends go out on `send_on` and the `days - 1` days after it."""

    index: int
    send_on: date
    days: int

    def lands_on(self, lead_days: int = 0) -> date:
        """The day on which the last of its touches is with the person, when handing over takes place `lead_days` before."""
        return self.send_on + timedelta(days=self.days - 1 + lead_days)


def waves(*, starts_on: date, ends_on: date, per_week: int, most: int | None = None) -> tuple[Wave, ...]:
    """Evenly spaced waves, at most `per_week` in any seven days (more than 7 counts as 7), the first on the first day.

    Both dates are inclusive. `per_week` below 1 means that nobody may be contacted: no waves.
    `most`: no more waves than this, spread over the flight, so that a person's touches lie as far apart as they can.
    A wave lasts until the day before the next one. Raises ValueError when the flight ends before it starts.
    """
    length = (ends_on - starts_on).days + 1
    if length < 1:
        raise ValueError(f"the flight ends on {ends_on}, before it starts on {starts_on}")
    if per_week < 1:
        return ()
    per_week = min(per_week, 7)
    count = -(-length * per_week // 7)
    offsets = [-(-index * 7 // per_week) for index in range(count)]
    offsets = [offset for offset in offsets if offset < length]
    if most is not None and most < len(offsets):
        offsets = [index * length // max(most, 1) for index in range(most)]
    if not offsets:
        return ()
    ends = [*offsets[1:], length]
    return tuple(
        Wave(index=number, send_on=starts_on + timedelta(days=offset), days=end - offset)
        for number, (offset, end) in enumerate(zip(offsets, ends, strict=True), start=1)
    )
