"""The planning graph: CPU from a goal to the plan that waits for its approval, and per node. Prints one JSON line.

    python benchmarks/graph.py [--people 300] [--goals 5] [--replays 20] [--json]

A plain shop of `--people` on SQLite, the scripted model, goals asked in this process after a first one that pays for imports and caches.
`goal_to_approval_cpu_seconds`: the mean of `--goals` goals, each through `flow.walk.start`: the campaign's row and lock, all nodes, a durable checkpoint after
every step. `cpu_ms_per_step`: the same over the nodes that ran, the one that stops for a person among them. So a step is mostly the work of an agent: reading
the goal, the snapshot, features and scores, drawing the holdout, texts and their claims, choosing who gets what, all rules, the plan and its hash.
`nodes_cpu_ms` has it by node; two nodes run side by side, and each has the CPU of both. `graph_cpu_ms_per_step`: our graph without that work, the nodes giving back what
they gave in the first run: edges, reducers, retries, typed state and checkpoints alone.

Peer, in the same run: bare LangGraph with the same checkpointer and serializer, as many nodes one after the other, each copying one dictionary of text of the
size of our mean checkpoint, the last stopping for a person. It does no work at all, has no types to write down, no reducers, retries or
branches, and takes one step more, as it has nothing side by side. `bare_langgraph` is its CPU per step over `cpu_ms_per_step` (the share of a
step that a bare graph would cost); `bare_langgraph_same_work` over `graph_cpu_ms_per_step`.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delivery import plain
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from liftwright.flow import beginning, walk
from liftwright.flow import graph as graphs
from liftwright.ports import Deps

GOALS = (
    "Sell more shoes over the next two weeks by e-mail",
    "Sell more shoes over the next 10 days by e-mail, budget 900",
    "Raise revenue from shoes over the next 3 weeks by e-mail, no discounts",
)
STOP = "approval"


def main() -> None:
    """Measure and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--goals", type=int, default=5)
    parser.add_argument("--replays", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liftwright-graph-") as folder:
        print(json.dumps(measured(Path(folder), given.people, goals=given.goals, replays=given.replays)))


def measured(folder: Path, people: int, *, goals: int, replays: int) -> dict[str, Any]:
    """Ours with the work, ours without it, and the peer."""
    with plain.opened(folder / "home", people) as deps:
        plain.furnish(deps, people, folder / "files")
        with watched(first := Watch()):
            known = plain.planned(deps, GOALS[0]).campaign_id
        with watched(watch := Watch()):
            before = time.process_time()
            for number in range(goals):
                plain.planned(deps, GOALS[number % len(GOALS)])
            spent = time.process_time() - before
        steps, ran = sum(first.ran.values()), sum(watch.ran.values())
        replayed = asyncio.run(replays_of(known, first, deps, replays))
        size = asyncio.run(checkpoint_bytes(known, deps))
        peer = asyncio.run(bare(deps, steps, size, replays))
    ours = {
        "cpu_ms_per_step": round(1e3 * spent / ran, 2),
        "goal_to_approval_cpu_seconds": round(spent / goals, 3),
        "graph_cpu_ms_per_step": round(1e3 * replayed / steps, 2),
        "steps_per_goal": round(ran / goals, 1),
        "checkpoint_bytes": size,
        "nodes_cpu_ms": {name: round(1e3 * watch.cpu[name] / watch.ran[name], 1) for name in watch.ran},
    }
    theirs = 1e3 * peer / steps
    ratio = {
        "bare_langgraph": round(theirs / (1e3 * spent / ran), 4),
        "bare_langgraph_same_work": round(theirs / (1e3 * replayed / steps), 2),
    }
    peers = {"bare_langgraph": {"cpu_ms_per_step": round(theirs, 2), "steps": steps}}
    return {"name": "graph", "n": goals, "ours": ours, "peers": peers, "ratio": ratio}


class Watch:
    """What nodes ran, how often, their CPU seconds, and what each gave back, in order."""

    def __init__(self) -> None:
        self.ran: Counter[str] = Counter()
        self.cpu: Counter[str] = Counter()
        self.gave: dict[str, list[dict[str, Any]]] = {}

    def seen(self, name: str, node: Any) -> Any:
        """The node, watched."""

        async def run(state: Any, *, deps: Deps) -> Any:
            self.ran[name] += 1
            before = time.process_time()
            try:
                update = await node(state, deps=deps)
            finally:
                self.cpu[name] += time.process_time() - before
            self.gave.setdefault(name, []).append(update)
            return update

        return run

    def given_back(self, name: str, node: Any) -> Any:
        """A node that gives back what that one gave, the first time first; one that gave nothing yet stops for a person."""
        left = iter(self.gave.get(name, []))

        async def run(state: Any, *, deps: Deps) -> Any:
            return next(left) if name != STOP else await node(state, deps=deps)

        return run


@contextmanager
def in_place(changed: dict[str, Any]) -> Iterator[None]:
    """These nodes instead of the graph's own, for a while."""
    own = dict(graphs.NODES)
    graphs.NODES.update(changed)
    try:
        yield
    finally:
        graphs.NODES.update(own)


def watched(watch: Watch) -> Any:
    """The graph's own nodes, watched."""
    return in_place({name: watch.seen(name, node) for name, node in graphs.NODES.items()})


async def replays_of(campaign_id: str, first: Watch, deps: Deps, replays: int) -> float:
    """CPU seconds of one run of our graph in which the nodes give back what they gave; the mean, a first one apart."""
    begun = beginning.first_state(deps.campaigns.get(campaign_id), deps=deps)
    spent = 0.0
    for number in range(replays + 1):
        with in_place({name: first.given_back(name, node) for name, node in graphs.NODES.items()}):
            before = time.process_time()
            async with graphs.opened(deps) as graph:
                found = await walk.run(graph, begun, f"replay-{number}")
            spent += time.process_time() - before if number else 0.0
        if "__interrupt__" not in found:
            raise SystemExit("The replay did not come to the approval.")
    return spent / replays


async def checkpoint_bytes(campaign_id: str, deps: Deps) -> int:
    """The mean size of a stored checkpoint of a campaign's run."""
    async with deps.checkpointer() as saver:
        mine = graphs.strict(saver)
        sizes = [len(mine.serde.dumps_typed(each.checkpoint)[1]) async for each in mine.alist(walk.config(campaign_id))]
    return sum(sizes) // len(sizes)


class Copied(TypedDict):
    """The peer's state."""

    text: dict[str, str]


async def bare(deps: Deps, steps: int, size: int, replays: int) -> float:
    """CPU seconds of one run of a bare graph; the mean, a first one apart."""
    chain: Any = StateGraph(Copied)
    names = [f"step-{number}" for number in range(steps)]
    for name in names[:-1]:
        chain.add_node(name, _copied)
    chain.add_node(names[-1], _stops)
    for one, other in zip([START, *names], [*names, END], strict=True):
        chain.add_edge(one, other)
    spent = 0.0
    for number in range(replays + 1):
        before = time.process_time()
        async with deps.checkpointer() as saver:
            graph = chain.compile(checkpointer=graphs.strict(saver))
            await walk.run(graph, {"text": {"all": "x" * size}}, f"bare-{number}")
        spent += time.process_time() - before if number else 0.0
    return spent / replays


async def _copied(state: Copied) -> Copied:
    return copy.deepcopy(state)


async def _stops(state: Copied) -> Copied:
    interrupt({"wait": True})
    return state


if __name__ == "__main__":
    main()
