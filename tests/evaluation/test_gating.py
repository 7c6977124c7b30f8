"""The gate: the suite's own first, then the baseline; one line says what decided. And how a run becomes the baseline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from liftwright import settings as settings_file
from liftwright import wiring
from liftwright.domain.errors import ApprovalError, ConfigError, LiftwrightError
from liftwright.evaluation import gating
from liftwright.evaluation.baseline import load_baseline
from liftwright.flow import people
from liftwright.ports import Deps
from stored_runs import Place

KILLED = """
import os, signal, sys
from pathlib import Path
from liftwright import settings, wiring
from liftwright.evaluation import gating
home, folder = Path(sys.argv[1]), Path(sys.argv[2])
deps = wiring.build(settings.load(directory=home, environment={}, home=home))
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
gating.accept("small", sys.argv[3], by="Ben", reason="better still", deps=deps, folder=folder)
"""
"""Accepts a run, and is killed just before the new file would take the place of the old one."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def deps(place: Place) -> Deps:
    return wiring.build(settings_file.load(directory=place.home, environment={}, home=place.home))


def accept(place: Place, run: str, deps: Deps, by: str = "Ann", reason: str = "better briefs") -> str:
    gating.accept("small", run, by=by, reason=reason, deps=deps, folder=place.folder)
    return (place.folder / "baselines" / "small.json").read_text(encoding="utf-8")


def baselines(place: Place) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (place.folder / "baselines").iterdir()}


def gate(place: Place, run: str = "") -> tuple[str, int, str]:
    found = gating.gate("small", home=place.home, run=run, folder=place.folder)
    assert found.text.splitlines()[0].endswith(f"because {found.rule}")
    return found.verdict, found.exit_code, found.rule


def test_the_newest_run_is_held_against_what_was_accepted(place: Place, deps: Deps) -> None:
    accept(place, place.store(), deps)
    assert gate(place)[:2] == ("pass", 0)
    place.store(place.cases[:2])
    verdict, code, rule = gate(place)
    assert (verdict, code) == ("inconclusive", 2)
    assert "more samples needed" in rule
    place.store(place.cases[:12])
    verdict, code, rule = gate(place)
    assert (verdict, code) == ("regression", 1)
    assert "is below zero and reaches the margin of -2.0" in rule
    assert gate(place, run="0001")[0] == "pass", "an older run on demand"


def test_the_suite_s_own_gate_comes_first_and_hard_graders_before_counts(place: Place, deps: Deps) -> None:
    accept(place, place.store(place.cases[:15]), deps)
    place.store(place.cases[:21], invented=["c07"])
    assert gate(place) == ("regression", 1, "nothing_invented must hold in every case and failed in 1: c07")
    place.store(place.cases[:21])
    assert gate(place) == ("regression", 1, "fields_right passed 39 of 60 cases and must pass 40")
    place.store(cases=59)
    assert gate(place) == ("inconclusive", 2, "59 of 60 cases were judged by every grader; go on with --resume 0004")
    path = place.folder / "suites" / "small.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "  - {use: nothing_dropped, gate: none}\n", encoding="utf-8")
    assert gate(place) == (
        "inconclusive",
        2,
        "0 of 60 cases were judged by every grader; the suite has changed since, run it again",
    )


def test_what_keeps_it_from_judging_is_a_harness_error_and_no_verdict(place: Place, deps: Deps) -> None:
    assert gate(place)[:2] == ("harness_error", 3)
    run = place.store()
    assert "EVAL-BASELINE-NONE" in gate(place)[2]
    accept(place, run, deps)
    assert "EVAL-RUN-UNKNOWN" in gate(place, run="0042")[2]
    (place.home / "evals" / "small" / run / "results.jsonl").write_text("broken\n", encoding="utf-8")
    assert "cannot be read" in gate(place)[2]
    place.store()
    path = place.folder / "baselines" / "small.json"
    for broken in (b"{", b"\xff\xfe", b'{"suite": 3}'):
        path.write_bytes(broken)
        assert "EVAL-BASELINE: baselines/small.json cannot be read" in gate(place)[2]
    assert gating.gate("nosuch", home=place.home, folder=place.folder).exit_code == 3


def test_a_run_or_a_baseline_on_other_cases_is_not_compared(place: Place, deps: Deps) -> None:
    accept(place, place.store(), deps)
    place.write_cases(dict.fromkeys(place.cases, "other"))
    assert "Run 0001 was on other cases than the suite has today" in gate(place)[2]
    place.store()
    verdict, code, rule = gate(place)
    assert (verdict, code) == ("harness_error", 3)
    assert "did not judge the same cases" in rule


