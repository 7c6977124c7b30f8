"""A chat model that plays the six roles from what any model gets: a system prompt, messages and tools. It is rules, not a language model."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from liftwright.llm.scripted.conversation import Conversation, offered_tools
from liftwright.llm.scripted.roles import chat_reply, next_calls
from liftwright.llm.usage import estimate_tokens

MADE_BY = "rules and templates"


class ScriptedChatModel(BaseChatModel):
    """Deterministic: the same messages and tools give the same answer. `response_metadata["made_by"]` is always `rules and templates`."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": "scripted", "made_by": MADE_BY}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools in the OpenAI form."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], tool_choice=tool_choice, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=answer(messages, kwargs.get("tools") or []))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(answer(messages, kwargs.get("tools") or [])):
            if run_manager:
                run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(answer(messages, kwargs.get("tools") or [])):
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.message.text), chunk=chunk)
            yield chunk


def answer(messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> AIMessage:
    """The next message of the role that the system prompt names: tool calls while it gathers, then the submission, else plain words."""
    talk = Conversation.of(messages)
    calls = next_calls(talk, offered_tools(tools))
    message = AIMessage(
        content="" if calls else chat_reply(talk),
        tool_calls=[
            {"name": name, "args": args, "id": f"call_{len(messages)}_{place}", "type": "tool_call"}
            for place, (name, args) in enumerate(calls)
        ],
        response_metadata={"model_name": "scripted", "made_by": MADE_BY},
    )
    read, written = estimate_tokens(*messages), estimate_tokens(message)
    message.usage_metadata = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
    return message


def _chunks(message: AIMessage) -> Iterator[ChatGenerationChunk]:
    for word in re.findall(r"\S+\s*", str(message.text)):
        yield ChatGenerationChunk(message=AIMessageChunk(content=word))
    for place, call in enumerate(message.tool_calls):
        part = {
            "name": call["name"],
            "args": json.dumps(call["args"], ensure_ascii=False),
            "id": call["id"],
            "index": place,
            "type": "tool_call_chunk",
        }
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[part]))
    last = AIMessageChunk(
        content="",
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        chunk_position="last",
    )
    yield ChatGenerationChunk(message=last)
