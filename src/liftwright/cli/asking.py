"""why, whatif and replay: reasons, counterfactuals and proof, by solving again."""

from __future__ import annotations

import click

from liftwright.cli.approving import parse_changes
from liftwright.cli.workspace import Workspace, command, leave


@command(name="why")
@click.argument("campaign")
@click.argument("person")
def why_command(workspace: Workspace, campaign: str, person: str) -> None:
    """Why PERSON (a customer id, or an e-mail address) gets what CAMPAIGN gives them, or nothing."""
    from liftwright.cli.texts import why
    from liftwright.flow import asking, whom

    deps = workspace.deps()
    data = asking.why(campaign, whom.meant(person, deps=deps), deps=deps)
    workspace.show(data, lambda: why(data))


@command(name="whatif")
@click.argument("campaign")
@click.option("--set", "changes", multiple=True, required=True, metavar="PATH=VALUE", help="For example objective.budget=20000.")
def whatif_command(workspace: Workspace, campaign: str, changes: tuple[str, ...]) -> None:
    """Re-solve CAMPAIGN with something changed, in a fork; the plan itself stays as it is."""
    from liftwright.cli.texts import whatif
    from liftwright.flow import asking

    data = asking.whatif(campaign, parse_changes(changes), deps=workspace.deps())
    workspace.show(data, lambda: whatif(data))


@command(name="replay")
@click.argument("campaign")
@click.option("--show", "shown", type=click.IntRange(min=1), default=10, show_default=True, help="Differing decisions to name.")
def replay_command(workspace: Workspace, campaign: str, shown: int) -> None:
    """Compute CAMPAIGN's plan again from its pins and compare every decision with the stored one. Exit 1 when anything differs."""
    from liftwright.cli.texts import replay
    from liftwright.flow import replaying

    data = replaying.replay(campaign, shown=shown, deps=workspace.deps())
    workspace.show(data, lambda: replay(data))
    leave(0 if data["identical"] else 1)
