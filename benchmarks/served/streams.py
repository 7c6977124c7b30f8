"""Readers of talks: server-sent events over HTTP, cut off and taken up again with `Last-Event-ID`, or many at once."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import httpx

from liftwright.ports import Talks
from served.running import Server

AT_ONCE = 50
"""Connections opened at the same time."""
CUT_SECONDS = (0.02, 0.5)
"""After so long, drawn at random, a connection that is to be cut is closed, wherever the stream is."""
LAST_SECONDS = 60.0
"""A reader gives up after so long."""


class Parser:
    """Server-sent events out of text that arrives in pieces; an event counts when its blank line has come, as in a browser."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[dict[str, str]]:
        """Fields of every event that is whole by now; comments and blocks without data are none."""
        *whole, self._rest = (self._rest + text).split("\n\n")
        found = []
        for block in whole:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
            if "data" in fields:
                found.append(fields)
        return found


@dataclass
class Reader:
    """Somebody who follows a talk: numbers of events in the order they came, when each came, and events that were not what was written.

    `workers` are the processes that answered, connection by connection, where they were looked up; `port` is our end of the last one.
    """

    talk_id: str
    seen: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    wrong: int = 0
    connections: int = 0
    workers: list[int] = field(default_factory=list)
    port: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, client: httpx.AsyncClient, *, until: int, server: Server | None = None) -> None:
        """One connection, from the last number seen until event `until` has come; `server` is asked which worker answers."""
        self.connections += 1
        headers = {"accept": "text/event-stream", "last-event-id": str(self.seen[-1] if self.seen else 0)}
        async with client.stream("GET", f"/c/{self.talk_id}/events", headers=headers) as answer:
            answer.raise_for_status()
            self.port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
            if server is not None:
                self.workers.append(server.holders().get(self.port, 0))
            parser = Parser()
            async for text in answer.aiter_text():
                self.opened.set()
                for event in parser.feed(text):
                    self._take(event)
                if self.seen and self.seen[-1] >= until:
                    return

    def _take(self, event: dict[str, str]) -> None:
        number = int(event["id"])
        self.seen.append(number)
        self.at.append(time.monotonic())
        self.wrong += json.loads(event["data"]).get("what") != what(self.talk_id, number)


def what(talk_id: str, number: int) -> str:
    """What the n-th event of a talk says."""
    return f"{talk_id} step {number}"


def tally(readers: list[Reader], events: int) -> dict[str, int]:
    """Events 1 to `events` as each reader saw them: never seen, seen again, seen after a later one, and not what was written."""
    whole = set(range(1, events + 1))
    return {
        "lost": sum(len(whole - set(one.seen)) for one in readers),
        "doubled": sum(len(one.seen) - len(set(one.seen)) for one in readers),
        "out_of_order": sum(later < earlier for one in readers for earlier, later in pairwise(one.seen)),
        "wrong": sum(one.wrong for one in readers),
    }


