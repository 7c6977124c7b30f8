"""The peer of `benchmarks/ledger.py`: FOLDER, number of sends, sends per workflow, and `each` or `batch` for what one durable step is.

Runs in a Python that has DBOS. Every step appends a row to a file for each of its sends. Prints one JSON line.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, SetWorkflowID

CONCURRENCY, POLL_SECONDS = 8, 0.05
OUTBOX = Path(sys.argv[1]) / "sends.csv"


@DBOS.step()
def send(send_ids: list[str]) -> int:
    """One effect per send."""
    with OUTBOX.open("a", encoding="utf-8") as file:
        file.writelines(f"{send_id},C0000001,email,none,0,v1,2026-11-02T15:00:00+00:00,c-1\n" for send_id in send_ids)
    return len(send_ids)


@DBOS.workflow()
def deliver(parts: list[list[str]]) -> int:
    """A durable step per part."""
    return sum(send(part) for part in parts)


def main(folder: Path, sends: int, per_workflow: int, step: str) -> None:
    """Enqueue all, wait for all; CPU from the first enqueued workflow on."""
    folder.mkdir(parents=True, exist_ok=True)
    DBOS(config={"name": "sends", "system_database_engine": _engine(folder / "dbos.db"), "console_log_level": "WARNING"})
    DBOS.launch()
    DBOS.register_queue("sends", worker_concurrency=CONCURRENCY, polling_interval_sec=POLL_SECONDS)
    ids = [f"s-{number:012d}" for number in range(sends)]
    before = time.process_time()
    waiting = []
    for begin in range(0, sends, per_workflow):
        some = ids[begin : begin + per_workflow]
        with SetWorkflowID(f"sends-{begin}"):
            waiting.append(DBOS.enqueue_workflow("sends", deliver, [some] if step == "batch" else [[one] for one in some]))
    done = sum(each.get_result() for each in waiting)
    spent = time.process_time() - before
    written = OUTBOX.read_text(encoding="utf-8").splitlines()
    print(json.dumps({"sent": done, "rows": len(written), "different": len(set(written)), "cpu_seconds": spent}))
    DBOS.destroy()


def _engine(path: Path) -> sa.Engine:
    """SQLite as DBOS runs best on it: a write-ahead log, which it does not set by itself."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    return engine


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
