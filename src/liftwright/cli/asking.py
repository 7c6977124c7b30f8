"""why and whatif: reasons and counterfactuals, by re-solving."""

from __future__ import annotations

import click

from liftwright.cli.approving import parse_changes
from liftwright.cli.workspace import Workspace, command


@command(name="why")
@click.argument("campaign")
@click.argument("person")
def why_command(workspace: Workspace, campaign: str, person: str) -> None:
    """Why PERSON (a customer id) gets what CAMPAIGN gives them, or nothing."""
    from liftwright.cli.texts import why
    from liftwright.flow import asking

    data = asking.why(campaign, person, deps=workspace.deps())
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
