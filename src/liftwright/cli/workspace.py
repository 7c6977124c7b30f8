"""What every command shares: its workspace, its clock, how it prints and how it fails."""

from __future__ import annotations

import functools
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from liftwright.domain.errors import ConfigError, LiftwrightError

if TYPE_CHECKING:
    from liftwright.ports import Deps, Progress
    from liftwright.settings import Settings


@dataclass(frozen=True)
class Workspace:
    """Where a command works and how it speaks. Heavy parts are built only when asked for."""

    home: Path | None
    at: datetime | None
    as_json: bool
    debug: bool
    follow: bool | None = None

    def settings(self) -> Settings:
        """From liftwright.toml, the environment and `--home`."""
        from liftwright import settings

        return settings.load(home=self.home)

    def deps(self, *, progress: Progress | None = None) -> Deps:
        """Everything wired for this workspace; `--now` freezes the clock."""
        from liftwright import wiring

        return wiring.build(self.settings(), now=self.now(), progress=progress or self.progress)

    def now(self) -> Callable[[], datetime]:
        """The clock: the real one, or frozen at `--now`."""
        at = self.at
        return (lambda: datetime.now(UTC)) if at is None else (lambda: at)

    def progress(self, who: str, what: str) -> None:
        """One line per step on standard error: on a terminal, or where `--progress` asks for it."""
        if self.follows:
            click.secho(f"  {who:<20} {what}", err=True, dim=True)

    @property
    def follows(self) -> bool:
        """Whether steps are shown as they happen: as `--progress` or `--no-progress` says, else on a terminal only."""
        return self.on_terminal() if self.follow is None else self.follow

    @staticmethod
    def on_terminal() -> bool:
        """Whether somebody watches standard error."""
        return sys.stderr.isatty()

    def show(self, data: Any, text: Callable[[], str] | str) -> None:
        """Print JSON for machines or text for people."""
        if self.as_json:
            click.echo(json.dumps(data, indent=2, default=str, ensure_ascii=False))
        else:
            click.echo(text if isinstance(text, str) else text())


def command(**options: Any) -> Callable[[Callable[..., None]], click.Command]:
    """A click command with `--home --now --json --progress --debug`; the function receives the Workspace first.

    Errors end as one line on standard error that says what is wrong, where and what to do next.
    """

    def wrap(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def run(home: str | None, now: str | None, as_json: bool, follow: bool | None, debug: bool, **rest: Any) -> None:
            above = click.get_current_context().find_root().obj or {}
            chosen = home or above.get("home")
            debug = debug or bool(above.get("debug"))
            try:
                workspace = Workspace(Path(chosen) if chosen else None, parse_time(now), as_json, debug, follow)
                function(workspace, **rest)
            except LiftwrightError as error:
                fail(str(error), error.exit_code, debug=debug)
            except (click.ClickException, click.exceptions.Exit, click.Abort):
                raise
            except Exception as error:  # the last line of defence of a door: a clear line instead of a trace
                fail(f"BROKEN: {type(error).__name__}: {error} Run again with --debug and report the trace.", 3, debug=debug)

        function_with_options: Callable[..., None] = run
        for option in reversed(_SHARED):
            function_with_options = option(function_with_options)
        made: click.Command = click.command(**options)(function_with_options)
        return made

    return wrap


_SHARED = (
    click.option("--home", type=click.Path(), default=None, help="Workspace directory."),
    click.option("--now", default=None, metavar="TIME", help="The moment to act at, ISO 8601 with offset."),
    click.option("--json", "as_json", is_flag=True, help="Machine-readable output."),
    click.option(
        "--progress/--no-progress", "follow", default=None, help="Show each step as it happens (default: on a terminal)."
    ),
    click.option("--debug", is_flag=True, help="Show the trace of an error."),
)


def parse_time(text: str | None) -> datetime | None:
    """`--now` or LIFTWRIGHT_NOW; None means the real clock. Raises ConfigError when there is no offset."""
    text = text or os.environ.get("LIFTWRIGHT_NOW")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(
            "TIME", f"'{text}' is not an ISO 8601 time.", next_step="Write it like 2026-11-01T09:00:00+00:00."
        ) from error
    if at.tzinfo is None:
        raise ConfigError("TIME", f"'{text}' has no offset.", next_step="Write it like 2026-11-01T09:00:00+00:00.")
    return at.astimezone(UTC)


def fail(says: str, code: int, *, debug: bool) -> None:
    """One line to standard error and the exit code of the contract."""
    if debug:
        traceback.print_exc()
    click.echo("liftwright: " + " ".join(says.split()), err=True)
    sys.exit(code)


def leave(code: int) -> None:
    """Exit with a code that is an answer (1 = no), not an error."""
    if code:
        sys.exit(code)
