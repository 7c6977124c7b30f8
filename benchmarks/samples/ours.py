"""`liftwright` with the suites of a folder and one more target, `at_once`, which answers without any work: FOLDER, then the command's own words.

Says on standard error how much CPU the suite took.
"""

from __future__ import annotations

import sys
import time
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


async def counted(*given: Any, **named: Any) -> run.Summary:
    """The suite, and its CPU seconds."""
    before = time.process_time()
    summary = await _own(*given, **named)
    print("suite", time.process_time() - before, file=sys.stderr)
    return summary


if __name__ == "__main__":
    folder, _own = Path(sys.argv.pop(1)), run.run_suite
    TARGETS["at_once"] = at_once
    run.evals_folder = lambda: folder  # type: ignore[attr-defined]
    run.run_suite = counted
    cli.main()
