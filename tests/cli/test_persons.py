"""person on the command line: a look first, then the file, then the end of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]
PERSON = "C000001"


def test_export_writes_one_file_and_never_over_another(run: Run, shop: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine" / "person.json"
    words = ("person", "export", PERSON, "--to", target, "--as", "cora", "--home", shop)
    done = run(*words)
    assert done.code == 0, done.err
    assert json.loads(target.read_text())["tables"]["customers"][0]["customer_id"] == PERSON
    again = run(*words)
    assert (again.code, "PERSON-FILE" in again.err) == (2, True)


def test_erase_looks_first_and_does_it_with_yes(run: Run, shop: Path) -> None:
    words = ("person", "erase", PERSON, "--reason", "asked by letter", "--as", "cora", "--home", shop)
    looked = run(*words)
    assert (looked.code, "Add --yes to erase" in looked.out) == (0, True)
    assert run(*words, "--json").data["rows"] > 0  # still there
    done = run(*words, "--yes")
    assert (done.code, "is erased" in done.out, "backups" in done.out) == (0, True, True)
    gone = run("person", "export", PERSON, "--to", shop / "x.json", "--as", "cora", "--home", shop)
    assert (gone.code, "PERSON-NOBODY" in gone.err) == (2, True)
    assert run("journal", "verify", "--home", shop).code == 0
    assert not (shop / "x.json").exists()
