"""Suite files and datasets: what ships is sound, and what is broken is named with its place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from liftwright.domain.errors import ConfigError
from liftwright.evaluation.cases import load_dataset
from liftwright.evaluation.suite import evals_folder, list_suites, load_suite

GOOD = """
suite: small
says: A small suite.
target: goal_reading
dataset: tiny
graders:
  - {use: fields_right, gate: at_least, at_least: 1}
  - {use: nothing_invented, gate: hard}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "suites").mkdir()
    (tmp_path / "datasets" / "tiny").mkdir(parents=True)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "suites" / "small.yaml").write_text(text, encoding="utf-8")


def test_a_suite_file_becomes_a_suite(folder: Path) -> None:
    write(folder, GOOD)
    found = load_suite("small", folder=folder)
    assert [(g.use, g.gate, g.at_least) for g in found.graders] == [
        ("fields_right", "at_least", 1),
        ("nothing_invented", "hard", None),
    ]


@pytest.mark.parametrize(
    ("old", "new", "code", "names"),
    [
        ("dataset: tiny", "datasets: tiny", "EVAL-SUITE-KEY", "Did you mean 'dataset'?"),
        ("gate: hard", "gates: hard", "EVAL-SUITE-KEY", "Did you mean 'gate'?"),
        ("use: nothing_invented", "use: nothing_inventd", "EVAL-GRADER", "Did you mean 'nothing_invented'?"),
        ("target: goal_reading", "target: goal_readng", "EVAL-TARGET", "Did you mean 'goal_reading'?"),
        ("says: A small suite.", "", "EVAL-SUITE-FORM", "'says'"),
        ("suite: small", "suite: other", "EVAL-SUITE-FORM", "calls itself 'other'"),
        ("says: A small suite.", "says: x\ncompare: {margn: 0.1}", "EVAL-SUITE-KEY", "Did you mean 'margin'?"),
        ("says: A small suite.", "says: x\ncompare: {margin: 0}", "EVAL-SUITE-FORM", "compare.margin"),
        ("says: A small suite.", "says: x\ncompare: {draws: 10}", "EVAL-SUITE-FORM", "compare.draws"),
        ("says: A small suite.", "says: x\nepochs: 0", "EVAL-SUITE-FORM", "epochs"),
        (", at_least: 1}", "}", "EVAL-SUITE-FORM", "at_least"),
        ("gate: hard", "gate: soft", "EVAL-SUITE-FORM", "gate"),
        ("use: nothing_invented", "use: fields_right", "EVAL-SUITE-FORM", "twice"),
        (GOOD, "- just\n- a list\n", "EVAL-SUITE-FORM", "key: value"),
        (GOOD, "suite: [", "EVAL-SUITE-FORM", "cannot be read"),
    ],
)
def test_a_bad_suite_file_is_named_with_what_is_wrong(folder: Path, old: str, new: str, code: str, names: str) -> None:
    assert old in GOOD
    write(folder, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as refused:
        load_suite("small", folder=folder)
    assert refused.value.code == code
    assert "small.yaml" in refused.value.says
    assert names in refused.value.says


def test_how_runs_are_compared_does_not_change_what_they_were_run_on(folder: Path) -> None:
    def digest(more: str) -> str:
        write(folder, GOOD + more)
        return load_suite("small", folder=folder).sha256

    assert digest("compare: {margin: 0.05}\n") == digest("") == digest("epochs: 1\n")
    assert digest("epochs: 2\n") != digest("")


def test_an_unknown_suite_gets_the_nearest_name(folder: Path) -> None:
    write(folder, GOOD)
    with pytest.raises(ConfigError, match="Did you mean 'small'"):
        load_suite("smal", folder=folder)
    with pytest.raises(ConfigError, match="EVAL-SUITE"):
        load_suite("../suites/small", folder=folder)


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (["{"], "data.jsonl:1"),
        ([""], "no cases"),
        (["{}"], "'id'"),
        (
            [json.dumps({"id": "a", "input": "x", "today": "2026-01-01", "cluster": "c", "expected": {}, "extra": 1})],
            "data.jsonl:1",
        ),
    ],
)
def test_a_bad_dataset_is_named_with_its_line(folder: Path, lines: list[str], names: str) -> None:
    (folder / "datasets" / "tiny" / "data.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_dataset("tiny", folder=folder)
    assert refused.value.code == "EVAL-DATASET"
    assert names in refused.value.says


def test_a_missing_dataset_and_a_repeated_id_are_named(folder: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_dataset("tiny", folder=folder)
    line = (evals_folder() / "datasets" / "goals" / "data.jsonl").read_text(encoding="utf-8").splitlines()[0]
    (folder / "datasets" / "tiny" / "data.jsonl").write_text(f"{line}\n{line}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"data\.jsonl:2.*used twice"):
        load_dataset("tiny", folder=folder)


def test_every_suite_that_ships_loads_and_its_data_is_there() -> None:
    suites = list_suites()
    assert {"goals", "goals_reader", "goals_holdback"} <= {suite.suite for suite in suites}
    for suite in suites:
        assert load_dataset(suite.dataset, folder=evals_folder()).cases


def test_the_goals_are_sixty_in_four_families() -> None:
    cases = load_dataset("goals", folder=evals_folder()).cases
    families = {name: [case for case in cases if case.cluster == name] for name in ("plain", "messy", "contradictory", "missing")}
    assert {name: len(found) for name, found in families.items()} == {
        "plain": 18,
        "messy": 18,
        "contradictory": 12,
        "missing": 12,
    }
    assert all(case.expected.is_complete for case in families["plain"] + families["messy"])
    assert all(case.expected.contradictions and not case.expected.missing for case in families["contradictory"])
    assert all(case.expected.missing for case in families["missing"])
    assert len({case.input for case in cases}) == 60
