"""The rest of the house: data, policies, journal, settings. To look at; what changes them has commands."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import UploadFile

from liftwright.api.pages.site import Site, Visitor
from liftwright.domain.errors import DataError
from liftwright.flow import intake, ladder, readiness, waiving

TABLES = ("customers", "events", "treatments", "products", "prices", "leads", "evidence", "documents")
MOST_BYTES = 200_000_000
ENTRIES = 200


def routes(site: Site) -> APIRouter:
    """GET /data, /policies, /journal, /settings; POST /data."""
    router = APIRouter()
    for path, title, values in (
        ("/data", "Data", _data),
        ("/policies", "Policies", _policies),
        ("/journal", "Journal", _journal),
        ("/settings", "Settings", _settings),
    ):
        router.add_api_route(path, _shows(site, path[1:], title, values), methods=["GET"])

    @router.post("/data")
    async def bring_in(request: Request) -> Response:
        visitor, fields = await site.form(request)
        try:
            done = await _import(fields.get("file"), str(fields.get("table", "")), visitor)
        finally:
            await fields.close()
        return site.page(request, "data.html", title="Data", **(_data(visitor) | {"done": done}))

    return router


def _shows(site: Site, name: str, title: str, values: Any) -> Any:
    def show(request: Request) -> Response:
        visitor = site.inside(request)
        return site.page(request, f"{name}.html", title=title, **values(visitor))

    return show


async def _import(given: Any, table: str, visitor: Visitor) -> dict[str, Any]:
    """Import an uploaded file under a name of ours: what it was called is shown and never a path."""
    if not isinstance(given, UploadFile) or not given.filename or table not in TABLES:
        raise DataError("IMPORT-FORM", "Choose a file and what it holds.", next_step="Go back and choose both.")
    suffix = "".join(Path(given.filename).suffixes[-2:]).lower()
    suffix = suffix if suffix.replace(".", "").isalnum() and len(suffix) <= 14 else ".csv"
    with tempfile.TemporaryDirectory(prefix="liftwright-upload-") as folder:
        path = Path(folder) / f"upload{suffix}"
        taken = 0
        with path.open("wb") as out:
            while chunk := await given.read(1 << 20):
                taken += len(chunk)
                if taken > MOST_BYTES:
                    says = f"The file is larger than {MOST_BYTES // 1_000_000} MB."
                    raise DataError("IMPORT-SIZE", says, next_step="Import it with: liftwright import FILE --as TABLE.")
                out.write(chunk)
        return intake.import_file(path, declared=table, deps=visitor.deps).model_dump(mode="json") | {"name": given.filename}


def _data(visitor: Visitor) -> dict[str, Any]:
    snapshot = visitor.deps.lake.snapshot()
    found = readiness.audit(deps=visitor.deps).as_json() if snapshot is not None else None
    return {"snapshot": snapshot, "ready": found, "tables": TABLES, "done": None}


def _policies(visitor: Visitor) -> dict[str, Any]:
    bundle = visitor.deps.library.policies()
    return {"bundle": bundle, "waivers": waiving.every(deps=visitor.deps)}


def _journal(visitor: Visitor) -> dict[str, Any]:
    ok, count, first_bad = visitor.deps.journal.verify()
    entries = visitor.deps.journal.entries()[-ENTRIES:][::-1]
    return {"ok": ok, "count": count, "first_bad": first_bad, "entries": entries}


def _settings(visitor: Visitor) -> dict[str, Any]:
    deps = visitor.deps
    return {
        "users": deps.users.all(),
        "settings": deps.settings,
        "cells": ladder.table(deps=deps),
        "steps": ladder.open_steps(deps=deps),
    }
