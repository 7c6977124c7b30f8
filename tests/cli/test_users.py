"""Users on the command line: who is asked, who signs, who is refused and what they are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
Planned = tuple[Path, str, str]


@pytest.fixture
def staffed(run: Run, planned: Planned) -> Planned:
    """A waiting plan that nobody of the staff asked for; the staff came after it."""
    home, campaign, plan_hash = planned
    staff = {"ada": ["admin"], "leo": ["approver", "compliance"], "fay": ["finance"], "ines": ["analyst"]}
    for name, roles in staff.items():
        words = [word for role in roles for word in ("--role", role)]
        assert run("users", "add", name, *words, "--as", "ada", "--home", home).code == 0
    return home, campaign, plan_hash


def test_a_workspace_without_users_says_so(run: Run, shop: Path) -> None:
    assert "any name is taken" in run("users", "list", "--home", shop).out
    refused = run("users", "add", "leo", "--role", "approver", "--as", "leo", "--home", shop)
    assert (refused.code, "become one first" in refused.err) == (2, True)


def test_only_users_with_the_right_decide_and_the_refusal_says_who_could(run: Run, staffed: Planned) -> None:
    home, campaign, plan_hash = staffed
    words = ("--hash", plan_hash, "--home", home)
    stranger = run("approve", campaign, *words, "--as", "eve")
    assert (stranger.code, "Users who may act: ada" in stranger.err) == (1, True), stranger.err
    analyst = run("approve", campaign, *words, "--as", "ines")
    assert "Who could: " in analyst.err
    assert "leo" in analyst.err
    names = {user["name"]: user["roles"] for user in run("users", "list", "--home", home, "--json").data}
    assert names["leo"] == ["approver", "compliance"]


def test_a_key_is_shown_once_and_must_be_shown_then(run: Run, staffed: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    home, campaign, plan_hash = staffed
    key = run("users", "key", "leo", "--as", "ada", "--home", home, "--json").data["key"]
    assert key not in run("users", "list", "--home", home).out
    words = ("approve", campaign, "--hash", plan_hash, "--as", "leo", "--home", home)
    without = run(*words)
    assert (without.code, "LIFTWRIGHT_KEY" in without.err) == (1, True)
    monkeypatch.setenv("LIFTWRIGHT_KEY", key)
    assert run(*words).code == 0
    assert run("users", "revoke-keys", "leo", "--as", "leo", "--home", home).out.startswith("1 keys")


def test_an_admin_whose_key_ended_comes_in_again_from_the_terminal(run: Run, staffed: Planned) -> None:
    home, _, _ = staffed
    words = ("users", "recover", "ada", "--as", "Zoe", "--reason", "the key has ended", "--home", home)
    run("users", "key", "ada", "--as", "ada", "--home", home)
    refused = run(*words)
    assert (refused.code, "an admin whose key holds: ada" in refused.err) == (1, True), refused.err
    told = run(*words, "--now", "2027-11-02T14:00:00+00:00", "--json")
    assert (told.code, told.data["key"][:3]) == (0, "lw_"), told.err


def test_a_session_stands_for_its_key_until_it_is_ended(run: Run, staffed: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    home, campaign, plan_hash = staffed
    refused = run("users", "sign-in", "leo", "--home", home)
    assert (refused.code, "has no key" in refused.err) == (2, True)
    key = run("users", "key", "leo", "--as", "ada", "--home", home, "--json").data["key"]
    assert run("users", "sign-in", "leo", "--home", home).code == 1
    monkeypatch.setenv("LIFTWRIGHT_KEY", key)
    session = run("users", "sign-in", "leo", "--home", home, "--json").data["key"]
    monkeypatch.setenv("LIFTWRIGHT_KEY", session)
    again = run("users", "sign-in", "leo", "--home", home)
    assert (again.code, "opens no other session" in again.err) == (2, True)
    assert run("approve", campaign, "--hash", plan_hash, "--as", "fay", "--home", home).code == 1
    assert run("users", "sign-out", "leo", "--home", home).out.startswith("Signed out")
    words = ("approve", campaign, "--hash", plan_hash, "--as", "leo", "--home", home)
    assert run(*words).code == 1
    monkeypatch.setenv("LIFTWRIGHT_KEY", key)
    assert run(*words).code == 0


def test_an_escalation_asks_for_one_more_role(run: Run, staffed: Planned) -> None:
    home, campaign, _ = staffed
    words = ("escalate", campaign, "--to", "compliance", "--as", "leo", "--reason", "new claim", "--home", home)
    found = run(*words, "--json")
    assert (found.code, "compliance" in found.data["needs"]) == (0, True)
    assert "compliance" in run("approvals", "--home", home, "--json").data[0]["needs"]
    twice = run(*words)
    assert (twice.code, "must sign already" in twice.err) == (1, True)


def test_a_right_is_given_away_and_an_approval_taken_back(run: Run, staffed: Planned) -> None:
    home, campaign, plan_hash = staffed
    given = run("delegate", campaign, "--to", "fay", "--as", "leo", "--home", home, "--json")
    assert (given.code, given.data["to"]) == (0, "fay")
    assert run("revoke", campaign, "--as", "leo", "--reason", "wrong season", "--home", home).code == 0
    late = run("approve", campaign, "--hash", plan_hash, "--as", "fay", "--home", home)
    assert late.code == 1
    assert run("show", campaign, "--home", home, "--json").data["sends"]["planned"] == 0
    nothing = run("delegate", campaign, "--to", "fay", "--as", "leo", "--home", home)
    assert (nothing.code, "nothing of" in nothing.err) == (2, True)


def test_a_goal_is_asked_by_a_user(run: Run, staffed: Planned) -> None:
    home, _, _ = staffed
    said = run("plan", "Sell more shoes over the next 14 days", "--home", home)
    assert (said.code, "USER-UNKNOWN" in said.err) == (1, True)


def test_stopping_takes_a_user_s_name_too(run: Run, staffed: Planned) -> None:
    home, campaign, _ = staffed
    said = run("stop", campaign, "--as", "eve", "--reason", "no", "--home", home)
    assert (said.code, "USER-UNKNOWN" in said.err) == (1, True)
    assert run("stop", campaign, "--as", "ines", "--reason", "no", "--home", home).code == 0


def test_the_chat_says_who_talks(run: Run, staffed: Planned) -> None:
    home, campaign, _ = staffed
    assert "USER-UNKNOWN" in run("chat", campaign, "--home", home, stdin="fewer messages\n\n").err
    assert "USER-UNKNOWN" not in run("chat", campaign, "--as", "leo", "--home", home, stdin="fewer messages\n\n").err
