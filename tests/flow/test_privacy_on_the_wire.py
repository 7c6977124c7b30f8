"""A model that asks for everything it may see, over HTTP: what leaves the house names nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import canary
import pytest
from provider_server import completion, provider

import plain_shop
from liftwright.flow import walk

pytestmark = pytest.mark.loopback
ARGUMENTS = {
    "find_documents": {"query": "questions about shoes, names and addresses"},
    "find_lessons": {"query": "shoes"},
    "segment_counts": {"phrase": "everybody"},
    "policy_check": {"text": "Hello", "channel": "email"},
}


def curious(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Calls every tool it is given that needs no more than words, then says nothing usable."""
    if any(message["role"] == "tool" for message in body["messages"]):
        return 200, completion("thank you")
    tools = [tool["function"] for tool in body.get("tools", [])]
    wanted = [tool["name"] for tool in tools if tool["name"] in ARGUMENTS or not tool["parameters"].get("required")]
    calls = [(name, json.dumps(ARGUMENTS.get(name, {}))) for name in wanted if name != "submit"]
    return 200, completion("", tool_calls=calls) if calls else completion("thank you")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A workspace of a shop with a canary in every place."""
    deps = plain_shop.open_shop(tmp_path / "home")
    files = plain_shop.write_files(tmp_path / "files", more_columns=canary.columns(), brand=canary.BRAND)
    plain_shop.bring_in(files, deps)
    plain_shop.close(deps)
    return tmp_path / "home"


async def test_a_curious_model_learns_nothing_about_a_person(home: Path) -> None:
    with provider(curious) as server:
        options = {"base_url": server.base_url, "api_key": "x", "max_retries": 0}
        deps = plain_shop.open_shop(home, model_name="openai:test", model_options=options)
        campaign = await walk.start(plain_shop.GOAL, deps=deps)
        plan = deps.campaigns.plan(campaign.campaign_id)
        plain_shop.close(deps)
    assert campaign.status == "awaiting_approval"
    assert plan is not None
    bodies = [json.dumps(request, ensure_ascii=False).encode() for request in server.requests]
    assert not [word for body in bodies for word in canary.found_in(body)]
    assert [message for request in server.requests for message in request["messages"] if message["role"] == "tool"]
    refused = [finding for finding in plan.findings if finding.rule == "AGENT-PRIVACY"]
    assert {finding.subject for finding in refused} == {"content_writer"}, "who reads documents; remarks reach nobody"
    assert not [word for finding in refused for word in canary.SPOKEN if word in finding.says.lower()]


async def test_a_person_named_in_the_goal_stays_here(home: Path) -> None:
    with provider(curious) as server:
        options = {"base_url": server.base_url, "api_key": "x", "max_retries": 0}
        deps = plain_shop.open_shop(home, model_name="openai:test", model_options=options)
        campaign = await walk.start(f"{plain_shop.GOAL}. {canary.NOTE}", deps=deps)
        plain_shop.close(deps)
    assert campaign.status in ("awaiting_approval", "needs_answer")
    bodies = [json.dumps(request, ensure_ascii=False).encode() for request in server.requests]
    assert not [word for body in bodies for word in canary.found_in(body)]


def test_the_search_for_the_canary_finds_one() -> None:
    assert set(canary.found_in(json.dumps({"content": canary.NOTE}).encode())) >= {"zelda", "quartermain", "2025550147"}
    assert canary.found_in(b'{"content": "z\\u0065lda"}') == ["zelda"]
