"""Why me? One person in one campaign: what was known, what could have been sent, what was, what forbade the rest, and what would change it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, back
from liftwright.domain.errors import DataError
from liftwright.flow import about, asking, shown, whom


def routes(site: Site) -> APIRouter:
    """GET /explain and /explain/{person}?campaign=…, by id, e-mail address or its SHA-256. Who looks at whom is journaled, with the reason they give (`because`)."""
    router = APIRouter()

    def page(request: Request, title: str, campaigns: list[dict[str, Any]], campaign: str, **values: Any) -> Response:
        given = {"why": None, "unknown": "", "near": [], "because": "", **values}
        return site.page(request, "explain.html", title=title, campaigns=campaigns, campaign=campaign, **given)

    @router.get("/explain")
    def ask(request: Request, person: str = "", campaign: str = "", because: str = "") -> Response:
        visitor = site.inside(request)
        if person.strip() and campaign.strip():
            named = whom.meant(person, deps=visitor.deps)
            why = f"&because={quote(because.strip(), safe='')}" if because.strip() else ""
            return back(f"/explain/{quote(named, safe='')}?campaign={quote(campaign.strip(), safe='')}{why}")
        return page(request, "Explain", shown.list_json(deps=visitor.deps), campaign)

    @router.get("/explain/{person}")
    def why(request: Request, person: str, campaign: str = "", because: str = "") -> Response:
        visitor = site.inside(request)
        campaigns = shown.list_json(deps=visitor.deps)
        planned = [row["campaign_id"] for row in campaigns if row["revision"]]
        name = campaign or (planned[0] if planned else "")
        if not name:
            return page(request, "Explain", campaigns, "")
        try:
            found = asking.why(name, whom.meant(person, deps=visitor.deps), deps=visitor.deps)
        except DataError as error:
            if error.code != "PERSON-UNKNOWN":
                raise
            near = whom.near(person, deps=visitor.deps)
            return page(request, "Explain", campaigns, name, unknown=error.says, near=near, status=404)
        about.looked(found["person"], name, by=visitor.name, because=because, deps=visitor.deps)
        return page(request, f"Why {found['person']}?", campaigns, name, why=found, because=because)

    return router
