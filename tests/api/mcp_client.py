"""The protocol's own client, on `liftwright mcp` as it is run: a process of its own, spoken to over its standard input and output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters, stdio_client

import plain_shop

COMMAND = str(Path(sys.executable).parent / "liftwright")


def words(home: Path, *more: str) -> list[str]:
    """The command line after `liftwright`, at the shop's moment."""
    return ["mcp", "--home", str(home), "--now", plain_shop.NOW.isoformat(), *more]


@asynccontextmanager
async def opened(home: Path, *more: str, log: Path, **environment: str) -> AsyncIterator[Client]:
    """A client of a server on a workspace; what the server says besides goes to `log`."""
    server = StdioServerParameters(command=COMMAND, args=words(home, *more), env={**os.environ, **environment})
    with log.open("w", encoding="utf-8") as errors:
        async with Client(stdio_client(server, errlog=errors)) as client:
            yield client


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers. Its text is the same JSON, and nothing is beside it."""
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return _same_twice(answer)


async def refused(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The error of a tool, checked for its form."""
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error, answer.content
    found = _same_twice(answer)
    assert set(found) == {"code", "says", "next_step"}
    assert all(found.values())
    assert "Traceback" not in str(found)
    assert len(str(found)) < 2_000
    return found


def _same_twice(answer: Any) -> dict[str, Any]:
    (text,) = answer.content
    assert json.loads(text.text) == answer.structured_content
    found: dict[str, Any] = answer.structured_content
    return found
