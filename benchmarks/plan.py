"""Planning CPU of `liftwright plan` on the simulated market with all eight channels, by stage. Prints one JSON line.

    python benchmarks/plan.py [--customers 50000] [--channels all] [--json]

The market is built in a workspace by a child process (`import`, not part of planning); another child runs the command on it. ours:
`cpu_seconds` is user + system of that whole child, `stages` is where it went, `start` being the interpreter and its imports and
`everything_else` the rest; `peak_gb` its resident size; the plan's gap and violations. peers: twice the CPU of the same command
on half the people, start-up counted once (what linear growth would cost). ratio: peer / ours.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOAL = "Sell more shoes over the next 14 days, 30k budget, keep margin above 35%"
NOW = "2026-03-02T06:00:00+00:00"
KEPT = ("status", "gap", "violations", "touches", "people", "by_channel", "candidates")
"""What is told of a plan; null where planning ended without one."""


def main() -> None:
    """Measure and print the line; with `--inside HOME` be the child that plans."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=50_000)
    parser.add_argument("--channels", default="all", choices=["four", "all"])
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    parser.add_argument("--inside", default=None, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        inside(options.inside)
        return
    whole = measured(options.customers, options.channels)
    part = measured(max(options.customers // 2, 1), options.channels)
    print(json.dumps(line(options.customers, whole, part)))


def measured(customers: int, channels: str) -> dict[str, Any]:
    """One market and one plan on it, each as a child process."""
    with tempfile.TemporaryDirectory() as scratch:
        home = str(Path(scratch) / "home")
        command = ["market", "--customers", str(customers), "--channels", channels, "--home", home, "--now", NOW]
        built = child([sys.executable, "-c", "from liftwright.cli import main; main()", *command])
        planned = child([sys.executable, __file__, "--inside", home])
    found = json.loads(planned["out"])
    return {**found, "import": built["cpu"], "cpu": planned["cpu"], "wall": planned["wall"]}


def child(command: list[str]) -> dict[str, Any]:
    """Run a command; its output and the CPU it and its own children took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command[1:4])} failed: {done.stderr[-800:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"out": done.stdout, "cpu": cpu, "wall": time.monotonic() - began}


class Clock:
    """CPU by stage; time inside a nested stage counts for the nested one only."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.open: list[float] = []

    def around(self, owner: Any, name: str, stage: str) -> None:
        """Replace a function, method or cached property by one that counts for `stage`."""
        found = owner.__dict__[name]
        inner: Callable[..., Any] = getattr(found, "func", found)

        def counted(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            self.open.append(0.0)
            try:
                return inner(*args, **kwargs)
            finally:
                took = time.process_time() - began
                self.spent[stage] = self.spent.get(stage, 0.0) + took - self.open.pop()
                if self.open:
                    self.open[-1] += took

        if hasattr(found, "func"):
            found.func = counted
        else:
            setattr(owner, name, counted)


def inside(home: str) -> None:
    """Plan in this process as the command does, with the stages counted, and print what was found."""
    from liftwright.agents.bench import Bench, assembly, solving, texts
    from liftwright.agents.bench.data import Data
    from liftwright.agents.bench.scores import Scores
    from liftwright.cli import planning
    from liftwright.cli.workspace import Workspace, parse_time
    from liftwright.flow import walk
    from liftwright.store.lake import ParquetLake

    clock = Clock()
    clock.spent["start"] = time.process_time()
    stages: dict[str, list[tuple[Any, str]]] = {
        "reading": [(Data, "imported"), (Data, "people"), (Data, "tables")],
        "features": [(Data, "features"), (Data, "features_at"), (Data, "rows"), (Data, "past_tests"), (Data, "recent_outcomes")],
        "scores": [(Scores, "effects"), (Scores, "buy_chance"), (Scores, "order_revenue")],
        "compliance": [(Data, "verdicts"), (Data, "allowed"), (Bench, "eligible"), (Bench, "check_plan")],
        "texts": [(texts, "draft"), (texts, "check")],
        "candidates": [(solving, "_candidates")],
        "solve": [(solving.assignment, "solve"), (solving.assignment, "would_get")],
        "check": [(solving.checking, "check")],
        "pacing": [(solving, "_spread")],
        "summary": [(assembly, "assigned"), (Bench, "assign")],
        "storing": [(ParquetLake, "put")],
    }
    for stage, places in stages.items():
        for owner, name in places:
            clock.around(owner, name, stage)
    import asyncio

    from liftwright.flow import shown

    workspace = Workspace(Path(home), parse_time(NOW), True, False)
    deps = workspace.deps()
    campaign = asyncio.run(walk.start(GOAL, deps=deps))
    data = shown.plan_json(campaign.campaign_id, deps=deps)
    planning.plan_text(data)
    plan = deps.campaigns.plan(campaign.campaign_id)
    found = data.get("assignment", {}) | {"status": data["status"]}
    if plan is not None:
        found["candidates"] = deps.lake.get(plan.assignment.candidates).num_rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({name: found.get(name) for name in KEPT} | {"stages": clock.spent, "peak_gb": peak}))


def line(customers: int, whole: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """The contract's benchmark line."""
    stages = {name: round(spent, 2) for name, spent in sorted(whole["stages"].items(), key=lambda pair: -pair[1])}
    stages["everything_else"] = round(whole["cpu"] - sum(whole["stages"].values()), 2)
    start = part["stages"]["start"]
    linear = start + 2 * (part["cpu"] - start)
    return {
        "name": "plan",
        "n": customers,
        "ours": {
            "cpu_seconds": round(whole["cpu"], 1),
            "stages": stages,
            "peak_gb": round(whole["peak_gb"], 2),
            "wall_seconds": round(whole["wall"], 1),
            "import_cpu_seconds": round(whole["import"], 1),
            **{name: whole[name] for name in KEPT},
        },
        "peers": {"twice_half": {"cpu_seconds": round(linear, 1), "customers": customers // 2, "status": part["status"]}},
        "ratio": {"twice_half": round(linear / whole["cpu"], 2)},
    }


if __name__ == "__main__":
    main()
