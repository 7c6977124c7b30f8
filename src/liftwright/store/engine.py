"""The engine, its transactions and its schema: SQLite in the workspace by default, PostgreSQL where a URL says so."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Delete, Engine, Update, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlmodel import Session

from liftwright.domain.errors import ConfigError
from liftwright.store.tables import HEAD

DATABASE_FILE = "liftwright.db"
BUSY_SECONDS = 30
_WRITES = "liftwright_writes"


def open_engine(home: Path, database_url: str | None = None) -> Engine:
    """An engine on `<home>/liftwright.db`, or on `database_url` (`postgresql+psycopg://…` or `sqlite:///…`).

    Raises ConfigError for a URL that is none of these, or when the PostgreSQL driver is not installed.
    """
    url = _url(home, database_url)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url)
    try:
        return create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "DATABASE-DRIVER",
            "The PostgreSQL driver is not installed.",
            next_step="Install it with: pip install 'liftwright[postgres]'.",
        ) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that sees one state of the database and writes nothing."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A session in one write transaction: committed at the end, rolled back on any exception.

    On SQLite the transaction is immediate, so writers queue (for up to 30 s) and a row read in it cannot change before it ends.
    """
    with Session(engine, expire_on_commit=False) as session:
        try:
            session.connection(execution_options={_WRITES: True})
        except OperationalError as error:
            raise _unreachable(engine, error) from error
        yield session
        session.commit()


def changed(session: Session, statement: Update | Delete) -> int:
    """Run a statement that changes or takes away rows; returns how many it found."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount


def serialise(session: Session, name: str) -> None:
    """Wait until no other open transaction has passed here with the same name; a writing SQLite transaction is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": advisory_key(name)})


def advisory_key(name: str) -> int:
    """A signed 64-bit number for a name, as PostgreSQL's advisory locks want it."""
    return int.from_bytes(hashlib.sha256(f"liftwright:{name}".encode()).digest()[:8], "big", signed=True)


def migrate(engine: Engine) -> None:
    """Bring the schema to the newest version. Safe when several processes start at once: one migrates, the others wait.

    Raises ConfigError when the database cannot be reached, or was written by a newer version of the program.
    """
    try:
        if _version(engine) == HEAD:
            return
        with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": advisory_key("migrate")})
            _upgrade(connection)
    except OperationalError as error:
        raise _unreachable(engine, error) from error


def alembic_config(connection: Connection) -> Any:
    """Alembic's configuration for our migrations on an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(alembic_config(connection), "head")
    except CommandError as error:
        raise ConfigError(
            "DATABASE-NEWER",
            f"The database was written by another version of Liftwright ({error}).",
            next_step="Install the version that wrote it, or a newer one.",
        ) from error


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return version


def _url(home: Path, database_url: str | None) -> URL:
    if database_url is None:
        return URL.create("sqlite", database=str((home / DATABASE_FILE).absolute()))
    try:
        url = make_url(database_url)
        backend = url.get_backend_name()
    except (ArgumentError, NoSuchModuleError):
        url, backend = None, ""
    if url is not None and backend == "sqlite" and url.database:
        return url
    if url is not None and backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise ConfigError(
        "DATABASE-URL",
        "The database URL is neither PostgreSQL nor an SQLite file.",
        next_step="Use postgresql+psycopg://user@host/name, or leave it out for the embedded database.",
    )


def _sqlite(url: URL) -> Engine:
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, max_overflow=50, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")
        _write_ahead(connection, path)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")

    return engine


def _write_ahead(connection: Any, path: Path) -> None:
    """Switch the file to WAL once. The switch needs the file alone and does not wait, so first openers take turns."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return
    with path.with_name(path.name + ".opening").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        connection.execute("PRAGMA journal_mode=WAL")


def _unreachable(engine: Engine, error: OperationalError) -> ConfigError:
    where = engine.url.render_as_string(hide_password=True)
    if "locked" in str(error.orig):
        return ConfigError(
            "DATABASE-BUSY",
            f"Another process kept {where} busy for {BUSY_SECONDS} seconds.",
            next_step="Let it finish, then run this again.",
        )
    return ConfigError(
        "DATABASE-UNREACHABLE",
        f"The database {where} cannot be used: {str(error.orig).strip().splitlines()[0]}.",
        next_step="Check that it runs and that the URL, user and permissions are right.",
    )
