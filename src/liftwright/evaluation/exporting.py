"""A stored run as a file for other tools: csv, jsonl, or junit for what shows the tests of a build."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from liftwright.domain.errors import ConfigError
from liftwright.evaluation.results import Header, Row, RunFolder
from liftwright.evaluation.sides import newest
from liftwright.evaluation.suite import Suite, load_suite

COLUMNS = ("suite", "run", "model", "case", "epoch", "grader", "value", "reason")
FORMATS = ("csv", "junit", "jsonl")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula at the start of a cell."""
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def export(name: str, form: str, to: Path, *, home: Path, run: str = "", folder: Path | None = None) -> int:
    """Write a run (the newest) in one of FORMATS; returns how many results it has, one a case, epoch and grader.

    Raises ConfigError for a suite, run or format there is not, and for a file that cannot be written.
    """
    suite = load_suite(name, folder=folder)
    taken = newest(suite, run, home=home)
    header, rows = taken.header(), taken.rows()
    written = {"csv": _csv, "junit": _junit, "jsonl": _jsonl}.get(form)
    if written is None:
        raise ConfigError("EVAL-EXPORT", f"There is no format '{form[:20]}'.", next_step=f"Use one of: {', '.join(FORMATS)}.")
    put(to, written(suite, taken, header, rows))
    return len(rows)


def put(to: Path, text: str) -> None:
    """Write a file, and the folder it is to stand in. Raises ConfigError where that does not go."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        says = f"{to} cannot be written: {error.strerror}."
        raise ConfigError("EVAL-EXPORT-WRITE", says, next_step="Name another file.") from error


def _rows(taken: RunFolder, header: Header, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield {"suite": header.suite, "run": taken.run, "model": header.model, **row.model_dump()}


def _csv(suite: Suite, taken: RunFolder, header: Header, rows: Sequence[Row]) -> str:
    """A line per result. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in _rows(taken, header, rows):
        writer.writerow([cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def cell(value: Any) -> Any:
    """One cell, as it may stand in a file that a spreadsheet opens."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _jsonl(suite: Suite, taken: RunFolder, header: Header, rows: Sequence[Row]) -> str:
    """A line per case and epoch: what came back, what it took, and every grader's score."""
    graded: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows:
        graded.setdefault((row.case, row.epoch), {})[row.grader] = {"value": row.value, "reason": row.reason}
    outputs = {(case, each.get("epoch", 1)): each for case, epochs in taken.outputs().items() for each in epochs}
    about = {"suite": header.suite, "run": taken.run, "model": header.model, "dataset_sha256": header.dataset_sha256}
    lines = ({**outputs.get(key, {}), **about, "case": key[0], "epoch": key[1], "scores": by} for key, by in graded.items())
    return "".join(json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n" for line in lines)


def _junit(suite: Suite, taken: RunFolder, header: Header, rows: Sequence[Row]) -> str:
    """A testsuite per grader and a testcase per case and epoch; what a grader without a gate fails is told and does not fail."""
    root = ElementTree.Element("testsuites", name=_xml(f"{header.suite} run {taken.run}"))
    for use in suite.graders:
        mine = [row for row in rows if row.grader == use.use]
        failed = sum(row.value < 1 for row in mine) if use.gate != "none" else 0
        counts = {"tests": len(mine), "failures": failed, "errors": 0, "skipped": 0}
        about = {"name": _xml(f"{header.suite}.{use.use}"), **{what: str(each) for what, each in counts.items()}}
        part = ElementTree.SubElement(root, "testsuite", about)
        for row in mine:
            name = row.case if suite.epochs == 1 else f"{row.case} (epoch {row.epoch})"
            case = ElementTree.SubElement(part, "testcase", classname=_xml(f"{header.suite}.{use.use}"), name=_xml(name))
            if row.value < 1:
                kind = "failure" if use.gate != "none" else "system-out"
                said = ElementTree.SubElement(case, kind, {"message": _xml(row.reason)} if kind == "failure" else {})
                said.text = _xml(row.reason)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", text)
