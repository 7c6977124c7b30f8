"""Models: every card, and one model with its figures, drift, versions and switch."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, back
from liftwright.domain.errors import DataError
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
        by, reason = visitor.name or str(fields.get("by", "")).strip(), str(fields.get("reason", "")).strip()
        if not by or not reason:
            raise DataError("ACT-WORDS", "That needs a name and a reason.", next_step="Go back and say why.")
        registry.switch(model, str(fields.get("state", "")), by=by, reason=reason, deps=visitor.deps)
        return back(f"/models/{quote(model, safe='')}")

    return router
