"""The only file that chooses concrete adapters. Everything below receives them as `Deps`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")
os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")

from liftwright import settings as settings_file
from liftwright.compliance import rules
from liftwright.domain.errors import ConfigError
from liftwright.domain.policy import PolicyBundle
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.library import DiskLibrary
from liftwright.ports import ChannelAdapter, Deps, Lake, Notifier, Progress
from liftwright.settings import Settings

if TYPE_CHECKING:
    from liftwright.channels.ways import Way
    from liftwright.domain.orders import Orders
    from liftwright.llm.adversary import Adversary
    from liftwright.llm.terms import PersonalTerms
    from liftwright.world.baselines import Contest
    from liftwright.world.market import Market
    from liftwright.world.parameters import ChannelSet


@contextmanager
def opened(settings: Settings, **chosen: Any) -> Iterator[Deps]:
    """As `build`, and every connection given back at the end: for whoever opens many workspaces in one process."""
    from liftwright.store import engine

    make_home(settings.home)
    database = engine.open_engine(settings.home, settings.database_url)
    try:
        yield build(settings, database=database, **chosen)
    finally:
        database.dispose()


def build(
    settings: Settings,
    *,
    now: Callable[[], datetime] | None = None,
    progress: Progress | None = None,
    model: Any = None,
    database: Any = None,
) -> Deps:
    """Open the workspace and choose every adapter. `model` puts a ready-made chat model behind the guard (tests, own providers).
    `database`: an open engine, where the caller closes it.

    Raises ConfigError when the directory, the database, the model or the policies cannot be used.
    """
    from liftwright.llm.chat import build_model
    from liftwright.memory.store import ChromaMemory
    from liftwright.store import engine

    make_home(settings.home)
    database = database or engine.open_engine(settings.home, settings.database_url)
    engine.migrate(database)
    library = DiskLibrary()
    rules.check(library.policies(), where=library.where)
    stores = _stores(settings, database)
    return Deps(
        settings=settings,
        now=now or (lambda: datetime.now(UTC)),
        model=build_model(settings, terms=_Terms(stores["lake"]), inner=model),
        memory=ChromaMemory(settings.home, settings.embedding),
        library=library,
        channels=adapters(settings),
        checkpointer=checkpointer(settings),
        notifiers=lambda: notifiers(settings),
        progress=progress or (lambda who, what: None),
        **stores,
    )


def _stores(settings: Settings, database: Any) -> dict[str, Any]:
    """Everything that is kept in the workspace's database and beside it, by its name in `Deps`."""
    from liftwright.store import approvals, campaigns, journal, lake, ledger, lessons, locks, models
    from liftwright.store.notices import SqlNotices
    from liftwright.store.requests import SqlRequests
    from liftwright.store.seals import SealFile
    from liftwright.store.sharing import SqlSharing
    from liftwright.store.talks import SqlTalks
    from liftwright.store.traces import SqlTraces
    from liftwright.store.users import SqlUsers
    from liftwright.store.visits import SqlVisits

    data_lake = lake.ParquetLake(settings.home, database)
    return {
        "lake": data_lake,
        "campaigns": campaigns.SqlCampaigns(database),
        "approvals": approvals.SqlApprovals(database),
        "users": SqlUsers(database),
        "ledger": ledger.SqlLedger(database),
        "journal": journal.SqlJournal(database, SealFile(settings.seals or settings.home / "seals", settings.home / "keys")),
        "notices": SqlNotices(database),
        "requests": SqlRequests(database),
        "talks": SqlTalks(database),
        "visits": SqlVisits(database),
        "sharing": SqlSharing(database),
        "traces": SqlTraces(database, data_lake, settings.home / "keys"),
        "lessons": lessons.SqlLessons(database),
        "models": models.SqlModels(database),
        "locks": locks.SqlLocks(database, settings.home),
    }


def make_home(home: Path) -> None:
    """The workspace's directory, made where there is none; ConfigError where it cannot be."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            "CONFIG-HOME",
            f"The workspace {home} cannot be made: {error.strerror or error}.",
            next_step="Choose a directory you may write to with --home DIR.",
        ) from error


class _Terms:
    """The hashed names and addresses of the newest customer file, rebuilt when a new snapshot arrives."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._kept: tuple[str, PersonalTerms] | None = None

    def __call__(self) -> PersonalTerms:
        from liftwright.llm.terms import PersonalTerms

        snapshot = self._lake.snapshot()
        if snapshot is None:
            return PersonalTerms()
        key = repr(snapshot.files.get("customers"))
        if self._kept is None or self._kept[0] != key:
            self._kept = (key, PersonalTerms.from_customers(self._lake.read(snapshot).get("customers")))
        return self._kept[1]


