"""identity: who is who, why, and how to undo it."""

from __future__ import annotations

from typing import Any

import click

from liftwright.cli.workspace import Workspace, command


@click.group(name="identity")
def identity_command() -> None:
    """Which records are one person: show why, split what was merged wrongly, join what was missed."""


@command(name="show")
@click.argument("person")
def identity_show(workspace: Workspace, person: str) -> None:
    """The records of PERSON (any customer id they ever had) and what links them."""
    from liftwright.flow import identities

    data = identities.show(person, deps=workspace.deps())
    workspace.show(data, lambda: _text(data))


_AS = click.option("--as", "by", required=True, metavar="USER", help="Who decides.")


@command(name="split")
@click.argument("record")
@click.argument("other")
@_AS
def identity_split(workspace: Workspace, record: str, other: str, by: str) -> None:
    """RECORD and OTHER are two people: they stay apart, whatever links them."""
    _tell(workspace, record, other, "different", by)


@command(name="join")
@click.argument("record")
@click.argument("other")
@_AS
def identity_join(workspace: Workspace, record: str, other: str, by: str) -> None:
    """RECORD and OTHER are one person."""
    _tell(workspace, record, other, "same", by)


def _tell(workspace: Workspace, record: str, other: str, verdict: Any, by: str) -> None:
    from liftwright.flow import identities

    data = identities.tell(record, other, verdict=verdict, by=by, deps=workspace.deps())
    workspace.show(data, lambda: "\n\n".join(map(_text, data)))


def _text(person: dict[str, Any]) -> str:
    lines = [f"Person     {person['person']}", f"Records    {', '.join(person['records'])}"]
    lines += [f"Linked     {link['left_id']} and {link['right_id']} {_because(link)}" for link in person["links"]]
    lines += [f"Apart      {pair['left_id']} and {pair['right_id']}, said {pair['decided_by']}" for pair in person["apart"]]
    if person["household"]:
        lines.append(f"Household  with {', '.join(person['household'])}: one letter for all")
    said = {channel: consent for channel, consent in person["consent"].items() if consent}
    lines += [f"Consent    {channel}: {consent}" for channel, consent in said.items()]
    return "\n".join(lines)


def _because(link: dict[str, Any]) -> str:
    if link["rule"] == "told":
        return f"because {link['decided_by']} said so"
    if link["rule"] != "model":
        return f"by the same {link['rule']}"
    return f"by {', '.join(link['agreed'])}: {link['weight']} bits ({link['model']})"


for _each in (identity_show, identity_split, identity_join):
    identity_command.add_command(_each)
