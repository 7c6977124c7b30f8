"""prove: the answer is an exit code, and a refusal says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import plain_shop

Run = Callable[..., Any]
OVER = "2026-12-20T12:00:00+00:00"


@pytest.fixture
def ended(run: Run, tmp_path: Path) -> tuple[Path, str]:
    """A campaign that was approved and stopped before anything could come of it."""
    home, campaign = plain_shop.planned()
    home = plain_shop.copy_of(home, tmp_path / "home")
    name = campaign.campaign_id
    assert run("--home", home, "approve", name, "--hash", campaign.plan_hash, "--as", "ann").code == 0
    assert run("--home", home, "stop", name, "--as", "ann", "--reason", "test").code == 0
    return home, name


def test_the_same_choices_prove_nothing_and_other_choices_need_outcomes(run: Run, ended: tuple[Path, str]) -> None:
    home, name = ended
    same = run("--home", home, "prove", "--ask-again", "--json", at=OVER)
    assert same.code == 1
    assert same.data["verdict"] == "refused"
    assert "chosen the same for everybody" in same.data["says"]
    other = run("--home", home, "prove", name, "--set", "limits.touches=2", "--set", "objective.budget=0.20", "--json", at=OVER)
    assert other.code == 1
    (campaign,) = other.data["campaigns"]
    assert campaign["campaign_id"] == name
    assert 0 < campaign["judged"] <= campaign["differing"] <= campaign["people"]
    assert "have an outcome" in other.data["says"]
    told = run("--home", home, "prove", "--set", "objective.budget=0.20", at=OVER)
    assert "refused" in told.out


def test_wrong_questions_are_told_what_to_ask(run: Run, ended: tuple[Path, str]) -> None:
    home, name = ended
    assert "--model NAME@VERSION" in run("--home", home, "prove", at=OVER).complaint
    assert (
        "does not go live"
        in run("--home", home, "prove", "--model", "uplift_margin", "--promote", "--as", "ann", at=OVER).complaint
    )
    assert run("--home", home, "prove", "--promote", at=OVER).code == 2
    unknown = run("--home", home, "prove", name, "--model", "nothing@1", at=OVER)
    assert unknown.code == 2
    assert "There is no model 'nothing@1'" in unknown.complaint
