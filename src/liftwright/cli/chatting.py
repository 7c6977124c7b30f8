"""chat: the strategist in a terminal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from liftwright.cli.workspace import Workspace, command
from liftwright.domain.errors import LiftwrightError

if TYPE_CHECKING:
    from liftwright.flow.conversation import Turn
    from liftwright.ports import Deps

ENDS = ("quit", "exit", "bye", "q")
HELP = """- a **goal**: "sell 10% more shoes by 5 December, 2,000 budget, no SMS"
- a **change** while a plan waits: "spend at most 300", "make it cheaper", "fewer messages", "no discounts"
- **Ctrl-C** stops the planning, and `go on` takes it up from there
- a **question**: "who is left out?", "why C000017?", "what if limits.touches=1?", "what did the last campaign cause?"
- `show` for the whole plan, `new` for another goal, `quit` to end

Nothing is sent from here: approving takes a command of its own."""


@command(name="chat")
@click.argument("campaign", required=False)
@click.option("--as", "by", default="chat", metavar="USER", help="Who talks; needed once there are users.")
def chat_command(workspace: Workspace, campaign: str | None, by: str) -> None:
    """Talk to the strategist. With CAMPAIGN: ask about it, or change it by words while it waits."""
    from rich.console import Console

    console = Console()
    deps = workspace.deps()
    if campaign is not None:
        deps.campaigns.get(campaign)
    console.print(f"[bold]Strategist[/bold] ({deps.settings.model}). Say your goal, or `help`; an empty line ends.")
    while True:
        text = _ask(console)
        if not text or text.lower() in ENDS:
            return
        campaign = _heard(text, campaign, deps, console, by=by)


def _heard(text: str, campaign_id: str | None, deps: Deps, console: Any, *, by: str) -> str | None:
    """One line; what goes wrong does not end the talk. A hash must not be broken over lines, so the command is printed plainly."""
    from rich.markdown import Markdown

    word = text.lower()
    if word == "help":
        console.print(Markdown(HELP))
        return campaign_id
    if word == "new":
        return None
    planned = list[str]()
    try:
        if word == "show" and campaign_id is not None:
            click.echo(_whole(campaign_id, deps))
            return campaign_id
        turn = _turn(text, campaign_id, deps, by=by, begun=planned.append)
    except LiftwrightError as error:
        click.echo(f"liftwright: {error}", err=True)
        return planned[-1] if planned else campaign_id
    if turn.campaign_id != campaign_id:
        console.print(f"[dim]{turn.campaign_id}[/dim]", highlight=False)
    console.print(Markdown(turn.reply))
    if turn.command:
        click.echo(f"To let exactly this plan run:\n  {turn.command}")
    return turn.campaign_id


def _turn(text: str, campaign_id: str | None, deps: Deps, *, by: str, begun: Callable[[str], None]) -> Turn:
    """What a line leads to. Ctrl-C stops what the agents are at before their next step; a second one ends the program."""
    from liftwright.flow import conversation, halting

    about, wanted = [campaign_id or ""], list[bool]()

    def named(campaign: str) -> None:
        about.append(campaign)
        begun(campaign)

    def step(who: str, what: str) -> None:
        deps.progress(who, what)
        if wanted and deps.campaigns.get(about[-1]).status == "planning":
            halting.ask(about[-1], by=by, deps=deps)

    def interrupted(*_: object) -> None:
        if wanted:
            raise KeyboardInterrupt
        wanted.append(True)
        click.echo("Stopping before the next step; Ctrl-C once more ends at once.", err=True)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        return asyncio.run(conversation.turn(text, campaign_id, deps=replace(deps, progress=step), by=by, begun=named))
    finally:
        signal.signal(signal.SIGINT, before)


def _whole(campaign_id: str, deps: Deps) -> str:
    from liftwright.cli.texts import plan
    from liftwright.flow import shown

    return plan(shown.plan_json(campaign_id, deps=deps))


def _ask(console: Any) -> str:
    try:
        return str(console.input("[bold]> [/bold]")).strip() if sys.stdin.isatty() else sys.stdin.readline().strip()
    except (EOFError, KeyboardInterrupt):
        return ""
