"""Chat models that misbehave in every way a model can, and one that plays given replies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from liftwright.agents.rendering import SUBMIT


class Player(BaseChatModel):
    """Plays its replies one by one, the last one for ever. `heard` keeps what it was sent, `offered` the tools it was given."""

    replies: list[Any]
    seconds: float = 0.0
    heard: list[list[BaseMessage]] = Field(default_factory=list)
    offered: list[list[str]] = Field(default_factory=list)
    schemas_of_tools: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "player"

    def bind_tools(self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any) -> Any:
        schemas = [convert_to_openai_tool(tool) for tool in tools]
        self.schemas_of_tools = self.schemas_of_tools or schemas
        self.offered.append([schema["function"]["name"] for schema in schemas])
        return self.bind(tools=schemas)

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        self.heard.append(list(messages))
        reply = self.replies[min(len(self.heard), len(self.replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        return ChatResult(generations=[ChatGeneration(message=reply if isinstance(reply, AIMessage) else AIMessage(reply))])

    async def _agenerate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        await asyncio.sleep(self.seconds)
        return self._generate(messages, stop, run_manager, **kwargs)


def calls(*wanted: tuple[str, dict[str, Any]]) -> AIMessage:
    """A reply that calls tools."""
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"call_{i}"} for i, (name, args) in enumerate(wanted)])


def submits(**answer: Any) -> AIMessage:
    """A reply that hands over an answer."""
    return calls((SUBMIT, answer))


GARBAGE = "lorem ipsum {not json} [1,2"
