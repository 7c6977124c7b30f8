"""Files on their way in by page: looked at first and kept in a second step, by whoever brought them, within the hour.

Between the steps a file lies under the workspace in a folder only this user may open, named by a random id and bound to the visit. Nothing in
it is believed later: the file is read anew, and must still be the one that was looked at.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from liftwright.domain.errors import DataError
from liftwright.flow import intake
from liftwright.ports import Deps

LASTS = timedelta(hours=1)
MOST = 5
"""Uploads kept of one visit; the oldest go first."""
LOOKED, DONE = "look.json", "done.json"
_ID = re.compile(r"[0-9a-f]{32}")


def begin(visit: str, *, deps: Deps) -> tuple[str, Path]:
    """A new upload's id, and an empty folder for its one file. Folders older than an hour go, and the oldest of this visit."""
    sweep(deps=deps)
    mine = sorted(_root(deps).glob(f"*-{_of(visit)}-*"))
    for old in mine[: max(0, len(mine) - MOST + 1)]:
        drop(old)
    upload_id = secrets.token_hex(16)
    folder = _root(deps) / f"{int(deps.now().timestamp()):012d}-{_of(visit)}-{upload_id}"
    _root(deps).mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(mode=0o700)
    return upload_id, folder


def sweep(*, deps: Deps) -> int:
    """Remove folders older than an hour; returns how many."""
    last = int((deps.now() - LASTS).timestamp())
    old = [
        each for each in _root(deps).glob("*-*-*") if each.name.split("-")[0].isdigit() and int(each.name.split("-")[0]) < last
    ]
    for each in old:
        drop(each)
    return len(old)


def drop(folder: Path) -> None:
    """Remove an upload."""
    shutil.rmtree(folder, ignore_errors=True)


def look(path: Path, *, name: str, table: str, deps: Deps) -> dict[str, Any]:
    """What importing a file would do: the shape of `import --dry-run --json`, with its `name` and `digest`. The folder goes where it cannot
    be read: raises DataError."""
    try:
        found = intake.import_file(path, declared=table, dry_run=True, deps=deps).model_dump(mode="json")
    except DataError:
        drop(path.parent)
        raise
    return _noted(path.parent / LOOKED, found | {"name": name[:120], "digest": _digest(path)})


def keep(path: Path, *, name: str, table: str, deps: Deps) -> dict[str, Any]:
    """Import a file and remove it, whatever comes of it; what came is told for an hour. Raises DataError as an import does."""
    try:
        found = intake.import_file(path, declared=table, deps=deps).model_dump(mode="json")
    except DataError:
        drop(path.parent)
        raise
    path.unlink()
    return _noted(path.parent / DONE, found | {"name": name[:120]})


def keep_looked(upload_id: str, *, visit: str, table: str, digest: str, deps: Deps) -> dict[str, Any]:
    """Import what was looked at. Raises DataError UPLOAD-GONE for what is not kept or not this visit's, UPLOAD-CHANGED for another file."""
    folder, found = _folder(upload_id, visit, deps), told(upload_id, LOOKED, visit=visit, deps=deps)
    files = sorted(folder.glob("upload*")) if folder is not None else []
    if found is None or len(files) != 1 or files[0].is_symlink():
        raise DataError("UPLOAD-GONE", "This file is not kept any more.", next_step="Choose it again on /data.")
    if not secrets.compare_digest(_digest(files[0]).encode(), digest.encode()) or table != found["table"]:
        drop(files[0].parent)
        says = "The file or what it is said to hold is not what was looked at; nothing was imported."
        raise DataError("UPLOAD-CHANGED", says, next_step="Choose it again on /data.")
    return keep(files[0], name=str(found["name"]), table=table, deps=deps)


def told(upload_id: str, what: str, *, visit: str, deps: Deps) -> dict[str, Any] | None:
    """What a look found (LOOKED) or an import did (DONE); None where nothing of it is kept for this visit."""
    folder = _folder(upload_id, visit, deps)
    path = folder / what if folder is not None else None
    if path is None or not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _folder(upload_id: str, visit: str, deps: Deps) -> Path | None:
    if not _ID.fullmatch(upload_id):
        return None
    sweep(deps=deps)
    return next(iter(_root(deps).glob(f"*-{_of(visit)}-{upload_id}")), None)


def _root(deps: Deps) -> Path:
    return deps.settings.home / "uploads"


def _of(visit: str) -> str:
    return hashlib.sha256(f"liftwright upload {visit}".encode()).hexdigest()[:32]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _noted(path: Path, found: dict[str, Any]) -> dict[str, Any]:
    path.write_text(json.dumps(found), encoding="utf-8")
    return found
