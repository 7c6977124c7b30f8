"""A simulated shop for an empty workspace: what `liftwright market` does, once, and how far it has come, for whoever looks from any process."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from liftwright import settings as settings_file
from liftwright import wiring
from liftwright.domain.base import AwareDatetime, Value
from liftwright.domain.errors import DataError, LiftwrightError
from liftwright.evaluation import market
from liftwright.flow import nightly, signing
from liftwright.ports import Deps

CUSTOMERS, SEED = 2_000, 7
FILE, SETTINGS = "sample.json", "liftwright.toml"
LOST_AFTER = timedelta(minutes=30)
"""Without a sign for so long the work was cut off."""


class Sample(Value):
    """How far it is: `doing` says what happens now, or why it failed."""

    state: Literal["working", "done", "failed", "lost"]
    doing: str
    at: AwareDatetime
    by: str = ""


def state(*, deps: Deps) -> Sample | None:
    """How far it is; None where nobody asked for it."""
    path = _file(deps)
    if not path.exists():
        return None
    try:
        found = Sample.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_lost = found.state == "working" and deps.now() - found.at > LOST_AFTER
    return found.model_copy(update={"state": "lost"}) if is_lost else found


def is_working(*, deps: Deps) -> bool:
    """Whether it is being brought in now."""
    found = state(deps=deps)
    return found is not None and found.state == "working"


def reserve(*, by: str, deps: Deps) -> None:
    """Take the place of the one who brings it in, in one process of all. Raises DataError where there is data, a settings file, or one at work;
    ApprovalError for a name that is no user's."""
    signing.known(by, deps=deps)
    with deps.locks.hold(FILE):
        _must_be_free(deps)
        _note("working", "begins", by, deps)


def _must_be_free(deps: Deps) -> None:
    if is_working(deps=deps):
        raise DataError("SAMPLE-BUSY", "A simulated shop is being brought in.", next_step="Wait until it is there.")
    instead = "Use an empty workspace for a simulated shop."
    if deps.lake.snapshot() is not None:
        raise DataError("SAMPLE-DATA", "There is data in this workspace already.", next_step=instead)
    if any((folder / SETTINGS).exists() for folder in (deps.settings.home, Path.cwd())):
        says = f"There is a {SETTINGS} already, and the simulated shop brings its own."
        raise DataError("SAMPLE-SETTINGS", says, next_step=instead)


def make(*, by: str, deps: Deps) -> None:
    """Draw the market, write its settings, import its files, and live through the first night. What fails is said in the state, and raised."""
    home = deps.settings.home

    def doing(who: str, what: str) -> None:
        _note("working", f"{who}: {what}", by, deps)

    try:
        drawn, _ = market.drawn(
            home, customers=CUSTOMERS, channels="four", seed=SEED, starts_on=deps.now().date(), progress=doing
        )
        settings = settings_file.load(directory=home, home=home, database_url=deps.settings.database_url)
        with wiring.opened(settings, now=deps.now, progress=doing) as own:
            rows = market.imported(drawn, deps=own)
            nightly.refresh(deps=own)
            detail = {"people": CUSTOMERS, "seed": SEED, "rows": rows, "simulated": True}
            own.journal.append(at=deps.now(), actor=by or "liftwright", action="data.simulated", subject="data", detail=detail)
    except Exception as error:
        if deps.lake.snapshot() is None:
            (home / SETTINGS).unlink(missing_ok=True)
        says = str(error) if isinstance(error, LiftwrightError) else "Something broke; the server's log says what."
        _note("failed", says, by, deps)
        raise
    _note("done", f"{CUSTOMERS:,} simulated people", by, deps)


def _file(deps: Deps) -> Path:
    return deps.settings.home / FILE


def _note(now_is: Literal["working", "done", "failed"], says: str, by: str, deps: Deps) -> None:
    """In one piece: whoever looks reads the old words or the new ones."""
    half = _file(deps).with_suffix(".part")
    half.write_text(Sample(state=now_is, doing=says[:300], at=deps.now(), by=by).model_dump_json(), encoding="utf-8")
    half.replace(_file(deps))
