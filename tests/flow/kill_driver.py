"""Lives of one shop, each ended by kill -9 at a chosen point. Run with a JSON file of cases; writes what was left to another.

Imports once and forks, so that a case costs a life and not a start of Python.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from small_shop import MONDAY, Clock, Recorder, close, effects, open_shop
from stand_ins import Cast, put_in

from liftwright.domain.policy import Finding
from liftwright.flow import deciding, dispatch, recovery, walk
from liftwright.flow import gate as gates
from liftwright.flow import graph as graphs
from liftwright.ports import Deps
from liftwright.store.approvals import SqlApprovals
from liftwright.store.ledger import SqlLedger

WORDS = Finding(rule="CONTENT-CLAIM", severity="block", subject="v-email", says="no proof", fix="prove it")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str) -> None:
    """Die at `node:<name>:<before|after>` or `step:<name>:<before|after>[:<call>]`."""
    kind, name, when, *call = point.split(":")
    if kind == "node":
        graphs.NODES[name] = _deadly_node(graphs.NODES[name], when)
    else:
        owner, attribute = _STEPS[name]
        setattr(owner, attribute, _deadly(getattr(owner, attribute), when, int(call[0]) if call else 1))


def _deadly_node(node: Any, when: str) -> Any:
    async def dying(state: Any, *, deps: Deps) -> Any:
        if when == "before":
            die()
        update = await node(state, deps=deps)
        die()
        return update

    return dying


def _deadly(function: Callable[..., Any], when: str, call: int) -> Callable[..., Any]:
    calls = [0]

    def dying(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if when == "before" and calls[0] == call:
            die()
        result = function(*args, **kwargs)
        if when == "after" and calls[0] == call:
            die()
        return result

    return dying


_STEPS: dict[str, tuple[Any, str]] = {
    "decide": (SqlApprovals, "decide"),
    "mark_resumed": (SqlApprovals, "mark_resumed"),
    "launch": (SqlLedger, "launch"),
    "release_expired": (SqlLedger, "release_expired"),
    "lapse": (dispatch, "lapse"),
    "lease": (SqlLedger, "lease"),
    "look": (gates, "look"),
    "mark": (SqlLedger, "mark"),
    "deliver": (Recorder, "deliver"),
    "write": (Recorder, "_write"),
    "settle": (SqlLedger, "settle"),
}


def live(case: dict[str, Any], *, point: str | None, clock: Clock) -> dict[str, Any]:
    """From wherever the shop stands to the end of its campaign."""
    cast = Cast()
    put_in(cast, setattr)
    if case.get("writer_must_revise"):
        cast.review = [(WORDS,)]
    if point:
        arm(point)
    deps = open_shop(Path(case["home"]), database_url=case.get("url"), now=clock)
    asyncio.run(_decided(case, deps))
    for hours in (2, 49, 1):
        clock.on(hours=hours)
        dispatch.drain(deps=deps, worker=f"w{os.getpid()}", limit=9)
    found = left(deps)
    close(deps)
    return found


async def _decided(case: dict[str, Any], deps: Deps) -> None:
    await recovery.recover(deps=deps)
    if not deps.campaigns.all():
        await walk.start(case["goal"], deps=deps)
    (campaign,) = deps.campaigns.all()
    if campaign.status == "needs_answer":
        campaign = await walk.answer(campaign.campaign_id, "a hundred", deps=deps)
    done = {decision.kind for decision in deps.approvals.decisions(campaign.campaign_id)}
    for kind in [kind for kind in case["decisions"] if kind not in done]:
        waiting = deps.approvals.pending(campaign.campaign_id)
        if waiting is None:
            break
        changes = {"limits.touches": "1"} if kind == "edit" else None
        await deciding.decide(
            kind, campaign.campaign_id, plan_hash=waiting.plan_hash, by="ann", reason="because", changes=changes, deps=deps
        )


def left(deps: Deps, campaign_id: str | None = None) -> dict[str, Any]:
    """What the tests look at, of one campaign."""
    campaign = deps.campaigns.get(campaign_id or deps.campaigns.all()[0].campaign_id)
    plan = deps.campaigns.plan(campaign.campaign_id)
    sends = deps.ledger.sends(campaign.campaign_id).to_pylist()
    return {
        "status": campaign.status,
        "revision": campaign.revision,
        "plan_hash": campaign.plan_hash,
        "approved": [d.plan_hash for d in deps.approvals.decisions(campaign.campaign_id) if d.kind == "approve"],
        "decisions": [d.kind for d in deps.approvals.decisions(campaign.campaign_id)],
        "touches": plan.assignment.touches if plan else None,
        "states": sorted((row["channel"], row["state"]) for row in sends),
        "sends": {row["send_id"]: row["plan_hash"] for row in sends},
        "effects": effects(deps.settings.home / "effects.log"),
        "pending": len(deps.approvals.waiting()),
        "not_resumed": len(deps.approvals.decided_not_resumed()),
        "journal_ok": deps.journal.verify()[0],
    }


def _fork(case: dict[str, Any], *, point: str | None, clock: Clock, result: Path) -> int:
    child = os.fork()
    if child == 0:
        try:
            result.write_text(json.dumps(live(case, point=point, clock=clock)))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(70)
    return os.waitpid(child, 0)[1]


def main(cases_file: str, results_file: str) -> None:
    """Each case: one life that is killed, one that finishes the work."""
    results = {}
    for name, case in json.loads(Path(cases_file).read_text()).items():
        result = Path(case["home"]) / "left.json"
        first = _fork(case, point=case["point"], clock=Clock(), result=result)
        at_death = effects(Path(case["home"]) / "effects.log")
        second = _fork(case, point=None, clock=Clock(MONDAY + timedelta(minutes=30)), result=result)
        results[name] = {
            "killed": os.WIFSIGNALED(first) and os.WTERMSIG(first) == signal.SIGKILL,
            "finished": second == 0,
            "effects_at_death": at_death,
            **(json.loads(result.read_text()) if result.exists() else {}),
        }
    Path(results_file).write_text(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