def veil(deps: Deps) -> Callable[[Any], Any]:
    """Takes personal data out of an answer for a model outside this house; raises PolicyError where that cannot be done."""
    from liftwright.llm.outbound import withheld

    terms, allowed = _Terms(deps.lake), frozenset({deps.settings.sender.from_email.lower()})
    return lambda data: withheld(data, terms=terms(), allowed=allowed)


def adversary(orders: Mapping[str, Orders]) -> Adversary:
    """The model of the red team: no setting leads to it."""
    from liftwright.llm.adversary import Adversary

    return Adversary(orders=dict(orders))


def policies(settings: Settings) -> PolicyBundle:
    """The rules in force, every predicate bound; without opening a workspace."""
    library = DiskLibrary()
    bundle = library.policies()
    rules.check(bundle, where=library.where)
    return bundle


def policies_in(folder: Path) -> PolicyBundle:
    """The shipped rules with those of a folder that has a `policies/` in it (or is one) in their place, every predicate bound."""
    library = DiskLibrary(folder.parent if folder.name == "policies" else folder)
    bundle = library.policies()
    rules.check(bundle, where=library.where)
    return bundle


def shipped(folder: str) -> Path:
    """A folder of data that comes with Liftwright: prompts, policies or evals."""
    return DiskLibrary().directory(folder)


def adapters(settings: Settings) -> dict[Channel, ChannelAdapter]:
    """One adapter per configured channel: a sandbox drop file unless `live` and another adapter is set."""
    return {channel: _adapter(channel, settings) for channel in CHANNELS if channel in settings.channels}


def _adapter(channel: Channel, settings: Settings) -> ChannelAdapter:
    from liftwright.channels import choose

    return choose.adapter(channel, settings)


def ways(settings: Settings) -> list[Way]:
    """Every channel as it is set, what keeps it from reaching people, and the lines of liftwright.toml that would change that."""
    from liftwright.channels import ways

    return ways.of(settings)


def notifiers(settings: Settings) -> Mapping[tuple[str, str], Notifier]:
    """Who tells people and programs that an approval waits; read when something is told, so that only a worker needs the secrets."""
    from liftwright.channels import notices

    return notices.notifiers(settings)


def checkpointer(settings: Settings) -> Callable[[], AbstractAsyncContextManager[Any]]:
    """Where the graph keeps its checkpoints: a SQLite file beside the database, or the PostgreSQL database itself."""
    url = settings.database_url
    return (lambda: _postgres_saver(url)) if url and url.startswith("postgres") else (lambda: _sqlite_saver(settings.home))


@asynccontextmanager
async def _sqlite_saver(home: Path) -> AsyncIterator[Any]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async with AsyncSqliteSaver.from_conn_string(str(home / "checkpoints.db")) as saver:
        await saver.conn.execute("PRAGMA busy_timeout = 30000")
        yield saver


@asynccontextmanager
async def _postgres_saver(url: str) -> AsyncIterator[Any]:
    try:
        from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
    except ImportError as error:
        raise ConfigError(
            "CONFIG-POSTGRES", "The PostgreSQL parts are not installed.", next_step="Install liftwright[postgres]."
        ) from error
    async with AsyncPostgresSaver.from_conn_string(url.replace("postgresql+psycopg://", "postgresql://")) as saver:
        await saver.setup()
        yield saver


def market(*, customers: int, seed: int, starts_on: date, channels: ChannelSet = "four") -> Market:
    """A simulated market: people who react. The system under test sees only the files it writes."""
    from liftwright.world.market import Market
    from liftwright.world.parameters import PARAMETERS

    return Market(customers=customers, seed=seed, starts_on=starts_on, parameters=PARAMETERS[channels])


async def graph() -> Any:
    """The planning graph of the workspace in the current directory, as `langgraph.json` names it; built off the event loop."""
    return await asyncio.to_thread(_graph)


def _graph() -> Any:
    from liftwright.flow.graph import build as build_graph

    return build_graph(build(settings_file.load()))


def contest(market: Market, *, starts_on: date, ends_on: date, budget: float | None) -> Contest:
    """What simple rules and the oracle would truly have brought in the same market from the same morning."""
    from liftwright.world import baselines
    from liftwright.world.policies import Flight

    return baselines.contest(market, Flight(starts_on=starts_on, ends_on=ends_on, budget=budget))
