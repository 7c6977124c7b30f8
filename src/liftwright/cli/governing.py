"""journal."""

from __future__ import annotations

from pathlib import Path

import click

from liftwright.cli.workspace import Workspace, command, leave


@click.group(name="journal")
def journal_command() -> None:
    """The tamper-evident log."""


@command(name="verify")
@click.option("--seals", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A folder with a copy of the seals.")
@click.option("--public-key", help="The first public key, as `journal keys` showed it.")
def journal_verify(workspace: Workspace, seals: Path | None, public_key: str | None) -> None:
    """Recompute the hash chain and compare it with its seals; exit 1 and name the first bad entry when it does not hold."""
    found = workspace.deps().journal.examine(seals=seals, public_key=public_key)
    data = found.model_dump(exclude_defaults=True)
    if not found.ok:
        place = f" at entry {found.first_bad} of {found.entries}" if found.first_bad is not None else ""
        workspace.show(data, f"Broken{place}. {found.says}")
        leave(1)
    if found.seals:
        says = f"Seals: {found.seals}; the last vouches for it up to entry {found.sealed}."
    else:
        says = "No seal vouches for its end yet: `liftwright journal seal` makes one."
    workspace.show(data, f"{found.entries} entries, chain holds. {says}")


@command(name="seal")
def journal_seal(workspace: Workspace) -> None:
    """Sign now how the journal ends, in a file outside the database. Copy the file and the public key to another machine."""
    deps = workspace.deps()
    made = deps.journal.seal(at=deps.now(), is_due=False)
    data = made.model_dump() if made else {}
    workspace.show(data, f"Sealed up to entry {made.seq}: {made.file}" if made else "Nothing new since the last seal.")


@command(name="keys")
@click.option("--rotate", is_flag=True, help="Let the present key name a new one and use that from now on.")
def journal_keys(workspace: Workspace, rotate: bool) -> None:
    """The first public key of the seals: keep it elsewhere and give it to `journal verify --public-key`."""
    deps = workspace.deps()
    data = {"public_key": deps.journal.public_key()}
    if rotate:
        data["new_key"] = deps.journal.change_key(at=deps.now())
    lines = [f"First public key: {data['public_key']}"]
    workspace.show(data, "\n".join([*lines, *([f"New key in use:   {data['new_key']}"] if rotate else [])]))


for _each in (journal_verify, journal_seal, journal_keys):
    journal_command.add_command(_each)
