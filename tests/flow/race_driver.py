"""Two processes at the same thing at the same moment. Run with HOME, URL or "", a JSON list of pairs, and a file for the results."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from kill_driver import left
from small_shop import MONDAY, Clock, close, open_shop
from stand_ins import Cast, put_in

from liftwright.domain.errors import LiftwrightError
from liftwright.flow import deciding, dispatch, recovery, walk
from liftwright.ports import Deps


def _child(work: Callable[[], Any], result: Path) -> int:
    child = os.fork()
    if child == 0:
        try:
            result.write_text(json.dumps(work()))
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(70)
    return child


def _alone(work: Callable[[], Any], result: Path) -> Any:
    assert os.waitpid(_child(work, result), 0)[1] == 0
    return json.loads(result.read_text())


def _start(home: Path, url: str | None) -> tuple[str, str]:
    deps = open_shop(home, database_url=url, now=Clock())
    campaign = asyncio.run(walk.start("Sell more", deps=deps))
    close(deps)
    return campaign.campaign_id, str(campaign.plan_hash)


def _act(kind: str, campaign_id: str, plan_hash: str, home: Path, url: str | None, at: float) -> str:
    """Do one thing at a moment; says how it went."""
    deps = open_shop(home, database_url=url, now=Clock())
    time.sleep(max(0.0, at - time.time()))
    try:
        asyncio.run(_said(kind, campaign_id, plan_hash, deps))
        return "done"
    except LiftwrightError as error:
        return error.code
    finally:
        close(deps)


async def _said(kind: str, campaign_id: str, plan_hash: str, deps: Deps) -> None:
    if kind == "recover":
        await recovery.recover(deps=deps)
        return
    changes = {"limits.touches": "1"} if kind == "edit" else None
    await deciding.decide(kind, campaign_id, plan_hash=plan_hash, by=f"p{os.getpid()}", reason="r", changes=changes, deps=deps)  # type: ignore[arg-type]


def _work(home: Path, url: str | None, at: float) -> dict[str, int]:
    deps = open_shop(home, database_url=url, now=Clock(MONDAY + timedelta(days=2, hours=2)))
    time.sleep(max(0.0, at - time.time()))
    done = dispatch.drain(deps=deps, worker=f"w{os.getpid()}", limit=4)
    close(deps)
    return done


def _outcome(campaign_id: str, home: Path, url: str | None) -> dict[str, Any]:
    deps = open_shop(home, database_url=url, now=Clock())
    found = left(deps, campaign_id)
    close(deps)
    return found


def main(home: Path, url: str | None, pairs: list[list[str]], results: Path) -> None:
    """Each pair on a campaign of its own; at the end both workers deliver everything."""
    put_in(Cast(), setattr)
    scratch = [home / "one.json", home / "two.json"]
    rounds = []
    for pair in pairs:
        campaign_id, plan_hash = _alone(lambda: _start(home, url), scratch[0])
        at = time.time() + 0.6
        children = [
            _child(lambda kind=kind, c=campaign_id, h=plan_hash, at=at: _act(kind, c, h, home, url, at), file)
            for kind, file in zip(pair, scratch, strict=True)
        ]
        codes = [os.waitpid(child, 0)[1] for child in children]
        said = [json.loads(file.read_text()) for file in scratch]
        rounds.append({"pair": pair, "codes": codes, "said": said, "campaign": campaign_id})
    at = time.time() + 0.6
    workers = [_child(lambda: _work(home, url, at), file) for file in scratch]
    codes = [os.waitpid(worker, 0)[1] for worker in workers]
    for found in rounds:
        found["left"] = _alone(lambda found=found: _outcome(found["campaign"], home, url), scratch[0])
    results.write_text(json.dumps({"rounds": rounds, "worker_codes": codes}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] or None, json.loads(sys.argv[3]), Path(sys.argv[4]))
