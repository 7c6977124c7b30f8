"""What scripts read: the JSON shapes of the interface, key by key."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import plain_shop

Run = Callable[..., Any]
Planned = tuple[Path, str, str]

PLAN_KEYS = {
    "campaign_id", "status", "goal", "plan_hash", "revision", "objective", "audience", "decisions", "experiment", "forecast",
    "assignment", "offers", "variants", "envelope", "autonomy_level", "findings", "pins", "lessons", "evidence", "cannot_know", "usage", "model", "start",
}  # fmt: skip
INSIDE = {
    "objective": {"metric", "direction", "starts_on", "ends_on", "constraints", "assumptions"},
    "audience": {"population", "eligible", "selected", "holdout", "funnel", "reasons"},
    "decisions": {
        "likely_buyers", "persuadables", "excluded", "incentive", "channels", "success_metric", "adjust_when", "stop_when",
    },
    "experiment": {"holdout_share", "primary_metric", "mde", "power", "looks", "method"},
    "forecast": {"incremental_margin", "cost"},
    "assignment": {"objective", "upper_bound", "gap", "prices", "violations"},
    "pins": {"snapshot", "models", "policies", "prompts", "seed", "version"},
}  # fmt: skip
REPORT_KEYS = {
    "campaign_id", "status", "approved_hash", "plan_hash", "sends", "lift", "incremental_margin", "verdict", "health", "guardrails",
    "actions", "policy_violations", "lessons", "narrative",
}  # fmt: skip
FINDING = {"rule", "severity", "subject", "count", "says", "source", "fix"}
INTERVAL = {"low", "mid", "high", "level"}


@pytest.fixture
def plan(run: Run, shop: Path) -> Any:
    """`plan --json` of the shop's goal."""
    said = run("plan", plain_shop.GOAL, "--home", shop, "--json")
    assert (said.code, said.err) == (0, "")
    return said.data


def test_a_plan_that_waits_has_exactly_these_keys(plan: Any) -> None:
    assert set(plan) == PLAN_KEYS
    for part, keys in INSIDE.items():
        assert keys <= set(plan[part]), part
    assert plan["status"] == "awaiting_approval"
    assert plan["plan_hash"].startswith("sha256:")
    assert plan["revision"] == 1
    assert plan["model"] == "scripted"


def test_the_parts_of_a_plan_have_their_shapes(plan: Any) -> None:
    assert set(plan["forecast"]["incremental_margin"]) == INTERVAL
    assert set(plan["forecast"]["cost"]) == {"amount", "currency"}
    assert {"absolute", "relative"} <= set(plan["experiment"]["mde"])
    assert {"budget", "channels", "offers"} <= set(plan["assignment"]["prices"])
    assert set(plan["decisions"]["incentive"]) == {"with", "without"}
    assert plan["assignment"]["violations"] == 0
    assert all({"step", "rule", "removed", "left"} <= set(step) for step in plan["audience"]["funnel"])
    assert all({"field", "value", "because", "effect"} <= set(made) for made in plan["objective"]["assumptions"])
    assert all(set(finding) >= FINDING for finding in plan["findings"])
    found = plan["assignment"]
    assert found["gap"] == pytest.approx((found["upper_bound"] - found["objective"]) / found["upper_bound"], abs=1e-9)


def test_a_goal_that_says_too_little_has_a_question_and_no_plan(run: Run, shop: Path) -> None:
    said = run("plan", plain_shop.OPEN_GOAL, "--home", shop, "--json")
    assert said.code == 0
    assert set(said.data) == {"campaign_id", "status", "goal", "plan_hash", "revision", "question", "findings", "model"}
    assert said.data["status"] == "needs_answer"
    assert said.data["plan_hash"] is None
    assert said.data["question"].endswith("?")


