"""Why me? One person in one campaign: what could have been sent, what was, what forbade the rest, and what would change it."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, back
from liftwright.flow import asking, shown


def routes(site: Site) -> APIRouter:
    """GET /explain and /explain/{person}?campaign=…"""
    router = APIRouter()

    @router.get("/explain")
    def ask(request: Request, person: str = "", campaign: str = "") -> Response:
        visitor = site.inside(request)
        if person.strip() and campaign.strip():
            return back(f"/explain/{quote(person.strip(), safe='')}?campaign={quote(campaign.strip(), safe='')}")
        return site.page(
            request, "explain.html", title="Explain", campaigns=shown.list_json(deps=visitor.deps), campaign=campaign, why=None
        )

    @router.get("/explain/{person}")
    def why(request: Request, person: str, campaign: str = "") -> Response:
        visitor = site.inside(request)
        campaigns = shown.list_json(deps=visitor.deps)
        planned = [row["campaign_id"] for row in campaigns if row["revision"]]
        about = campaign or (planned[0] if planned else "")
        if not about:
            return site.page(request, "explain.html", title="Explain", campaigns=campaigns, campaign="", why=None)
        found = asking.why(about, person, deps=visitor.deps)
        return site.page(request, "explain.html", title=f"Why {person}?", campaigns=campaigns, campaign=about, why=found)

    return router
