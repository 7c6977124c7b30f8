"""Whatever a model does, a step ends in a valid value, within its budget, and says how it came about."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from fake_bench import BRIEF, GOAL, bench, deps
from langchain_core.messages import AIMessage, ToolMessage
from players import GARBAGE, Player, calls, submits

from liftwright.agents import strategist
from liftwright.agents.proposals import FALLBACK, AgentResult
from liftwright.domain.errors import PolicyError, ProviderError
from liftwright.domain.goal import Brief
from liftwright.llm.chat import build_model
from liftwright.settings import Settings

GOOD = BRIEF.model_dump(mode="json")


async def propose(model: Any, *, seen: Any = None, said: Any = None, **budget: Any) -> AgentResult[Brief]:
    return await strategist.propose(GOAL, bench=seen or bench(), deps=deps(model, said=said, **budget))


def rules(result: AgentResult[Any]) -> list[str]:
    return [finding.rule for finding in result.findings]


async def test_a_submission_is_the_answer() -> None:
    result = await propose(Player(replies=[submits(**GOOD)]))
    assert result.value.objective == BRIEF.objective
    assert (result.by, result.calls, result.findings) == ("test:model", 1, ())
    assert result.tokens > 0


async def test_tools_are_called_and_answered_before_the_submission() -> None:
    player = Player(
        replies=[calls(("read_goal", {}), ("find_lessons", {"query": "orders"})), submits(**GOOD | {"lessons": ["l1"]})]
    )
    result = await propose(player)
    assert result.value.lessons == ("l1",)
    answers = [message for message in player.heard[1] if isinstance(message, ToolMessage)]
    assert json.loads(answers[0].text)["objective"]["metric"] == "orders"
    assert "E-mail raised orders" in answers[1].text


async def test_garbage_ends_in_the_rules_own_proposal() -> None:
    player = Player(replies=[GARBAGE])
    result = await propose(player)
    assert result.value.objective == BRIEF.objective
    assert result.by == FALLBACK
    assert rules(result) == ["AGENT-FALLBACK"]
    assert "form asked for" in result.findings[0].says
    assert len(player.heard) == 4


async def test_an_answer_written_as_text_is_read() -> None:
    text = f"Sure! Here it is:\n```json\n{json.dumps(GOOD)}\n```"
    assert (await propose(Player(replies=[text]))).by == "test:model"


async def test_a_tool_call_written_as_text_is_read() -> None:
    assert (await propose(Player(replies=[json.dumps({"name": "submit", "arguments": GOOD})]))).by == "test:model"


async def test_a_wrong_submission_is_told_what_is_wrong_and_may_be_mended() -> None:
    player = Player(replies=[submits(**GOOD | {"objective": {"metric": "fame"}}), submits(**GOOD)])
    result = await propose(player)
    assert result.by == "test:model"
    complaint = player.heard[1][-1]
    assert isinstance(complaint, ToolMessage)
    assert complaint.status == "error"
    assert "objective.metric" in complaint.text


async def test_a_model_that_only_answers_in_a_given_form_is_asked_for_that() -> None:
    replies = ["hm", "hm", "hm", AIMessage("", tool_calls=[{"name": "Brief", "args": GOOD, "id": "1"}])]
    assert (await propose(Player(replies=replies))).by == "test:model"


@pytest.mark.parametrize("name", ["send_email", "launch_campaign", "approve", "deliver", "import_file"])
async def test_a_delivery_tool_does_not_exist_and_nothing_happens(name: str) -> None:
    player = Player(replies=[calls((name, {"to": "everyone"})), submits(**GOOD)])
    result = await propose(player)
    assert result.by == "test:model"
    assert rules(result) == ["AGENT-UNKNOWN-TOOL"]
    assert result.findings[0].subject == name
    assert "nothing happened" in player.heard[1][-1].text


async def test_a_model_that_insists_on_a_delivery_tool_falls_back() -> None:
    result = await propose(Player(replies=[calls(("send_email", {}))]))
    assert result.by == FALLBACK
    assert rules(result) == ["AGENT-UNKNOWN-TOOL", "AGENT-FALLBACK"]
    assert result.findings[0].count == 3


async def test_wrong_arguments_are_answered_not_raised() -> None:
    player = Player(replies=[calls(("find_lessons", {"query": {"no": 1}})), submits(**GOOD)])
    assert (await propose(player)).by == "test:model"
    assert "Wrong arguments" in player.heard[1][-1].text


async def test_a_call_whose_arguments_are_no_json_is_answered() -> None:
    broken = AIMessage(
        "", invalid_tool_calls=[{"name": "submit", "args": "{oops", "id": "x", "error": "bad", "type": "invalid_tool_call"}]
    )
    player = Player(replies=[broken, submits(**GOOD)])
    assert (await propose(player)).by == "test:model"
    assert "not a JSON object" in player.heard[1][-1].text


async def test_a_slow_model_is_cut_off() -> None:
    started = time.monotonic()
    result = await propose(Player(replies=[submits(**GOOD)], seconds=5), max_seconds=0.1)
    assert time.monotonic() - started < 2
    assert result.by == FALLBACK
    assert "longer than the 0.1 seconds" in result.findings[0].says


async def test_a_model_that_calls_tools_for_ever_runs_out_of_calls() -> None:
    player = Player(replies=[calls(("read_goal", {}))])
    result = await propose(player, max_calls=4)
    assert (result.by, result.calls, len(player.heard)) == (FALLBACK, 4, 4)


async def test_a_model_that_asks_for_hundreds_of_tools_at_once_is_bounded() -> None:
    player = Player(replies=[calls(*[("read_goal", {})] * 300), submits(**GOOD)])
    assert (await propose(player, max_tokens=10**9)).by == "test:model"
    refused = [m for m in player.heard[1] if isinstance(m, ToolMessage) and m.status == "error"]
    assert len(refused) == 300 - 48


async def test_the_token_budget_ends_a_step() -> None:
    result = await propose(Player(replies=["blah " * 2000]), max_tokens=3_000)
    assert result.by == FALLBACK
    assert "3000 tokens" in result.findings[0].says


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (ProviderError("PROVIDER-UNAVAILABLE", "It is down.", next_step="Wait."), "AGENT-PROVIDER"),
        (ProviderError("PROVIDER-REFUSED", "No such key.", next_step="Check."), "AGENT-PROVIDER"),
        (ProviderError("PROVIDER-ANSWER", "No completion.", next_step="Try again."), "AGENT-FALLBACK"),
        (RuntimeError("boom"), "AGENT-FALLBACK"),
    ],
)
async def test_a_provider_that_fails_is_named(error: Exception, rule: str) -> None:
    result = await propose(Player(replies=[error]))
    assert result.by == FALLBACK
    assert rules(result) == [rule]


async def test_a_refused_message_is_named_and_nothing_is_sent() -> None:
    player = Player(replies=[submits(**GOOD)])
    guarded = build_model(Settings(), inner=player)
    player.replies.insert(0, calls(("find_lessons", {"query": "write to bob@example.com"})))
    result = await propose(guarded)
    assert rules(result) == ["AGENT-PRIVACY"]
    assert "Nothing was sent" in result.findings[0].says
    assert "bob" not in result.findings[0].says
    assert len(player.heard) == 1


async def test_a_policy_error_of_the_model_is_no_crash() -> None:
    error = PolicyError("PRIVACY-OUTBOUND", "Nothing was sent.", next_step="")
    assert rules(await propose(Player(replies=[error]))) == ["AGENT-PRIVACY"]


class Mute(Player):
    """A model without tool calling and without structured output."""

    def bind_tools(self, tools: Any, *, tool_choice: Any = None, **kwargs: Any) -> Any:
        raise NotImplementedError


async def test_a_model_without_tools_or_forms_falls_back() -> None:
    result = await propose(Mute(replies=["hello"]))
    assert result.by == FALLBACK
    assert "neither calls tools" in result.findings[0].says


async def test_progress_is_told_as_it_happens() -> None:
    said: list[tuple[str, str]] = []
    await propose(Player(replies=[calls(("read_goal", {})), submits(**GOOD)]), said=said)
    assert said == [("strategist", "thinks"), ("strategist", "read goal"), ("strategist", "goes on")]


async def test_the_goal_never_enters_the_system_prompt() -> None:
    player = Player(replies=[submits(**GOOD)])
    await propose(player)
    system, human = player.heard[0]
    assert "running shoes" not in system.text
    assert system.text.startswith("role: strategist")
    assert "running shoes" in human.text
