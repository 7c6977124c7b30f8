"""`liftwright` with the suites of a folder and one more target, `at_once`, which answers without any work: FOLDER, then the command's own words.

Says on standard error how much CPU the suite took.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from liftwright import cli
from liftwright.domain.goal import Brief
from liftwright.evaluation import run
from liftwright.evaluation.cases import Case
from liftwright.evaluation.targets import TARGETS, Answer, goal_of
from liftwright.planning.goals import reading
from liftwright.ports import Deps

_said: list[Brief] = []


async def at_once(case: Case, deps: Deps | None) -> Answer:
    """The reading of the first goal, for every one."""
    if not _said:
        _said.append(reading.read_goal(goal_of(case), today=case.today, currency=case.currency))
    return Answer(_said[0])


def counted(suite: Callable[..., Awaitable[run.Summary]], folder: Path) -> Callable[..., Coroutine[Any, Any, run.Summary]]:
    """A suite of this folder that says its CPU seconds."""

    async def ran(name: str, **named: Any) -> run.Summary:
        before = time.process_time()
        summary = await suite(name, folder=folder, **named)
        print("suite", time.process_time() - before, file=sys.stderr)
        return summary

    return ran


if __name__ == "__main__":
    own = Path(sys.argv.pop(1))
    TARGETS["at_once"] = at_once
    run.needs_model = partial(run.needs_model, folder=own)
    run.run_suite = counted(run.run_suite, own)
    cli.main()
