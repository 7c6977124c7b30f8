"""Visitors: the next best action for 50 visitors at once, over HTTP, on a large shop. Prints one JSON line.

    python benchmarks/visitor.py --n 200000 [--visitors 50] [--decisions 3000] [--home DIR] [--json]

A simulated market of `--n` people (or the workspace in `--home`), a server of one process at a fixed moment, `--visitors` clients that each wait for
their answer before they ask again. `cpu_ms`: CPU of the server process per decision, HTTP included; `cpu_ms_p95`: of the decision alone, in
this process, thread time; `wall_ms_p50`, `wall_ms_p95`: as clients see it, with clients and server on the same cores. `violations`: answers whose channel the
rules forbid that person at that moment, by the table of facts the gate uses; `rule_differences`: people and channels on which the two say
different things; `holdout_touched`: people of the visitors' holdout who got anything; `stale_reads`: visitors whose product, looked at a moment before,
did not come first. Peer `table_of_one`: facts and rules of one person by that table, as the gate judges a send.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from served.running import free_port, serving

from liftwright import settings, wiring
from liftwright.flow import gate, visitor
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

START_SECONDS = 900.0
COMMAND = [sys.executable, "-c", "from liftwright.cli import main; main()"]


def main() -> None:
    """Run it and print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--decisions", type=int, default=3_000)
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="liftwright-visitor-") as folder:
        home = given.home or made(Path(folder) / "home", given.n)
        print(json.dumps(measured(home, Path(folder) / "server.log", visitors=given.visitors, decisions=given.decisions)))


def made(home: Path, people: int) -> Path:
    """A simulated market."""
    subprocess.run(
        [*COMMAND, "market", "--customers", str(people), "--home", str(home), "--json"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return home


def measured(home: Path, log: Path, *, visitors: int, decisions: int) -> dict[str, Any]:
    """Serve, ask, check, compare."""
    deps = _open(home)
    people = newest(deps).ids
    asked = [people[place] for place in np.random.default_rng(11).choice(len(people), min(decisions, len(people)), replace=False)]
    visitor.next_action(asked[0], deps=deps)
    port = free_port()
    command = [*COMMAND, "serve", "--home", str(home), "--port", str(port), "--now", deps.now().isoformat()]
    with serving(command, port, log) as server:
        _post(f"{server.url}/v1/visitors/{asked[0]}/next-action", {}, wait=START_SECONDS)
        before = server.cpu_ms()
        walls, answers = asyncio.run(_all(server.url, asked, visitors))
        spent = server.cpu_ms() - before
        stale = sum(_is_stale(server.url, person, deps) for person in asked[:50])
    alone = [_timed(person, deps) for person in asked[:1_000]]
    table = [_by_table(person, deps) for person in asked[:30]]
    ours = {
        "cpu_ms": round(spent / len(asked), 3),
        "cpu_ms_p95": round(1e3 * float(np.quantile(alone, 0.95)), 3),
        "wall_ms_p50": round(1e3 * float(np.quantile(walls, 0.5)), 1),
        "wall_ms_p95": round(1e3 * float(np.quantile(walls, 0.95)), 1),
        "decisions": len(asked),
        "acted": sum(answer["action"] != "control" for answer in answers),
        **_checked(answers, deps),
        "stale_reads": stale,
    }
    peer = {"cpu_ms": round(1e3 * float(np.mean(table)), 3)}
    ratio = {"table_of_one": round(peer["cpu_ms"] / (1e3 * float(np.mean(alone))), 1)}
    return {"name": "visitor", "n": len(people), "ours": ours, "peers": {"table_of_one": peer}, "ratio": ratio}


def _open(home: Path) -> Deps:
    found = settings.load(home=home)
    now = datetime.now().astimezone()
    return wiring.build(found, now=lambda: now)


def _post(url: str, body: dict[str, Any], *, wait: float = 30.0) -> Any:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers={"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=wait) as answer:
        return json.load(answer)


async def _all(url: str, people: list[str], visitors: int) -> tuple[list[float], list[dict[str, Any]]]:
    """Every person asks once, `visitors` of them at a time."""
    left, walls, answers = iter(people), [], []

    async def visit(client: httpx.AsyncClient) -> None:
        for person in left:
            begun = time.perf_counter()
            answer = await client.post(f"{url}/v1/visitors/{person}/next-action", json={"session": "s"})
            walls.append(time.perf_counter() - begun)
            answers.append(answer.raise_for_status().json())

    limits = httpx.Limits(max_connections=visitors, max_keepalive_connections=visitors, keepalive_expiry=1.0)
    async with httpx.AsyncClient(limits=limits, timeout=60.0, trust_env=False) as client:
        await asyncio.gather(*(visit(client) for _ in range(visitors)))
    return walls, answers


def _is_stale(url: str, person: str, deps: Deps) -> bool:
    product = newest(deps).tables["products"]["product_id"].to_pylist()[-1]
    _post(f"{url}/v1/visitors/{person}/events", {"session": "t", "type": "page_view", "product_id": product})
    answer = _post(f"{url}/v1/visitors/{person}/next-action", {"session": "t"})
    return bool(answer["arm"] == "treated" and answer["content"][0]["product_id"] != product)


def _timed(person: str, deps: Deps) -> float:
    begun = time.thread_time()
    visitor.next_action(person, deps=deps)
    return time.thread_time() - begun


def _by_table(person: str, deps: Deps) -> float:
    begun = time.thread_time()
    gate.judged([person], sorted(deps.channels), newest(deps), at=deps.now(), deps=deps)
    return time.thread_time() - begun


def _checked(answers: list[dict[str, Any]], deps: Deps) -> dict[str, int]:
    """What the answers did against the rules and the holdout."""
    channels = sorted(deps.channels)
    said = gate.judged([answer["person"] for answer in answers], channels, newest(deps), at=deps.now(), deps=deps)
    violations = different = touched = held = 0
    for answer in answers:
        is_held = visitor.is_held(answer["person"], deps=deps)
        held += is_held
        touched += is_held and (answer["action"] != "control" or answer["arm"] != "holdout")
        channel = answer["action"].partition(":")[0]
        verdict = said.get((answer["person"], channel))
        violations += answer["action"] != "control" and (verdict is None or verdict.outcome not in gate.PERMITTED)
        for option in answer["options"] if not is_held else ():
            by_table = said.get((answer["person"], option["action"].partition(":")[0]))
            if by_table is not None:
                forbids = () if by_table.outcome in gate.PERMITTED else by_table.rules
                different += set(forbids) != set(option["blocked_by"]) - {"margin floor", "no value"}
    return {"violations": violations, "rule_differences": different, "held": held, "holdout_touched": touched}


if __name__ == "__main__":
    main()
