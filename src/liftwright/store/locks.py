"""One holder per name across processes: file locks beside an SQLite database, advisory locks on PostgreSQL."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from liftwright.domain.errors import ConfigError
from liftwright.store.engine import advisory_key

WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.02
_LOCK_NOT_AVAILABLE = "55P03"


class SqlLocks:
    """Locks that fall free when their holder's process dies. Not re-entrant; may be released from another thread.

    `hold` waits up to `seconds` (default 30), then raises ConfigError LOCK-BUSY. It waits in the calling thread: a coroutine
    that wants others to go on meanwhile enters it in a thread (`asyncio.to_thread(held.__enter__)`). Two tasks of one event
    loop would wait for each other for ever, so there the second is refused at once.
    """

    def __init__(self, engine: Engine, home: Path, *, seconds: float = WAIT_SECONDS) -> None:
        self._engine = engine
        self._directory = home / "locks"
        self._seconds = seconds
        self._loops: dict[str, int] = {}
        self._guard = threading.Lock()

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock `name` for as long as the block runs."""
        return self._hold(name)

    @contextmanager
    def _hold(self, name: str) -> Iterator[None]:
        loop = _running_loop()
        with self._guard:
            if loop is not None and self._loops.get(name) == loop:
                raise _busy(name)
        is_postgresql = self._engine.dialect.name == "postgresql"
        with self._advisory(name) if is_postgresql else self._file(name):
            with self._guard:
                if loop is not None:
                    self._loops[name] = loop
            try:
                yield
            finally:
                with self._guard:
                    self._loops.pop(name, None)

    @contextmanager
    def _file(self, name: str) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True)
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:60]
        path = self._directory / f"{slug}.{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            give_up_at = time.monotonic() + self._seconds
            while not _take(descriptor):
                if time.monotonic() >= give_up_at:
                    raise _busy(name)
                time.sleep(_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _advisory(self, name: str) -> Iterator[None]:
        """A session lock on a connection of its own, which is really closed afterwards, so the lock cannot outlive the block."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()
            connection.execute(text(f"SET lock_timeout = {max(1, round(self._seconds * 1000))}"))
            try:
                connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": advisory_key(f"lock:{name}")})
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
                raise _busy(name) from error
            yield


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _running_loop() -> int | None:
    try:
        return id(asyncio.get_running_loop())
    except RuntimeError:
        return None


def _busy(name: str) -> ConfigError:
    return ConfigError(
        "LOCK-BUSY",
        f"Somebody else is working on '{name}' and did not finish in time.",
        next_step="Run this again when they are done; a holder that died no longer holds it.",
    )
