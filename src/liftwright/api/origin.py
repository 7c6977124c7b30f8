"""Where a request comes from: browsers say so, and other sites' pages may not act here."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from liftwright.domain.errors import LiftwrightError


class Refused(LiftwrightError):
    """A form without its token, or something that was sent from another site."""

    exit_code = 1


def is_same_site(request: Request) -> bool:
    """Whether a request comes from a page of this site, or from no page at all."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    return origin is None or origin == "null" or urlsplit(origin).netloc == request.headers.get("host", "")
