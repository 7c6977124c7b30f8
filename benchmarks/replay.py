"""Decisions computed again from a plan's pins, reasons that add up, and what-ifs against a fresh solve. Prints one JSON line.

    python benchmarks/replay.py [--customers 12000] [--asked 300] [--seed 7] [--json]

A simulated market is planned and approved, its first day of sends leaves; then the plan is replayed by a workspace opened anew.
ours: decisions compared and how many are the same, people asked why (some of each kind: chosen, drawn by lot, drawn to nothing, held out,
not worth it, forbidden), how many of their options' terms did not add up to the value, what-ifs and how many of them brought another
objective than solving the exported candidates under the changed limits alone, CPU seconds of planning and of replaying.
ratio: CPU of replaying / CPU of planning from scratch (agents, texts, rules and the fits of the models included).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import resource
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright import settings as settings_file
from liftwright import wiring
from liftwright.domain.campaign import Campaign
from liftwright.evaluation.market import FIRST_DAY, GOALS, IMPORTED
from liftwright.flow import asking, deciding, dispatch, export, intake, replaying, walk
from liftwright.planning.assignment import solving
from liftwright.ports import Deps

NOW = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, 6, tzinfo=UTC)


def main() -> None:
    """Plan, replay, ask, and the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=12_000)
    parser.add_argument("--asked", type=int, default=300, help="People asked why.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(measured(Path(scratch), options.customers, options.asked, options.seed)))


def measured(home: Path, customers: int, asked: int, seed: int) -> dict[str, Any]:
    """The contract's benchmark line."""
    market = wiring.market(customers=customers, seed=seed, starts_on=FIRST_DAY)
    values = market.settings() | {"seed": seed, "home": home}
    deps = opened(values)
    files = market.files(home / "market")
    for table in IMPORTED:
        intake.import_file(files[table], declared=table, deps=deps)
    deps = opened(values)
    began = cpu()
    campaign = asyncio.run(walk.start(GOALS[0].format(days=14), deps=deps))
    planning = cpu() - began
    if campaign.status != "awaiting_approval":
        raise SystemExit(f"There is no plan to replay: the goal ended {campaign.status}. Simulate more --customers.")
    asyncio.run(left(campaign, deps))
    deps = opened(values)
    began = cpu()
    found = replaying.replay(campaign.campaign_id, deps=deps)
    replaying_cpu = cpu() - began
    wrong, kinds = explained(campaign.campaign_id, asked, seed, deps)
    changed = list(re_solved(campaign.campaign_id, deps))
    decisions = found["decisions"]
    return {
        "name": "replay",
        "n": decisions["compared"],
        "ours": {
            "identical": decisions["identical"],
            "differences": len(found["differences"]),
            "options": found["terms"]["options"],
            "options_adding_up": found["terms"]["adding_up"],
            "why_checked": sum(kinds.values()),
            "why_by_kind": kinds,
            "why_wrong": wrong,
            "whatif_checked": len(changed),
            "whatif_differing": sum(not same for same in changed),
            "planning_cpu_seconds": round(planning, 2),
            "cpu_seconds": round(replaying_cpu, 2),
        },
        "peers": {},
        "ratio": {"replay_vs_planning_cpu": round(replaying_cpu / planning, 3)},
    }


def opened(values: dict[str, Any]) -> Deps:
    """The workspace as a new process sees it, a few hours after planning."""
    return wiring.build(settings_file.parse(values), now=lambda: NOW)


async def left(campaign: Campaign, deps: Deps) -> None:
    """Approve and let the first sends leave: a replay must not see them."""
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="bench", deps=deps)
    dispatch.drain(deps=deps, worker="bench", limit=5_000)


def cpu() -> float:
    """User and system seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def explained(campaign_id: str, asked: int, seed: int, deps: Deps) -> tuple[int, dict[str, int]]:
    """Options whose terms do not add up to the value, or to the value used for a chosen one; people asked by kind."""
    wrong, kinds = 0, {}
    luck = np.random.default_rng(seed)
    for kind, people in kinds_of(campaign_id, deps).items():
        some = luck.permutation(sorted(people))[: max(asked // 6, 1)]
        kinds[kind] = len(some)
        wrong += sum(mistaken(asking.why(campaign_id, str(person), deps=deps)) for person in some)
    return wrong, kinds


def mistaken(why: dict[str, Any]) -> int:
    """How many of one person's figures do not add up."""
    options = why["candidates"]
    used = {(o["wave"], o["channel"], o["offer"]): o["value"] for o in options if o["allowed"]}
    off = sum(not math.isclose(math.fsum(o["terms"].values()), o["value"], abs_tol=1e-9) for o in options)
    return off + sum(used.get((t["wave"], t["channel"], t["offer"])) != t["value"] for t in why["touches"])


def kinds_of(campaign_id: str, deps: Deps) -> dict[str, set[str]]:
    """People by what was decided about them."""
    rows, audience, draws = (export.export(campaign_id, what, deps=deps) for what in ("assignment", "audience", "draws"))
    assert isinstance(rows, pa.Table)
    assert isinstance(audience, pa.Table)
    assert isinstance(draws, pa.Table)
    chosen = set(rows["customer_id"].to_pylist())
    everybody = set(known(deps))
    eligible = set(audience["customer_id"].to_pylist())
    held = set(audience.filter(pc.equal(audience["arm"], "holdout"))["customer_id"].to_pylist())
    drawn = set(draws["customer_id"].to_pylist())
    return {
        "chosen": chosen - drawn,
        "drawn": chosen & drawn,
        "drawn to nothing": drawn - chosen,
        "held out": held,
        "not worth it": eligible - held - chosen - drawn,
        "forbidden": everybody - eligible,
    }


def known(deps: Deps) -> list[str]:
    """Everybody in the data."""
    snapshot = deps.lake.snapshot()
    assert snapshot is not None
    return list(deps.lake.read(snapshot)["customers"]["customer_id"].to_pylist())


def re_solved(campaign_id: str, deps: Deps) -> Iterator[bool]:
    """For each change, whether what-if brings the objective of solving the exported candidates under the changed limits."""
    candidates, limits = (export.export(campaign_id, what, deps=deps) for what in ("candidates", "limits"))
    assert isinstance(candidates, pa.Table)
    assert isinstance(limits, dict)
    seen = candidates.drop_columns(["randomised", "propensity"])
    plan = deps.campaigns.plan(campaign_id)
    assert plan is not None
    channels = sorted(plan.assignment.by_channel)
    half = plan.forecast.cost.minor // 2 / 100
    changes: list[tuple[dict[str, str], pa.Table, dict[str, Any]]] = [
        ({"objective.budget": f"{half:.2f}"}, seen, {"budget": half}),
        ({"objective.budget": f"{half / 4:.2f}"}, seen, {"budget": round(half / 4, 2)}),
    ]
    for channel in channels if len(channels) > 1 else ():
        kept = [name for name in channels if name != channel]
        without = seen.filter(pc.is_in(seen["channel"], pa.array(kept)))
        changes.append(({"channels": ",".join(kept)}, without, {}))
    for change, options, other in changes:
        after = asking.whatif(campaign_id, change, deps=deps)["after"]
        fresh = solving.solve(
            options,
            limits | other,
            seed=plan.pins.seed,
            randomised_share=deps.settings.limits.randomised_share,
        )
        yield math.isclose(fresh.objective, after["objective"], rel_tol=1e-6)


if __name__ == "__main__":
    main()
