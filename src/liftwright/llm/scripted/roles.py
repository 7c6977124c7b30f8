"""The six roles as scripts: which tools to call, in which order, and how the answer is composed from what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from liftwright.llm.scripted import composing
from liftwright.llm.scripted.conversation import Conversation

SUBMIT = "submit"
Calls = list[tuple[str, dict[str, Any]]]
Arguments = Callable[[Conversation], list[dict[str, Any]]]
_GIVE_UP_AFTER = 2


@dataclass(frozen=True)
class Script:
    """Steps in order (tool, its arguments; no arguments = leave the step out), and the composer of the final answer."""

    steps: tuple[tuple[str, Arguments], ...]
    compose: Callable[[Conversation], dict[str, Any]]


def _plain(talk: Conversation) -> list[dict[str, Any]]:
    return [{}]


SCRIPTS: dict[str, Script] = {
    "strategist": Script(
        (("read_goal", _plain), ("find_lessons", composing.lesson_query)),
        composing.brief,
    ),
    "audience_analyst": Script(
        (("population_counts", _plain), ("feature_summaries", _plain), ("past_tests", _plain)),
        composing.audience,
    ),
    "content_writer": Script(
        (
            ("find_documents", composing.document_query),
            ("list_channels", _plain),
            ("list_offers", _plain),
            ("draft_variants", composing.everything_allowed),
            ("check_variant", composing.drafts_to_check),
        ),
        composing.content,
    ),
    "channel_planner": Script(
        (
            ("list_channels", _plain),
            ("list_offers", _plain),
            ("scores_summary", _plain),
            ("draft_assignment", composing.assignment_to_draft),
        ),
        composing.plan,
    ),
    "compliance_reviewer": Script((("read_findings", _plain), ("policy_check", composing.texts_to_check)), composing.review),
    "measurement_analyst": Script((("read_report", _plain), ("experiment_design", lambda talk: [{}])), composing.measurement),
}


def next_calls(talk: Conversation, offered: dict[str, dict[str, Any]]) -> Calls:
    """The tool calls to make now; empty when there is nothing to call or a submission was refused too often."""
    script = SCRIPTS.get(talk.role)
    final = _final_tool(offered)
    if script is None or final is None or talk.refused.get(final, 0) >= _GIVE_UP_AFTER:
        return []
    for tool, arguments in script.steps:
        if tool in offered and not talk.called.get(tool):
            calls = [(tool, args) for args in arguments(talk)]
            if calls:
                return calls
    return [(final, script.compose(talk))]


def chat_reply(talk: Conversation) -> str:
    """What is said where nothing can be called: who is speaking, and what to do instead."""
    if talk.role in SCRIPTS:
        return f"I play the {talk.role.replace('_', ' ')} with rules and templates and have no tool left to call; the rules' own proposal stands."
    return (
        "I am Liftwright's built-in scripted model: rules and templates, not a language model, so I cannot converse freely. "
        "I can turn a goal into a plan: name the number to move, by how much, by when and with which budget, "
        "for example: raise repeat orders by 8 % in 14 days with 5,000 USD. "
        "For free conversation, configure a language model of a provider."
    )


def _final_tool(offered: dict[str, dict[str, Any]]) -> str | None:
    if SUBMIT in offered:
        return SUBMIT
    return next(iter(offered)) if len(offered) == 1 else None
