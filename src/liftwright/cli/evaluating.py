"""eval list, run, compare, gate, baseline, judge, export and view."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from liftwright.cli.workspace import Workspace, command, leave
from liftwright.domain.errors import LiftwrightError

if TYPE_CHECKING:
    from liftwright.domain.base import Value

HARNESS_ERROR = 3
FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(name="eval")
def eval_command() -> None:
    """Prompt-evaluation suites; exit 0 pass, 1 regression, 2 inconclusive, 3 harness error."""


@contextmanager
def _harness() -> Iterator[None]:
    """Where 2 means inconclusive, what cannot be compared at all ends with 3."""
    try:
        yield
    except LiftwrightError as error:
        error.exit_code = HARNESS_ERROR
        raise


def _end(workspace: Workspace, found: Value, text: str, code: int, **more: Any) -> None:
    """Show what was found, and leave with the exit code of its verdict."""
    workspace.show(found.model_dump(mode="json") | more, text)
    leave(code)


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
    found = asyncio.run(run.run_suite(suite, deps=deps, home=workspace.settings().home, limit=limit, resume=resume))
    _end(workspace, found, found.text, run.EXIT_CODES[found.verdict])


def _red_team(workspace: Workspace, limit: int | None) -> None:
    from liftwright import wiring
    from liftwright.evaluation.redteam.run import red_team

    told = red_team(wiring.shipped("evals") / "redteam", limit=limit, progress=lambda line: workspace.progress("red team", line))
    found = asyncio.run(told)
    _end(workspace, found, found.text, 1 if found.failed else 0)


@command(name="compare")
@click.argument("suite")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
def eval_compare(workspace: Workspace, suite: str, first: str, second: str) -> None:
    """Whether B is better than A, non-inferior or worse: two runs of SUITE by number, or `baseline`.

    Exit 0 better or non-inferior, 1 worse, 2 inconclusive (and about how many more samples would settle it), 3 not comparable. A case
    that fails a hard grader in B and passed it in A makes B worse; else the 95 % interval of the paired difference decides.
    """
    from liftwright.evaluation import comparing, gating, told

    with _harness():
        settings = workspace.settings()
        found = gating.compared(suite, first, second, home=settings.home)
    price = float(settings.agents.price) / 1000
    tokens = next((each for each in found.took if each.what == "tokens"), None)
    cost = (
        {"before": tokens.before * price, "now": tokens.now * price, "currency": settings.currency} if tokens and price else None
    )
    lines = [*told.lines(found), *([told.cost(cost)] if cost else [])]
    _end(workspace, found, "\n".join(lines), comparing.EXIT_CODES[found.verdict], cost_a_case=cost)


@command(name="gate")
@click.argument("suite")
@click.option("--run", default="", metavar="RUN", help="Another run than the newest.")
def eval_gate(workspace: Workspace, suite: str, run: str) -> None:
    """Hold the newest run of SUITE against its own gate, then against the accepted baseline.

    Exit 0 pass, 1 regression, 2 inconclusive, 3 harness error (no run, no baseline, other cases, a file that cannot be read). The first
    line names the rule that decided.
    """
    from liftwright.evaluation import gating
    from liftwright.evaluation.run import EXIT_CODES

    with _harness():
        found = gating.gate(suite, home=workspace.settings().home, run=run)
    _end(workspace, found, found.text, EXIT_CODES[found.verdict])


@command(name="baseline")
@click.argument("suite")
@click.option("--accept", "run", default=None, metavar="RUN", help="Make this run the baseline.")
@click.option("--as", "by", default=None, metavar="USER", help="Who accepts it.")
@click.option("--reason", default=None, help="Why; the file and the journal keep it.")
def eval_baseline(workspace: Workspace, suite: str, run: str | None, by: str | None, reason: str | None) -> None:
    """Show what is accepted for SUITE, or accept a run: evals/baselines/SUITE.json is written, to be committed and reviewed.

    A run with a hard failure, one that is not whole, and one on other cases than the suite has today are refused.
    """
    from liftwright.evaluation import gating, told
    from liftwright.evaluation.baseline import load_baseline
    from liftwright.evaluation.suite import evals_folder, load_suite

    if (run is None) != (by is None) or (run is None) != (reason is None):
        raise click.UsageError("--accept RUN, --as USER and --reason go together.")
    if run is None:
        found = load_baseline(load_suite(suite).baseline_name, folder=evals_folder())
    else:
        found = gating.accept(suite, run, by=by or "", reason=reason or "", deps=workspace.deps())
    data = found.model_dump(mode="json") if found is not None else None
    workspace.show(data, "\n".join(told.baseline(suite, found)))


@command(name="judge")
@click.argument("suite")
@click.option(
    "--labels", type=FILE, required=True, help="CSV with the columns id, label (pass or fail) and, if wanted, annotator."
)
@click.option("--grader", default="", help="Which grader, where the suite has several.")
@click.option("--run", default="", metavar="RUN", help="Another run than the newest.")
def eval_judge(workspace: Workspace, suite: str, labels: Path, grader: str, run: str) -> None:
    """Whether a grader of SUITE sees cases as people do: any grader, by its pass or fail on the cases of a run.

    Exit 0 fit to gate; 1 not fit: the lower end of the interval of Cohen's kappa is below 0.4; 2 fewer than 50 labels. Of several
    annotators' labels of a case the majority counts.
    """
    from liftwright.evaluation import judging

    with _harness():
        found = judging.judge(suite, labels, home=workspace.settings().home, grader=grader, run=run)
    _end(workspace, found, found.text, judging.EXIT_CODES[found.verdict])


@command(name="export")
@click.argument("suite")
@click.option("--run", default="", metavar="RUN", help="Another run than the newest.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "junit", "jsonl"]),
    required=True,
    help="Results as a table, as tests of a build, or with outputs.",
)
@click.option("--to", "target", type=FILE, required=True, help="The file to write.")
def eval_export(workspace: Workspace, suite: str, run: str, form: str, target: Path) -> None:
    """Write a stored run of SUITE as a file for other tools."""
    from liftwright.evaluation import exporting

    count = exporting.export(suite, form, target, home=workspace.settings().home, run=run)
    workspace.show({"file": str(target), "results": count}, f"{count} results written to {target}.")


@command(name="view")
@click.argument("suite", required=False)
@click.option("--to", "target", type=FILE, required=True, help="The HTML file to write.")
@click.option("--run", default="", metavar="RUN", help="Another run than the newest; with SUITE.")
@click.option("--against", default="", metavar="RUN", help="A run or `baseline`, instead of what was before; with SUITE.")
def eval_view(workspace: Workspace, suite: str | None, target: Path, run: str, against: str) -> None:
    """Write what the evals pages show of SUITE (or of every suite that was run) as one HTML file that needs no server."""
    from liftwright.api.pages import evals_file
    from liftwright.evaluation import exporting
    from liftwright.evaluation.suite import list_suites

    if suite is None and (run or against):
        raise click.UsageError("--run and --against go with a SUITE.")
    names = [suite] if suite is not None else [each.suite for each in list_suites()]
    page = evals_file.whole(names, home=workspace.settings().home, now=workspace.now()(), run=run, against=against)
    exporting.put(target, page)
    workspace.show({"file": str(target)}, f"Written to {target}.")


for _each in (eval_list, eval_run, eval_compare, eval_gate, eval_baseline, eval_judge, eval_export, eval_view):
    eval_command.add_command(_each)
