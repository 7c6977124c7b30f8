"""A server as a child process: started on a free port, waited for, its CPU read from /proc, ended with everything it started."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS, END_SECONDS = 120.0, 10.0
TICK_MS = 1000.0 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A child process that answers at `url`; `workers` are the processes that answer."""

    process: subprocess.Popen[bytes]
    port: int
    workers: tuple[int, ...]

    @property
    def url(self) -> str:
        """Where it listens: this machine only."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_ms(self) -> float:
        """User and system milliseconds so far of the process and everything under it, from /proc/PID/stat (in steps of 10 ms)."""
        return sum(map(_cpu_ms, family(self.process.pid)))

    def holders(self) -> dict[int, int]:
        """Which worker holds each open connection, by the port of the client's end."""
        inodes = {inode: pid for pid in self.workers for inode in _sockets(pid)}
        found = {}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, *rest = line.split()
            if int(local.partition(":")[2], 16) == self.port and rest[6] in inodes:
                found[int(remote.partition(":")[2], 16)] = inodes[rest[6]]
        return found


@contextmanager
def serving(
    command: list[str], port: int, log: Path, *, workers: int = 1, env: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server until the block ends. It is ready once it answers `/` and its log names `workers` (or none) that have started.

    Raises SystemExit with the end of the log when it does not answer in time.
    """
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    try:
        _wait(process, port, log, workers)
        under = [pid for pid in family(process.pid) if pid != process.pid and "resource_tracker" not in _command(pid)]
        yield Server(process, port, tuple(under) or (process.pid,))
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a child of ours to stop; after 10 seconds end it and what it had started."""
    under = family(process.pid)
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in reversed(under):
            _kill(pid)
        process.wait(END_SECONDS)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def family(pid: int) -> list[int]:
    """A process and all its descendants that live."""
    found = [pid]
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:
            continue
        for child in children:
            found += family(int(child))
    return found


def _wait(process: subprocess.Popen[bytes], port: int, log: Path, workers: int) -> None:
    last = time.monotonic() + START_SECONDS
    while time.monotonic() < last and process.poll() is None:
        started = len(re.findall(rb"Application startup complete", log.read_bytes()))
        if (workers == 1 or started >= workers) and _answers(port):
            return
        time.sleep(0.1)
    raise SystemExit(f"The server did not start: {log.read_text(errors='replace')[-800:]}")


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _cpu_ms(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK_MS


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _sockets(pid: int) -> list[str]:
    """Inodes of the sockets a process holds."""
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kind, _, rest = str(each.readlink()).partition(":[")
        except OSError:
            continue
        if kind == "socket":
            found.append(rest.rstrip("]"))
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
