"""worker, tick, stop, pause, resume, report."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING

import click

from liftwright.cli.workspace import Workspace, command

if TYPE_CHECKING:
    from liftwright.ports import Deps

_BY = click.option("--as", "by", required=True, metavar="USER", help="Who does it.")
_WHY = click.option("--reason", required=True, help="Why.")


@command(name="worker")
@click.option("--once", is_flag=True, help="Deliver what is due now and end.")
@click.option("--limit", type=click.IntRange(min=1), default=5000, show_default=True, help="Sends per batch.")
@click.option("--pause", type=click.FloatRange(min=0.0), default=5.0, show_default=True, help="Seconds between rounds.")
def worker_command(workspace: Workspace, once: bool, limit: int, pause: float) -> None:
    """Deliver due sends: re-check each person, hand over to the channel, settle the ledger. Tell of approvals that wait, with [notify]."""
    from liftwright.flow import dispatch, notifying, recovery

    deps = workspace.deps()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    while True:
        asyncio.run(recovery.recover(deps=deps))
        told = notifying.tell(deps=deps, worker=worker)
        done = dispatch.drain(deps=deps, worker=worker, limit=limit) | told
        counted = [f"{count} {what.replace('_', ' ')}" for what, count in done.items() if count]
        workspace.show(done, ", ".join(counted) or "nothing due")
        if once:
            return
        time.sleep(pause)


@command(name="tick")
@click.argument("campaign")
def tick_command(workspace: Workspace, campaign: str) -> None:
    """Observe outcomes, apply the stop rules, adapt inside what was approved."""
    from liftwright.cli.texts import report
    from liftwright.flow import adapt, shown

    deps = workspace.deps()
    found = asyncio.run(adapt.tick(campaign, deps=deps))
    data = shown.report_json(found)
    workspace.show(data, lambda: report(data))


def _allowed(workspace: Workspace, by: str) -> Deps:
    """The workspace, for somebody who may stop, hold and let go on. Raises ApprovalError for who may not."""
    from liftwright.flow import signing

    deps = workspace.deps()
    signing.known(by, deps=deps, scope="decide")
    return deps


@command(name="stop")
@click.argument("campaign")
@_BY
@_WHY
def stop_command(workspace: Workspace, campaign: str, by: str, reason: str) -> None:
    """Kill switch: nothing leaves after the batch in flight, and what drop files hold for later is recalled."""
    from liftwright.cli.texts import stopped
    from liftwright.flow import stopping

    deps = _allowed(workspace, by)
    done = stopping.stop(campaign, by=by, reason=reason, deps=deps)
    data = {"campaign_id": campaign, "status": "stopped", **done.model_dump()}
    workspace.show(data, lambda: stopped(data))


@command(name="pause")
@click.argument("campaign")
@_BY
@_WHY
def pause_command(workspace: Workspace, campaign: str, by: str, reason: str) -> None:
    """Hold CAMPAIGN: nothing leaves until somebody lets it go on. What was handed over for later is recalled where that can be done."""
    from liftwright.flow import pausing

    deps = _allowed(workspace, by)
    recalled = pausing.hold(campaign, by=by, reason=reason, deps=deps)
    data = {"campaign_id": campaign, "status": "paused", "waiting": deps.ledger.counts(campaign)["waiting"], "recalled": recalled}
    workspace.show(data, f"{campaign} is paused: {data['waiting']:,} touches wait, {sum(recalled.values()):,} were recalled.")


@command(name="resume")
@click.argument("campaign")
@_BY
@_WHY
def resume_command(workspace: Workspace, campaign: str, by: str, reason: str) -> None:
    """Let a paused CAMPAIGN go on. What was recalled from drop files stays recalled."""
    from liftwright.flow import pausing

    deps = _allowed(workspace, by)
    pausing.resume(campaign, by=by, reason=reason, deps=deps)
    counts = deps.ledger.counts(campaign)
    data = {"campaign_id": campaign, "status": "running", "waiting": counts["waiting"], "cancelled": counts["cancelled"]}
    workspace.show(
        data, f"{campaign} goes on: {counts['waiting']:,} touches wait, {counts['cancelled']:,} were cancelled or recalled."
    )


@command(name="report")
@click.argument("campaign")
def report_command(workspace: Workspace, campaign: str) -> None:
    """What CAMPAIGN did, why, what it caused and what it taught."""
    from liftwright.cli.texts import report
    from liftwright.flow import reporting, shown

    deps = workspace.deps()
    data = shown.report_json(reporting.report(campaign, deps=deps))
    workspace.show(data, lambda: report(data))
