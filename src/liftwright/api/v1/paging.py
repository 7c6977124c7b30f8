"""Lists a page at a time: `limit` and an opaque `cursor`; the way on is a `Link` header (RFC 8288)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from liftwright.domain.errors import DataError

Limit = Annotated[int, Query(ge=1, le=200, description="How many rows at most.")]
Cursor = Annotated[str, Query(max_length=500, description="Where to go on: from the `Link` header of the page before.")]
USUAL = 50
Place = tuple[Any, ...]


def part(rows: Sequence[Any], *, by: Callable[[Any], Place], after: Place | None, limit: int) -> list[Any]:
    """The next `limit + 1` rows after a place in their order; the one too many says that there is more."""
    rest = rows if after is None else [row for row in rows if by(row) > after]
    return list(rest[: limit + 1])


def read(cursor: str, *, like: Place) -> Place | None:
    """The place a cursor stands for, of values of the kinds of `like`; None without one. Raises DataError for what is no cursor."""
    if not cursor:
        return None
    try:
        packed = cursor.encode() + b"=" * (-len(cursor) % 4)
        place = json.loads(base64.b64decode(packed, altchars=b"-_", validate=True), parse_constant=str)
    except (ValueError, binascii.Error, RecursionError):
        place = None
    if not isinstance(place, list) or [type(value) for value in place] != [type(value) for value in like]:
        raise DataError("CURSOR", "That is no cursor of this list.", next_step="Begin without one, then follow the Link header.")
    return tuple(place)


def point_on(response: Response, request: Request, rows: list[Any], *, by: Callable[[Any], Place], limit: int) -> list[Any]:
    """At most `limit` rows; where there are more, the answer's `Link` header leads to them."""
    if len(rows) <= limit:
        return rows
    shown = rows[:limit]
    cursor = base64.urlsafe_b64encode(json.dumps(by(shown[-1]), separators=(",", ":")).encode()).rstrip(b"=").decode()
    response.headers["link"] = f'<{request.url.path}?{urlencode({"limit": limit, "cursor": cursor})}>; rel="next"'
    return shown
