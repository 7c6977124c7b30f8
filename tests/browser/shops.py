"""A running server over a workspace of the small shop, and its clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from playwright.sync_api import Page

import plain_shop
from liftwright.api.app import create
from liftwright.ports import Deps, Library

Visit = Callable[..., Page]
T = TypeVar("T")
Serve = Callable[..., "Shop"]


def aside(work: Callable[..., T], *given: Any) -> T:
    """Do something in a thread of its own: the browser's driver keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *given).result()


@dataclass
class Shop:
    """A running server over a workspace, its clock."""

    deps: Deps
    clock: list[datetime]
    server: uvicorn.Server
    port: int
    thread: threading.Thread

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def end(self) -> None:
        """Stop the server, as a machine that is switched off."""
        self.server.force_exit = True
        self.server.should_exit = True
        self.thread.join(10)
        aside(plain_shop.close, self.deps)


def start(home: Path, *, port: int = 0, clock: list[datetime] | None = None, library: Library | None = None) -> Shop:
    """Serve a workspace on a free port of this machine."""
    times = clock or [plain_shop.NOW + timedelta(hours=1)]
    deps = plain_shop.open_shop(home, now=lambda: times[0])
    return served(deps if library is None else replace(deps, library=library), times, port=port)


def served(deps: Deps, times: list[datetime], *, port: int = 0) -> Shop:
    """Serve what is open already."""
    server = uvicorn.Server(uvicorn.Config(create(lambda: deps), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    for _ in range(200):
        if server.started:
            break
        time.sleep(0.05)
    found = server.servers[0].sockets[0].getsockname()[1]
    return Shop(deps, times, server, found, thread)
