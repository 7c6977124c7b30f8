"""Links to one campaign's report for people outside: made, listed and taken back inside; opened by whoever has one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages import downloads
from liftwright.api.pages.site import Site, Visitor, address, back, campaign
from liftwright.flow import results, sharing

QUIET = {"x-robots-tag": "noindex, nofollow", "referrer-policy": "no-referrer"}
"""Nobody learns the address of a shared page from a link that was followed there, and no search engine keeps it."""


def routes(site: Site) -> APIRouter:
    """GET and POST /campaigns/{campaign}/share, POST /campaigns/{campaign}/share/revoke; GET /shared/{token} and its review."""
    router = APIRouter()

    @router.get("/campaigns/{campaign_id}/share")
    def every(request: Request, campaign_id: str) -> Response:
        return _list(site, request, campaign_id, site.inside(request))

    @router.post("/campaigns/{campaign_id}/share")
    async def make(request: Request, campaign_id: str) -> Response:
        visitor, fields = await site.form(request)
        by, days = visitor.acting(fields), str(fields.get("days", ""))
        count = int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0
        token, link = sharing.make(campaign_id, by=by, days=count, role=str(fields.get("role", "")), deps=visitor.deps)
        made = {"url": f"{address(request, visitor.deps)}/shared/{token}", "link": link}
        return _list(site, request, campaign_id, visitor, made=made)

    @router.post("/campaigns/{campaign_id}/share/revoke")
    async def revoke(request: Request, campaign_id: str) -> Response:
        visitor, fields = await site.form(request)
        sharing.revoke(campaign_id, str(fields.get("link", "")), by=visitor.acting(fields), deps=visitor.deps)
        return back(f"/campaigns/{campaign_id}/share")

    _outside(site, router)
    return router


def _outside(site: Site, router: APIRouter) -> None:
    """What a link opens. Nobody signs in here, and nothing here says who made the link."""

    @router.get("/shared/{token}")
    def report(request: Request, token: str) -> Response:
        deps = site.visitor(request).deps
        link = sharing.opened(token, deps=deps)
        data = campaign(link.campaign_id, deps)
        found = results.of(link.campaign_id, deps=deps) if data["status"] in results.LAUNCHED else None
        values = downloads.of(link.campaign_id, deps, found=found, link=link, here=f"/shared/{token}")
        return _quiet(downloads.alone(site, "report.html", **values))

    @router.get("/shared/{token}/review")
    def review(request: Request, token: str) -> Response:
        deps = site.visitor(request).deps
        link = sharing.opened(token, page="review", deps=deps)
        data = campaign(link.campaign_id, deps)
        return _quiet(downloads.alone(site, "shared_review.html", c=data, report=f"/shared/{token}"))


def _quiet(response: Response) -> Response:
    response.headers.update(QUIET)
    return response


def _list(site: Site, request: Request, campaign_id: str, visitor: Visitor, *, made: dict[str, Any] | None = None) -> Response:
    campaign(campaign_id, visitor.deps)
    links = [(link, sharing.holds(link, deps=visitor.deps)) for link in visitor.deps.sharing.of(campaign_id)]
    values: dict[str, Any] = {"campaign_id": campaign_id, "links": links, "made": made, "most": sharing.MOST_DAYS}
    return site.page(request, "share.html", title="Links for people outside", **values)
