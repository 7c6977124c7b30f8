"""One engine over two databases: transactions, times, the schema and its history."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlmodel import select

from liftwright.domain.errors import ConfigError
from liftwright.store import engine as engine_module
from liftwright.store.campaigns import row_of
from liftwright.store.engine import alembic_config, migrate, open_engine, reading, writing
from liftwright.store.tables import HEAD, METADATA, CampaignRow
from liftwright.store.times import NaiveTime

NOW = datetime(2026, 11, 1, 9, 30, 15, 123456, tzinfo=UTC)


def _row(campaign_id: str, created_at: datetime) -> CampaignRow:
    return CampaignRow(campaign_id=campaign_id, status="planning", goal="{}", created_at=created_at)


def test_the_schema_of_the_migrations_is_the_schema_of_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_newest_step_is_the_one_the_program_asks_for(engine: Engine) -> None:
    with engine.connect() as connection:
        assert ScriptDirectory.from_config(alembic_config(connection)).get_current_head() == HEAD


def test_the_last_step_can_be_taken_back_and_again(engine: Engine) -> None:
    from alembic import command

    with engine.connect() as connection, connection.begin():
        command.downgrade(alembic_config(connection), "base")
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    migrate(engine)
    assert "journal" in inspect(engine).get_table_names()


def test_a_migration_a_second_time_changes_nothing(engine: Engine) -> None:
    before = inspect(engine).get_table_names()
    migrate(engine)
    assert inspect(engine).get_table_names() == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_processes_that_start_at_once_on_an_empty_database_all_find_the_schema(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/new/liftwright.db" if kind == "sqlite" else request.getfixturevalue("empty_postgres_url")
    script = (
        "import sys; from pathlib import Path; from liftwright.store.engine import *; "
        "engine = open_engine(Path(), sys.argv[1]); migrate(engine); "
        "print(len(__import__('sqlalchemy').inspect(engine).get_table_names()))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, url], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert said == [str(len(METADATA.tables) + 1)] * 3


def test_a_database_of_a_newer_version_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigError, match="DATABASE-NEWER"):
        migrate(engine)


def test_a_time_comes_back_as_the_same_moment_in_utc(engine: Engine) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-5, minutes=-30)))
    with writing(engine) as session:
        session.add(_row("a", elsewhere))
    with reading(engine) as session:
        found = session.exec(select(CampaignRow.created_at)).one()
    assert found == NOW
    assert found.utcoffset() == timedelta(0)


def test_times_compare_by_moment_whatever_offset_they_came_with(engine: Engine) -> None:
    with writing(engine) as session:
        session.add(_row("later", (NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=-10)))))
        session.add(_row("sooner", NOW.astimezone(timezone(timedelta(hours=10)))))
    with reading(engine) as session:
        query = select(CampaignRow.campaign_id).where(CampaignRow.created_at <= NOW.astimezone(timezone(timedelta(hours=3))))
        assert session.exec(query).all() == ["sooner"]


def test_a_time_without_an_offset_is_refused(engine: Engine) -> None:
    with pytest.raises(NaiveTime, match="has no offset"), writing(engine) as session:
        session.add(_row("a", datetime(2026, 11, 1)))
    with reading(engine) as session:
        assert session.exec(select(CampaignRow)).all() == []


def test_a_failed_write_leaves_nothing(engine: Engine) -> None:
    def _fail_halfway() -> None:
        with writing(engine) as session:
            session.add(_row("a", NOW))
            session.flush()
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        _fail_halfway()
    with reading(engine) as session:
        assert session.exec(select(CampaignRow)).all() == []


def test_writers_take_turns_so_that_no_update_is_lost(engine: Engine) -> None:
    with writing(engine) as session:
        session.add(_row("a", NOW))

    def _count(_: int) -> None:
        with writing(engine) as session:
            row = row_of(session, "a", lock=True)
            time.sleep(0.005)
            row.revision += 1
            session.add(row)

    with ThreadPool(4) as pool:
        pool.map(_count, range(12))
    with reading(engine) as session:
        assert session.exec(select(CampaignRow.revision)).one() == 12


def test_a_database_that_stays_busy_is_named(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_SECONDS", 0)
    engine = open_engine(Path(), sqlite_url)
    with writing(engine), pytest.raises(ConfigError, match="DATABASE-BUSY"), writing(engine):
        pass
    engine.dispose()


def test_sqlite_writes_ahead_waits_for_locks_and_keeps_references(sqlite_url: str) -> None:
    engine = open_engine(Path(), sqlite_url)
    with engine.connect() as connection:
        said = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "busy_timeout")}
        assert said == {"journal_mode": "wal", "busy_timeout": 30_000}
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_the_database_is_in_the_home_unless_a_url_says_otherwise(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "new" / "home")
    migrate(engine)
    assert (tmp_path / "new" / "home" / "liftwright.db").exists()
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql://host/db", "nonsense", "sqlite://", "postgresql", ""])
def test_a_url_that_is_no_database_of_ours_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DATABASE-URL"):
        open_engine(tmp_path, url)


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    engine = open_engine(tmp_path, f"postgresql://someone:secret@/db?host={tmp_path}")
    with pytest.raises(ConfigError, match="DATABASE-UNREACHABLE") as refused:
        migrate(engine)
    assert "secret" not in str(refused.value)
