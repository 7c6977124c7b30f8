"""The rest of the house: models, evals, settings. To look at; what changes them has commands."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from liftwright.api.pages.site import Site, Visitor
from liftwright.evaluation.suite import list_suites
from liftwright.flow import ladder


def routes(site: Site) -> APIRouter:
    """GET /models, /evals, /settings."""
    router = APIRouter()
    for path, title, values in (
        ("/models", "Models", _models),
        ("/evals", "Evals", _evals),
        ("/settings", "Settings", _settings),
    ):
        router.add_api_route(path, _shows(site, path[1:], title, values), methods=["GET"])

    return router


def _shows(site: Site, name: str, title: str, values: Any) -> Any:
    def show(request: Request) -> Response:
        visitor = site.inside(request)
        return site.page(request, f"{name}.html", title=title, **values(visitor))

    return show


def _models(visitor: Visitor) -> dict[str, Any]:
    return {"cards": visitor.deps.models.cards()}


def _evals(visitor: Visitor) -> dict[str, Any]:
    return {"suites": list_suites()}


def _settings(visitor: Visitor) -> dict[str, Any]:
    deps = visitor.deps
    return {
        "users": deps.users.all(),
        "settings": deps.settings,
        "cells": ladder.table(deps=deps),
        "steps": ladder.open_steps(deps=deps),
    }
