"""Settings: users, channels, limits and earned autonomy. To look at; what changes them has commands."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site
from liftwright.flow import ladder


def routes(site: Site) -> APIRouter:
    """GET /settings."""
    router = APIRouter()

    @router.get("/settings")
    def settings(request: Request) -> Response:
        deps = site.inside(request).deps
        values: dict[str, Any] = {
            "users": deps.users.all(),
            "settings": deps.settings,
            "cells": ladder.table(deps=deps),
            "steps": ladder.open_steps(deps=deps),
        }
        return site.page(request, "settings.html", title="Settings", **values)

    return router
