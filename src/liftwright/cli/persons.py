"""person: export, erase."""

from __future__ import annotations

import json
from pathlib import Path

import click

from liftwright.cli.workspace import Workspace, command
from liftwright.domain.errors import ConfigError

_BY = click.option("--as", "by", required=True, metavar="USER", help="Who does it: compliance or admin, once there are users.")


@click.group(name="person")
def person_command() -> None:
    """One person's data: export, erase."""


@command(name="export")
@click.argument("person")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="The JSON file to write; it must not exist.")
@_BY
def person_export(workspace: Workspace, person: str, target: Path, by: str) -> None:
    """Write everything that is kept about PERSON (a customer_id) to a file."""
    from liftwright.flow import forgetting

    if target.exists():
        raise ConfigError("PERSON-FILE", f"{target} is there already.", next_step="Name a file that is not there.")
    found = forgetting.held(person, by=by, deps=workspace.deps())
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=2, default=str, ensure_ascii=False) + "\n", encoding="utf-8")
    counted = {name: len(rows) for name, rows in found["tables"].items()} | {"sends": len(found["sends"])}
    lines = [f"{number:>8,}  {name}" for name, number in counted.items()]
    shown = {"person": person, "records": found["records"], "rows": counted, "file": str(target)}
    workspace.show(shown, "\n".join([f"{person}: written to {target}", *lines]))


@command(name="erase")
@click.argument("person")
@click.option("--reason", required=True, help="Why, not who: the journal keeps it for ever.")
@click.option("--yes", is_flag=True, help="Do it; without this the command only says what it would erase.")
@_BY
def person_erase(workspace: Workspace, person: str, reason: str, yes: bool, by: str) -> None:
    """Take PERSON (a customer_id) out of everything but the journal, for good."""
    from liftwright.flow import forgetting

    deps = workspace.deps()
    if not yes:
        found = forgetting.looked_up(person, by=by, deps=deps)
        says = f"{person}: {found['rows']:,} rows in {found['files']:,} files of the lake and {found['sends']:,} sends. Add --yes to erase."
        workspace.show(found, says)
        return
    done = forgetting.erase(person, by=by, reason=reason, deps=deps)
    workspace.show(done, _told(person, done))


def _told(person: str, done: dict[str, int]) -> str:
    return (
        f"{person} is erased: {done['rows']:,} rows in {done['files']:,} files of the lake, {done['outbox']:,} of the outbox, "
        f"{done['quarantine']:,} put aside; {done['sends']:,} sends no longer say to whom ({done['cancelled']:,} of them cancelled).\n"
        "Your own files, exports, backups and the systems that got messages are not reached: erase there too."
    )


for _each in (person_export, person_erase):
    person_command.add_command(_each)
