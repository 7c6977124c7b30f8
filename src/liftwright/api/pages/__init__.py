"""HTML pages: views on stored state. Every form works without JavaScript."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from liftwright.api.buckets import Buckets
from liftwright.api.pages import (
    arriving,
    autonomy,
    campaigns,
    chat,
    data,
    downloads,
    evals,
    explain,
    glossary,
    inbox,
    journal,
    models,
    policies,
    review,
    settings,
    sharing,
    signing_in,
    vouched,
)
from liftwright.api.pages.site import STATIC, Site
from liftwright.api.watch import Watch
from liftwright.ports import Deps


def mount(app: FastAPI, deps: Callable[[], Deps], watch: Watch, buckets: Buckets) -> Site:
    """Add every page to the application; returns the site, which also shows what went wrong."""
    site = Site(deps, watch, buckets)
    rooms = (
        signing_in,
        vouched,
        chat,
        inbox,
        arriving,
        review,
        campaigns,
        downloads,
        sharing,
        explain,
        glossary,
        policies,
        journal,
        data,
        evals,
        models,
        settings,
        autonomy,
    )
    for room in rooms:
        app.include_router(room.routes(site), include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return site
