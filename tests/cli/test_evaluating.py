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
