"""Every model sits behind this: it refuses to send personal data, retries what may be retried, cuts what hangs, counts what was used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field

from liftwright.domain.errors import ConfigError, LiftwrightError, PolicyError, ProviderError
from liftwright.llm.chains import as_chunk, swap
from liftwright.llm.retries import Retry, is_transient, status_of
from liftwright.llm.scanner import scan
from liftwright.llm.terms import PersonalTerms
from liftwright.llm.usage import Usage


class GuardedChatModel(BaseChatModel):
    """A chat model that fails closed. Tools, structured output and streaming of the model inside work through it unchanged."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    inner: BaseChatModel
    label: str = "scripted"
    terms: Callable[[], PersonalTerms] | None = None
    allowed: frozenset[str] = frozenset()
    retry: Retry = Retry()
    usage: Usage = Field(default_factory=Usage)

    @property
    def _llm_type(self) -> str:
        return self.inner._llm_type

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return dict(self.inner._identifying_params)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> Any:
        return self.inner._get_ls_params(stop=stop, **kwargs)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """As the model inside binds them, with the guard in its place."""
        bound = self.inner.bind_tools(tools, tool_choice=tool_choice, **kwargs)
        return self._guarded(bound)

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """As the model inside does it (`method="json_schema"` included), with the guard in its place."""
        return self._guarded(self.inner.with_structured_output(schema, include_raw=include_raw, **kwargs))

    def check(self, messages: Sequence[BaseMessage], options: dict[str, Any]) -> None:
        """Raise PolicyError PRIVACY-OUTBOUND when anything personal is about to leave, or when that cannot be told."""
        try:
            found = scan(messages, options, terms=self.terms() if self.terms else None, allowed=self.allowed)
        except Exception as error:
            found = [f"the scanner itself failed ({type(error).__name__})"]
        if found:
            self.usage.add(refused=1)
            raise PolicyError(
                "PRIVACY-OUTBOUND",
                f"Nothing was sent to the language model: {'; '.join(found[:5])}.",
                next_step="Take the personal data out of the goal, document or tool result named, and run it again.",
            )

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.check(messages, kwargs)
        try:
            result: ChatResult = self.retry.waiting(self._note_retry)(
                self.inner._generate, messages, stop=stop, run_manager=run_manager, **kwargs
            )
        except Exception as error:
            raise self._provider_error(error) from error
        return self._counted(result)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.check(messages, kwargs)

        async def once() -> ChatResult:
            async with asyncio.timeout(self.retry.timeout):
                return await self.inner._agenerate(messages, stop=stop, run_manager=run_manager, **kwargs)

        try:
            result: ChatResult = await self.retry.waiting_async(self._note_retry)(once)
        except Exception as error:
            raise self._provider_error(error) from error
        return self._counted(result)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        if type(self.inner)._stream is BaseChatModel._stream:
            yield as_chunk(self._generate(messages, stop=stop, run_manager=run_manager, **kwargs))
            return
        self.check(messages, kwargs)

        def start() -> tuple[ChatGenerationChunk | None, Iterator[ChatGenerationChunk]]:
            chunks = iter(self.inner._stream(messages, stop=stop, run_manager=run_manager, **kwargs))
            return next(chunks, None), chunks

        try:
            first: ChatGenerationChunk | None
            rest: Iterator[ChatGenerationChunk]
            first, rest = self.retry.waiting(self._note_retry)(start)
            total: ChatGenerationChunk | None = first
            while first is not None:
                yield first
                first = next(rest, None)
                total = total + first if total is not None and first is not None else total
        except Exception as error:
            raise self._provider_error(error) from error
        self._count_chunk(total)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        kind = type(self.inner)
        if kind._stream is BaseChatModel._stream and kind._astream is BaseChatModel._astream:
            yield as_chunk(await self._agenerate(messages, stop=stop, run_manager=run_manager, **kwargs))
            return
        self.check(messages, kwargs)

        async def following(chunks: AsyncIterator[ChatGenerationChunk]) -> ChatGenerationChunk | None:
            async with asyncio.timeout(self.retry.timeout):
                return await anext(chunks, None)

        async def start() -> tuple[ChatGenerationChunk | None, AsyncIterator[ChatGenerationChunk]]:
            chunks = self.inner._astream(messages, stop=stop, run_manager=run_manager, **kwargs)
            return await following(chunks), chunks

        try:
            begun: tuple[ChatGenerationChunk | None, AsyncIterator[ChatGenerationChunk]] = await self.retry.waiting_async(
                self._note_retry
            )(start)
            first, rest = begun
            total: ChatGenerationChunk | None = first
            while first is not None:
                yield first
                first = await following(rest)
                total = total + first if total is not None and first is not None else total
        except Exception as error:
            raise self._provider_error(error) from error
        self._count_chunk(total)

    def _counted(self, result: ChatResult) -> ChatResult:
        for generation in result.generations:
            self.usage.count(generation.message)
        return result

    def _count_chunk(self, total: ChatGenerationChunk | None) -> None:
        if total is not None:
            self.usage.count(total.message)

    def _note_retry(self) -> None:
        self.usage.add(retries=1)

    def _provider_error(self, error: Exception) -> Exception:
        if isinstance(error, LiftwrightError):
            return error
        self.usage.add(failures=1)
        status = status_of(error)
        what = f"HTTP {status}" if status is not None else type(error).__name__
        if is_transient(error):
            return ProviderError(
                "PROVIDER-UNAVAILABLE",
                f"The language model '{self.label}' did not answer after {self.retry.attempts} attempts ({what}).",
                next_step="Try again later, or choose another model.",
            )
        if status is not None:
            return ProviderError(
                "PROVIDER-REFUSED",
                f"The language model '{self.label}' refused the request ({what}).",
                next_step="Check the key, the model's name and the address of the server.",
            )
        return ProviderError(
            "PROVIDER-ANSWER",
            f"The language model '{self.label}' answered in a way that could not be read ({what}).",
            next_step="Try again, or choose another model.",
        )

    def _guarded(self, runnable: Runnable[Any, Any]) -> Runnable[Any, Any]:
        swapped, count = swap(runnable, self.inner, self)
        if count == 0:
            raise ConfigError(
                "MODEL-UNGUARDED",
                f"The model '{self.label}' builds a chain that the privacy guard cannot enter.",
                next_step="Choose a chat model of a standard LangChain integration.",
            )
        return swapped