async def reconnecting(server: Server, talks: Talks, *, readers: int, reconnects: int, events: int) -> dict[str, Any]:
    """Readers are cut off `reconnects` times in all, while a writer adds `events` to each one's talk, and read on to the end."""
    draw = random.Random(5)
    following = [Reader(f"t-cut-{number}") for number in range(readers)]
    cuts = [reconnects // readers + (number < reconnects % readers) for number in range(readers)]
    writing = asyncio.create_task(_write(talks, following, events, seconds=2 * CUT_SECONDS[1] * max(cuts)))
    async with _client(server) as client:

        async def follow(reader: Reader, times: int) -> None:
            for _ in range(times):
                try:
                    async with asyncio.timeout(draw.uniform(*CUT_SECONDS)):
                        await reader.read(client, until=events + 1, server=server)
                except TimeoutError:
                    continue
            async with asyncio.timeout(LAST_SECONDS):
                await reader.read(client, until=events, server=server)

        ended = await asyncio.gather(*map(follow, following, cuts), return_exceptions=True)
    await writing
    broken = [str(one) or type(one).__name__ for one in ended if one is not None]
    again = sum(reader.connections for reader in following) - readers
    moved = sum(one != other for reader in following for one, other in pairwise(reader.workers))
    found = {"reconnects": again, "to_another_worker": moved, "events": readers * events, **tally(following, events)}
    return found | ({"broken": broken[:3]} if broken else {})


async def _write(talks: Talks, readers: list[Reader], events: int, *, seconds: float) -> None:
    """Add events to every talk in turn, spread over `seconds` or as fast as the store takes them."""
    began = time.monotonic()
    for number in range(1, events + 1):
        for reader in readers:
            await _add(talks, reader.talk_id, number)
        await asyncio.sleep(max(0.0, began + seconds * number / events - time.monotonic()))


async def _add(talks: Talks, talk_id: str, number: int) -> float:
    began = time.monotonic()
    said = {"who": "strategist", "what": what(talk_id, number)}
    assert await asyncio.to_thread(lambda: talks.add(talk_id, "step", said, at=datetime.now(UTC))) == number
    return began


async def many(server: Server, talks: Talks, *, streams: int, in_talks: int, seconds: float) -> dict[str, Any]:
    """So many streams, idle for `seconds`, then one event in each of the talks; CPU of the server in between, per stream."""
    for number in range(in_talks):
        await _add(talks, f"t-many-{number}", 1)
    alone = server.cpu_ms()
    await asyncio.sleep(seconds)
    before = server.cpu_ms()
    async with _Open(server, [Reader(f"t-many-{number % in_talks}", seen=[1], at=[0.0]) for number in range(streams)]) as readers:
        opened = server.cpu_ms()
        holders = server.holders()
        held = [holders.get(one.port) for one in readers]
        await asyncio.sleep(seconds)
        idle = server.cpu_ms()
        began = {f"t-many-{number}": await _add(talks, f"t-many-{number}", 2) for number in range(in_talks)}
        await _all_got(readers, 2)
        told = server.cpu_ms()
    delays = sorted((one.at[-1] - began[one.talk_id]) * 1000 for one in readers if one.seen[-1] == 2)
    return {
        "stream_cpu_ms": round((told - before) / streams, 2),
        "stream_seconds": seconds,
        "open_cpu_ms": round((opened - before) / streams, 2),
        "idle_cpu_ms": round((idle - opened) / streams, 2),
        "event_cpu_ms": round((told - idle) / streams, 2),
        "idle_cpu_share": round((idle - opened) / seconds / 1000, 3),
        "cpu_share_without_streams": round((before - alone) / seconds / 1000, 3),
        "streams": streams,
        "got_it": len(delays),
        "median_delay_ms": round(delays[len(delays) // 2]) if delays else None,
        "worst_delay_ms": round(delays[-1]) if delays else None,
        "streams_by_worker": [held.count(pid) for pid in server.workers],
    }


class _Open:
    """Readers that are all connected inside the block."""

    def __init__(self, server: Server, readers: list[Reader]) -> None:
        self._client, self._readers = _client(server), readers
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> list[Reader]:
        for begin in range(0, len(self._readers), AT_ONCE):
            now = self._readers[begin : begin + AT_ONCE]
            self._tasks += [asyncio.create_task(one.read(self._client, until=10**9)) for one in now]
            async with asyncio.timeout(LAST_SECONDS):
                await asyncio.gather(*(one.opened.wait() for one in now))
        return self._readers

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()


async def _all_got(readers: list[Reader], number: int) -> None:
    """Wait until everybody has seen an event, for 30 seconds at most."""
    for _ in range(int(LAST_SECONDS / 2 / 0.02)):
        if all(one.seen[-1] >= number for one in readers):
            return
        await asyncio.sleep(0.02)


def _client(server: Server) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(base_url=server.url, timeout=httpx.Timeout(LAST_SECONDS), limits=limits, trust_env=False)
