"""demo."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import click

from liftwright.cli.workspace import Workspace, command


@command(name="demo")
@click.option("--customers", type=click.IntRange(min=1), default=20_000, show_default=True, help="Simulated customers.")
@click.option("--days", type=click.IntRange(min=1), default=14, show_default=True, help="Days of each campaign.")
@click.option("--campaigns", type=click.IntRange(min=1), default=2, show_default=True, help="Campaigns, one after the other.")
@click.option("--seed", default=7, show_default=True, help="Seed of the simulated market.")
@click.option("--ask", is_flag=True, help="Ask you for each approval instead of standing in for the approver.")
def demo_command(workspace: Workspace, customers: int, days: int, campaigns: int, seed: int, ask: bool) -> None:
    """Build a simulated market, import it, plan, approve, run day by day, measure, learn, run the next campaign."""
    from liftwright.cli.texts import demo
    from liftwright.evaluation import market

    with tempfile.TemporaryDirectory(prefix="liftwright-demo-") as scratch:
        run = market.MarketRun(
            home=workspace.home or Path(scratch),
            customers=customers,
            days=days,
            campaigns=campaigns,
            seed=seed,
            approve=_ask if ask else _stand_in,
            progress=workspace.progress,
        )
        data = asyncio.run(run.play())
    workspace.show(data, lambda: demo(data))


def _stand_in(title: str, plan_hash: str) -> bool:
    click.secho(
        f"  approver             demo stands in for the approver: approves {plan_hash[:19]}… ({title})", err=True, dim=True
    )
    return True


def _ask(title: str, plan_hash: str) -> bool:
    click.echo(f"{title}\nPlan hash {plan_hash}", err=True)
    return click.confirm("Approve exactly this plan?", err=True)
