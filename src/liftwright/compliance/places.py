"""Where somebody is: time zones of US states and of countries, how far apart they lie, and local time for whole columns of zones.

A state that spans two zones has the one most of its people live in; a person's own `time_zone` always comes first. The zones of a country are
those of the time zone database's `zone.tab`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_E, _C, _M, _P = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
_STATES = f"""
AL Alabama {_C}|AK Alaska America/Anchorage|AZ Arizona America/Phoenix|AR Arkansas {_C}|CA California {_P}|CO Colorado {_M}
CT Connecticut {_E}|DE Delaware {_E}|DC District of Columbia {_E}|FL Florida {_E}|GA Georgia {_E}|HI Hawaii Pacific/Honolulu
ID Idaho America/Boise|IL Illinois {_C}|IN Indiana America/Indiana/Indianapolis|IA Iowa {_C}|KS Kansas {_C}|KY Kentucky {_E}
LA Louisiana {_C}|ME Maine {_E}|MD Maryland {_E}|MA Massachusetts {_E}|MI Michigan America/Detroit|MN Minnesota {_C}
MS Mississippi {_C}|MO Missouri {_C}|MT Montana {_M}|NE Nebraska {_C}|NV Nevada {_P}|NH New Hampshire {_E}|NJ New Jersey {_E}
NM New Mexico {_M}|NY New York {_E}|NC North Carolina {_E}|ND North Dakota {_C}|OH Ohio {_E}|OK Oklahoma {_C}|OR Oregon {_P}
PA Pennsylvania {_E}|RI Rhode Island {_E}|SC South Carolina {_E}|SD South Dakota {_C}|TN Tennessee {_C}|TX Texas {_C}
UT Utah {_M}|VT Vermont {_E}|VA Virginia {_E}|WA Washington {_P}|WV West Virginia {_E}|WI Wisconsin {_C}|WY Wyoming {_M}
PR Puerto Rico America/Puerto_Rico"""


_ALSO = {
    **dict.fromkeys(("TX", "ND", "SD", "NE", "KS", "NV"), _M),
    **dict.fromkeys(("FL", "KY", "IN", "MI"), _C),
    **{"TN": _E, "OR": "America/Boise", "ID": _P, "AK": "America/Adak"},
}
"""The second zone of the states that have two."""
_OTHER_NAMES = {"UK": "GB", "EL": "GR"}


def states(*, at: datetime) -> list[tuple[str, str, str, int, int]]:
    """Code, upper-case name and IANA zone of every state, the capital district and Puerto Rico; and by how many minutes the clocks of
    the state's other zone are behind and ahead of that one at `at`."""
    return [(code, name, zone, *of_state(code, at=at)) for code, name, zone in _known_states()]


def of_state(code: str, *, at: datetime) -> tuple[int, int]:
    """By how many minutes the clocks of a known state's other zone are behind and ahead at `at`."""
    zone = _zone_by_state()[code]
    return _spread(zone, [_ALSO.get(code, zone)], at=at)


def countries(codes: Iterable[str], *, house: str, at: datetime) -> list[tuple[str, str, int, int]]:
    """For every ISO 3166 code that has zones: the code, the zone assumed for somebody there (`house` if it is one of them, else the first), and
    by how many minutes the clocks of others are behind and ahead of it at `at`. Codes nobody knows are left out."""
    known = _zones()
    rows = []
    for code in sorted(set(codes)):
        zones = known.get(_OTHER_NAMES.get(code, code), ())
        if zones:
            assumed = house if house in zones else zones[0]
            rows.append((code, assumed, *_spread(assumed, zones, at=at)))
    return rows


@cache
def _known_states() -> tuple[tuple[str, str, str], ...]:
    """Code, upper-case name and zone."""
    entries = [entry.split(" ", 1) for entry in _STATES.strip().replace("\n", "|").split("|")]
    return tuple((code, rest.rsplit(" ", 1)[0].upper(), rest.rsplit(" ", 1)[1]) for code, rest in entries)


@cache
def _zone_by_state() -> dict[str, str]:
    return {code: zone for code, _, zone in _known_states()}


def _spread(zone: str, others: Iterable[str], *, at: datetime) -> tuple[int, int]:
    mine = _offset(zone, at)
    apart = [_offset(other, at) - mine for other in others]
    return max(0, *(-minutes for minutes in apart), 0), max(0, *apart, 0)


def _offset(zone: str, at: datetime) -> int:
    ahead = at.astimezone(ZoneInfo(zone)).utcoffset()
    return int(ahead.total_seconds() // 60) if ahead is not None else 0


@cache
def _zones() -> dict[str, tuple[str, ...]]:
    """Country code to its zones, in the order of the database."""
    found: dict[str, list[str]] = {}
    for line in resources.files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            code, _, zone = line.split("\t")[:3]
            found.setdefault(code, []).append(zone)
    return {code: tuple(zones) for code, zones in found.items()}


def local_times(zones: Iterable[str | None], *, at: datetime) -> dict[str, tuple[int, int]]:
    """Minutes after local midnight and ISO weekday at `at`, for every zone name that exists; others are left out."""
    found: dict[str, tuple[int, int]] = {}
    for name in zones:
        if not name:
            continue
        try:
            local = at.astimezone(ZoneInfo(name))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
        found[name] = (local.hour * 60 + local.minute, local.isoweekday())
    return found
