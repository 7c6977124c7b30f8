"""The loop every agent runs: ask, call tools, take the submission; bounded in calls, tokens and time; and rules when all else fails.

Why an own loop: docs/adr/0002-agent-loop.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ValidationError

from liftwright.agents.proposals import FALLBACK, AgentResult, note
from liftwright.agents.rendering import (
    SUBMIT,
    answer_in_text,
    answer_schema,
    as_json,
    read_answer,
    render,
    submit_tool,
    task_message,
)
from liftwright.domain.errors import ConfigError, LiftwrightError, PolicyError, ProviderError
from liftwright.domain.policy import Finding
from liftwright.ports import Deps
from liftwright.settings import AgentSettings

T = TypeVar("T", bound=BaseModel)
_UNREADABLE = "PROVIDER-ANSWER"
_MAX_TOOL_CALLS = 48
_MAX_RESULT_CHARS = 40_000


@dataclass(frozen=True)
class Step(Generic[T]):
    """One task for one agent: prompt and its values, the task and its facts, tools, the shape of the answer, the rules' own proposal."""

    agent: str
    prompt: str
    values: Mapping[str, str]
    task: str
    facts: Mapping[str, Any]
    tools: Sequence[BaseTool]
    output: type[T]
    fallback: Callable[[], T]


@dataclass
class _Talk:
    messages: list[BaseMessage]
    calls: int = 0
    tokens: int = 0
    tool_calls: int = 0
    failures: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    learned: list[str] = field(default_factory=list)


class _Stopped(Exception):
    """The conversation cannot go on; the message says why."""


async def run(step: Step[T], *, deps: Deps) -> AgentResult[T]:
    """The model's answer, or the rules' own proposal with a finding that says why. Raises only what an operator must mend (ConfigError)."""
    step, closed = _permitted(step, deps)
    system = render(deps.library.prompt(step.prompt), step.values)
    talk = _Talk([SystemMessage(system), HumanMessage(task_message(step.task, step.facts))])
    budget = deps.settings.agents
    rule, reason = "AGENT-FALLBACK", ""
    try:
        async with asyncio.timeout(budget.max_seconds):
            value = await _converse(step, talk, deps=deps)
        return AgentResult(value, (*closed, *_unknown_tools(step.agent, talk)), deps.settings.model, talk.calls, talk.tokens)
    except _Stopped as stop:
        reason = str(stop)
    except TimeoutError:
        reason = f"it took longer than the {budget.max_seconds:g} seconds a step may take"
    except PolicyError as error:
        rule, reason = "AGENT-PRIVACY", error.says
    except ProviderError as error:
        rule, reason = ("AGENT-FALLBACK" if error.code == _UNREADABLE else "AGENT-PROVIDER"), error.says
    deps.progress(step.agent, "takes the rules' own proposal")
    finding = note(
        rule,
        step.agent,
        f"The language model gave no usable answer: {reason.rstrip('.')}. The rules' own proposal was taken.",
        fix="Nothing needs to be done; another model may word or choose better.",
    )
    findings = (*closed, *_unknown_tools(step.agent, talk), finding)
    return AgentResult(step.fallback(), findings, FALLBACK, talk.calls, talk.tokens)


def _permitted(step: Step[T], deps: Deps) -> tuple[Step[T], tuple[Finding, ...]]:
    """The step with the tools its agent may call (policies/tools.yaml) and no others, and what is to be said of those taken away."""
    allowed = deps.library.policies().tools.get(step.agent, ())
    gone = tuple(tool.name for tool in step.tools if tool.name not in allowed)
    if not gone:
        return step, ()
    says = f"The rules do not let the {step.agent.replace('_', ' ')} call {', '.join(gone)}; its model worked without."
    finding = note("AGENT-TOOL-CLOSED", step.agent, says, severity="info", count=len(gone))
    return replace(step, tools=[tool for tool in step.tools if tool.name in allowed]), (finding,)


async def _converse(step: Step[T], talk: _Talk, *, deps: Deps) -> T:
    budget = deps.settings.agents
    try:
        bound = deps.model.bind_tools([*step.tools, submit_tool(step.output)])
    except NotImplementedError:
        return await _last_try(step, talk, deps=deps)
    while talk.calls < max(1, budget.max_calls - 1) and talk.failures < budget.attempts:
        deps.progress(step.agent, "thinks" if talk.calls == 0 else "goes on")
        reply = await _ask(bound, talk.messages, talk, budget)
        value = await _hear(step, reply, talk, deps=deps)
        if value is not None:
            return value
    return await _last_try(step, talk, deps=deps)


