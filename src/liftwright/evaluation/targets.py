"""What a suite runs: a name and an async function from a case to the brief it leads to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, cast

from liftwright.domain.goal import Brief, Goal
from liftwright.evaluation.cases import Case
from liftwright.planning.goals import reading
from liftwright.ports import Deps

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench


@dataclass(frozen=True)
class Answer:
    """A brief and what it took; `is_fallback` when a model gave no usable answer and rules stood in."""

    brief: Brief
    is_fallback: bool = False
    calls: int = 0
    tokens: int = 0

    def as_json(self) -> dict[str, Any]:
        """For the outputs of a run."""
        counts = {"is_fallback": self.is_fallback, "calls": self.calls, "tokens": self.tokens}
        return {"brief": self.brief.model_dump(mode="json"), **counts}


Target = Callable[[Case, Deps | None], Awaitable[Answer]]
"""Called with a case and the dependencies of the workspace; a target that needs none may be given None."""


@dataclass(frozen=True)
class Pinned:
    """The day of a case."""

    as_of: datetime


class GoalBench:
    """A bench without data: it reads goals as of the case's day and knows no lessons."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.data = Pinned(datetime.combine(case.today, time(12), tzinfo=UTC))

    def read_goal(self, goal: Goal) -> Brief:
        """The deterministic reading."""
        return reading.read_goal(goal, today=self.case.today, currency=self.case.currency)

    def lessons(self, query: str) -> list[dict[str, Any]]:
        """None: a suite measures the reading of a goal, not what this workspace has learned."""
        return []


def goal_of(case: Case) -> Goal:
    """The goal and its answers as the flow would hold them."""
    return Goal(text=case.input, asked_at=datetime.combine(case.today, time(12), tzinfo=UTC), answers=case.answers)


async def _goal_reading(case: Case, deps: Deps | None) -> Answer:
    return Answer(reading.read_goal(goal_of(case), today=case.today, currency=case.currency))


async def _strategist(case: Case, deps: Deps | None) -> Answer:
    from liftwright.agents import strategist
    from liftwright.agents.proposals import FALLBACK

    if deps is None:
        raise ValueError("the strategist needs the dependencies of a workspace")
    bench = GoalBench(case)
    settings = deps.settings.model_copy(update={"currency": case.currency})
    there = replace(deps, now=lambda: bench.data.as_of, settings=settings)
    result = await strategist.propose(goal_of(case), bench=cast("Bench", bench), deps=there)
    return Answer(result.value, is_fallback=result.by == FALLBACK, calls=result.calls, tokens=result.tokens)


TARGETS: dict[str, Target] = {"goal_reading": _goal_reading, "strategist": _strategist}
"""`goal_reading`: the rules alone. `strategist`: the agent on the configured model."""
MODEL_FREE = frozenset({"goal_reading"})
"""Targets in which no language model takes part."""
