"""The scripted model is deterministic, honest about itself, and works only through messages and tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from pydantic import BaseModel

from liftwright.llm.chat import build_model
from liftwright.llm.scripted.model import ScriptedChatModel
from liftwright.llm.scripted.roles import SCRIPTS
from liftwright.settings import Settings

BRIEF: dict[str, Any] = {
    "objective": {"metric": "orders", "product": "shoes"},
    "question": None,
    "lessons": [],
    "summary": "More orders.",
}


def offer(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name, "description": "", "parameters": {}}} for name in names]


def play(role: str, task: str, answers: dict[str, Any], *, refuse: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """Every call the model makes, with the tools answering from `answers`; `submit` is refused `refuse` times."""
    model = ScriptedChatModel().bind_tools(offer(*answers, "submit"))
    messages: list[Any] = [SystemMessage(f"role: {role}\nYou are …"), HumanMessage(task)]
    calls: list[tuple[str, dict[str, Any]]] = []
    for _ in range(12):
        reply = model.invoke(messages)
        messages.append(reply)
        for call in reply.tool_calls:
            calls.append((call["name"], call["args"]))
            if call["name"] == "submit":
                if not refuse:
                    return calls
                refuse -= 1
                messages.append(ToolMessage("wrong", tool_call_id=call["id"], status="error"))
            else:
                messages.append(ToolMessage(json.dumps(answers[call["name"]]), tool_call_id=call["id"]))
        if not reply.tool_calls:
            return calls
    raise AssertionError("it never came to an end")


def test_the_strategist_reads_the_goal_then_the_lessons_then_submits() -> None:
    calls = play("strategist", "goal", {"read_goal": BRIEF, "find_lessons": {"lessons": [{"lesson_id": "l1"}]}})
    assert calls == [("read_goal", {}), ("find_lessons", {"query": "orders shoes"}), ("submit", BRIEF | {"lessons": ["l1"]})]


def test_a_goal_without_an_objective_is_handed_on_with_its_question() -> None:
    brief = {"objective": None, "question": "By when?"}
    assert play("strategist", "goal", {"read_goal": brief, "find_lessons": {}})[-1] == ("submit", brief | {"lessons": []})


def test_the_audience_analyst_keeps_the_goals_people_and_tells_what_tests_showed() -> None:
    task = 'x {"objective": {"constraints": [{"kind": "exclude_people", "value": ["new customers"]}]}}'
    tests = {"tests": [{"says": ["visits +0.045"]}, {"says": []}]}
    calls = play("audience_analyst", task, {"population_counts": {}, "feature_summaries": {}, "past_tests": tests})
    assert [name for name, _ in calls] == ["population_counts", "feature_summaries", "past_tests", "submit"]
    assert calls[-1][1] == {"include": [], "exclude": ["new customers"], "reasons": ["visits +0.045"]}


def test_the_content_writer_checks_its_drafts_and_submits_those_that_pass() -> None:
    drafts = [{"variant_id": str(i), "channel": "email", "offer": "none", "template": "t", "body": f"b{i}"} for i in range(2)]
    answers: dict[str, Any] = {
        "find_documents": {},
        "list_channels": {"channels": [{"channel": "email"}]},
        "list_offers": {"offers": [{"name": "none"}]},
        "draft_variants": {"variants": drafts},
        "check_variant": {"passes": True, "findings": []},
    }
    calls = play("content_writer", "{}", answers)
    assert [name for name, _ in calls] == [*answers, "check_variant", "submit"]
    assert calls[3][1] == {"channels": ["email"], "offers": ["none"]}
    assert calls[-1][1] == {"variants": drafts}
    answers["check_variant"] = {"passes": False}
    assert play("content_writer", "{}", answers)[-1][1] == {"variants": []}


def test_the_channel_planner_previews_before_it_submits() -> None:
    answers = {
        "list_channels": {"channels": [{"channel": "email"}, {"channel": "sms"}]},
        "list_offers": {"offers": [{"name": "none"}]},
        "scores_summary": {},
        "draft_assignment": {"touches": 40, "people": 30},
    }
    calls = play("channel_planner", 'x {"usual_touches": 2}', answers)
    assert calls[3] == ("draft_assignment", {"channels": ["email", "sms"], "offers": ["none"], "touches": 2})
    assert calls[-1][1]["touches"] == 2
    assert "40 contacts to 30 people" in calls[-1][1]["note"]


def test_the_compliance_reviewer_adds_nothing_and_explains() -> None:
    findings = {"findings": [{"severity": "warn", "says": "b"}, {"severity": "block", "says": "a"}]}
    task = 'x {"variants": [{"body": "hello", "channel": "email"}]}'
    calls = play("compliance_reviewer", task, {"read_findings": findings, "policy_check": {"findings": []}})
    assert calls[1] == ("policy_check", {"text": "hello", "channel": "email"})
    assert calls[-1][1] == {"findings": [], "explanation": "The rules found: 1 block, 1 warn. First: a"}


def test_the_measurement_analyst_designs_and_narrates() -> None:
    design = play("measurement_analyst", "{}", {"experiment_design": {"says": "finds 2 %"}, "past_tests": {}})
    assert design[-1] == ("submit", {"holdout_share": None, "note": "finds 2 %"})
    assert play("measurement_analyst", "{}", {"read_report": {"draft": "It won."}})[-1] == ("submit", {"text": "It won."})


def test_it_gives_up_when_its_answer_is_refused_twice() -> None:
    calls = play("strategist", "goal", {"read_goal": BRIEF, "find_lessons": {}}, refuse=9)
    assert [name for name, _ in calls].count("submit") == 2


def test_it_calls_only_tools_it_was_offered() -> None:
    for role in SCRIPTS:
        assert all(name == "submit" for name, _ in play(role, "no facts", {}))


def test_the_same_conversation_gives_the_same_answer() -> None:
    messages = [SystemMessage("role: strategist"), HumanMessage("raise orders")]
    bound = ScriptedChatModel().bind_tools(offer("read_goal", "submit"))
    first, second = bound.invoke(messages), bound.invoke(messages)
    assert (first.content, first.tool_calls, first.usage_metadata) == (second.content, second.tool_calls, second.usage_metadata)


def test_it_says_plainly_what_it_is() -> None:
    reply = build_model(Settings()).invoke("How are you?")
    assert "rules and templates, not a language model" in reply.text
    assert reply.response_metadata["made_by"] == "rules and templates"
    assert ScriptedChatModel()._llm_type == "scripted"


async def test_it_streams_words_and_tool_calls() -> None:
    model = ScriptedChatModel()
    whole = model.invoke("hi").text
    assert "".join(chunk.text for chunk in model.stream("hi")) == whole
    assert len([chunk async for chunk in model.astream("hi")]) > 10
    merged: Any = None
    for chunk in model.bind_tools(offer("read_goal", "submit")).stream([SystemMessage("role: strategist"), HumanMessage("x")]):
        merged = chunk if merged is None else merged + chunk
    assert isinstance(merged, AIMessageChunk)
    assert [(c["name"], c["args"]) for c in merged.tool_calls] == [("read_goal", {})]
    assert merged.usage_metadata is not None
    assert merged.usage_metadata["total_tokens"] > 0


class Brief(BaseModel):
    """A small brief."""

    question: str | None = None


@pytest.mark.parametrize("guarded", [True, False])
def test_structured_output_works_without_a_submit_tool(guarded: bool) -> None:
    model = build_model(Settings()) if guarded else ScriptedChatModel()
    messages = [SystemMessage("role: measurement_analyst"), HumanMessage("x")]

    class Note(BaseModel):
        """A note."""

        holdout_share: float | None
        note: str

    assert model.with_structured_output(Note, method="json_schema").invoke(messages) == Note(holdout_share=None, note="")
