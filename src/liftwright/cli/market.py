"""demo, market."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from liftwright.cli.workspace import Workspace, command

if TYPE_CHECKING:
    from liftwright.world.parameters import ChannelSet

_CUSTOMERS = click.option(
    "--customers", type=click.IntRange(min=1), default=20_000, show_default=True, help="Simulated customers."
)
_CHANNELS = click.option(
    "--channels",
    type=click.Choice(["four", "all"]),
    default="four",
    show_default=True,
    help="E-mail, SMS, push and letters, or all eight channels.",
)
_SEED = click.option("--seed", default=7, show_default=True, help="Seed of the simulated market.")


@command(name="demo")
@_CUSTOMERS
@click.option("--days", type=click.IntRange(min=1), default=14, show_default=True, help="Days of each campaign.")
@click.option("--campaigns", type=click.IntRange(min=1), default=2, show_default=True, help="Campaigns, one after the other.")
@_CHANNELS
@_SEED
@click.option("--ask", is_flag=True, help="Ask you for each approval instead of standing in for the approver.")
def demo_command(
    workspace: Workspace, customers: int, days: int, campaigns: int, channels: ChannelSet, seed: int, ask: bool
) -> None:
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
            channels=channels,
        )
        data = asyncio.run(run.play())
    workspace.show(data, lambda: demo(data))


@command(name="market")
@_CUSTOMERS
@_CHANNELS
@_SEED
@click.option("--night/--no-night", default=True, show_default=True, help="The first night after it, which trains the models.")
def market_command(workspace: Workspace, customers: int, channels: ChannelSet, seed: int, night: bool) -> None:
    """Build a simulated market whose past ends today (`--now`) and import it into the workspace, with fitting settings; then the first night, which
    trains the models. Nothing is planned."""
    from liftwright.evaluation import market
    from liftwright.flow import nightly

    settings, now = workspace.settings(), workspace.now()
    today = now().date()
    _, _, rows = market.bring_in(
        settings.home,
        customers=customers,
        channels=channels,
        seed=seed,
        starts_on=today,
        now=now,
        progress=workspace.progress,
    )
    if night:
        nightly.refresh(deps=workspace.deps())
    data = {"home": str(settings.home), "starts_on": today.isoformat(), "channels": channels, "tables": rows}
    lines = [f"  {table:<12} {count:>12,} rows" for table, count in rows.items()]
    told = f'Try: liftwright plan "Sell more shoes over the next 14 days, 30k budget" --home {settings.home}'
    workspace.show(data, "\n".join([f"A market of {customers:,} people whose past ends on {today}:", *lines, told]))


def _stand_in(title: str, plan_hash: str) -> bool:
    click.secho(
        f"  approver             demo stands in for the approver: approves {plan_hash[:19]}… ({title})", err=True, dim=True
    )
    return True


def _ask(title: str, plan_hash: str) -> bool:
    click.echo(f"{title}\nPlan hash {plan_hash}", err=True)
    return click.confirm("Approve exactly this plan?", err=True)
