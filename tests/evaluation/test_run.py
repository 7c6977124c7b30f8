"""A run stores every result, goes on where it was cut off, and its gate decides."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from liftwright import settings as settings_file
from liftwright import wiring
from liftwright.domain.errors import ConfigError, GoalError
from liftwright.domain.goal import Brief
from liftwright.evaluation import targets
from liftwright.evaluation.cases import Case
from liftwright.evaluation.run import GraderCount, Summary, run_suite, verdict
from liftwright.evaluation.suite import evals_folder
from liftwright.evaluation.targets import Answer
from liftwright.ports import Deps

SUITE = """
suite: small
says: Twelve goals.
target: {target}
dataset: twelve
baseline: small
graders:
  - {{use: fields_right, gate: at_least, at_least: 10}}
  - {{use: nothing_invented, gate: hard}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve of the goals as a suite of their own."""
    root = tmp_path / "evals"
    for name in ("suites", "baselines", "datasets/twelve"):
        (root / name).mkdir(parents=True)
    (root / "suites" / "small.yaml").write_text(SUITE.format(target="goal_reading"), encoding="utf-8")
    lines = (evals_folder() / "datasets" / "goals" / "data.jsonl").read_text(encoding="utf-8").splitlines()[:12]
    (root / "datasets" / "twelve" / "data.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


async def run(folder: Path, **options: Any) -> Summary:
    return await run_suite("small", deps=None, home=folder.parent, folder=folder, **options)


def stored(folder: Path, name: str = "0001") -> list[dict[str, object]]:
    text = (folder.parent / "evals" / "small" / name / "results.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


async def test_a_full_run_passes_and_stores_a_row_per_case_and_grader(folder: Path) -> None:
    summary = await run(folder)
    assert (summary.verdict, summary.exit_code, summary.cases, summary.of) == ("pass", 0, 12, 12)
    assert len(stored(folder)) == 24
    assert (
        json.loads((folder.parent / "evals" / "small" / "0001" / "run.json").read_text())["dataset_sha256"]
        == summary.dataset_sha256
    )
    assert "fields_right" in summary.text
    assert summary.model_dump(mode="json")["exit_code"] == 0


async def test_a_part_of_the_cases_is_inconclusive_at_best(folder: Path) -> None:
    summary = await run(folder, limit=5)
    assert (summary.verdict, summary.exit_code, summary.cases) == ("inconclusive", 2, 5)


async def test_a_run_goes_on_where_it_stopped_without_running_finished_cases_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(folder, limit=5)
    results = folder.parent / "evals" / "small" / "0001" / "results.jsonl"
    whole = results.read_text(encoding="utf-8").splitlines(keepends=True)
    results.write_text("".join(whole[:9]) + whole[9][:20], encoding="utf-8")
    ran: list[str] = []

    async def counted(case: Case, deps: Deps | None) -> Answer:
        ran.append(case.id)
        return await reading(case, deps)

    reading = targets.TARGETS["goal_reading"]
    monkeypatch.setitem(targets.TARGETS, "goal_reading", counted)
    summary = await run(folder, resume="0001")
    assert summary.verdict == "pass"
    assert ran == [f"plain-{number:02d}" for number in range(5, 13)]
    assert len({(row["case"], row["grader"]) for row in stored(folder)}) == 24


async def test_every_case_is_run_as_often_as_the_suite_says_and_passes_when_it_does_so_every_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "suites" / "small.yaml"
    path.write_text(path.read_text() + "epochs: 3\n")
    reading, ran = targets.TARGETS["goal_reading"], Counter[str]()

    async def sometimes(case: Case, deps: Deps | None) -> Answer:
        ran[case.id] += 1
        return Answer(Brief(question="What?")) if (case.id, ran[case.id]) == ("plain-02", 2) else await reading(case, deps)

    monkeypatch.setitem(targets.TARGETS, "goal_reading", sometimes)
    assert (await run(folder, limit=5)).verdict == "inconclusive"
    results = folder.parent / "evals" / "small" / "0001" / "results.jsonl"
    results.write_text("".join(results.read_text(encoding="utf-8").splitlines(keepends=True)[:-2]), encoding="utf-8")
    summary = await run(folder, resume="0001")
    assert (summary.verdict, summary.cases, summary.of) == ("pass", 12, 12)
    assert ran.pop("plain-05") == 4, "only the epoch that was lost ran again"
    assert set(ran.values()) == {3}
    assert len(stored(folder)) == 12 * 3 * 2
    fields = summary.graders[0]
    assert (fields.passed, fields.judged, [failure.partition(":")[0] for failure in fields.failed]) == (11, 12, ["plain-02"])


async def test_runs_get_numbers_of_their_own(folder: Path) -> None:
    assert [(await run(folder, limit=1)).run for _ in range(3)] == ["0001", "0002", "0003"]


async def test_only_a_run_on_the_same_data_can_be_resumed(folder: Path) -> None:
    await run(folder, limit=1)
    with pytest.raises(ConfigError, match="no run '0009'"):
        await run(folder, resume="0009")
    data = folder / "datasets" / "twelve" / "data.jsonl"
    data.write_text(data.read_text(encoding="utf-8").replace("winter jackets", "winter coats"), encoding="utf-8")
    with pytest.raises(ConfigError, match="another dataset sha256"):
        await run(folder, resume="0001")


async def test_a_gate_that_cannot_be_met_is_refused(folder: Path) -> None:
    path = folder / "suites" / "small.yaml"
    path.write_text(path.read_text().replace("at_least: 10", "at_least: 13"))
    with pytest.raises(ConfigError, match="13 of 12"):
        await run(folder)


async def test_wrong_answers_are_a_regression_and_shown_against_the_baseline(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await run(folder)
    scores = {row["case"]: {"fields_right": 1.0, "nothing_invented": 1.0} for row in stored(folder)}
    baseline = {
        "suite": "small",
        "target": "goal_reading",
        "model": "none",
        "dataset_sha256": first.dataset_sha256,
        "scores": scores,
    }
    (folder / "baselines" / "small.json").write_text(json.dumps(baseline), encoding="utf-8")

    async def asks(case: Case, deps: Deps | None) -> Answer:
        return Answer(Brief(question="What?"), is_fallback=case.id == "plain-01")

    monkeypatch.setitem(targets.TARGETS, "goal_reading", asks)
    summary = await run(folder, limit=4)
    assert (summary.verdict, summary.exit_code, summary.fallbacks) == ("regression", 1, 1)
    assert summary.flips.lost == tuple(f"plain-{number:02d}: fields_right" for number in range(1, 5))
    assert "plain-01" in summary.text


async def test_a_target_that_fails_is_a_harness_error_and_is_run_again_on_resume(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = targets.TARGETS["goal_reading"]

    async def fails(case: Case, deps: Deps | None) -> Answer:
        if case.id == "plain-03":
            raise GoalError("GOAL-X", "No.", next_step="Again.")
        if case.id == "plain-04":
            raise RuntimeError("broken")
        return await reading(case, deps)

    monkeypatch.setitem(targets.TARGETS, "goal_reading", fails)
    summary = await run(folder)
    assert (summary.verdict, summary.exit_code, summary.cases) == ("harness_error", 3, 10)
    assert [error.partition(":")[0] for error in summary.errors] == ["plain-03", "plain-04"]
    monkeypatch.setitem(targets.TARGETS, "goal_reading", reading)
    assert (await run(folder, resume=summary.run)).verdict == "pass"


@pytest.mark.parametrize(
    ("passed", "judged", "errors", "expected"),
    [
        (60, 60, 0, "pass"),
        (54, 60, 0, "pass"),
        (53, 60, 0, "regression"),
        (54, 54, 0, "inconclusive"),
        (3, 10, 0, "regression"),
        (4, 10, 0, "inconclusive"),
        (59, 59, 1, "harness_error"),
        (0, 7, 1, "regression"),
    ],
)
def test_the_gate_decides_as_soon_as_it_can(passed: int, judged: int, errors: int, expected: str) -> None:
    count = GraderCount(grader="g", gate="at_least", needs=54, passed=passed, judged=judged, failed=())
    assert verdict([count], errors=errors, of=60) == expected


KILLED = """
import asyncio, pathlib, sys, time
from liftwright.evaluation import targets
from liftwright.evaluation.run import run_suite
reading = targets.TARGETS["goal_reading"]
async def slow(case, deps):
    time.sleep(0.05)
    return await reading(case, deps)
targets.TARGETS["goal_reading"] = slow
folder = pathlib.Path(sys.argv[1])
asyncio.run(run_suite("small", deps=None, home=folder.parent, folder=folder))
"""


def cut_off(folder: Path) -> int:
    """Kill a run after a few cases; how many it had finished."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(folder)])
    results = folder.parent / "evals" / "small" / "0001" / "results.jsonl"
    deadline = time.monotonic() + 60
    while (not results.exists() or results.read_bytes().count(b"\n") < 6) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return results.read_bytes().count(b"\n") // 2


async def test_a_killed_run_loses_nothing_that_was_finished(folder: Path) -> None:
    finished = cut_off(folder)
    assert 3 <= finished < 12
    summary = await run(folder, resume="0001")
    assert (summary.verdict, summary.cases) == ("pass", 12)
    rows = stored(folder)
    assert len(rows) == len({(row["case"], row["grader"]) for row in rows}) == 24


async def test_the_runner_itself_costs_little(folder: Path) -> None:
    assert (await run(folder)).overhead_cpu_ms < 2


@pytest.mark.slow
async def test_the_strategist_on_the_offline_model_reads_the_sixty_goals(tmp_path: Path) -> None:
    deps = wiring.build(settings_file.load(directory=tmp_path, environment={}, home=tmp_path / "home"))
    summary = await run_suite("goals", deps=deps, home=deps.settings.home)
    assert summary.verdict == "pass", summary.text
    assert (summary.model, summary.fallbacks, summary.flips.lost) == ("scripted", 0, ())


async def test_the_rules_read_the_sixty_goals(tmp_path: Path) -> None:
    summary = await run_suite("goals_reader", deps=None, home=tmp_path)
    assert summary.verdict == "pass", summary.text
