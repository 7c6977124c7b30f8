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
    by_place = _open(data, channels, common, waves)
    found: dict[str, Ints] = {}
    for channel in channels:
        is_open = {country: by_place[channel, country] for country in common}
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


def _open(
    data: Data, channels: Sequence[str], countries: Sequence[str], waves: Sequence[Wave]
) -> dict[tuple[str, str], list[int]]:
    """By channel and country, the hours open on all days of sending; when there is none, hours open on any; when none is at all, every hour."""
    days = {wave.send_on.isoweekday(): wave.send_on for wave in waves}.values()
    places = [(channel, country, None, day) for channel in channels for country in countries for day in days]
    hours: dict[tuple[str, str], list[set[int]]] = {}
    for (channel, country, _, _), found in waiting.open_hours(data.bundle, places).items():
        hours.setdefault((channel, country), []).append(set(found))
    everywhere = {(channel, country): [set(range(24))] for channel in channels for country in countries}
    return {
        place: sorted(set.intersection(*found) or set.union(*found) or range(24)) for place, found in (everywhere | hours).items()
    }
