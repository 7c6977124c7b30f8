"""The command line on copies of one small shop."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1]))

import plain_shop
from liftwright.cli.root import liftwright

NOW = "2026-11-02T14:30:00+00:00"
"""Half an hour after the shop's plan was made."""
LATER = "2026-11-03T17:00:00+00:00"


@dataclass(frozen=True)
class Said:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on standard error; fails when there are more or none."""
        (line,) = self.err.splitlines()
        return line


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `liftwright …` in an empty directory, at NOW unless `--now` or `at` says otherwise."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str | Path, at: str = NOW, stdin: str | None = None) -> Said:
        found = CliRunner().invoke(
            liftwright, [str(word) for word in words], input=stdin, env={"LIFTWRIGHT_NOW": at, "COLUMNS": "200"}
        )
        return Said(found.exit_code, found.stdout, found.stderr)

    return command


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workspace with data and no campaign."""
    return plain_shop.copy_of(plain_shop.furnished(), tmp_path / "shop")


@pytest.fixture
def planned(tmp_path: Path) -> tuple[Path, str, str]:
    """(workspace, campaign id, plan hash) of a plan that waits."""
    home, campaign = plain_shop.planned()
    assert campaign.plan_hash is not None
    return plain_shop.copy_of(home, tmp_path / "shop"), campaign.campaign_id, campaign.plan_hash


@pytest.fixture
def launched(tmp_path: Path) -> tuple[Path, str, str]:
    """(workspace, campaign id, plan hash) of a campaign whose first sends went out."""
    home, campaign = plain_shop.launched()
    assert campaign.plan_hash is not None
    return plain_shop.copy_of(home, tmp_path / "shop"), campaign.campaign_id, campaign.plan_hash
