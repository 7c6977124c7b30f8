"""autonomy: show, history, propose, sign, refuse, drill; opportunities."""

from __future__ import annotations

import textwrap
from typing import Any

import click

from liftwright.cli.workspace import Workspace, command, leave

_IN = " " * 17
_BY = click.option("--as", "by", required=True, metavar="USER", help="Who does it.")


@click.group(name="autonomy")
def autonomy_command() -> None:
    """What may run alone, earned and lost: show, history, propose, sign, refuse, drill."""


@command(name="show")
def autonomy_show(workspace: Workspace) -> None:
    """The level of every cell that a campaign stands in, what it lacks for the next step, and what waits for signatures."""
    from liftwright.flow import ladder

    deps = workspace.deps()
    start, rows = ladder.of(deps).start, ladder.table(deps=deps)
    steps = [
        step.model_dump(mode="json") | {"missing": ladder.unsigned(step, deps=deps)} for step in ladder.open_steps(deps=deps)
    ]
    data = {"start": start, "cells": rows, "waiting": steps}
    workspace.show(data, lambda: _table(start, rows, steps))


def _table(start: str, rows: list[dict[str, Any]], steps: list[dict[str, Any]]) -> str:
    lines = [f"Every cell (class of actions / channel / band of spend) starts at {start}."]
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        until = f", until {row['until'][:10]}" if row["until"] else ""
        alike.setdefault((row["level"], row["because"] + until, *row["lacks"]), []).append(row["cell"])
    for (level, because, *lacks), cells in alike.items():
        lines += [f"{level:<16} {because}", *textwrap.wrap(", ".join(cells), 110, initial_indent=_IN, subsequent_indent=_IN)]
        lines.append(f"{_IN}next step lacks: {'; '.join(lacks)}" if lacks else f"{_IN}next step may be proposed")
    lines += [
        f"Waits  {step['proposal_id']}  {step['cell']}: {step['level']} -> {step['to']}, on {', '.join(step['wins'])}"
        f"; missing: {', '.join(step['missing'])}"
        for step in steps
    ]
    return "\n".join(lines)


@command(name="history")
def autonomy_history(workspace: Workspace) -> None:
    """Everything that moved a level, from the journal, oldest first."""
    from liftwright.flow import ladder

    told = ladder.entries(deps=workspace.deps())
    lines = [
        f"{each.at:%Y-%m-%d %H:%M}  {each.action.removeprefix('autonomy.'):<9} {each.actor:<12} {_words(each.detail)}"
        for each in told
    ]
    workspace.show([each.model_dump(mode="json") for each in told], "\n".join(lines) or "No level was ever moved.")


def _words(detail: dict[str, Any]) -> str:
    if "cells" in detail:
        return f"{detail['says']}: {len(detail['cells'])} cells to {detail['to']}"
    if "passed" in detail:
        return f"{detail['campaign_id']}: {'passed' if detail['passed'] else 'FAILED'}, {detail['tried']} sends tried"
    step = f"{detail['cell']} to {detail['to']}" if "cell" in detail else ""
    return f"{detail.get('proposal_id', '')} {step} {detail.get('reason', '')}".strip()


@command(name="propose")
def autonomy_propose(workspace: Workspace) -> None:
    """Propose every step up whose conditions are all met (the night does so too); exit 1 when there is none."""
    from liftwright.flow import ladder

    found = ladder.propose(deps=workspace.deps())
    lines = [f"{step.proposal_id}  {step.cell}: {step.level} -> {step.to}, on {', '.join(step.wins)}" for step in found]
    workspace.show(
        [step.model_dump(mode="json") for step in found],
        "\n".join(lines) or "No cell has earned a step it was not yet proposed for.",
    )
    leave(0 if found else 1)


@command(name="sign")
@click.argument("proposal")
@_BY
def autonomy_sign(workspace: Workspace, proposal: str, by: str) -> None:
    """Put your name under PROPOSAL; with the last one that is needed the level is held."""
    from liftwright.flow import ladder

    deps = workspace.deps()
    step = ladder.sign(proposal, by=by, deps=deps)
    absent = () if step.answer else ladder.unsigned(step, deps=deps)
    says = f"still missing: {', '.join(absent)}" if absent else f"{step.cell} is at {step.to}"
    workspace.show(step.model_dump(mode="json") | {"missing": absent}, f"Signed by {by}: {says}.")


@command(name="refuse")
@click.argument("proposal")
@click.option("--reason", required=True, help="Why not.")
@_BY
def autonomy_refuse(workspace: Workspace, proposal: str, reason: str, by: str) -> None:
    """Say no to PROPOSAL; the same wins never ask for the same step again."""
    from liftwright.flow import ladder

    step = ladder.refuse(proposal, by=by, reason=reason, deps=workspace.deps())
    workspace.show(step.model_dump(mode="json"), f"{step.cell} stays at {step.level}.")


@command(name="drill")
@click.argument("campaign")
@_BY
def autonomy_drill(workspace: Workspace, campaign: str, by: str) -> None:
    """Hold running CAMPAIGN for a moment and try everything that could let a send out; exit 1 when one got through."""
    from liftwright.flow import drill

    done = drill.drill(campaign, by=by, deps=workspace.deps())
    says = "passed" if done["passed"] else f"FAILED: {done['let_through']} of them could have left"
    workspace.show(done, f"Drill of {campaign} {says}; {done['tried']} sends tried after the stop. The campaign goes on.")
    leave(0 if done["passed"] else 1)


@command(name="opportunities")
@click.option(
    "--quiet-days", type=click.IntRange(min=1, max=365), default=28, show_default=True, help="Without a contact for so long."
)
def opportunities_command(workspace: Workspace, quiet_days: int) -> None:
    """Groups nobody has written to lately and whom a past test says a contact pays for; exit 1 when there is none."""
    from liftwright.flow import opportunities

    deps = workspace.deps()
    found = opportunities.listed(deps=deps, quiet_days=quiet_days)
    currency = deps.settings.currency
    lines = [
        f"{row['margin']['mid']:>12,.2f} {currency} ({row['margin']['low']:,.2f} to {row['margin']['high']:,.2f})  {row['people']:,} {row['group']} by "
        f'{row["channel"].replace("_", " ")}, contacts cost {row["cost"]:,.2f}\n{_IN}liftwright plan "{row["goal"]}"'
        for row in found
    ]
    workspace.show(
        found,
        "\n".join(lines)
        or "No measured uplift lies unused: no past test says that a contact pays, or everybody was contacted lately.",
    )
    leave(0 if found else 1)


for _each in (autonomy_show, autonomy_history, autonomy_propose, autonomy_sign, autonomy_refuse, autonomy_drill):
    autonomy_command.add_command(_each)
