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
    """What one grader said of one case, the `epoch`-th time it was run."""

    case: str
    grader: str
    value: float
    reason: str = ""
    epoch: int = 1


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
    """`<home>/evals/<suite>/<run>/`: run.json, results.jsonl (a row per case, epoch and grader), outputs.jsonl (a line per case and epoch)."""

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
        folder = cls(path)
        before = folder.header()
        changed = [name for name in Header.model_fields if getattr(before, name) != getattr(header, name)]
        if changed:
            says = f"Run {run} was on another {', '.join(name.replace('_', ' ') for name in changed)}."
            raise ConfigError("EVAL-RUN-CHANGED", says, next_step="Start a new run.")
        for file in (folder._results, folder._outputs):
            _drop_torn_line(file)
        return folder

    @classmethod
    def stored(cls, home: Path, suite: str) -> list[RunFolder]:
        """Every run of a suite that has a header, newest first."""
        parent = home / "evals" / suite
        found = [p for p in parent.iterdir() if p.name.isdigit() and (p / "run.json").is_file()] if parent.is_dir() else []
        return [cls(path) for path in sorted(found, key=lambda path: int(path.name), reverse=True)]

    def header(self) -> Header:
        """What the run was run on. Raises ConfigError when that cannot be read."""
        try:
            return Header.model_validate_json((self.path / "run.json").read_text(encoding="utf-8"))
        except (ValidationError, UnicodeDecodeError) as error:
            says = f"The header of run {self.run} cannot be read."
            raise ConfigError("EVAL-RUN", says, next_step="Start a new run.") from error

    def rows(self) -> list[Row]:
        """Every row once, the first of its case, epoch and grader. Raises ConfigError for a line that is none."""
        found: dict[tuple[str, int, str], Row] = {}
        for line in _whole_lines(self._results):
            try:
                row = Row.model_validate_json(line)
            except ValidationError as error:
                raise _broken(self._results) from error
            found.setdefault((row.case, row.epoch, row.grader), row)
        return list(found.values())

    def outputs(self) -> dict[str, list[dict[str, Any]]]:
        """What came back, by case, an entry for each epoch: `brief` and what it took. Raises ConfigError for a line that is none."""
        found: dict[str, dict[int, dict[str, Any]]] = {}
        try:
            for output in map(json.loads, _whole_lines(self._outputs)):
                found.setdefault(output["case"], {})[output.get("epoch", 1)] = output
            return {case: [by_epoch[epoch] for epoch in sorted(by_epoch)] for case, by_epoch in found.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _broken(self._outputs) from error

    def finished(self, graders: Sequence[str]) -> set[tuple[str, int]]:
        """Case and epoch of everything that every grader has judged."""
        seen: dict[tuple[str, int], set[str]] = {}
        for row in self.rows():
            seen.setdefault((row.case, row.epoch), set()).add(row.grader)
        return {run for run, by in seen.items() if by >= set(graders)}

    def fallbacks(self) -> int:
        """Cases in which an answer came from the rules because the model gave none."""
        return sum(any(output["is_fallback"] for output in epochs) for epochs in self.outputs().values())

    def add(self, case: str, output: Mapping[str, Any], rows: Sequence[Row]) -> None:
        """Append what came back for a case in one epoch, then the rows of all graders in one write."""
        _append(self._outputs, json.dumps({"case": case, **output}, ensure_ascii=False, sort_keys=True) + "\n")
        _append(self._results, "".join(row.model_dump_json() + "\n" for row in rows))


def mean_scores(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """By case and grader: the mean over the epochs."""
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        found.setdefault(row.case, {}).setdefault(row.grader, []).append(row.value)
    return {case: {by: round(sum(each) / len(each), 6) for by, each in graders.items()} for case, graders in found.items()}


def _whole_lines(path: Path) -> list[str]:
    """The lines of a file without the one that is still being written, or was when its process was killed."""
    if not path.exists():
        return []
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1].decode("utf-8", errors="replace").split("\n")[:-1]


def _broken(path: Path) -> ConfigError:
    return ConfigError(
        "EVAL-RUN", f"{path.name} of run {path.parent.name} has a line that cannot be read.", next_step="Start a new run."
    )


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
