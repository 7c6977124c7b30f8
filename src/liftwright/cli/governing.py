"""journal."""

from __future__ import annotations

import click

from liftwright.cli.workspace import Workspace, command, leave


@click.group(name="journal")
def journal_command() -> None:
    """The tamper-evident log."""


@command(name="verify")
def journal_verify(workspace: Workspace) -> None:
    """Recompute the hash chain; exit 1 and name the first bad entry when it does not hold."""
    ok, entries, first_bad = workspace.deps().journal.verify()
    data = {"ok": ok, "entries": entries} | ({"first_bad": first_bad} if first_bad is not None else {})
    workspace.show(data, f"{entries} entries, chain holds." if ok else f"Broken at entry {first_bad} of {entries}.")
    leave(0 if ok else 1)


journal_command.add_command(journal_verify)
