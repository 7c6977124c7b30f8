"""No language-model node can reach an executor: not by an import, not by a tool, not by a way through the graph."""

from __future__ import annotations

import ast
from pathlib import Path

import liftwright
from liftwright.flow import graph

SOURCE = Path(liftwright.__file__).parent
EXECUTORS = (
    "liftwright.channels",
    "liftwright.flow",
    "liftwright.store",
    "liftwright.wiring",
    "liftwright.cli",
    "liftwright.api",
)
EFFECTS = {"deliver", "launch", "lease", "recall", "decide", "sign", "revoke", "request", "cancel_planned"}
"""Calls that let something be sent, change what will be, or answer for a person."""
HOLDERS = {"ledger", "approvals", "users", "journal"}
"""What keeps sends, answers, names and the log: agents and their tools do not even read it, only the bench they work on does."""


def _reached(start: str) -> set[str]:
    """Every module of ours that a module imports, directly or not; imports inside functions count, those for types only do not."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        path = SOURCE.parent.joinpath(*name.split("."))
        file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py"
        if file.is_file():
            waiting += _imports(ast.parse(file.read_text(encoding="utf-8")))
    return found


def _imports(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("liftwright"):
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("liftwright")]
        found += _imports(node)
    return found


def test_the_rooms_of_the_model_import_no_room_that_has_effects() -> None:
    for room in ("agents", "llm"):
        for file in (SOURCE / room).rglob("*.py"):
            name = ".".join(file.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
            reached = {module for module in _reached(name) if module.startswith(EXECUTORS)}
            assert not reached, f"{name} reaches {sorted(reached)}"


def test_nothing_an_agent_or_a_tool_calls_has_an_effect() -> None:
    for file in (
        *(SOURCE / "agents").glob("*.py"),
        *(SOURCE / "agents" / "tools").rglob("*.py"),
        *(SOURCE / "llm").rglob("*.py"),
    ):
        calls = {
            node.func.attr
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not calls & EFFECTS, f"{file.name} calls {sorted(calls & EFFECTS)}"
        named = {node.attr for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)}
        assert "bench" in file.parts or not named & HOLDERS, f"{file.name} speaks of {sorted(named & HOLDERS)}"


def test_every_way_from_a_model_to_the_launch_goes_through_the_approval() -> None:
    drawn = graph.build(None).compile().get_graph()  # type: ignore[arg-type]
    ways: dict[str, set[str]] = {}
    for edge in drawn.edges:
        ways.setdefault(edge.source, set()).add(edge.target)
    assert "launch" in drawn.nodes
    assert "approval" in drawn.nodes
    for start in ("strategist", "audience_analyst", "content_writer", "channel_planner", "compliance_reviewer"):
        assert start in drawn.nodes
        seen, waiting = set(), [start]
        while waiting:
            node = waiting.pop()
            if node not in seen and node != "approval":
                seen.add(node)
                waiting += ways.get(node, ())
        assert "launch" not in seen, f"from {start} there is a way round the approval"
