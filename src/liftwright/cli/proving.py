"""prove: what another policy, model or prompt would have brought in past campaigns."""

from __future__ import annotations

from typing import Any

import click

from liftwright.cli.approving import parse_changes
from liftwright.cli.workspace import Workspace, command, leave


@command(name="prove")
@click.argument("campaigns", nargs=-1, metavar="[CAMPAIGN]...")
@click.option("--model", "models", multiple=True, metavar="NAME@VERSION", help="A version in place of the one that was used.")
@click.option("--set", "changes", multiple=True, metavar="PATH=VALUE", help="Another setting of the plan, as with edit.")
@click.option("--ask-again", is_flag=True, help="Let the agents propose again, with today's prompts and language model.")
@click.option("--promote", is_flag=True, help="Make the one --model current if it is proven.")
@click.option("--as", "by", default="", metavar="USER", help="Who answers for --promote.")
def prove_command(
    workspace: Workspace,
    campaigns: tuple[str, ...],
    models: tuple[str, ...],
    changes: tuple[str, ...],
    ask_again: bool,
    promote: bool,
    by: str,
) -> None:
    """Judge another policy by the logged choices of CAMPAIGN (default: every one that is over). Exit 0 when it may go live, else 1."""
    from liftwright.flow import promoting, proving
    from liftwright.flow.challengers import Challenger

    if promote and (len(models) != 1 or changes or ask_again):
        raise click.UsageError("--promote takes exactly one --model and nothing else")
    deps = workspace.deps()
    challenger = Challenger(models=models, changes=parse_changes(changes) if changes else None, asks_again=ask_again)
    data = proving.prove(challenger, campaigns, deps=deps)
    if promote:
        data["promoted"] = promoting.promote(models[0], by=by, proof=data, deps=deps)["version"]
    workspace.show(data, lambda: _told(data))
    leave(0 if data["verdict"] == "promote" else 1)


def _told(data: dict[str, Any]) -> str:
    """The verdict, what it rests on, and why campaigns were left out."""
    lines = [f"{data['challenger']}: {data['verdict']}. {data['says']}"]
    if data["gain"] is not None:
        lines.append(
            f"Worth {data['effective']:,.0f} of {data['decisions']:,} choices, largest weight {data['max_weight']:.1f}; "
            f"the log itself brought {data['logged']:.3f} per person."
        )
    for each in data["campaigns"]:
        told = (
            each["because"] or f"{each['people']:,} people, {each['differing']:,} treated differently, {each['judged']:,} judged"
        )
        lines.append(f"  {each['campaign_id']}: {told}")
    return "\n".join(lines)
