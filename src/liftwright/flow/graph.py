"""The planning graph: the order of the six people, the one stop for a person, the launch. Product on one page.

    begin                       only for a run that brings nothing but words
        ↓
    strategist ⇄ ask            a question is an interrupt
        ↓
    audience_analyst → infeasible
        ↓
    content_writer ∥ experiment_design
        ↓
    channel_planner → infeasible
        ↓
    compliance_reviewer ⇄ content_revision / channel_planner   (two rounds at most)
        ↓
    submit → approval (only interrupts) → decided (reads the stored row)
        approve → launch · edit → edited → channel_planner · respond → heard → strategist · reject → closed

`LANGGRAPH_STRICT_MSGPACK` is set before LangGraph is imported; because another room may have imported it earlier, `compiled`
also gives the checkpointer a serializer that revives the listed state types and nothing else, whatever was imported first.
"""

from __future__ import annotations

import copy
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import RetryPolicy

from liftwright.domain.errors import ProviderError
from liftwright.flow import approval, beginning, halting, nodes
from liftwright.flow.launch import launch_node
from liftwright.flow.state import CHECKPOINT_TYPES, CampaignState
from liftwright.ports import Deps

RETRY = RetryPolicy(max_attempts=3, initial_interval=0.5, max_interval=8.0, retry_on=ProviderError)
"""Only a provider that failed is worth another try; everything else is a fault that must be seen."""

Compiled = CompiledStateGraph[CampaignState, None, CampaignState, CampaignState]

NODES: dict[str, Any] = {
    "begin": beginning.begin,
    "strategist": nodes.strategist,
    "ask": nodes.ask,
    "audience_analyst": nodes.audience_analyst,
    "content_writer": nodes.content_writer,
    "experiment_design": nodes.experiment_design,
    "channel_planner": nodes.channel_planner,
    "compliance_reviewer": nodes.compliance_reviewer,
    "content_revision": nodes.content_writer,
    "infeasible": approval.infeasible,
    "submit": approval.submit,
    "approval": approval.approval,
    "decided": approval.decided,
    "edited": approval.edited,
    "heard": approval.heard,
    "closed": approval.closed,
    "launch": launch_node,
}


def build(deps: Deps) -> StateGraph[CampaignState, None, CampaignState, CampaignState]:
    """The graph, its nodes bound to `deps`; not compiled."""
    graph: StateGraph[CampaignState, None, CampaignState, CampaignState] = StateGraph(CampaignState)
    for name, node in NODES.items():
        graph.add_node(name, halting.heeding(name, node, deps=deps), retry_policy=RETRY)
    graph.add_conditional_edges(START, beginning.at_start, ["begin", "strategist"])
    graph.add_edge("begin", "strategist")
    graph.add_conditional_edges("strategist", nodes.after_strategist, ["ask", "audience_analyst"])
    graph.add_edge("ask", "strategist")
    graph.add_conditional_edges("audience_analyst", nodes.after_audience, ["content_writer", "experiment_design", "infeasible"])
    graph.add_edge(["content_writer", "experiment_design"], "channel_planner")
    graph.add_conditional_edges("channel_planner", nodes.after_planner, ["compliance_reviewer", "infeasible"])
    graph.add_conditional_edges("compliance_reviewer", nodes.after_review, ["content_revision", "channel_planner", "submit"])
    graph.add_edge("content_revision", "channel_planner")
    graph.add_conditional_edges("submit", approval.after_submit, ["approval", END])
    graph.add_edge("approval", "decided")
    graph.add_conditional_edges("decided", approval.after_decision, ["approval", "launch", "edited", "heard", "closed"])
    graph.add_conditional_edges("edited", nodes.after_edit, ["channel_planner", "infeasible"])
    graph.add_edge("heard", "strategist")
    graph.add_conditional_edges("launch", approval.after_launch, ["approval", END])
    for last in ("closed", "infeasible"):
        graph.add_edge(last, END)
    return graph


def compiled(deps: Deps, saver: Any = None) -> Compiled:
    """The graph ready to run, on `saver` when one is given (a development server brings its own)."""
    return build(deps).compile(checkpointer=strict(saver), name="liftwright")


@asynccontextmanager
async def opened(deps: Deps) -> AsyncIterator[Compiled]:
    """The graph on this workspace's checkpointer, for the length of one call."""
    async with deps.checkpointer() as saver:
        yield compiled(deps, saver)


def strict(saver: Any, types: tuple[type, ...] = CHECKPOINT_TYPES) -> Any:
    """The same saver, reviving only `types` from a checkpoint. A saver with a serializer of its own kind (encrypted) is left as it is."""
    if saver is None or not isinstance(saver.serde, JsonPlusSerializer):
        return saver
    clone = copy.copy(saver)
    clone.serde = JsonPlusSerializer(allowed_msgpack_modules=types)
    return clone
