"""Alembic's entry: migrates the connection it is handed, or (on the developer's command line) the configured workspace."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection
from sqlmodel import AutoString

from liftwright.store import notices, requests, sharing, visits  # noqa: F401 (their tables)
from liftwright.store.tables import METADATA
from liftwright.store.times import UtcTime


def _render(kind: str, item: Any, autogenerate: Any) -> str | Literal[False]:
    """Write steps that depend on nothing of ours: plain types instead of our decorators."""
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    return False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        render_item=_render,
        compare_type=True,
        transactional_ddl=True,
    )
    context.run_migrations()


def _run_on_the_workspace() -> None:
    from liftwright import settings
    from liftwright.store.engine import open_engine

    configured = settings.load()
    engine = open_engine(configured.home, configured.database_url)
    with engine.connect() as connection, connection.begin():
        _run(connection)


handed: Connection | None = context.config.attributes.get("connection")
if handed is None:
    _run_on_the_workspace()
else:
    _run(handed)
