"""What the second process of a test does. Run with: URL, ACTION, JSON arguments. Prints its result as the last line, in JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from liftwright.domain.approval import Decision
from liftwright.domain.campaign import Send
from liftwright.domain.errors import LiftwrightError
from liftwright.store.approvals import SqlApprovals
from liftwright.store.campaigns import SqlCampaigns
from liftwright.store.engine import open_engine
from liftwright.store.journal import SqlJournal
from liftwright.store.ledger import SqlLedger
from liftwright.store.locks import SqlLocks


def decide(engine: Engine, *, decision: str) -> str:
    return SqlApprovals(engine).decide(Decision.model_validate_json(decision)).status


def launch(engine: Engine, *, approval_id: str, sends: str, now: str, stall_after: int | None = None) -> int:
    approval = SqlApprovals(engine).get(approval_id)

    def _plan_hash() -> str:
        plan = SqlCampaigns(engine).plan(approval.campaign_id)
        assert plan is not None
        return plan.plan_hash

    def _sends() -> Iterator[Send]:
        for number, line in enumerate(Path(sends).read_text().splitlines()):
            if number == stall_after:
                print("stalled", flush=True)
                time.sleep(60)
            yield Send.model_validate_json(line)

    return SqlLedger(engine).launch(
        approval_id=approval_id, plan_hash=_plan_hash, sends=_sends(), now=datetime.fromisoformat(now)
    )


def lease(engine: Engine, *, worker: str, now: str, limit: int) -> list[str]:
    """Lease, start and settle until nothing is left; the ids this process started."""
    ledger, at, started = SqlLedger(engine), datetime.fromisoformat(now), []
    while batch := ledger.lease(now=at, worker=worker, limit=limit):
        moved = ledger.mark([send.send_id for send in batch], "sending", now=at, worker=worker)
        started += moved
        ledger.settle({send_id: ("sent", "") for send_id in moved}, now=at, worker=worker)
    return started


def append(engine: Engine, *, actor: str, number: int, at: str) -> int:
    journal = SqlJournal(engine)
    for i in range(number):
        journal.append(at=datetime.fromisoformat(at), actor=actor, action="test", subject="s", detail={"i": i})
    return number


def hold(engine: Engine, *, name: str, home: str) -> str:
    with SqlLocks(engine, Path(home)).hold(name):
        print("held", flush=True)
        time.sleep(60)
    return "released"


def main() -> None:
    url, action, arguments = sys.argv[1:]
    engine = open_engine(Path(), url)
    with engine.connect():
        print("ready", flush=True)
    sys.stdin.readline()
    acts: dict[str, Any] = {"decide": decide, "launch": launch, "lease": lease, "append": append, "hold": hold}
    try:
        result = acts[action](engine, **json.loads(arguments))
    except LiftwrightError as error:
        result = error.code
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
