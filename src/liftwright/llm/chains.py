"""Taking apart and putting together what LangChain builds around a chat model."""

from __future__ import annotations

import json
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableBinding, RunnableParallel, RunnableSequence


def swap(runnable: Runnable[Any, Any], inner: BaseChatModel, guard: BaseChatModel) -> tuple[Runnable[Any, Any], int]:
    """The same chain with `guard` where `inner` stood, and how often it stood there."""
    if runnable is inner:
        return guard, 1
    if isinstance(runnable, RunnableBinding):
        bound, count = swap(runnable.bound, inner, guard)
        return (runnable.model_copy(update={"bound": bound}), count) if count else (runnable, 0)
    if isinstance(runnable, RunnableSequence):
        steps = [swap(step, inner, guard) for step in runnable.steps]
        return RunnableSequence(*(step for step, _ in steps)), sum(count for _, count in steps)
    if isinstance(runnable, RunnableParallel):
        branches = {name: swap(step, inner, guard) for name, step in runnable.steps__.items()}
        return RunnableParallel({name: step for name, (step, _) in branches.items()}), sum(n for _, n in branches.values())
    return runnable, 0


def as_chunk(result: ChatResult) -> ChatGenerationChunk:
    """A whole answer as the only chunk of a stream, tool calls included."""
    generation: ChatGeneration = result.generations[0]
    message = generation.message
    chunk = AIMessageChunk(
        content=message.content,
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        usage_metadata=getattr(message, "usage_metadata", None),
        id=message.id,
        tool_call_chunks=[
            {
                "name": c["name"],
                "args": json.dumps(c["args"], ensure_ascii=False),
                "id": c["id"],
                "index": i,
                "type": "tool_call_chunk",
            }
            for i, c in enumerate(getattr(message, "tool_calls", []))
        ],
        chunk_position="last",
    )
    return ChatGenerationChunk(message=chunk)