def test_two_answers_given_beforehand_are_both_taken(run: Run, shop: Path) -> None:
    answers = ("--answer", "over the next three weeks", "--answer", "at most 150 dollars, e-mail only")
    said = run("plan", plain_shop.OPEN_GOAL, *answers, "--home", shop, "--json")
    assert said.data["status"] == "awaiting_approval"
    objective = said.data["objective"]
    assert objective["budget"] == {"amount": "150.00", "currency": "USD"}
    assert (objective["starts_on"], objective["ends_on"]) == ("2026-11-02", "2026-11-22")
    assert [limit["value"] for limit in objective["constraints"] if limit["kind"] == "only_channels"] == [["email"]]
    assert "over the next three weeks" in said.data["goal"]


def test_a_goal_that_no_plan_can_reach_is_a_no(run: Run, shop: Path) -> None:
    said = run("plan", "Sell more shoes over the next two weeks by direct mail, budget $50", "--home", shop, "--json")
    assert said.code == 1
    assert said.data["status"] in ("infeasible", "blocked")
    assert [finding for finding in said.data["findings"] if finding["severity"] == "block"]


def test_what_waits(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    (waiting,) = run("approvals", "--home", home, "--json").data
    keys = {"approval_id", "campaign_id", "plan_hash", "title", "risk", "trigger", "due_at", "asked_by", "needs"}
    assert set(waiting) == keys
    assert (waiting["campaign_id"], waiting["plan_hash"]) == (campaign, plan_hash)


def test_show_is_the_plan_with_its_history(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    data = run("show", campaign, "--home", home, "--json").data
    assert set(data) == PLAN_KEYS | {"revisions", "decided", "waiting", "sends", "actions"}
    assert INSIDE["decisions"] | {"taken"} <= set(data["decisions"])
    (revision,) = data["revisions"]
    assert {"revision", "plan_hash", "by", "at", "changes"} <= set(revision)
    assert revision["plan_hash"] == plan_hash
    assert data["sends"]["planned"] == 0


def test_the_list_of_campaigns(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    (row,) = run("list", "--home", home, "--json").data
    assert row["campaign_id"] == campaign
    assert {"campaign_id", "status", "goal"} <= set(row)


def test_a_report_of_a_running_campaign(run: Run, launched: Planned) -> None:
    home, campaign, plan_hash = launched
    said = run("report", campaign, "--home", home, "--json", at="2026-11-03T17:00:00+00:00")
    assert said.code == 0
    assert set(said.data) >= REPORT_KEYS
    assert said.data["approved_hash"] == said.data["plan_hash"] == plan_hash
    assert set(said.data["sends"]) >= {"planned", "delivered", "failed", "unknown", "suppressed", "duplicates"}
    assert said.data["sends"]["delivered"] > 0
    assert said.data["sends"]["duplicates"] == 0
    assert said.data["policy_violations"] == 0
    lift = {"metric", "low", "mid", "high", "level", "method", "looks", "treated", "holdout", "matured_share"}
    assert lift <= set(said.data["lift"])
    assert set(said.data["health"]) >= {"srm_p", "contamination", "late_data"}
    assert said.data["verdict"] in ("win", "harm", "futile", "inconclusive", "running", "invalid")


def test_why_one_person_gets_what_they_get(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    data = run("why", campaign, "C000001", "--home", home, "--json").data
    keys = {"person", "arm", "chosen", "candidates", "binding", "would_change", "reasons", "timeline"}
    assert keys <= set(data)
    assert data["arm"] in ("treated", "holdout", "none")
    assert data["candidates"]
    for option in data["candidates"]:
        assert {"channel", "offer", "value", "terms", "allowed", "blocked_by"} <= set(option)
        assert sum(option["terms"].values()) == pytest.approx(option["value"], abs=1e-6)
    assert all({"feature", "effect", "says"} <= set(reason) for reason in data["reasons"])


def test_why_somebody_who_said_no_gets_nothing(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    data = run("why", campaign, "C000010", "--home", home, "--json").data
    assert (data["arm"], data["chosen"]) == ("none", None)
    assert all(not option["allowed"] and option["blocked_by"] for option in data["candidates"])


def test_a_what_if_solves_again_and_leaves_the_plan_alone(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    data = run("whatif", campaign, "--set", "limits.touches=1", "--home", home, "--json").data
    assert {"changed", "before", "after"} <= set(data)
    keys = INSIDE["assignment"] | INSIDE["forecast"]
    assert keys <= set(data["before"])
    assert keys <= set(data["after"])
    assert data["after"]["touches"] == data["after"]["people"] <= data["before"]["people"] < data["before"]["touches"]
    assert data["after"]["objective"] < data["before"]["objective"]
    assert run("show", campaign, "--home", home, "--json").data["plan_hash"] == plan_hash


def test_the_journal_holds_and_says_when_it_does_not(run: Run, planned: Planned) -> None:
    home, _, _ = planned
    said = run("journal", "verify", "--home", home, "--json")
    assert said.code == 0
    assert set(said.data) == {"ok", "entries"}
    assert said.data["ok"] is True
    assert said.data["entries"] >= 2
    key = run("journal", "keys", "--home", home, "--json").data["public_key"]
    sealed = run("journal", "seal", "--home", home, "--json")
    assert (sealed.code, sealed.data["seq"]) == (0, said.data["entries"])
    assert "Nothing new" in run("journal", "seal", "--home", home).out
    vouched = run("journal", "verify", "--home", home, "--public-key", key, "--json")
    assert vouched.data == {"ok": True, "entries": said.data["entries"], "sealed": said.data["entries"], "seals": 1}
    assert "JOURNAL-KEY" in run("journal", "verify", "--home", home, "--public-key", "zz").err
    database = sqlite3.connect(home / "liftwright.db")
    for (trigger,) in database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'journal'"
    ).fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    database.execute("UPDATE journal SET entry = replace(entry, 'liftwright', 'somebody') WHERE seq = 1")
    database.commit()
    database.close()
    broken = run("journal", "verify", "--home", home, "--json")
    assert broken.code == 1
    assert broken.data["ok"] is False
    assert broken.data["first_bad"] == 1


def test_the_rules_test_themselves(run: Run) -> None:
    said = run("policy", "test", "--json")
    assert said.code == 0
    assert said.data["failures"] == []
    assert said.data["rules"] >= 12
    assert said.data["tests"] >= 2 * said.data["rules"]
    assert run("policy", "hash", "--json").data["hash"] == said.data["hash"]


def test_models_have_cards_and_switches(run: Run, planned: Planned) -> None:
    home, _, _ = planned
    cards = run("model", "list", "--home", home, "--json").data
    keys = {"model", "version", "optimises", "data", "quality", "breaks_when", "turn_off", "cadence", "state"}
    assert all(card["versions"][0] == card["version"] for card in cards)
    cards = [{name: value for name, value in card.items() if name != "versions"} for card in cards]
    assert run("model", "card", f"{cards[0]['model']}@{cards[0]['version']}", "--home", home, "--json").data == cards[0]
    assert cards
    assert all(set(card) >= keys for card in cards)
    name = cards[0]["model"]
    assert run("model", "off", name, "--as", "Ann", "--home", home, "--json").data == {"model": name, "state": "off"}
    assert run("model", "card", name, "--home", home, "--json").data["state"] == "off"


def test_every_model_is_watched_by_a_command_that_names_rows_statistic_and_bound(run: Run, planned: Planned) -> None:
    home, _, _ = planned
    names = {card["model"] for card in run("model", "list", "--home", home, "--json").data}
    trained = run("model", "train", "send_time", "--home", home, "--json")
    assert trained.data[0]["trained"]
    said = run("model", "drift", "--home", home, "--json")
    assert said.code == 0
    assert {report["model"] for report in said.data} == names | {"send_time"}
    report = next(report for report in said.data if report["model"] == "uplift_orders")
    assert (report["level"], report["drifted"], report["because"]) == ("ok", False, "")
    assert {"snapshot", "watched_at", "decides", "labels", "trained_labels"} <= set(report)
    signal = {"kind", "subject", "statistic", "value", "bound", "rows", "level", "is_beyond", "says", "measures"}
    assert all(set(each) == signal and each["rows"] == report["rows"] for each in report["signals"])
    assert "0 of" in run("model", "drift", "uplift_orders", "--home", home).out
    assert run("model", "off", "send_time", "--as", "Ann", "--home", home, "--json").code == 2