def test_an_accepted_run_is_a_file_that_is_reviewed_line_by_line(place: Place, deps: Deps) -> None:
    first = accept(place, place.store(), deps)
    second = accept(place, place.store(["c41", "c03"]), deps, by="  Ben ", reason="  shorter,\n but good ")
    changed = [line for line in second.splitlines() if line not in first.splitlines()]
    assert [line.strip()[:5] for line in changed if '"c' in line] == ['"c03"', '"c41"']
    assert len(second.splitlines()) < 60 + 20
    data = json.loads(second)
    assert list(data["scores"]) == sorted(data["scores"])
    assert data["accepted"] | {"at": ""} == {"run": "0002", "by": "Ben", "at": "", "reason": "shorter, but good"}
    loaded = load_baseline("small", folder=place.folder)
    assert loaded is not None
    assert loaded.text() == second
    assert sorted(path.name for path in (place.folder / "baselines").iterdir()) == ["small.json"], "nothing half-written stays"
    entry = deps.journal.entries(subject="small")[-1]
    assert (entry.actor, entry.action, entry.detail["run"], entry.detail["reason"]) == (
        "Ben",
        "eval.baseline_accepted",
        "0002",
        "shorter, but good",
    )


def test_what_cannot_stand_for_what_is_accepted_is_refused_and_changes_nothing(place: Place, deps: Deps) -> None:
    kept = accept(place, place.store(), deps)
    hard, part, other = place.store(invented=["c07", "c08"]), place.store(cases=30), place.store()
    for run, code in (
        (hard, "EVAL-BASELINE-HARD"),
        (part, "EVAL-BASELINE-PART"),
        ("0042", "EVAL-RUN-UNKNOWN"),
        ("../x", "EVAL-RUN-UNKNOWN"),
    ):
        with pytest.raises(ConfigError) as error:
            accept(place, run, deps)
        assert error.value.code == code
    for by, reason in (("Ann", " "), ("Ann", "x" * 301), ("Ann", "\x1b[2J"), (" ", "why"), ("A\x07", "why")):
        with pytest.raises(LiftwrightError):
            accept(place, other, deps, by=by, reason=reason)
    place.write_cases(dict.fromkeys(place.cases, "other"))
    with pytest.raises(ConfigError, match="on other cases than the suite has today"):
        accept(place, other, deps)
    assert (place.folder / "baselines" / "small.json").read_text(encoding="utf-8") == kept
    assert len(deps.journal.entries(subject="small")) == 1


def test_a_file_that_cannot_be_written_is_said_to(place: Place, deps: Deps) -> None:
    (place.folder / "baselines").rmdir()
    (place.folder / "baselines").write_text("in the way", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"baselines/small\.json cannot be written"):
        accept(place, place.store(), deps)


def test_a_baseline_that_could_not_be_journaled_or_put_in_place_leaves_the_old_one(
    place: Place, deps: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, better = accept(place, place.store(["c41"]), deps), place.store()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "no space left")

    for place_of, name, raised in ((deps.journal, "append", OSError), (os, "replace", ConfigError)):
        with monkeypatch.context() as patch:
            patch.setattr(place_of, name, full)
            with pytest.raises(raised, match="no space left"):
                accept(place, better, deps)
        assert baselines(place) == {"small.json": kept}
    runs = [entry.detail["run"] for entry in deps.journal.entries(subject="small")]
    assert runs == ["0001", "0002"], "who tried is known where the file could not be put in place"


def test_killed_between_the_entry_and_the_file_the_old_baseline_stays_and_accepting_again_works(place: Place, deps: Deps) -> None:
    kept, better = accept(place, place.store(["c41"]), deps), place.store()
    words = [sys.executable, "-c", KILLED, str(place.home), str(place.folder), better]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    assert baselines(place)["small.json"] == kept
    assert [entry.actor for entry in deps.journal.entries(subject="small")] == ["Ann", "Ben"]
    made = accept(place, better, deps, by="Ben")
    assert json.loads(made)["accepted"]["run"] == better
    assert [entry.actor for entry in deps.journal.entries(subject="small")] == ["Ann", "Ben", "Ben"]


def test_a_suite_held_against_another_s_baseline_does_not_overwrite_it(place: Place, deps: Deps) -> None:
    path = place.folder / "suites" / "small.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "baseline: shared\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="held against the baseline of shared"):
        accept(place, place.store(), deps)


def test_in_a_workspace_with_users_only_who_decides_sets_it(place: Place, deps: Deps) -> None:
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=deps)
    people.put("ann", roles=["analyst"], is_active=True, by="ada", deps=deps)
    people.put("leo", roles=["marketing_lead"], is_active=True, by="ada", deps=deps)
    run = place.store()
    with pytest.raises(ApprovalError, match="ann may look, and set no baseline"):
        accept(place, run, deps, by="ann")
    with pytest.raises(ApprovalError, match="no user of this workspace"):
        accept(place, run, deps, by="Eve")
    assert '"by": "leo"' in accept(place, run, deps, by="leo")
    people.new_key("leo", by="leo", deps=deps)
    with pytest.raises(ApprovalError) as error:
        accept(place, run, deps, by="leo")
    assert error.value.code == "USER-KEY"
