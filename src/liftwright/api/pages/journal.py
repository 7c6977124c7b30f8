"""The journal: who did what, newest first, a page at a time; the chain is walked only where somebody asks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site
from liftwright.domain.errors import DataError
from liftwright.flow import leafing


def routes(site: Site) -> APIRouter:
    """GET /journal; query: `before` and `after` (numbers of entries), `subject`, `action`, `verify=1`."""
    router = APIRouter()

    @router.get("/journal")
    def journal(
        request: Request, before: str = "", after: str = "", subject: str = "", action: str = "", verify: str = ""
    ) -> Response:
        deps = site.inside(request).deps
        found = deps.journal.examine() if verify == "1" else None
        try:
            leaf = leafing.leaf(before=before, after=after, subject=subject, action=action, deps=deps)
        except DataError:
            if found is None or found.ok:
                raise
            leaf = leafing.Leaf([], None, None)
        asked = {name: value for name, value in (("subject", subject), ("action", action)) if value}
        values: dict[str, Any] = {
            "leaf": leaf,
            "found": found,
            "subject": subject,
            "action": action,
            "older": _to(asked, before=leaf.older),
            "newer": _to(asked, after=leaf.newer),
        }
        return site.page(request, "journal.html", title="Journal", **values)

    return router


def _to(asked: dict[str, str], **place: int | None) -> str:
    """The address of the page before or after this one; "" where there is none."""
    known = {name: value for name, value in place.items() if value is not None}
    return f"/journal?{urlencode(asked | known)}" if known else ""
