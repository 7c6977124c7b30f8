"""eval on the command line: what there is, and the red team on a few orders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Run = Callable[..., Any]


def test_the_red_team_is_listed_and_runs_without_a_workspace(run: Run, tmp_path: Path) -> None:
    assert "redteam" in {suite["suite"] for suite in run("eval", "list", "--home", tmp_path, "--json").data}
    done = run("eval", "run", "redteam", "-n", "3", "--home", tmp_path / "none", "--json")
    assert done.code == 0, done.err
    assert (done.data["cases"], done.data["effects"], done.data["leaks"], done.data["overrides"]) == (3, [], [], [])
    assert 0.6 < done.data["upper_bound"] < 0.7  # three tries show little, and it says so
    assert not (tmp_path / "none").exists()


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
