"""An in-memory DuckDB of its own for one piece of work; it draws no progress bar, whoever watches."""

from __future__ import annotations

from typing import Any

import duckdb


def connect() -> Any:
    """An empty database; close it, or use it in a `with`."""
    connection = duckdb.connect()
    connection.execute("SET enable_progress_bar = false")
    return connection
