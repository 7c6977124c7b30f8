"""eval on the command line: what there is, the red team on a few orders, and exit codes a build can stand on."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from liftwright import wiring
from stored_runs import Place

Run = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A workspace with runs of one small suite, which is the only one there is."""
    found = Place(tmp_path / "place")
    monkeypatch.setattr(wiring, "shipped", lambda _: found.folder)
    return found


def test_the_red_team_is_listed_and_runs_without_a_workspace(run: Run, tmp_path: Path) -> None:
    assert "redteam" in {suite["suite"] for suite in run("eval", "list", "--home", tmp_path, "--json").data}
    done = run("eval", "run", "redteam", "-n", "3", "--home", tmp_path / "none", "--json")
    assert done.code == 0, done.err
    assert (done.data["cases"], done.data["effects"], done.data["leaks"], done.data["overrides"]) == (3, [], [], [])
    assert 0.6 < done.data["upper_bound"] < 0.7  # three tries show little, and it says so
    assert not (tmp_path / "none").exists()


def test_a_baseline_is_accepted_shown_and_stands_in_the_way_of_a_worse_run(run: Run, place: Place) -> None:
    home = ("--home", place.home)
    place.store()
    assert run("eval", "gate", "small", *home).code == 3
    assert "has no baseline yet" in run("eval", "baseline", "small", *home).out
    assert run("eval", "baseline", "small", "--json", *home).data is None
    made = run("eval", "baseline", "small", "--accept", "0001", "--as", "ann", "--reason", "the first", *home)
    assert made.code == 0, made.err
    assert made.out.startswith("small: run 0001, accepted by ann at 2026-11-02 14:30 UTC: the first")
    assert run("eval", "baseline", "small", "--json", *home).data["accepted"]["reason"] == "the first"
    assert run("eval", "gate", "small", *home).code == 0
    place.store(place.cases[:2])
    assert run("eval", "gate", "small", *home).code == 2
    place.store(place.cases[:12])
    worse = run("eval", "gate", "small", "--json", *home)
    assert (worse.code, worse.data["verdict"], worse.data["exit_code"], worse.data["run"]) == (1, "regression", 1, "0003")
    assert run("eval", "gate", "small", "--run", "0001", *home).code == 0
    refused = run("eval", "baseline", "small", "--accept", "0004", "--as", "ann", "--reason", "x", *home)
    assert refused.code == 2
    assert "EVAL-RUN-UNKNOWN" in refused.complaint


@pytest.mark.parametrize(("failed", "code", "verdict"), [(0, 0, "non_inferior"), (2, 2, "inconclusive"), (12, 1, "worse")])
def test_a_comparison_ends_with_the_code_of_its_verdict(run: Run, place: Place, failed: int, code: int, verdict: str) -> None:
    place.store()
    place.store(place.cases[:failed], tokens=200)
    (place.home / "liftwright.toml").write_text('currency = "EUR"\n[agents]\nprice = 0.5\n', encoding="utf-8")
    said = run("eval", "compare", "small", "1", "2", "--home", place.home, "--json")
    assert (said.code, said.data["verdict"], len(said.data["regressed"])) == (code, verdict, failed)
    assert said.data["cost_a_case"] == {"before": 0.05, "now": 0.1, "currency": "EUR"}
    text = run("eval", "compare", "small", "1", "2", "--home", place.home)
    assert text.code == code
    assert text.out.splitlines()[0] == f"small: run 0002 against run 0001: {verdict.replace('_', '-')}"
    assert "cost a case, EUR" in text.out


def test_what_cannot_be_compared_ends_with_three_and_never_with_inconclusive(run: Run, place: Place) -> None:
    place.store()
    for words in (
        ("compare", "small", "1", "2"),
        ("compare", "small", "baseline", "1"),
        ("compare", "smal", "1", "1"),
        ("gate", "smal"),
    ):
        said = run("eval", *words, "--home", place.home)
        assert said.code == 3, words
        assert "EVAL-" in said.err + said.out


def test_a_grader_is_held_against_labels(run: Run, place: Place) -> None:
    place.store(place.cases[:20])
    file = place.home / "labels.csv"
    lines = [f"{case},{'fail' if case in place.cases[:20] else 'pass'}" for case in place.cases]
    judge = ("eval", "judge", "small", "--labels", file, "--home", place.home, "--grader")
    for count, grader, code in ((60, "fields_right", 0), (60, "nothing_invented", 1), (49, "fields_right", 2)):
        file.write_text("\n".join(["id,label", *lines[:count]]), encoding="utf-8")
        said = run(*judge, grader, "--json")
        assert (said.code, said.data["exit_code"], said.data["labels"]) == (code, code, count)
    file.write_text("id,label\nc00,perhaps\n", encoding="utf-8")
    assert run(*judge, "fields_right").code == 3


def test_a_run_leaves_as_files_for_other_tools_and_for_people(run: Run, place: Place) -> None:
    place.store(["c07"], reason="<script>alert(1)</script>")
    home = ("--home", place.home)
    for form in ("csv", "junit", "jsonl"):
        said = run("eval", "export", "small", "--format", form, "--to", place.home / form, *home, "--json")
        assert said.data == {"file": str(place.home / form), "results": 180}
    with (place.home / "csv").open(encoding="utf-8", newline="") as file:
        assert sum(row["value"] == "0.0" for row in csv.DictReader(file)) == 1
    page = place.home / "evals.html"
    assert run("eval", "view", "--to", page, *home).out == f"Written to {page}.\n"
    assert run("eval", "view", "small", "--run", "1", "--to", page, *home).code == 0
    text = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert run("eval", "view", "--to", place.home, *home).code == 2
    assert run("eval", "view", "small", "--to", page, "--home", place.home / "elsewhere").complaint.startswith(
        "liftwright: EVAL-RUN-NONE: "
    )


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("baseline", "small", "--accept", "0001"), "go together"),
        (("baseline", "small", "--as", "ann"), "go together"),
        (("view", "--run", "1", "--to", "x.html"), "go with a SUITE"),
        (("view",), "--to"),
        (("export", "small", "--to", "x"), "--format"),
        (("export", "small", "--to", "x", "--format", "inspect"), "csv"),
        (("judge", "small"), "--labels"),
        (("compare", "small", "1"), "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_command_line_is_one_line(run: Run, place: Place, words: tuple[str, ...], hint: str) -> None:
    said = run("eval", *words)
    assert said.code == 2
    assert said.complaint.startswith("liftwright: USAGE: ")
    assert hint in said.complaint


def test_a_suite_without_a_model_opens_no_workspace_and_keeps_its_run_there(run: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run("eval", "run", "goals_reader", "-n", "2", "--home", home, "--json")
    assert (done.code, done.data["verdict"], done.data["cases"]) == (2, "inconclusive", 2)
    assert [path.name for path in home.iterdir()] == ["evals"]


def test_a_suite_without_a_model_says_when_the_workspace_cannot_be_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = run("eval", "run", "goals_reader", "--home", tmp_path / "file", "--json")
    assert done.code == 2
    assert "CONFIG-HOME" in done.err
