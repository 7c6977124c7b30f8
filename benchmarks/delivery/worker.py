"""Worker processes of a plain shop, each forked from a server that has imported everything, so that a life costs little and its CPU starts at 0."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from delivery import plain
from liftwright.flow import dispatch

_FORKING = multiprocessing.get_context("forkserver")
_LATE = (
    "flow.deciding",
    "channels.choose",
    "llm.chat",
    "memory.store",
    "store.approvals",
    "store.ledger",
    "store.seals",
    "store.traces",
)
_FORKING.set_forkserver_preload(["chromadb", "langgraph.checkpoint.sqlite.aio", *(f"liftwright.{name}" for name in _LATE)])


def prepare() -> None:
    """Let the server begin to import, beside whatever else is done before the first worker."""
    multiprocessing.forkserver.ensure_running()


class Worker:
    """One process that delivers what is due whenever it is asked. Its first answer comes when it has opened the shop."""

    begun = 0.0
    """CPU seconds of its start."""

    def __init__(self, home: Path, people: int, batch: int) -> None:
        self._line, other = _FORKING.Pipe()
        self.process = _FORKING.Process(target=_live, args=(other, home, people, batch), daemon=True)
        self.process.start()
        other.close()

    @property
    def name(self) -> str:
        """What the ledger knows it by."""
        return _name(self.process.pid)

    def ask(self, moment: datetime) -> None:
        """Let it deliver what is due at a moment."""
        self._line.send(moment)

    def answer(self) -> dict[str, Any]:
        """What it counted, with `cpu`, its CPU seconds so far; SystemExit where it died on its own."""
        try:
            found: dict[str, Any] = self._line.recv()
        except EOFError:
            raise SystemExit("A worker died on its own.") from None
        return found

    def end(self) -> None:
        """SIGKILL, if it lives."""
        self.process.kill()
        self.process.join()


@contextmanager
def working(home: Path, people: int, batch: int, number: int) -> Iterator[list[Worker]]:
    """So many workers that have opened the shop, until the block ends."""
    workers = [Worker(home, people, batch) for _ in range(number)]
    try:
        for worker in workers:
            worker.begun = worker.answer()["cpu"]
        yield workers
    finally:
        for worker in workers:
            worker.end()


def together(team: Sequence[Worker], moment: datetime) -> list[dict[str, Any]]:
    """All of them deliver what is due at a moment; what each says."""
    for worker in team:
        worker.ask(moment)
    return [worker.answer() for worker in team]


def _name(pid: int | None) -> str:
    return f"w{pid}"


def _live(line: Connection, home: Path, people: int, batch: int) -> None:
    at = [plain.NOW]
    with plain.opened(home, people, now=lambda: at[0]) as deps:
        line.send({"cpu": time.process_time()})
        while True:
            at[0] = line.recv()
            done = dispatch.drain(deps=deps, worker=_name(os.getpid()), limit=batch)
            line.send({**done, "cpu": time.process_time()})
