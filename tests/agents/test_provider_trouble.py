"""The whole way over HTTP: a provider that is busy, down, slow or talks nonsense ends in a plan, never in an effect."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from fake_bench import BRIEF, GOAL, OBJECTIVE, bench, deps
from provider_server import Play, Provider, fails, hangs, provider, says

from liftwright.agents import strategist
from liftwright.agents.proposals import FALLBACK, AgentResult
from liftwright.domain.goal import Brief
from liftwright.llm.chat import build_model
from liftwright.settings import AgentSettings, Settings

pytestmark = pytest.mark.loopback
ANSWER = json.dumps(BRIEF.model_dump(mode="json"))
SUBMITTED = says(tool_calls=[("submit", ANSWER)])


async def propose(monkeypatch: pytest.MonkeyPatch, *plays: Play, **budget: Any) -> tuple[AgentResult[Brief], Provider]:
    """One step of the strategist against a server that plays `plays`."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OPENAI_API_BASE", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    options = {"retry_wait": 0.01, "retry_longest_wait": 0.02, "timeout": 5, "max_retries": 2}
    settings = Settings(model="openai:test", model_options=options, agents=AgentSettings(**budget))
    with provider(*plays) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        kit = dataclasses.replace(deps(), settings=settings, model=build_model(settings))
        return await strategist.propose(GOAL, bench=bench(), deps=kit), server


def rules(result: AgentResult[Any]) -> list[str]:
    return [finding.rule for finding in result.findings]


@pytest.mark.parametrize("status", [429, 500])
async def test_trouble_that_passes_is_not_even_noticed(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    result, server = await propose(monkeypatch, fails(status), fails(status), SUBMITTED)
    assert (result.by, result.findings, len(server.requests)) == ("openai:test", (), 3)


@pytest.mark.parametrize(("status", "asked"), [(429, 3), (500, 3), (401, 1)])
async def test_trouble_that_stays_ends_in_the_rules_proposal(monkeypatch: pytest.MonkeyPatch, status: int, asked: int) -> None:
    result, server = await propose(monkeypatch, fails(status))
    assert (result.value.objective, result.by) == (OBJECTIVE, FALLBACK)
    assert rules(result) == ["AGENT-PROVIDER"]
    assert f"HTTP {status}" in result.findings[0].says
    assert len(server.requests) == asked


async def test_a_slow_provider_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await propose(monkeypatch, hangs(0.8), max_seconds=0.2)
    assert (result.value.objective, result.by, rules(result)) == (OBJECTIVE, FALLBACK, ["AGENT-FALLBACK"])


async def test_nonsense_ends_in_the_rules_proposal(monkeypatch: pytest.MonkeyPatch) -> None:
    result, server = await propose(monkeypatch, says("Buy! Buy! {"))
    assert (result.value.objective, result.by, rules(result)) == (OBJECTIVE, FALLBACK, ["AGENT-FALLBACK"])
    assert server.requests[-1]["response_format"]["type"] == "json_schema"
    assert len(server.requests) == 4


async def test_arguments_that_are_no_json_are_told_and_may_be_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    result, server = await propose(monkeypatch, says(tool_calls=[("submit", "{oops")]), SUBMITTED)
    assert (result.by, result.findings) == ("openai:test", ())
    assert server.requests[1]["messages"][-1]["role"] == "tool"


async def test_a_delivery_tool_called_over_the_wire_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = await propose(monkeypatch, says(tool_calls=[("send_campaign", "{}")]), SUBMITTED)
    assert (result.by, rules(result)) == ("openai:test", ["AGENT-UNKNOWN-TOOL"])


async def test_an_answer_in_the_form_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def play(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return says(ANSWER if "response_format" in body else "I cannot call tools.")(body)

    result, _ = await propose(monkeypatch, play)
    assert (result.by, result.value.objective) == ("openai:test", OBJECTIVE)
