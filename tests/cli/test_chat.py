"""The conversation, line by line from a pipe."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import plain_shop
from liftwright.cli.workspace import Workspace

Run = Callable[..., Any]
Planned = tuple[Path, str, str]


def lines(*said: str) -> str:
    return "".join(f"{line}\n" for line in said)


def cost_of(run: Run, home: Path, campaign: str) -> str:
    cost = run("show", campaign, "--home", home, "--json").data["forecast"]["cost"]
    return f"contact cost {cost['amount']} {cost['currency']}"


def test_a_goal_a_question_an_answer_and_a_why(run: Run, shop: Path) -> None:
    talk = lines(plain_shop.OPEN_GOAL, "two weeks, 200 dollars", "why these people?", "", "never read")
    said = run("chat", "--home", shop, stdin=talk)
    assert said.code == 0
    assert said.err == ""
    asked, planned = said.out.index("Over what time"), said.out.index("Revision 1")
    explained = said.out.index("people who may be contacted;", planned)
    assert asked < planned < explained
    assert "never read" not in said.out
    (campaign,) = run("list", "--home", shop, "--json").data
    assert campaign["status"] == "awaiting_approval"
    assert f"liftwright approve {campaign['campaign_id']} --hash {campaign['plan_hash']} --as YOU" in said.out
    assert run("show", campaign["campaign_id"], "--home", shop, "--json").data["sends"]["planned"] == 0


def test_questions_about_a_campaign_are_answered_and_change_nothing(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    talk = lines(
        "How much will it cost?",
        "Why does C000001 get this?",
        "what if limits.touches=1?",
        "Which rules matter?",
        "How do you prove it?",
        "",
    )
    said = run("chat", campaign, "--home", home, stdin=talk)
    assert (said.code, said.err) == (0, "")
    for words in (
        cost_of(run, home, campaign),
        "C000001 is in arm",
        "With limits.touches = 1:",
        "The rules found",
        "holdout 10%",
    ):
        assert words in said.out, words
    assert run("show", campaign, "--home", home, "--json").data["plan_hash"] == plan_hash


def test_words_while_a_plan_waits_become_a_recorded_response(run: Run, planned: Planned) -> None:
    home, campaign, plan_hash = planned
    said = run("chat", campaign, "--home", home, stdin=lines("Spend at most 1 dollar", ""))
    assert (said.code, said.err) == (0, "")
    data = run("show", campaign, "--home", home, "--json").data
    assert data["status"] == "awaiting_approval"
    assert data["revision"] == 2
    assert data["plan_hash"] != plan_hash
    assert data["objective"]["budget"] == {"amount": "1.00", "currency": "USD"}
    assert [(taken["kind"], taken["by"], taken["reason"]) for taken in data["decided"]] == [
        ("respond", "chat", "Spend at most 1 dollar")
    ]


def test_a_mistake_does_not_end_the_talk(run: Run, planned: Planned) -> None:
    home, campaign, _ = planned
    said = run("chat", campaign, "--home", home, stdin=lines("Why does C999999 get this?", "How much will it cost?", ""))
    assert said.code == 0
    assert "PERSON-UNKNOWN" in said.out + said.err
    assert cost_of(run, home, campaign) in said.out


def test_an_end_of_input_ends_it(run: Run, shop: Path) -> None:
    said = run("chat", "--home", shop, stdin="")
    assert said.code == 0
    assert run("list", "--home", shop, "--json").data == []


def test_ctrl_c_stops_the_planning_and_go_on_takes_it_up(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pressed: list[str] = []

    def press(self: Workspace, who: str, what: str) -> None:
        if who == "content_writer" and not pressed:
            pressed.append(who)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Workspace, "progress", press)
    said = run("chat", "--home", shop, stdin=lines(plain_shop.GOAL, "go on", ""))
    assert said.code == 0
    assert "Stopping before the next step" in said.err
    assert "PLAN-STOPPED: chat stopped planning at the" in said.err
    assert 'Say "go on"' in said.err
    assert "Revision 1" in said.out
    (campaign,) = run("list", "--home", shop, "--json").data
    assert campaign["status"] == "awaiting_approval"
