"""Results on disk: one folder per run, append-only, one line per case and grader. A run that was cut off goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from liftwright.domain.base import Value
from liftwright.domain.errors import ConfigError


class Row(Value):
    """What one grader said of one case."""

    case: str
    grader: str
    value: float
    reason: str = ""


class Header(Value):
    """What a run was run on; a resumed run must be on the same."""

    suite: str
    suite_sha256: str
    target: str
    model: str
    dataset: str
    dataset_sha256: str
    version: str


class RunFolder:
    """`<home>/evals/<suite>/<run>/`: run.json, results.jsonl (a row per case and grader), outputs.jsonl (a line per case)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path.name
        self._results = path / "results.jsonl"
        self._outputs = path / "outputs.jsonl"

    @classmethod
    def create(cls, home: Path, header: Header) -> RunFolder:
        """A new run with the next free number."""
        parent = home / "evals" / header.suite
        parent.mkdir(parents=True, exist_ok=True)
        number = max((int(p.name) for p in parent.iterdir() if p.name.isdigit()), default=0)
        while True:
            number += 1
            path = parent / f"{number:04d}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            (path / "run.json").write_text(header.model_dump_json(indent=2) + "\n", encoding="utf-8")
            return cls(path)

    @classmethod
    def resume(cls, home: Path, header: Header, run: str) -> RunFolder:
        """A run that was cut off. Raises ConfigError when there is none, or when it was on other data, suite or model."""
        path = home / "evals" / header.suite / run
        known = sorted(p.name for p in path.parent.iterdir() if p.is_dir()) if path.parent.is_dir() else []
        if run not in known or not (path / "run.json").is_file():
            says = f"There is no run '{run}' of the suite '{header.suite}'."
            raise ConfigError("EVAL-RUN", says, next_step=f"Use one of: {', '.join(known) or 'none yet'}.")
        try:
            before = Header.model_validate_json((path / "run.json").read_text(encoding="utf-8"))
        except ValidationError as error:
            says = f"The header of run {run} cannot be read."
            raise ConfigError("EVAL-RUN", says, next_step="Start a new run.") from error
        changed = [name for name in Header.model_fields if getattr(before, name) != getattr(header, name)]
        if changed:
            says = f"Run {run} was on another {', '.join(name.replace('_', ' ') for name in changed)}."
            raise ConfigError("EVAL-RUN-CHANGED", says, next_step="Start a new run.")
        folder = cls(path)
        for file in (folder._results, folder._outputs):
            _drop_torn_line(file)
        return folder

    def rows(self) -> list[Row]:
        """Every row once, the first of its case and grader."""
        found: dict[tuple[str, str], Row] = {}
        if self._results.exists():
            with self._results.open(encoding="utf-8") as lines:
                for line in lines:
                    row = Row.model_validate_json(line)
                    found.setdefault((row.case, row.grader), row)
        return list(found.values())

    def finished(self, graders: Sequence[str]) -> set[str]:
        """Ids of the cases that every grader has judged."""
        seen: dict[str, set[str]] = {}
        for row in self.rows():
            seen.setdefault(row.case, set()).add(row.grader)
        return {case for case, by in seen.items() if by >= set(graders)}

    def fallbacks(self) -> int:
        """Cases whose answer came from the rules because the model gave none."""
        if not self._outputs.exists():
            return 0
        with self._outputs.open(encoding="utf-8") as lines:
            return len({found["case"] for found in map(json.loads, lines) if found["is_fallback"]})

    def add(self, case: str, output: Mapping[str, Any], rows: Sequence[Row]) -> None:
        """Append what came back for a case, then the rows of all graders in one write."""
        _append(self._outputs, json.dumps({"case": case, **output}, ensure_ascii=False, sort_keys=True) + "\n")
        _append(self._results, "".join(row.model_dump_json() + "\n" for row in rows))


def _append(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        data = text.encode("utf-8")
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def _drop_torn_line(path: Path) -> None:
    """Cut off what a killed process left of its last line."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
