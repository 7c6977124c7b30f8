"""A run for other tools: each format is read back by what reads such files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from liftwright.domain.errors import ConfigError
from liftwright.evaluation.exporting import COLUMNS, export
from stored_runs import Place

NASTY = '=1+1 "a",\n<b>&\x00\x0b\ud83d'.encode("utf-8", "replace").decode()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path, epochs=2)
    found.store(["c01"], invented=["c02"], unnoticed=["c03"], epochs=2, reason=NASTY)
    return found


def written(place: Place, form: str) -> Path:
    target = place.home / "out" / f"run.{form}"
    assert export("small", form, target, home=place.home, folder=place.folder) == 60 * 2 * 3
    return target


def test_csv_has_a_line_per_result_and_no_formula(place: Place) -> None:
    with written(place, "csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 360
    wrong = [row for row in rows if float(row["value"]) < 1]
    assert [(row["case"], row["epoch"], row["grader"]) for row in wrong[:2]] == [
        ("c01", "1", "fields_right"),
        ("c01", "2", "fields_right"),
    ]
    assert wrong[0]["reason"] == f"'{NASTY}"


def test_jsonl_has_what_came_back_beside_every_score(place: Place) -> None:
    lines = [json.loads(line) for line in written(place, "jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    assert len(lines) == 120
    assert {(line["case"], line["epoch"]) for line in lines} == {(case, epoch) for case in place.cases for epoch in (1, 2)}
    found = next(line for line in lines if line["case"] == "c02")
    assert found["scores"]["nothing_invented"] == {"value": 0.0, "reason": NASTY}
    assert (found["brief"], found["tokens"], found["run"]) == ({"summary": "c02"}, 100, "0001")


def test_junit_is_xml_whose_failures_are_those_of_graders_with_a_gate(place: Place) -> None:
    root = ElementTree.parse(written(place, "junit")).getroot()
    counts = {part.get("name"): (part.get("tests"), part.get("failures"), len(part.findall("testcase/failure"))) for part in root}
    assert counts == {
        "small.fields_right": ("120", "2", 2),
        "small.nothing_invented": ("120", "2", 2),
        "small.missing_noticed": ("120", "0", 0),
    }
    assert next(case.get("name") for case in root.iter("testcase") if case.find("failure") is not None) == "c01 (epoch 1)"
    said = root.find("testsuite/testcase/failure")
    assert said is not None
    assert said.text == NASTY.replace("\x00", "\ufffd").replace("\x0b", "\ufffd")


def test_what_cannot_be_written_is_said_to(place: Place) -> None:
    for form, target, says in (
        ("inspect", place.home / "x", "no format 'inspect'"),
        ("csv", place.home, "cannot be written"),
        ("csv", place.home / "evals" / "small" / "0001" / "run.json" / "x.csv", "cannot be written"),
    ):
        with pytest.raises(ConfigError, match=says):
            export("small", form, target, home=place.home, folder=place.folder)
    with pytest.raises(ConfigError, match="never run"):
        export("small", "csv", place.home / "x", home=place.home / "elsewhere", folder=place.folder)
