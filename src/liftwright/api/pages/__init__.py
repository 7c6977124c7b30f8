"""HTML pages: views on stored state. Every form works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from liftwright.api.pages import (
    campaigns,
    chat,
    downloads,
    evals,
    explain,
    glossary,
    inbox,
    models,
    review,
    sharing,
    signing_in,
    workspace,
)
from liftwright.api.pages.site import STATIC, Site
from liftwright.api.watch import Watch
from liftwright.ports import Deps


def mount(app: FastAPI, deps: Callable[[], Deps], watch: Watch) -> Site:
    """Add every page to the application; returns the site, which also shows what went wrong."""
    site = Site(deps, watch)
    for room in (signing_in, chat, inbox, review, campaigns, downloads, sharing, explain, glossary, evals, models, workspace):
        app.include_router(room.routes(site), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return site
