"""What `langgraph.json` names is what the ecosystem's own tools open: they load it, draw it, and start it with nothing but words."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from liftwright.domain.errors import GoalError
from liftwright.flow import deciding
from liftwright.flow.graph import NODES, compiled

ROOT = Path(__file__).parents[2]
THREAD = {"configurable": {"thread_id": "6f1f4a52-8f0b-4f62-9d0c-0d8b6a1b2c3d"}}


def _named() -> Any:
    """The object that langgraph.json names, loaded from its file the way a development server does."""
    path, _, name = json.loads((ROOT / "langgraph.json").read_text(encoding="utf-8"))["graphs"]["liftwright"].partition(":")
    spec = importlib.util.spec_from_file_location("named_by_langgraph_json", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


async def test_the_named_factory_gives_the_planning_graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFTWRIGHT_HOME", str(tmp_path / "home"))
    factory = _named()
    assert inspect.iscoroutinefunction(factory), "building opens files: a server must be able to await it"
    graph = (await factory()).compile()
    drawn = await asyncio.to_thread(lambda: graph.get_graph().to_json())
    assert {node["id"] for node in drawn["nodes"]} >= set(NODES)
    assert graph.get_input_jsonschema()["properties"]["words"]["type"] == "string"


async def test_words_alone_walk_to_the_approval_and_no_further(shop: Any) -> None:
    graph = compiled(shop, InMemorySaver())
    await graph.ainvoke({"words": "Sell more shoes over the next 14 days, 500 budget"}, THREAD)
    campaign = shop.campaigns.get(THREAD["configurable"]["thread_id"])
    assert campaign.status == "awaiting_approval"
    state = await graph.aget_state(THREAD)
    assert [task.name for task in state.tasks] == ["approval"]
    assert not shop.ledger.sends().num_rows
    await graph.ainvoke({"words": "Sell more shoes over the next 14 days, 500 budget"}, THREAD)
    assert len(shop.campaigns.all()) == 1, "the same thread is the same campaign"


async def test_a_campaign_begun_there_is_approved_at_our_own_doors(shop: Any) -> None:
    graph = compiled(shop, InMemorySaver())
    await graph.ainvoke({"words": "Sell more shoes over the next 14 days, 500 budget"}, THREAD)
    asked = shop.approvals.pending(THREAD["configurable"]["thread_id"])
    await deciding.decide("approve", asked.campaign_id, plan_hash=asked.plan_hash, by="ana", deps=shop)
    assert shop.campaigns.get(asked.campaign_id).status == "running"
    assert shop.ledger.sends().num_rows


async def test_no_words_are_refused_and_leave_no_campaign(shop: Any) -> None:
    with pytest.raises(GoalError, match="empty"):
        await compiled(shop, InMemorySaver()).ainvoke({"words": "  "}, THREAD)
    assert shop.campaigns.all() == []
