"""Where somebody is: states of the US with their time zone, and local time for whole columns of zones.

A state that spans two zones has the one most of its people live in; a person's own `time_zone` always comes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
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


def states() -> list[tuple[str, str, str]]:
    """Code, upper-case name and IANA zone of every state, the capital district and Puerto Rico."""
    rows = []
    for entry in _STATES.strip().replace("\n", "|").split("|"):
        code, rest = entry.split(" ", 1)
        name, zone = rest.rsplit(" ", 1)
        rows.append((code, name.upper(), zone))
    return rows


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
