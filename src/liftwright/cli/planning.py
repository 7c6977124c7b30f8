"""plan, show, list."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from liftwright.cli.workspace import Workspace, command, leave


@command(name="plan")
@click.argument("goal", required=False)
@click.option(
    "--again", default=None, metavar="CAMPAIGN", help="Ask the goal of an ended campaign again, planned and checked afresh."
)
@click.option(
    "--answer", "answers", multiple=True, metavar="TEXT", help="An answer to the strategist's question; may be repeated."
)
@click.option(
    "--arms", default="", metavar="random,usual", help="More arms to compare: options drawn by lot, business as usual, or both."
)
@click.option("--as", "by", default="", metavar="USER", help="Who asks; needed once there are users.")
def plan_command(workspace: Workspace, goal: str | None, again: str | None, answers: tuple[str, ...], arms: str, by: str) -> None:
    """Run the six agents on GOAL up to the approval interrupt. Nothing is executed."""
    from liftwright.flow import edits, shown, walk

    if again is None and goal is None:
        raise click.UsageError("Missing argument 'GOAL'")
    if again is not None and (goal is not None or answers or arms):
        raise click.UsageError("--again takes the goal, answers and arms of that campaign; leave out GOAL, --answer and --arms")
    deps = workspace.deps()
    asked = edits.arms(arms, deps.settings).arms if arms else ()
    run = (
        walk.again(again, deps=deps, by=by)
        if again is not None
        else walk.start(goal or "", deps=deps, answers=answers, arms=asked, by=by)
    )
    campaign = asyncio.run(run)
    data = shown.plan_json(campaign.campaign_id, deps=deps)
    workspace.show(data, lambda: plan_text(data))
    leave(1 if campaign.status in ("blocked", "infeasible") else 0)


@command(name="show")
@click.argument("campaign")
@click.option("--all", "whole", is_flag=True, help="Show every result of past tests, not only the most telling ones.")
def show_command(workspace: Workspace, campaign: str, whole: bool) -> None:
    """Plan, status, hash, findings, decisions and sends of CAMPAIGN."""
    from liftwright.flow import shown

    data = shown.show_json(campaign, deps=workspace.deps())
    workspace.show(data, lambda: plan_text(data, whole=whole))


@command(name="list")
def list_command(workspace: Workspace) -> None:
    """All campaigns, newest first."""
    from liftwright.flow import shown

    data = shown.list_json(deps=workspace.deps())
    lines = [f"{row['campaign_id']:<16} {row['status']:<18} {row['goal'][:90]}" for row in data]
    workspace.show(data, "\n".join(lines) or 'No campaigns yet. Start one: liftwright plan "…"')


def plan_text(data: dict[str, Any], *, whole: bool = False) -> str:
    """A plan as a person reads it in a terminal."""
    from liftwright.cli.texts import plan

    return plan(data, whole=whole)
