"""Why me? One person in one campaign: what was known, what could have been sent, what was, what forbade the rest, and what would change it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, back
from liftwright.flow import about, asking, shown


def routes(site: Site) -> APIRouter:
    """GET /explain and /explain/{person}?campaign=… Who looks at whom is journaled."""
    router = APIRouter()

    def page(
        request: Request, title: str, campaigns: list[dict[str, Any]], campaign: str, why: dict[str, Any] | None
    ) -> Response:
        return site.page(request, "explain.html", title=title, campaigns=campaigns, campaign=campaign, why=why)

    @router.get("/explain")
    def ask(request: Request, person: str = "", campaign: str = "") -> Response:
        visitor = site.inside(request)
        if person.strip() and campaign.strip():
            return back(f"/explain/{quote(person.strip(), safe='')}?campaign={quote(campaign.strip(), safe='')}")
        return page(request, "Explain", shown.list_json(deps=visitor.deps), campaign, None)

    @router.get("/explain/{person}")
    def why(request: Request, person: str, campaign: str = "") -> Response:
        visitor = site.inside(request)
        campaigns = shown.list_json(deps=visitor.deps)
        planned = [row["campaign_id"] for row in campaigns if row["revision"]]
        name = campaign or (planned[0] if planned else "")
        if not name:
            return page(request, "Explain", campaigns, "", None)
        found = asking.why(name, person, deps=visitor.deps)
        about.looked(found["person"], name, by=visitor.name, deps=visitor.deps)
        return page(request, f"Why {person}?", campaigns, name, found)

    return router
