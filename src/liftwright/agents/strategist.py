"""The strategist: goal → brief. The words of the goal decide every field; a model may phrase, cite lessons, and fill what rules missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liftwright.agents import base, goal_words
from liftwright.agents.proposals import AgentResult
from liftwright.agents.tools import looking
from liftwright.domain.goal import Brief, Goal
from liftwright.ports import Deps

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench

AGENT = "strategist"


async def propose(goal: Goal, *, bench: Bench, deps: Deps) -> AgentResult[Brief]:
    """A brief whose every number, date and limit the goal's words support."""
    read = bench.read_goal(goal)
    lessons = [lesson["lesson_id"] for lesson in looking.lesson_facts(bench, _query(read))] if _query(read) else []
    seen: set[str] = set(lessons)
    step = base.Step(
        agent=AGENT,
        prompt="strategist",
        values={"today": bench.data.as_of.date().isoformat(), "currency": deps.settings.currency},
        task="Read this marketer's goal and submit the brief.",
        facts={"goal": goal.text, "answers": list(goal.answers)},
        tools=[looking.read_goal(bench, goal), looking.find_lessons(bench, seen=seen)],
        output=Brief,
        fallback=lambda: read.model_copy(update={"lessons": tuple(lessons)}),
    )
    result = await base.run(step, deps=deps)
    brief, findings = goal_words.settle(result.value, read, words=goal.words, lesson_ids=seen)
    return result.corrected(brief, *findings)


def _query(read: Brief) -> str:
    if read.objective is None:
        return ""
    return " ".join(part for part in (read.objective.metric.replace("_", " "), read.objective.product or "") if part)
