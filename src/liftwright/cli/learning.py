"""lessons list, show, retire, cells."""

from __future__ import annotations

from typing import Any

import click

from liftwright.cli.workspace import Workspace, command


@click.group(name="lessons")
def lessons_command() -> None:
    """What campaigns taught, which plans started from it, and how to take it out of use."""


@command(name="list")
def lessons_list(workspace: Workspace) -> None:
    """Every lesson in force or retired, newest first, and the campaigns that started from it."""
    from liftwright.flow import lessons

    found = lessons.listed(deps=workspace.deps())
    workspace.show(found, "\n".join(_line(each) for each in found) or "No lessons yet: they come from measured campaigns.")


@command(name="show")
@click.argument("lesson")
def lessons_show(workspace: Workspace, lesson: str) -> None:
    """One LESSON: its evidence, its statistics cell by cell, the campaigns that started from it."""
    from liftwright.flow import lessons

    found = lessons.shown(lesson, deps=workspace.deps())
    workspace.show(found, "\n".join([_line(found), f"  stands on {found['evidence_id']}", *map(_cell, found["statistics"])]))


@command(name="retire")
@click.argument("lesson")
@click.option("--reason", required=True, help="Why it must not be used any more; the journal keeps it.")
@click.option("--as", "by", required=True, metavar="USER", help="Who retires it.")
def lessons_retire(workspace: Workspace, lesson: str, reason: str, by: str) -> None:
    """Start no later plan from LESSON, nor from the statistics it stands on."""
    from liftwright.flow import lessons

    found = lessons.retire(lesson, reason=reason, by=by, deps=workspace.deps())
    told = f"Plans that started from it: {', '.join(found['used_by'])}." if found["used_by"] else "No plan started from it."
    workspace.show(found, f"{lesson} is retired. {told}")


@command(name="cells")
@click.option("--channel", default=None, help="Only this channel.")
@click.option("--segment", default=None, help="Only this segment.")
@click.option("--offer", default=None, help="Only this offer.")
@click.option("--season", type=click.Choice(["Q1", "Q2", "Q3", "Q4"]), default=None, help="Only this quarter of the year.")
def lessons_cells(workspace: Workspace, **keys: str | None) -> None:
    """The statistics that plans may start from, by any of channel, segment, offer and season."""
    from liftwright.flow import lessons

    found = lessons.cells(deps=workspace.deps(), **{name: value for name, value in keys.items() if value is not None})
    lines = [_cell(row) for row in found["statistics"]] + [f"  {name} was changed and is not used" for name in found["tampered"]]
    workspace.show(found, "\n".join(lines) or "No statistics yet: they come from closed campaigns.")


def _line(lesson: dict[str, Any]) -> str:
    state = f" retired: {lesson['retired_because']}" if lesson["is_retired"] else f" until {lesson['expires_at'][:10]}"
    uses = f"; started: {', '.join(lesson['used_by'])}" if lesson["used_by"] else ""
    return f"{lesson['lesson_id']}  {lesson['says']} ({lesson['campaign_id']},{state}{uses})"


def _cell(row: dict[str, Any]) -> str:
    treated, holdout = row["treated"], row["holdout"]
    return (
        f"  {row['channel']:<12} {row['offer']:<8} {row['segment']:<22} treated {treated['people']:>7,} ({treated['conversions']:,} bought)"
        f"  held out {holdout['people']:>6,} ({holdout['conversions']:,})  {row['season']} {row['standing']}"
    )


for _each in (lessons_list, lessons_show, lessons_retire, lessons_cells):
    lessons_command.add_command(_each)
