"""`serve` as it is run: one process and several, on a free port of this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

import plain_shop

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("workers", [1, 2])
def test_every_process_serves_the_same_workspace_at_the_given_moment(tmp_path: Path, workers: int) -> None:
    home, campaign = plain_shop.planned()
    port, log = _free(), tmp_path / "serve.log"
    words = [str(Path(sys.executable).parent / "liftwright"), "serve", "--home", str(plain_shop.copy_of(home, tmp_path / "home"))]
    words += ["--port", str(port), "--workers", str(workers), "--now", plain_shop.NOW.isoformat()]
    with log.open("wb") as out:
        server = subprocess.Popen(words, stdout=out, stderr=out, start_new_session=True, env=dict(os.environ))
    try:
        seen = [_page(f"http://127.0.0.1:{port}/approvals", server) for _ in range(6)]
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)
    assert all(campaign.campaign_id in page for page in seen), "the approval has not expired at that moment"
    assert len(set(re.findall(r"Started server process \[(\d+)\]", log.read_text()))) == workers


def _page(url: str, server: subprocess.Popen[bytes]) -> str:
    """A page, waiting for the server to start."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return str(answer.read().decode())
        except OSError:
            assert server.poll() is None, "the server ended"
            time.sleep(0.2)
    raise AssertionError("the server did not start")
