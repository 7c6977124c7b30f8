"""What the scripted model can see of a conversation: its role, what was asked, what its tools have answered."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

_ROLE = re.compile(r"^\s*role:\s*([a-z_]+)", re.MULTILINE)


@dataclass(frozen=True)
class Conversation:
    """`results` maps a tool's name to the parsed answers it gave, in order; `called` counts calls by name; `refused` counts error answers."""

    role: str
    task: str
    results: dict[str, list[Any]]
    called: dict[str, int]
    refused: dict[str, int]

    @classmethod
    def of(cls, messages: Sequence[BaseMessage]) -> Conversation:
        """Read the messages; the role is the `role:` line at the front of the system prompt, `""` when there is none."""
        system = next((str(m.text) for m in messages if isinstance(m, SystemMessage)), "")
        found = _ROLE.search(system[:400])
        names: dict[str, str] = {}
        called: dict[str, int] = {}
        results: dict[str, list[Any]] = {}
        refused: dict[str, int] = {}
        for message in messages:
            if isinstance(message, AIMessage):
                for call in message.tool_calls:
                    names[str(call["id"])] = call["name"]
                    called[call["name"]] = called.get(call["name"], 0) + 1
            elif isinstance(message, ToolMessage):
                name = names.get(message.tool_call_id, message.name or "")
                if message.status == "error":
                    refused[name] = refused.get(name, 0) + 1
                else:
                    results.setdefault(name, []).append(_parsed(str(message.text)))
        asked = [str(m.text) for m in messages if isinstance(m, HumanMessage)]
        return cls(found.group(1) if found else "", asked[0] if asked else "", results, called, refused)

    def first(self, tool: str, default: Any = None) -> Any:
        """The first answer of a tool."""
        answers = self.results.get(tool)
        return answers[0] if answers else default

    def all(self, tool: str) -> list[Any]:
        """Every answer of a tool."""
        return self.results.get(tool, [])


def offered_tools(tools: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Parameter schemas by tool name, from the OpenAI form."""
    functions = [tool.get("function", tool) for tool in tools]
    return {str(f["name"]): f.get("parameters", {}) for f in functions if f.get("name")}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
