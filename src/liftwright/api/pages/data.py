"""The data: what is there and whether it is ready; files are looked at and kept, a simulated shop is brought in, rows put aside are taken along."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.datastructures import FormData, UploadFile

from liftwright.api import sampling
from liftwright.api.pages.site import Site, Visitor, back
from liftwright.audience.mapping import choosing
from liftwright.domain.errors import DataError
from liftwright.evaluation import sample
from liftwright.evaluation.exporting import cell
from liftwright.flow import data_state, put_aside, uploads

TABLES = ("customers", "events", "treatments", "products", "prices", "leads", "evidence", "documents")
MOST_BYTES = 200_000_000


def routes(site: Site) -> APIRouter:
    """GET /data (`check=1`), /data/aside/{name}.csv; POST /data (import at once), /data/look, /data/keep, /data/sample."""
    router = APIRouter()

    @router.get("/data")
    def show(request: Request, check: str = "", done: str = "", look: str = "") -> Response:
        return site.page(request, "data.html", title="Data", **_shown(site.inside(request), check == "1", done, look))

    @router.get("/data/aside/{name}.csv")
    def aside(request: Request, name: str) -> Response:
        found = put_aside.rows(name, deps=site.inside(request).deps)
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(found.column_names)
        writer.writerows([cell(value) for value in row.values()] for row in found.to_pylist())
        named = {"content-disposition": 'attachment; filename="put-aside.csv"'}
        return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=named)

    @router.post("/data/sample")
    async def bring_sample(request: Request) -> Response:
        visitor, _ = await site.form(request)
        await run_in_threadpool(sampling.begin, by=visitor.name, deps=visitor.deps)
        return back("/data")

    _files(site, router)
    return router


def _files(site: Site, router: APIRouter) -> None:
    """A file of one's own, at once or in two steps."""

    @router.post("/data")
    async def bring_in(request: Request) -> Response:
        visitor, fields = await site.form(request)
        upload_id, path, told = await _taken(visitor, fields)
        return _to(upload_id, await run_in_threadpool(uploads.keep, path, deps=visitor.deps, **told))

    @router.post("/data/look")
    async def look(request: Request) -> Response:
        visitor, fields = await site.form(request)
        upload_id, path, told = await _taken(visitor, fields)
        await run_in_threadpool(uploads.look, path, deps=visitor.deps, **told)
        return _to(upload_id, False)

    @router.post("/data/keep")
    async def keep(request: Request) -> Response:
        visitor, fields = await site.form(request, most_fields=uploads.MOST_COLUMNS + 100)
        upload_id = str(fields.get("upload", ""))
        given: dict[str, Any] = {name: str(fields.get(name, "")) for name in ("table", "digest")}
        given |= {"choices": _choices(fields), "is_final": fields.get("do") != "look"}
        is_done = await run_in_threadpool(uploads.keep_looked, upload_id, visit=visitor.visit, deps=visitor.deps, **given)
        return _to(upload_id, is_done)


async def _taken(visitor: Visitor, fields: FormData) -> tuple[str, Path, dict[str, str]]:
    """The id of an upload, its file under a name of ours, and what was said of it: what it was called is shown and never a path."""
    given, table = fields.get("file"), str(fields.get("table", ""))
    try:
        if not isinstance(given, UploadFile) or not given.filename or table not in TABLES:
            raise DataError("IMPORT-FORM", "Choose a file and what it holds.", next_step="Go back and choose both.")
        suffix = "".join(Path(given.filename).suffixes[-2:]).lower()
        suffix = suffix if suffix.replace(".", "").isalnum() and suffix.isascii() and len(suffix) <= 14 else ".csv"
        upload_id, folder = uploads.begin(visitor.visit, deps=visitor.deps)
        path = folder / f"upload{suffix}"
        try:
            await _written(given, path)
        except DataError:
            uploads.drop(folder)
            raise
        return upload_id, path, {"name": given.filename, "table": table}
    finally:
        await fields.close()


def _to(upload_id: str, is_done: bool) -> Response:
    """Where it is shown what came of a file, or what is still to be said about it."""
    return back(f"/data?{'done' if is_done else 'look'}={upload_id}")


def _choices(fields: FormData) -> dict[int, str]:
    """What was chosen for columns, by their place in the file."""
    given = ((name.partition("column.")[2], str(value)) for name, value in fields.multi_items() if name.startswith("column."))
    return {int(place): choice.strip() for place, choice in given if place.isascii() and place.isdecimal() and len(place) < 6}


async def _written(given: UploadFile, path: Path) -> None:
    taken = 0
    with path.open("wb") as out:
        while chunk := await given.read(1 << 20):
            taken += len(chunk)
            if taken > MOST_BYTES:
                says = f"The file is larger than {MOST_BYTES // 1_000_000} MB."
                raise DataError("IMPORT-SIZE", says, next_step="Import it with: liftwright import FILE --as TABLE.")
            out.write(chunk)


def _shown(visitor: Visitor, check: bool, done: str, look: str) -> dict[str, Any]:
    deps = visitor.deps
    uploads.sweep(deps=deps)
    found = uploads.told(look, uploads.LOOKED, visit=visitor.visit, deps=deps) if look else None
    return {
        "d": data_state.state(check=check, deps=deps),
        "small": data_state.SMALL,
        "sample": sample.state(deps=deps),
        "people": sample.CUSTOMERS,
        "tables": TABLES,
        "done": uploads.told(done, uploads.DONE, visit=visitor.visit, deps=deps) if done else None,
        "look": found,
        "options": choosing.options(found["table"]) if found else {},
        "most_columns": uploads.MOST_COLUMNS,
        "look_id": look,
    }
