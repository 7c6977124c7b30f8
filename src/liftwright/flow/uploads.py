"""Files on their way in by page: looked at first, their columns put right, and kept in a last step, by whoever brought them, within the hour.

Between the steps a file lies under the workspace in a folder only this user may open, named by a random id and bound to the visit. Nothing in
it is believed later: the file is read anew, and must still be the one that was looked at. What was chosen so far lies beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from liftwright.audience.mapping import choosing
from liftwright.audience.mapping.choosing import Column
from liftwright.domain.errors import DataError
from liftwright.flow import intake
from liftwright.ports import Deps

LASTS = timedelta(hours=1)
MOST = 5
"""Uploads kept of one visit; the oldest go first."""
MOST_COLUMNS = 300
"""Columns that can be put right by page; those after them are taken as they were recognised, or as a map file says."""
COLUMNS = ("IMPORT-COLUMNS", "IMPORT-AMBIGUOUS")
"""What an import says where a person has to say which column is which."""
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
    """What importing a file would do: the shape of `import --dry-run --json` or the `problem` with it, and `name`, `digest`, `columns` (of
    `choosing.Column`), `choices`, `wrong`, `missing`. The folder goes where the file cannot be read: raises DataError."""
    try:
        columns = intake.columns(path, declared=table)
    except DataError:
        drop(path.parent)
        raise
    known = {"name": name[:120], "table": table, "digest": _digest(path), "columns": [each.model_dump() for each in columns]}
    return _looked(path, known, {}, deps)


def keep(path: Path, *, name: str, table: str, deps: Deps) -> bool:
    """Import a file at once and remove it; what came is told for an hour. False where its columns have to be put right first: then it was only
    looked at. Raises DataError as an import does, and then the file goes."""
    try:
        _imported(path, None, name=name, table=table, deps=deps)
    except DataError as error:
        if error.code in COLUMNS:
            look(path, name=name, table=table, deps=deps)
            return False
        drop(path.parent)
        raise
    return True


def keep_looked(
    upload_id: str, *, visit: str, table: str, digest: str, choices: Mapping[int, str], is_final: bool, deps: Deps
) -> bool:
    """Import what was looked at, with what a person chose for its columns by their place (`choosing.chosen`; what is not named stays as chosen
    before). False where that was not done: it is not `is_final`, or something is wrong with the choices; the look tells, and the file stays.

    Raises DataError UPLOAD-GONE for what is not kept or not this visit's, UPLOAD-CHANGED for another file.
    """
    path, found = _same(upload_id, visit=visit, table=table, digest=digest, deps=deps)
    before = {int(place): choice for place, choice in found["choices"].items()}
    choices = before | {
        place: choice[:100] for place, choice in choices.items() if place < min(MOST_COLUMNS, len(found["columns"]))
    }
    wanted = _chosen(found, choices)
    if not is_final or wanted.wrong or wanted.missing:
        _looked(path, found, choices, deps)
        return False
    try:
        _imported(path, wanted.mapping, name=str(found["name"]), table=table, deps=deps)
    except DataError:
        if not _looked(path, found, choices, deps)["problem"]:
            raise
        return False
    return True


def _same(upload_id: str, *, visit: str, table: str, digest: str, deps: Deps) -> tuple[Path, dict[str, Any]]:
    """A file that was looked at, and what was found in it."""
    folder, found = _folder(upload_id, visit, deps), told(upload_id, LOOKED, visit=visit, deps=deps)
    files = sorted(folder.glob("upload*")) if folder is not None else []
    if found is None or len(files) != 1 or files[0].is_symlink():
        raise DataError("UPLOAD-GONE", "This file is not kept any more.", next_step="Choose it again on /data.")
    if not secrets.compare_digest(_digest(files[0]).encode(), digest.encode()) or table != found["table"]:
        drop(files[0].parent)
        says = "The file or what it is said to hold is not what was looked at; nothing was imported."
        raise DataError("UPLOAD-CHANGED", says, next_step="Choose it again on /data.")
    return files[0], found


def _chosen(found: Mapping[str, Any], choices: Mapping[int, str]) -> choosing.Chosen:
    return choosing.chosen([Column.model_validate(each) for each in found["columns"]], choices, table=found["table"])


def _looked(path: Path, known: Mapping[str, Any], choices: Mapping[int, str], deps: Deps) -> dict[str, Any]:
    """Look at a file with a person's choices, and note what was found."""
    wanted = _chosen(known, choices)
    found = {key: known[key] for key in ("name", "table", "digest", "columns")}
    found |= {"choices": choices, "problem": None, **wanted.model_dump()}
    if not wanted.wrong and not wanted.missing:
        try:
            result = intake.import_file(path, declared=known["table"], mapping=wanted.mapping, dry_run=True, deps=deps)
            found |= result.model_dump(mode="json")
        except DataError as error:
            found["problem"] = error.says.replace(path.name, str(known["name"]))
    return _noted(path.parent / LOOKED, found)


def _imported(path: Path, mapping: Mapping[str, Any] | None, *, name: str, table: str, deps: Deps) -> None:
    found = intake.import_file(path, declared=table, mapping=mapping, deps=deps).model_dump(mode="json")
    path.unlink(missing_ok=True)
    _noted(path.parent / DONE, found | {"name": name[:120]})


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
