"""Autonomy: the level of every cell and why, steps up that wait for signatures, and the shutdown drill. The ladder decides who may do what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import FormData

from liftwright.api.pages.site import Site, back
from liftwright.domain.errors import DataError
from liftwright.flow import drill, ladder
from liftwright.ports import Deps

PAGE = "/settings/autonomy"


def routes(site: Site) -> APIRouter:
    """GET /settings/autonomy; POST there: `do` is one of `DEEDS`."""
    router = APIRouter()

    @router.get(PAGE)
    def show(request: Request) -> Response:
        visitor = site.inside(request)
        return site.page(request, "settings_autonomy.html", title="Autonomy", **_shown(visitor.deps))

    @router.post(PAGE)
    async def act(request: Request) -> Response:
        visitor, fields = await site.form(request)
        deed = DEEDS.get(str(fields.get("do", "")))
        if deed is None:
            raise DataError("ACT-KIND", "There is no such step.", next_step="Go back and choose one.")
        await run_in_threadpool(deed, fields, visitor.acting(fields), visitor.deps)
        return back(PAGE)

    return router


def _propose(fields: FormData, by: str, deps: Deps) -> None:
    ladder.propose(deps=deps)


def _sign(fields: FormData, by: str, deps: Deps) -> None:
    ladder.sign(str(fields.get("proposal", "")), by=by, deps=deps)


def _refuse(fields: FormData, by: str, deps: Deps) -> None:
    ladder.refuse(str(fields.get("proposal", "")), by=by, reason=str(fields.get("reason", "")), deps=deps)


def _drill(fields: FormData, by: str, deps: Deps) -> None:
    drill.drill(str(fields.get("campaign", "")), by=by, deps=deps)


DEEDS: dict[str, Callable[[FormData, str, Deps], None]] = {
    "propose": _propose,
    "sign": _sign,
    "refuse": _refuse,
    "drill": _drill,
}


def _shown(deps: Deps) -> dict[str, Any]:
    rules = ladder.of(deps)
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in ladder.table(deps=deps):
        action_class, channel, band = row["cell"].split("/")
        cells.setdefault((channel, band), []).append(row | {"action_class": action_class})
    return {
        "start": rules.start,
        "promotion": rules.promotion,
        "bands": rules.bands,
        "classes": rules.classes,
        "levels": {name: level["says"] for name, level in deps.library.policies().autonomy["levels"].items()},
        "cells": cells,
        "steps": [(step, ladder.unsigned(step, deps=deps)) for step in ladder.open_steps(deps=deps)],
        "due": ladder.due(deps=deps),
        "signers": ladder.signers(deps=deps),
        "drilled": ladder.last_drill(deps=deps),
        "running": [each for each in deps.campaigns.all() if each.status == "running"],
        "currency": deps.settings.currency,
    }
