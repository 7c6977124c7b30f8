"""A plan is approved, executed, watched, reported and stopped with commands alone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import plain_shop

Run = Callable[..., Any]
Planned = tuple[Path, str, str]
NEXT_DAY = "2026-11-03T17:00:00+00:00"


def dropped(home: Path) -> list[dict[str, str]]:
    """Every row of every action file."""
    rows: list[dict[str, str]] = []
    for path in sorted((home / "outbox" / "actions").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def test_a_wrong_hash_is_a_no_and_the_right_one_sends_once(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    refused = run("approve", campaign, "--hash", "sha256:" + "0" * 64, "--as", "Ann", "--home", home)
    assert refused.code == 1
    assert refused.complaint.startswith("liftwright: APPROVAL-STALE: ")
    assert plan_hash in refused.complaint
    assert "nothing due" in run("worker", "--once", "--home", home, at=NEXT_DAY).out
    assert dropped(home) == []
    approved = run("approve", campaign, "--hash", plan_hash, "--as", "Ann", "--home", home)
    assert approved.code == 0
    assert "any name is taken" in approved.err
    first = run("worker", "--once", "--home", home, "--json", at=NEXT_DAY)
    assert first.code == 0
    rows = dropped(home)
    assert len(rows) == first.data["sent"] > 0
    run("worker", "--once", "--home", home, "--json", at=NEXT_DAY)
    assert dropped(home) == rows
    assert run("approve", campaign, "--hash", plan_hash, "--as", "Bob", "--home", home).code == 1


def test_a_tick_a_report_and_the_kill_switch(run: Run, launched: Planned) -> None:
    home, campaign, _ = launched
    ticked = run("tick", campaign, "--home", home, "--json", at=NEXT_DAY)
    assert ticked.code == 0
    assert ticked.data["verdict"] in ("running", "inconclusive", "futile")
    told = run("report", campaign, "--home", home, at=NEXT_DAY)
    assert told.code == 0
    assert "delivered of" in told.out
    sent = len(dropped(home))
    stopped = run("stop", campaign, "--as", "Ann", "--reason", "enough", "--home", home, "--json", at=NEXT_DAY)
    assert stopped.data["status"] == "stopped"
    assert stopped.data["cancelled"] > 0
    run("worker", "--once", "--home", home, at="2026-11-10T17:00:00+00:00")
    assert len(dropped(home)) == sent
    shown = run("show", campaign, "--home", home, "--json").data
    assert shown["status"] == "stopped"
    assert run("journal", "verify", "--home", home).code == 0


def test_a_rejected_plan_never_runs(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    said = run("reject", campaign, "--hash", plan_hash, "--as", "Ann", "--reason", "too much mail", "--home", home)
    assert said.code == 0
    assert run("approve", campaign, "--hash", plan_hash, "--as", "Bob", "--home", home).code == 1
    run("worker", "--once", "--home", home, at=NEXT_DAY)
    assert dropped(home) == []
    assert run("show", campaign, "--home", home, "--json").data["status"] == "rejected"


def test_an_edit_makes_a_new_revision_that_must_be_approved_anew(run: Run, planned: Planned) -> None:
    home, campaign, old = planned
    said = run("edit", campaign, "--set", "limits.touches=1", "--set", "objective.budget=50", "--as", "Ann", "--home", home)
    assert said.code == 0
    data = run("show", campaign, "--home", home, "--json").data
    assert data["revision"] == 2
    assert data["assignment"]["touches"] == data["assignment"]["people"]
    assert data["objective"]["budget"] == {"amount": "50.00", "currency": "USD"}
    assert [row["revision"] for row in data["revisions"]] == [1, 2]
    stale = run("approve", campaign, "--hash", old, "--as", "Bob", "--home", home)
    assert stale.code == 1
    assert "Changed since" in stale.complaint
    assert run("approve", campaign, "--hash", data["plan_hash"], "--as", "Bob", "--home", home).code == 0


def test_a_response_in_words_is_planned_again(run: Run, planned: Planned) -> None:
    home, campaign, old = planned
    said = run("respond", campaign, "--hash", old, "--as", "Ann", "--reason", "spend at most 1 dollar", "--home", home)
    assert said.code == 0
    data = run("show", campaign, "--home", home, "--json").data
    assert (data["status"], data["revision"]) == ("awaiting_approval", 2)
    assert float(data["forecast"]["cost"]["amount"]) <= 1.0


def test_a_person_reads_a_plan_with_the_next_command_in_it(run: Run, shop: Path) -> None:
    said = run("plan", plain_shop.GOAL, "--home", shop)
    assert said.code == 0
    for words in ("Objective", "People", "held out on purpose", "Forecast", "Nothing has been sent", "liftwright approve c-"):
        assert words in said.out
    assert "strategist" in said.err
    assert "compliance_reviewer" in said.err


@pytest.mark.parametrize("words", [("list",), ("approvals",)])
def test_an_empty_workspace_says_what_to_do(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    said = run(*words, "--home", tmp_path / "home")
    assert (said.code, said.err) == (0, "")
    assert said.out.strip()


def test_the_policy_check_of_a_plan_in_force(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    assert run("policy", "check", campaign, "--home", home).code == 0
