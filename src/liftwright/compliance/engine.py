"""The locked-down DuckDB that predicates run in: in memory, no files, no network, no settings to change."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb

_lock = threading.Lock()


@cache
def _database() -> Any:
    connection = duckdb.connect(":memory:", config={"enable_external_access": "false", "threads": "1"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("PRAGMA disable_optimizer")
    connection.execute("SET lock_configuration = true")
    return connection


@contextmanager
def session() -> Iterator[Any]:
    """A connection of its own on the shared empty database; what is registered in it is gone afterwards."""
    with _lock:
        connection = _database().cursor()
    try:
        yield connection
    finally:
        connection.close()
