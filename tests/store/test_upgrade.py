"""A database of an earlier version is upgraded in place, with everything in it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import Engine, text

from liftwright.store.approvals import SqlApprovals
from liftwright.store.engine import alembic_config, migrate, open_engine
from liftwright.store.journal import SqlJournal


def _older(store) -> dict[str, list[dict[str, object]]]:
    """Take the database back to the first version; what its two tables hold then, by table."""
    with store.engine.connect() as connection, connection.begin():
        command.downgrade(alembic_config(connection), "0001")
        return {name: _rows(connection, name) for name in ("approvals", "decisions")}


def _rows(connection, table: str) -> list[dict[str, object]]:
    found = connection.execute(text(f"SELECT * FROM {table} ORDER BY approval_id"))
    return [{key: value for key, value in row._asdict().items() if key != "seq"} for row in found]


def test_decisions_of_one_moment_get_the_order_the_journal_has_them_in(store, make):
    for revision, name in enumerate(("z", "a", "m"), start=1):
        store.approvals.decide(make.decision(store.asked(revision=revision, approval_id=name), kind="edit"))
    waiting = store.asked(revision=4, approval_id="b")
    before = _older(store)
    migrate(store.engine)
    with store.engine.connect() as connection:
        assert {name: _rows(connection, name) for name in before} == before
    approvals = SqlApprovals(store.engine)
    assert [decision.approval_id for decision in approvals.decisions("c1")] == ["z", "a", "m"]
    assert approvals.pending("c1") == waiting
    assert SqlJournal(store.engine).verify()[0]
    approvals.decide(make.decision(waiting))
    assert approvals.decisions("c1")[-1].approval_id == "b"


def test_rows_the_journal_does_not_know_are_ordered_by_their_moment(store, make, database_url):
    store.approved()
    _older(store)
    with store.engine.begin() as connection:
        for moment, name in (("2026-10-01", "x1"), ("2026-10-02", "w2")):
            at = f"{moment} 09:00:00.000000" + ("+00:00" if "postgresql" in database_url else "")
            columns = {"approval_id": name, "asked_at": at, "thread_id": name}
            _copy(connection, "approvals", columns)
            _copy(connection, "decisions", {"approval_id": name, "decided_at": at})
    migrate(store.engine)
    assert [decision.approval_id for decision in store.approvals.decisions("c1")] == ["x1", "w2", "c1-a1"]


def _copy(connection, table: str, changed: dict[str, str]) -> None:
    """The only approved row once more, with other values in some columns."""
    row = connection.execute(text(f"SELECT * FROM {table} WHERE approval_id = 'c1-a1'")).one()._asdict() | changed
    names = ", ".join(row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + name for name in row)})"), row)


def test_an_empty_database_of_the_first_version_is_upgraded(engine: Engine, database_url: str) -> None:
    with engine.connect() as connection, connection.begin():
        command.downgrade(alembic_config(connection), "0001")
    migrate(engine)
    again = open_engine(Path(), database_url)
    with again.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM decisions WHERE seq > 0")).scalar() == 0
    again.dispose()
