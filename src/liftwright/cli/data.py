"""import, readiness and export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from liftwright.cli.workspace import Workspace, command, leave
from liftwright.domain.errors import DataError

TABLES = ("customers", "events", "treatments", "products", "prices", "leads", "evidence", "documents")
EXPORTS = (
    "assignment",
    "candidates",
    "draws",
    "audience",
    "sends",
    "limits",
    "prices",
    "postage",
    "seeds",
    "outcomes",
    "touches",
)


@command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as", "declared", required=True, type=click.Choice(TABLES), help="What the file holds.")
@click.option(
    "--map", "map_file", type=click.Path(path_type=Path), default=None, metavar="MAP.yaml", help="Which column is which."
)
@click.option("--dry-run", is_flag=True, help="Show the mapping and what would be refused; change nothing.")
def import_command(workspace: Workspace, file: Path, declared: str, map_file: Path | None, dry_run: bool) -> None:
    """Bring FILE (CSV, CSV.gz, Parquet, JSON lines, documents) in. Repeating an import changes nothing."""
    from liftwright.cli.texts import imported
    from liftwright.flow import intake

    result = intake.import_file(file, declared=declared, mapping=_read_map(map_file), dry_run=dry_run, deps=workspace.deps())
    data = result.model_dump(mode="json")
    workspace.show(data, lambda: imported(data))


def _read_map(path: Path | None) -> dict[str, Any] | None:
    if path is None:
        return None
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError("MAP-FILE", f"{path} cannot be read: {error}.", next_step="Mend the map file.") from error
    if not isinstance(found, dict):
        raise DataError("MAP-FILE", f"{path} is not a map.", next_step="Give it `table:` and `columns:`.")
    return found


@command(name="readiness")
def readiness_command(workspace: Workspace) -> None:
    """Audit the imported data: what in it would make decisions wrong, and the money that hangs on it. Exit 1 when it is not ready."""
    from liftwright.cli.texts import readiness
    from liftwright.flow.readiness import audit

    found = audit(deps=workspace.deps())
    data = found.as_json()
    workspace.show(data, lambda: readiness(data))
    leave(0 if found.ready else 1)


@command(name="export")
@click.argument("campaign")
@click.option("--what", required=True, type=click.Choice(EXPORTS), help="Which part of the plan.")
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="File ending in .parquet, .csv or .json.")
def export_command(workspace: Workspace, campaign: str, what: str, target: Path) -> None:
    """Write a part of CAMPAIGN's plan to a file, so that anyone can check it."""
    from liftwright.flow import export

    rows = export.write(campaign, what, target=target, deps=workspace.deps())
    workspace.show({"file": str(target), "rows": rows}, f"{rows} rows written to {target}.")