async def _ask(
    bound: Runnable[LanguageModelInput, Any], messages: Sequence[BaseMessage], talk: _Talk, budget: AgentSettings
) -> Any:
    if talk.tokens + _tokens_of(messages) > budget.max_tokens:
        raise _Stopped(f"the {budget.max_tokens} tokens that were left for this step were used up")
    talk.calls += 1
    try:
        reply = await bound.ainvoke(list(messages))
    except (LiftwrightError, TimeoutError):
        raise
    except Exception as error:
        says = f"Its answer could not be read ({type(error).__name__})."
        raise ProviderError(_UNREADABLE, says, next_step="Try again, or choose another model.") from error
    raw = reply.get("raw") if isinstance(reply, dict) else reply
    used = getattr(raw, "usage_metadata", None) or {}
    talk.tokens += used.get("total_tokens") or _tokens_of([*messages, *([raw] if isinstance(raw, BaseMessage) else [])])
    return reply


async def _hear(step: Step[T], reply: AIMessage, talk: _Talk, *, deps: Deps) -> T | None:
    """Act on one reply: a submission ends the talk, tool calls are answered, plain text is searched for the answer."""
    talk.messages.append(reply)
    calls = [(call["name"], call["args"], call["id"]) for call in reply.tool_calls]
    broken = [(call["name"], None, call["id"]) for call in reply.invalid_tool_calls]
    if not calls and not broken:
        value, problem = answer_in_text(step.output, str(reply.text))
        if value is None:
            talk.failures += 1
            talk.messages.append(HumanMessage(f"That is no usable answer: {problem}. Call the tool `{SUBMIT}` with the answer."))
        return value
    submitted: T | None = None
    failed = False
    for name, args, call_id in [*calls, *broken]:
        if name == SUBMIT and args is not None and submitted is None:
            submitted, problem = read_answer(step.output, args)
            text, is_ok = ("taken", True) if submitted is not None else (problem, False)
        else:
            text, is_ok = await _call(step, str(name or ""), args, talk, deps=deps)
        failed = failed or not is_ok
        status = "success" if is_ok else "error"
        talk.messages.append(ToolMessage(text, tool_call_id=call_id or f"call_{len(talk.messages)}", name=name, status=status))
    talk.failures += failed
    return submitted


async def _call(step: Step[T], name: str, args: Any, talk: _Talk, *, deps: Deps) -> tuple[str, bool]:
    tool = next((t for t in step.tools if t.name == name), None)
    if tool is None and name != SUBMIT:
        label = "".join(c for c in name if c.isalnum() or c in "_-. ")[:40] or "?"
        talk.unknown[label] = talk.unknown.get(label, 0) + 1
        names = ", ".join([*(t.name for t in step.tools), SUBMIT])
        return f"There is no tool of that name; nothing happened. The tools are: {names}.", False
    if tool is None or not isinstance(args, dict):
        return "The arguments are not a JSON object.", False
    talk.tool_calls += 1
    if talk.tool_calls > _MAX_TOOL_CALLS:
        return f"More than {_MAX_TOOL_CALLS} tool calls; call `{SUBMIT}` now.", False
    deps.progress(step.agent, name.replace("_", " "))
    try:
        result = await tool.ainvoke(args)
    except ValidationError as error:
        return f"Wrong arguments: {'; '.join(str(e['loc'][-1:]) + ' ' + e['msg'] for e in error.errors()[:3])}.", False
    except (ValueError, LiftwrightError) as error:
        return f"{name} says no: {str(error)[:300]}", False
    text = (result if isinstance(result, str) else as_json(result))[:_MAX_RESULT_CHARS]
    talk.learned.append(f"{name}: {text}")
    return text, True


async def _last_try(step: Step[T], talk: _Talk, *, deps: Deps) -> T:
    """One call that forces the answer's schema, for models that do not call tools."""
    budget = deps.settings.agents
    if talk.calls >= budget.max_calls:
        raise _Stopped(f"it used up its {budget.max_calls} calls")
    deps.progress(step.agent, "is asked for the bare answer")
    known = "\n".join(talk.learned)[:_MAX_RESULT_CHARS]
    asked = f"{talk.messages[1].text}\nTool results so far (data):\n{known}\nAnswer with one JSON object only."
    try:
        bound = deps.model.with_structured_output(answer_schema(step.output), method="json_schema", include_raw=True)
    except ConfigError:
        raise
    except Exception as error:
        raise _Stopped("it neither calls tools nor answers in a given form") from error
    reply = await _ask(bound, [talk.messages[0], HumanMessage(asked)], talk, budget)
    value, problem = read_answer(step.output, reply.get("parsed"))
    if value is None and isinstance(reply.get("raw"), BaseMessage):
        value, problem = answer_in_text(step.output, str(reply["raw"].text))
    if value is None:
        raise _Stopped(f"its answers did not have the form asked for ({problem[:200]})")
    return value


def _unknown_tools(agent: str, talk: _Talk) -> tuple[Finding, ...]:
    return tuple(
        note(
            "AGENT-UNKNOWN-TOOL",
            agent,
            f"The language model asked for '{name}', a tool it was not given. Nothing happened.",
            subject=name,
            count=count,
        )
        for name, count in sorted(talk.unknown.items())
    )


def _tokens_of(messages: Sequence[BaseMessage]) -> int:
    return sum(len(str(m.text)) + len(str(getattr(m, "tool_calls", "") or "")) for m in messages) // 4 + 1
