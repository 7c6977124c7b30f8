"""eval list and eval run."""

from __future__ import annotations

import asyncio

import click

from liftwright.cli.workspace import Workspace, command, leave


@click.group(name="eval")
def eval_command() -> None:
    """Prompt-evaluation suites; exit 0 pass, 1 regression, 2 inconclusive, 3 harness error."""


@command(name="list")
def eval_list(workspace: Workspace) -> None:
    """The suites in evals/."""
    from liftwright.evaluation import suite

    suites = suite.list_suites()
    workspace.show([s.model_dump(mode="json") for s in suites], "\n".join(f"{s.suite:<20} {s.says}" for s in suites))


@command(name="run")
@click.argument("suite")
@click.option("-n", "limit", type=int, default=None, help="Only the first N cases.")
@click.option("--resume", default=None, metavar="RUN", help="Go on with a run that was cut off.")
def eval_run(workspace: Workspace, suite: str, limit: int | None, resume: str | None) -> None:
    """Run SUITE on the configured model, case by case, and judge it by its gate."""
    from liftwright.evaluation import run

    deps = workspace.deps()
    summary = asyncio.run(run.run_suite(suite, deps=deps, home=deps.settings.home, limit=limit, resume=resume))
    workspace.show(summary.model_dump(mode="json"), summary.text)
    leave(run.EXIT_CODES[summary.verdict])


eval_command.add_command(eval_list)
eval_command.add_command(eval_run)
