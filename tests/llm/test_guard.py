"""The guard lets nothing personal out, retries what may be retried, and keeps tools, structured output and streaming working."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pyarrow as pa
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from provider_server import Provider, completion, fails, hangs, provider, says
from pydantic import BaseModel

from liftwright.domain.errors import ConfigError, PolicyError, ProviderError
from liftwright.llm.chat import build_model
from liftwright.llm.guard import GuardedChatModel
from liftwright.llm.retries import is_transient
from liftwright.llm.terms import PersonalTerms
from liftwright.settings import Settings

CANARY = pa.table(
    {"email": ["canary@example.org"], "phone": ["+12025550147"], "first_name": ["Zelda"], "last_name": ["Quartermain"]}
)
FAST = {"retry_wait": 0.01, "retry_longest_wait": 0.02, "timeout": 5, "max_retries": 2}


class Verdict(BaseModel):
    """What was decided."""

    word: str
    number: int


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def model_for(server: Provider, monkeypatch: pytest.MonkeyPatch, **options: Any) -> GuardedChatModel:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    terms = PersonalTerms.from_customers(CANARY)
    return build_model(Settings(model="openai:test-model", model_options=FAST | options), terms=lambda: terms)


@pytest.mark.loopback
def test_a_provider_string_reaches_the_configured_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(says("hello there")) as server:
        model = model_for(server, monkeypatch)
        assert model.invoke("hi").text == "hello there"
    assert server.requests[0]["messages"] == [{"role": "user", "content": "hi"}]
    assert (model.usage.calls, model.usage.input_tokens, model.usage.output_tokens) == (1, 11, 3)


@pytest.mark.loopback
@pytest.mark.parametrize("text", ["mail canary@example.org", "call 202-555-0147", "Dear Zelda Quartermain", "other@nowhere.org"])
async def test_personal_data_never_leaves(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with provider(says("never")) as server:
        model = model_for(server, monkeypatch)
        bound = model.bind_tools([Verdict])
        structured = model.with_structured_output(Verdict, method="json_schema")
        for call in (
            lambda: model.invoke(text),
            lambda: bound.invoke(text),
            lambda: structured.invoke(text),
            lambda: list(model.stream(text)),
        ):
            with pytest.raises(PolicyError, match="PRIVACY-OUTBOUND"):
                call()
        for waiting in (model.ainvoke(text), bound.ainvoke(text), structured.ainvoke(text)):
            with pytest.raises(PolicyError, match="PRIVACY-OUTBOUND"):
                await waiting
        with pytest.raises(PolicyError, match="PRIVACY-OUTBOUND"):
            [chunk async for chunk in model.astream(text)]
    assert server.requests == []
    assert model.usage.refused == 8


@pytest.mark.loopback
def test_personal_data_in_a_tool_schema_never_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(question: str) -> str:
        """Ask Zelda Quartermain."""
        return question

    with provider(says("never")) as server, pytest.raises(PolicyError, match="option tools: customer name"):
        model_for(server, monkeypatch).bind_tools([find]).invoke("hi")
    assert server.requests == []


def test_a_scanner_that_fails_means_no() -> None:
    def broken() -> PersonalTerms:
        raise OSError("no lake")

    model = build_model(Settings(), terms=broken, inner=Plain())
    with pytest.raises(PolicyError, match="scanner itself failed"):
        model.invoke("hi")


@pytest.mark.loopback
def test_tools_and_structured_output_work_through_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = json.dumps({"word": "yes", "number": 4})
    with provider(says(tool_calls=[("Verdict", answer)]), says(answer)) as server:
        model = model_for(server, monkeypatch)
        called = model.bind_tools([Verdict]).invoke("decide")
        assert called.tool_calls[0]["args"] == {"word": "yes", "number": 4}
        assert model.with_structured_output(Verdict, method="json_schema").invoke("decide") == Verdict(word="yes", number=4)
        raw = model.with_structured_output(Verdict, method="json_schema", include_raw=True).invoke("decide")
        assert raw["parsed"] == Verdict(word="yes", number=4)
    assert server.requests[0]["tools"][0]["function"]["name"] == "Verdict"
    assert server.requests[1]["response_format"]["type"] == "json_schema"
    assert model.usage.calls == 3


@pytest.mark.loopback
async def test_streaming_works_through_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(says("one two three")) as server:
        model = model_for(server, monkeypatch)
        assert [chunk.text for chunk in model.stream("count") if chunk.text] == ["one", " two", " three"]
        assert "".join([chunk.text async for chunk in model.astream("count")]) == "one two three"
    assert all(request["stream"] for request in server.requests)
    assert model.usage.calls == 2


@pytest.mark.loopback
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_busy_servers_are_asked_again(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with provider(fails(status), fails(status), says("at last")) as server:
        model = model_for(server, monkeypatch)
        assert (await model.ainvoke("hi")).text == "at last"
        assert model.usage.retries == 2
    with provider(fails(status), says("at last")) as server:
        assert "".join(chunk.text for chunk in model_for(server, monkeypatch).stream("hi")) == "at last"


@pytest.mark.loopback
async def test_a_server_that_stays_down_is_a_provider_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(fails(500)) as server:
        model = model_for(server, monkeypatch)
        with pytest.raises(ProviderError) as failed:
            await model.ainvoke("hi")
    assert failed.value.code == "PROVIDER-UNAVAILABLE"
    assert "HTTP 500" in failed.value.says
    assert len(server.requests) == 3


@pytest.mark.loopback
@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_not_repeated(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    with provider(fails(status)) as server, pytest.raises(ProviderError, match="PROVIDER-REFUSED"):
        model_for(server, monkeypatch).invoke("hi")
    assert len(server.requests) == 1


@pytest.mark.loopback
async def test_a_server_that_hangs_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(hangs(0.6)) as server:
        model = model_for(server, monkeypatch, timeout=0.15, max_retries=0)
        started = asyncio.get_running_loop().time()
        with pytest.raises(ProviderError, match="PROVIDER-UNAVAILABLE"):
            await model.ainvoke("hi")
        assert asyncio.get_running_loop().time() - started < 0.55


@pytest.mark.loopback
def test_an_unreachable_server_is_a_provider_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(says("gone")) as server:
        pass
    with pytest.raises(ProviderError, match="PROVIDER-UNAVAILABLE"):
        model_for(server, monkeypatch).invoke("hi")


@pytest.mark.loopback
def test_an_answer_that_is_no_completion_is_a_provider_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(lambda body: (200, {"surprise": True})) as server, pytest.raises(ProviderError, match="PROVIDER-ANSWER"):
        model_for(server, monkeypatch).invoke("hi")


@pytest.mark.loopback
def test_an_answer_that_is_cut_off_is_a_provider_error(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = completion('{"word": "ye')
    cut["choices"][0]["finish_reason"] = "length"
    with provider(lambda body: (200, cut)) as server:
        model = model_for(server, monkeypatch).with_structured_output(Verdict, method="json_schema")
        with pytest.raises(ProviderError, match="PROVIDER-ANSWER"):
            model.invoke("hi")


def test_the_scripted_model_needs_no_dictionary_because_nothing_leaves() -> None:
    def never() -> PersonalTerms:
        raise AssertionError

    assert build_model(Settings(), terms=never).invoke("Zelda Quartermain").text
    with pytest.raises(PolicyError):
        build_model(Settings(), terms=never).invoke("bob@example.org")


def test_a_model_without_its_package_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="CONFIG-MODEL"):
        build_model(Settings(model="nowhere:model"))


def test_a_missing_key_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="CONFIG-MODEL"):
        build_model(Settings(model="openai:gpt-5"))


class Plain(BaseChatModel):
    """A model with nothing but `_generate`, and a chain of its own making for tools."""

    hides: bool = False

    @property
    def _llm_type(self) -> str:
        return "plain"

    def _generate(self, messages: list[Any], stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessage("plain words"))])

    def bind_tools(self, tools: Any, *, tool_choice: Any = None, **kwargs: Any) -> Any:
        return RunnableLambda(self.invoke) if self.hides else self.bind()


async def test_a_model_that_cannot_stream_gives_one_chunk() -> None:
    model = build_model(Settings(), inner=Plain())
    assert [chunk.text for chunk in model.stream("hi")] == ["plain words"]
    assert [chunk.text async for chunk in model.astream("hi")] == ["plain words"]
    assert model.usage.calls == 2


def test_a_chain_the_guard_cannot_enter_is_refused() -> None:
    with pytest.raises(ConfigError, match="MODEL-UNGUARDED"):
        build_model(Settings(), inner=Plain(hides=True)).bind_tools([Verdict])


def test_tools_bound_to_any_model_go_through_the_guard() -> None:
    with pytest.raises(PolicyError):
        build_model(Settings(), inner=Plain()).bind_tools([Verdict]).invoke([HumanMessage("a@b.org")])


@pytest.mark.parametrize(
    ("error", "is_right"), [(TimeoutError(), True), (ConnectionResetError(), True), (ValueError(), False), (KeyError(), False)]
)
def test_only_passing_trouble_is_worth_a_retry(error: Exception, is_right: bool) -> None:
    assert is_transient(error) is is_right
