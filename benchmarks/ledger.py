"""The ledger: an approved plan becomes sends, workers deliver them, some are killed. Prints one JSON line.

    python benchmarks/ledger.py [--people 10000] [--workers 2] [--dbos-python PATH | --no-peer] [--peer-sends 5000] [--json]

A shop whose plan touches nearly everybody three times in two weeks, on SQLite. `n`: sends of the plan. `rows_per_cpu_second`: sends that reached the drop
file per CPU second of the approval that launches them (hash, rules and holdout checked anew) and of `--workers` worker processes with the command's own batch
of 5,000, their start apart: lease, last look (fresh facts through all rules), addresses, mark, file, settle. `ledger_rows_per_cpu_second`: lease, mark and settle
alone. Then a copy of the same shop is delivered in smaller batches (a fifth of a day's sends, at most 500), and of each flight day one worker is ended with
SIGKILL while it holds sends, once half of the day's are out; the others go on, and a new one comes six minutes later, when the dead one's leases have
run out. `held_at_kill`: sends the dead held. `duplicates`: rows of the drop files beyond one per approved send that no rule kept back, and keys the ledger has
twice; `lost`: such sends without a row. A drop file takes a send that is handed over again once, so this is ledger and channel together.

Peer: DBOS in the same run, on SQLite with a write-ahead log (synced less often than ours), one process, workflows of 500 sends with one durable step per send; a
step appends a row to a file, without rules, addresses or a lock. `dbos` is our rows per CPU second over the peer's. `batch_steps_rows_per_cpu_second`: one
step per 500 sends, which records nothing about one send. The peer is not killed. It is in the bench extra; `--dbos-python` names another Python that has it.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import importlib.util
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from delivery import plain
from delivery.worker import Worker, prepare, together, working

from liftwright.flow import deciding
from liftwright.store.engine import DATABASE_FILE

DELIVERY = Path(__file__).parent / "delivery"
BATCH, KILL_BATCH, PEER_BATCH = 5_000, 500, 500
LEASES_OVER = timedelta(minutes=6)
POLL_SECONDS, LONGEST_SECONDS = 0.005, 300.0


def main() -> None:
    """Measure and print the line."""
    given = arguments()
    prepare()
    with tempfile.TemporaryDirectory(prefix="liftwright-ledger-") as folder:
        home, killed, alone = (Path(folder) / name for name in ("home", "killed", "alone"))
        launching, moments = launched(home, given.people)
        for copy in (killed, alone):
            shutil.copytree(home, copy)
        delivering = delivered(home, given.people, moments, workers=given.workers)
        sent = outcome(home, given.people)
        ours = {
            "rows_per_cpu_second": round(sent["in_files"] / (launching + delivering)),
            "launch_cpu_seconds": round(launching, 2),
            "deliver_cpu_seconds": round(delivering, 2),
            "ledger_rows_per_cpu_second": round(ledger_alone(alone, given.people, moments)),
            "workers": given.workers,
            **killing(killed, given.people, moments, workers=given.workers),
        }
        peer = {"note": "left out"} if given.no_peer else against_dbos(given.dbos_python, given.peer_sends, Path(folder))
    ratio = {"dbos": round(ours["rows_per_cpu_second"] / peer["rows_per_cpu_second"], 1)} if "rows_per_cpu_second" in peer else {}
    line = {"name": "ledger", "n": sent["planned"], "ours": ours, "peers": {"dbos": peer}, "ratio": ratio}
    print(json.dumps(line))


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2, help="Worker processes on one database (at least two).")
    parser.add_argument("--dbos-python", default=None, help="A Python that has DBOS (default: this one, if it has).")
    parser.add_argument("--no-peer", action="store_true", help="Leave the peer out.")
    parser.add_argument("--peer-sends", type=int, default=5_000)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    return parser.parse_args()


def launched(home: Path, people: int) -> tuple[float, list[datetime]]:
    """A shop with its sends in the ledger: CPU seconds of the approval, and the moments at which sends are due."""
    with plain.opened(home, people) as deps:
        plain.furnish(deps, people, home / "files")
        waiting = plain.planned(deps)
        before = time.process_time()
        asyncio.run(
            deciding.decide("approve", waiting.campaign_id, plan_hash=waiting.plan_hash, by="Ann", reason="go", deps=deps)
        )
        spent = time.process_time() - before
        return spent, sorted(set(deps.ledger.sends(columns=["send_at"])["send_at"].to_pylist()))


def delivered(home: Path, people: int, moments: Sequence[datetime], *, workers: int) -> float:
    """CPU seconds of the workers for all that is due."""
    with working(home, people, BATCH, workers) as team:
        for moment in moments:
            last = together(team, moment)
        return sum(said["cpu"] - worker.begun for said, worker in zip(last, team, strict=True))


def killing(home: Path, people: int, moments: Sequence[datetime], *, workers: int) -> dict[str, int]:
    """Deliver while one worker dies at every moment; what became of the sends."""
    held = 0
    with closing(sqlite3.connect(home / DATABASE_FILE)) as looking:
        (due,) = looking.execute("SELECT count(*) FROM sends").fetchone()
        each = due // len(moments)
        batch = min(KILL_BATCH, max(each // 5, 1))
        with working(home, people, batch, workers + len(moments)) as team:
            for number, moment in enumerate(moments):
                held += _one_dies(
                    team[number : number + workers], moment, each * number + each // 2, each * (number + 1), looking
                )
                together(team[number + 1 : number + 1 + workers], moment + LEASES_OVER)
    found = outcome(home, people)
    return {name: found[name] for name in ("duplicates", "lost", "kept_back")} | {"kills": len(moments), "held_at_kill": held}


def _one_dies(team: Sequence[Worker], moment: datetime, half: int, whole: int, looking: sqlite3.Connection) -> int:
    """All deliver; the first is killed while it holds sends once `half` are out, or once the `whole` is; the others go on. How many it held."""
    for worker in team:
        worker.ask(moment)
    last = time.monotonic() + LONGEST_SECONDS
    while (out := _out(looking)) < whole and (out < half or not _held(team[0], looking)):
        if time.monotonic() > last:
            raise SystemExit("The workers deliver nothing.")
        time.sleep(POLL_SECONDS)
    team[0].end()
    for worker in team[1:]:
        worker.answer()
    return _held(team[0], looking)


def _out(looking: sqlite3.Connection) -> int:
    """Sends that are out."""
    return int(looking.execute("SELECT count(*) FROM sends WHERE state = 'sent'").fetchone()[0])


def _held(worker: Worker, looking: sqlite3.Connection) -> int:
    """Sends that a worker has leased or marked as leaving."""
    query = "SELECT count(*) FROM sends WHERE worker = ? AND state IN ('leased', 'sending')"
    return int(looking.execute(query, [worker.name]).fetchone()[0])


def outcome(home: Path, people: int) -> dict[str, int]:
    """The ledger against the drop files."""
    written = []
    for path in sorted((home / "outbox" / "actions").glob("????-??-??.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            written += [row["send_id"] for row in csv.DictReader(file)]
    with plain.opened(home, people) as deps:
        states = {row["send_id"]: row["state"] for row in deps.ledger.sends(columns=["send_id", "state"]).to_pylist()}
        keys = sum(deps.ledger.counts(campaign.campaign_id)["duplicates"] for campaign in deps.campaigns.all())
    found = compared(states, written)
    return found | {"duplicates": found["duplicates"] + keys}


def compared(states: Mapping[str, str], written: Sequence[str]) -> dict[str, int]:
    """States of the approved sends against the rows written: a row too many is a duplicate, a send without a row is lost unless a rule kept it back."""
    kept_back = {send_id for send_id, state in states.items() if state == "suppressed"}
    allowed = set(states) - kept_back
    return {
        "planned": len(states),
        "in_files": len(written),
        "kept_back": len(kept_back),
        "duplicates": len(written) - len(set(written) & allowed),
        "lost": len(allowed - set(written)),
    }


def ledger_alone(home: Path, people: int, moments: Sequence[datetime]) -> float:
    """Sends per CPU second through lease, mark and settle, in this process."""
    done, before = 0, time.process_time()
    with plain.opened(home, people) as deps:
        before = time.process_time()
        for moment in moments:
            while batch := deps.ledger.lease(now=moment, worker="w", limit=BATCH, seconds=300):
                moved = deps.ledger.mark([send.send_id for send in batch], "sending", now=moment, worker="w")
                deps.ledger.settle({send_id: ("sent", "p") for send_id in moved}, now=moment, worker="w")
                done += len(moved)
        return done / (time.process_time() - before)


def against_dbos(named: str | None, sends: int, scratch: Path) -> dict[str, Any]:
    """The peer's figures, or why there are none."""
    if named is None and importlib.util.find_spec("dbos") is None:
        return {"note": "not installed (bench extra)"}
    found = {}
    for step in ("each", "batch"):
        command = [
            named or sys.executable,
            str(DELIVERY / "dbos_sends.py"),
            str(scratch / step),
            str(sends),
            str(PEER_BATCH),
            step,
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise SystemExit(f"The peer failed: {ran.stderr[-800:]}")
        found[step] = json.loads(ran.stdout.splitlines()[-1])
    each, batch = found["each"], found["batch"]
    return {
        "rows_per_cpu_second": round(each["sent"] / each["cpu_seconds"]),
        "batch_steps_rows_per_cpu_second": round(batch["sent"] / batch["cpu_seconds"]),
        "sends": each["sent"],
        "duplicates": each["rows"] - each["different"],
        "lost": sends - each["different"],
    }


if __name__ == "__main__":
    main()
