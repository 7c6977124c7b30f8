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
    from liftwright.evaluation.redteam import NAME, SAYS

    shown = [*(s.model_dump(mode="json") for s in suite.list_suites()), {"suite": NAME, "says": SAYS}]
    workspace.show(shown, "\n".join(f"{s['suite']:<20} {s['says']}" for s in shown))


@command(name="run")
@click.argument("suite")
@click.option("-n", "limit", type=int, default=None, help="Only the first N cases.")
@click.option("--resume", default=None, metavar="RUN", help="Go on with a run that was cut off.")
def eval_run(workspace: Workspace, suite: str, limit: int | None, resume: str | None) -> None:
    """Run SUITE on the configured model, case by case, and judge it by its gate.

    `redteam` runs on a model of its own that obeys every order it finds, in a place of its own.
    """
    from liftwright.evaluation import redteam, run

    if suite == redteam.NAME:
        _red_team(workspace, limit)
        return
    deps = workspace.deps() if run.needs_model(suite) else None
    summary = asyncio.run(run.run_suite(suite, deps=deps, home=workspace.settings().home, limit=limit, resume=resume))
    workspace.show(summary.model_dump(mode="json"), summary.text)
    leave(run.EXIT_CODES[summary.verdict])


def _red_team(workspace: Workspace, limit: int | None) -> None:
    from liftwright import wiring
    from liftwright.evaluation.redteam.run import red_team

    told = red_team(wiring.shipped("evals") / "redteam", limit=limit, progress=lambda line: workspace.progress("red team", line))
    found = asyncio.run(told)
    workspace.show(found.model_dump(mode="json"), found.text)
    leave(1 if found.failed else 0)


eval_command.add_command(eval_list)
eval_command.add_command(eval_run)
