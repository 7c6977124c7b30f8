"""A campaign's report to take along: a page that stands alone and prints, a table, and JSON. And the evidence of each of its figures."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup

from liftwright.api.headers import SELF_CONTAINED
from liftwright.api.pages.site import Site, campaign, style
from liftwright.domain.sharing import SharedLink
from liftwright.evaluation.exporting import cell
from liftwright.flow import results
from liftwright.ports import Deps

COLUMNS = ("name", "low", "mid", "high", "level", "unit", "method")


def routes(site: Site) -> APIRouter:
    """GET /campaigns/{campaign}/report.html, .csv and .json, and /campaigns/{campaign}/evidence/{key}."""
    router = APIRouter()

    @router.get("/campaigns/{campaign_id}/report.html")
    def page(request: Request, campaign_id: str) -> Response:
        visitor = site.inside(request)
        found = results.of(campaign_id, deps=visitor.deps)
        return alone(site, "report.html", **of(campaign_id, visitor.deps, found=found))

    @router.get("/campaigns/{campaign_id}/report.csv")
    def table(request: Request, campaign_id: str) -> Response:
        visitor = site.inside(request)
        text = as_csv(results.rows(results.of(campaign_id, deps=visitor.deps)))
        named = {"content-disposition": 'attachment; filename="report.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=named)

    @router.get("/campaigns/{campaign_id}/report.json")
    def data(request: Request, campaign_id: str) -> Response:
        visitor = site.inside(request)
        found = results.of(campaign_id, deps=visitor.deps)
        return JSONResponse({**found["report"], "figures": found["figures"]})

    @router.get("/campaigns/{campaign_id}/evidence/{key:path}")
    def evidence(request: Request, campaign_id: str, key: str) -> Response:
        visitor = site.inside(request)
        found = results.evidence(campaign_id, key, deps=visitor.deps)
        return site.page(request, "evidence.html", title=f"Evidence of {key}", campaign_id=campaign_id, e=found)

    return router


def of(
    campaign_id: str, deps: Deps, *, found: dict[str, Any] | None, link: SharedLink | None = None, here: str = ""
) -> dict[str, Any]:
    """What `report.html` speaks of; found: its results, None before the launch. link: the one it is shown by, at the path `here`."""
    return {"c": campaign(campaign_id, deps), "r": found, "now": deps.now(), "link": link, "here": here}


def alone(site: Site, template: str, **values: Any) -> Response:
    """A page with its style inside and nothing else: no script, nothing fetched, no frame, no form."""
    css = style()
    body = site.render(template, css=Markup(css), **values)
    return HTMLResponse(body, headers={"content-security-policy": SELF_CONTAINED.format(digest(css))})


def digest(css: str) -> str:
    """The name of a style in a policy that lets in this one and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()}"


def as_csv(rows: list[dict[str, Any]]) -> str:
    """A line per figure. A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are numbers."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([cell(row[name]) for name in COLUMNS])
    return out.getvalue()
