"""At what local hour each person would get a message: when they are about, within what the rules leave open where they live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from liftwright.agents.bench.data import Data
from liftwright.compliance import waiting
from liftwright.planning.waves import Wave
from liftwright.scoring import send_time

Ints = npt.NDArray[np.int64]
MOST_COUNTRIES = 12
"""Countries whose open hours are looked up one by one; people elsewhere get the hours that are open in all of them."""


def local_hours(
    data: Data, where: npt.NDArray[np.int64], *, channels: Sequence[str], waves: Sequence[Wave]
) -> dict[str, npt.NDArray[np.int64]]:
    """By channel, the local hour of sending of each person at `where`. The rules are asked again at the moment of sending."""
    people = data.people.take(where)
    events = data.tables.get("events")
    profiles = send_time.profile(events, people=people, zone=data.deps.settings.time_zone, as_of=data.as_of)
    countries = _countries(data, where)
    common = sorted(name for name, _ in sorted(Counter(countries).items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_COUNTRIES])
    found: dict[str, Ints] = {}
    for channel in channels:
        is_open = {country: _open(data, channel, country, waves) for country in common}
        everywhere = set.intersection(*map(set, is_open.values())) if is_open else set(range(24))
        found[channel] = send_time.best(profiles, allowed=sorted(everywhere) or range(24))
        for country, allowed in is_open.items():
            mine = np.flatnonzero(countries == country)
            found[channel][mine] = send_time.best(profiles[mine], allowed=allowed)
    return found


def _countries(data: Data, where: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    default = data.deps.settings.country
    if "country" not in data.people.column_names:
        return np.full(len(where), default, dtype=object)
    return np.array([country or default for country in data.people["country"].take(where).to_pylist()], dtype=object)


def _open(data: Data, channel: str, country: str, waves: Sequence[Wave]) -> list[int]:
    """Hours open on every day of sending; when no hour is open on all of them, hours open on any; when none is at all, every hour."""
    days = {wave.send_on.isoweekday(): wave.send_on for wave in waves}
    hours = [set(waiting.open_hours(data.bundle, channel=channel, country=country, on=day)) for day in days.values()]
    if not hours:
        return list(range(24))
    return sorted(set.intersection(*hours) or set.union(*hours) or range(24))
