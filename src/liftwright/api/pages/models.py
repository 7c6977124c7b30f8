"""Models: every card, and one model with its figures, drift, versions and switch."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, back, reason
from liftwright.flow import registry


def routes(site: Site) -> APIRouter:
    """GET /models and /models/{model}; POST /models/{model} switches it off or on."""
    router = APIRouter()

    @router.get("/models")
    def every(request: Request) -> Response:
        visitor = site.inside(request)
        return site.page(request, "models.html", title="Models", models=registry.listed(deps=visitor.deps))

    @router.get("/models/{model}")
    def one(request: Request, model: str) -> Response:
        visitor = site.inside(request)
        return site.page(request, "model.html", title=f"Model {model}", m=registry.of(model, deps=visitor.deps))

    @router.post("/models/{model}")
    async def switch(request: Request, model: str) -> Response:
        visitor, fields = await site.form(request)
        by, why = visitor.acting(fields), reason(fields)
        registry.switch(model, str(fields.get("state", "")), by=by, reason=why, deps=visitor.deps)
        return back(f"/models/{quote(model, safe='')}")

    return router
