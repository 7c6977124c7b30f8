"""A plan is approved, executed, watched, reported and stopped with commands alone."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import plain_shop
from liftwright.cli import texts, workspace
from liftwright.flow import pausing

Run = Callable[..., Any]
Planned = tuple[Path, str, str]
NOW = "2026-11-02T16:00:00+00:00"
NEXT_DAY = "2026-11-03T17:00:00+00:00"


def dropped(home: Path) -> list[dict[str, str]]:
    """Every row of every action file."""
    rows: list[dict[str, str]] = []
    for path in sorted((home / "outbox" / "actions").glob("????-??-??.csv")):
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


def test_a_paused_campaign_goes_on_when_a_person_says_so(run: Run, launched: Planned) -> None:
    home, campaign, _ = launched
    deps = plain_shop.open_shop(home, now=lambda: plain_shop.NOW)
    evidence = {"statistic": 1e-6, "bound": 0.001, "look": 1, "data_hash": "sha256:0"}
    pausing.pause(campaign, by="liftwright", reason="the arms differ", rule="data_fault", evidence=evidence, deps=deps)
    plain_shop.close(deps)
    assert "Paused     the arms differ" in run("show", campaign, "--home", home).out
    assert "nothing due" in run("worker", "--once", "--home", home, at=NEXT_DAY).out
    resumed = run("resume", campaign, "--as", "Ann", "--reason", "found the file", "--home", home, "--json")
    assert (resumed.data["status"], resumed.data["waiting"] > 0) == ("running", True)
    again = run("resume", campaign, "--as", "Ann", "--reason", "found the file", "--home", home)
    assert (again.code, again.complaint.split(": ")[1]) == (1, "RESUME-NOT-PAUSED")


def test_a_person_pauses_a_campaign_and_a_second_pause_is_a_clear_no(run: Run, launched: Planned) -> None:
    home, campaign, _ = launched
    said = run("pause", campaign, "--as", "Ann", "--reason", "stock is short", "--home", home, "--json")
    assert (said.code, said.data["status"], said.data["waiting"] > 0) == (0, "paused", True)
    assert "nothing due" in run("worker", "--once", "--home", home, at=NEXT_DAY).out
    again = run("pause", campaign, "--as", "Ann", "--reason", "x", "--home", home)
    assert (again.code, again.complaint.split(": ")[1]) == (1, "PAUSE-NOT-RUNNING")
    assert run("resume", campaign, "--as", "Ann", "--reason", "it came", "--home", home).code == 0
    assert run("pause", "c-nosuch", "--as", "Ann", "--reason", "x", "--home", home).code == 2


def test_arms_are_asked_for_and_shown(run: Run, shop: Path) -> None:
    wrong = run("plan", plain_shop.GOAL, "--arms", "placebo", "--home", shop)
    assert (wrong.code, "random, usual" in wrong.complaint) == (2, True)
    planned = run("plan", plain_shop.GOAL, "--arms", "random,usual", "--home", shop)
    assert planned.code == 0
    assert "5% of the people get an option drawn by lot" in planned.out
    assert "5% of the people get business as usual: email:none to everybody" in planned.out


def test_the_kill_switch_names_what_drop_files_hold_for_later(run: Run, launched: Planned) -> None:
    home, campaign, _ = launched
    held = [row for row in dropped(home) if row["send_at"] > NOW]
    assert held
    said = run("stop", campaign, "--as", "Ann", "--reason", "enough", "--home", home, at=NOW)
    by_day = {day: [row["send_id"] for row in held if row["send_at"][:10] == day] for day in {r["send_at"][:10] for r in held}}
    for day, ids in by_day.items():
        assert f"{len(ids)} actions that stand in outbox/actions/{day}.csv" in said.out
        with (home / "outbox" / "actions" / f"{day}.cancelled.csv").open(encoding="utf-8", newline="") as file:
            assert {row["send_id"] for row in csv.DictReader(file)} == set(ids)
    assert "must skip" in said.out
    again = run("stop", campaign, "--as", "Ann", "--reason", "enough", "--home", home, "--json", at=NOW).data
    assert (again["cancelled"], again["recalled"]) == (0, {})


def test_an_approval_that_ran_out_can_be_asked_again_and_the_old_one_never_used(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    late = "2026-11-06T15:00:00+00:00"
    refused = run("approve", campaign, "--hash", plan_hash, "--as", "Ann", "--home", home, at=late)
    assert refused.code == 1
    assert refused.complaint.startswith("liftwright: APPROVAL-EXPIRED: ")
    told = run("show", campaign, "--home", home, at=late).out
    assert "expired" in told.splitlines()[0]
    assert f"liftwright plan --again {campaign}" in told
    asked = run("plan", "--again", campaign, "--home", home, "--json", at=late)
    assert (asked.code, asked.data["status"]) == (0, "awaiting_approval")
    (waiting,) = run("approvals", "--home", home, "--json", at=late).data
    assert waiting["campaign_id"] == asked.data["campaign_id"] != campaign
    assert waiting["due_at"] == "2026-11-09T15:00:00+00:00"
    assert run("approve", campaign, "--hash", plan_hash, "--as", "Ann", "--home", home, at=late).code == 1
    run("worker", "--once", "--home", home, at=late)
    assert dropped(home) == []
    twice = run("plan", "--again", campaign, "--home", home, at=late)
    assert twice.complaint.startswith("liftwright: AGAIN-OPEN: ")


def test_a_refused_goal_is_not_left_planning(run: Run, shop: Path) -> None:
    said = run("plan", "Sell more shoes. " * 2_000, "--home", shop)
    assert said.code == 2
    assert said.complaint.startswith("liftwright: GOAL-TOO-LONG: ")
    assert [row["status"] for row in run("list", "--home", shop, "--json").data] == ["blocked"]


def test_a_plan_shows_the_most_telling_results_and_counts_the_others(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    data = run("show", campaign, "--home", home, "--json").data
    data["evidence"] = [f"result {number}" for number in range(30)]
    assert [line for line in texts.plan(data).splitlines() if "Known" in line] == [f"Known      result {n}" for n in range(3)]
    assert f"and 27 more results of past tests: liftwright show {campaign} --all" in texts.plan(data)
    assert "result 29" in texts.plan(data, whole=True)
    assert "more results" not in run("show", campaign, "--all", "--home", home).out


def test_the_results_of_the_plans_own_actions_on_the_goals_metric_come_first(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    data = run("show", campaign, "--home", home, "--json").data
    assert data["evidence"]
    assert f": {data['experiment']['primary_metric']} " in data["evidence"][0]


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
    assert said.err == ""


def test_the_agents_steps_appear_where_somebody_watches(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = run("plan", plain_shop.GOAL, "--home", shop, "--progress", "--json")
    assert "strategist" in asked.err
    assert "compliance_reviewer" in asked.err
    assert asked.data["status"] == "awaiting_approval"
    monkeypatch.setattr(workspace.Workspace, "on_terminal", staticmethod(lambda: True))
    assert "strategist" in run("plan", plain_shop.GOAL, "--home", shop).err
    assert run("plan", plain_shop.GOAL, "--home", shop, "--no-progress").err == ""


@pytest.mark.parametrize("words", [("list",), ("approvals",)])
def test_an_empty_workspace_says_what_to_do(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    said = run(*words, "--home", tmp_path / "home")
    assert (said.code, said.err) == (0, "")
    assert said.out.strip()


def test_the_policy_check_of_a_plan_in_force(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    assert run("policy", "check", campaign, "--home", home).code == 0


def test_a_plan_is_replayed_and_a_changed_setting_is_named(run: Run, planned: Planned) -> None:
    home, campaign_id, plan_hash = planned
    same = run("replay", campaign_id, "--home", home, "--json")
    assert (same.code, same.data["identical"], same.data["replayed_hash"]) == (0, True, plan_hash)
    assert run("replay", campaign_id, "--home", home).out.count("identical") == 1
    settings = home / "liftwright.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("rate = 0.4", "rate = 0.3"), encoding="utf-8")
    other = run("replay", campaign_id, "--home", home, "--show", "2")
    assert other.code == 1
    assert "settings: planned with" in other.out
    assert ", wave 1: " in other.out
