"""HTML pages: views on stored state. Every form works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from liftwright.api.buckets import Buckets
from liftwright.api.pages import campaigns, chat, explain, inbox, signing_in, vouched, workspace
from liftwright.api.pages.site import STATIC, Site
from liftwright.ports import Deps


def mount(app: FastAPI, deps: Callable[[], Deps], buckets: Buckets) -> Site:
    """Add every page to the application; returns the site, which also shows what went wrong."""
    site = Site(deps, buckets)
    for room in (signing_in, vouched, chat, inbox, campaigns, explain, workspace):
        app.include_router(room.routes(site), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return site
