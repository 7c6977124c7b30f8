"""What the product causes in the simulated market, next to simple rules, over several seeds. Prints one JSON line.

    python benchmarks/outcome.py --seeds 5 --customers 20000 --days 14 [--json]

ours: mean share of the oracle's incremental margin, in how many runs the product's own 95 % interval covered the truth, mean reported
over true incremental margin, mean true incremental margin, in how many runs ours caused more than every rule, CPU seconds a run. peers: the same market under each simple rule.
ratio: ours less the rule, as a share of the oracle (a ratio to a rule that loses money would say nothing).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from liftwright.evaluation.market import MarketRun


def main() -> None:
    """Run every seed and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    first, last = options.first_seed, options.first_seed + options.seeds
    runs = [one(seed, options.customers, options.days) for seed in range(first, last)]
    print(json.dumps(line(runs, options.customers)))


def one(seed: int, customers: int, days: int) -> dict[str, Any]:
    """One seed: the report of its campaign, the rules' results, the CPU it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    with tempfile.TemporaryDirectory() as scratch:
        played = asyncio.run(
            MarketRun(
                home=Path(scratch),
                customers=customers,
                days=days,
                campaigns=1,
                seed=seed,
                approve=lambda title, plan_hash: True,
                progress=lambda who, what: None,
            ).play()
        )
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"report": played["campaigns"][0], "baselines": played["baselines"], "cpu": cpu}


def line(runs: list[dict[str, Any]], customers: int) -> dict[str, Any]:
    """The runs as the contract's benchmark line."""
    truths = [run["report"]["truth"] for run in runs]
    told = [run["report"]["incremental_margin"] for run in runs]
    share = mean(truth["share_of_oracle"] for truth in truths)
    covered = [t["low"] <= truth["incremental_margin"] <= t["high"] for t, truth in zip(told, truths, strict=True)]
    true_margin = mean(truth["incremental_margin"] for truth in truths)
    peers = {
        name: {
            "share_of_oracle": round(mean(run["baselines"][name]["share_of_oracle"] for run in runs), 4),
            "incremental_margin": round(mean(run["baselines"][name]["incremental_margin"] for run in runs), 2),
        }
        for name in runs[0]["baselines"]
    }
    return {
        "name": "outcome",
        "n": customers,
        "ours": {
            "share_of_oracle": round(share, 4),
            "interval_covers": sum(covered),
            "reported_vs_true": round(mean(t["mid"] for t in told) / true_margin, 3),
            "incremental_margin": round(true_margin, 2),
            "by_seed": [truth["incremental_margin"] for truth in truths],
            "reported_by_seed": [round(t["mid"], 2) for t in told],
            "seeds_above_every_rule": sum(_is_above(run) for run in runs),
            "runs": len(runs),
            "policy_violations": sum(run["report"]["policy_violations"] for run in runs),
            "duplicates": sum(run["report"]["sends"]["duplicates"] for run in runs),
            "cpu_seconds": round(mean(run["cpu"] for run in runs), 1),
        },
        "peers": peers,
        "ratio": {name: round(share - peer["share_of_oracle"], 4) for name, peer in peers.items()},
    }


def _is_above(run: dict[str, Any]) -> bool:
    """Whether ours caused more than every simple rule in this market."""
    rules = [rule["incremental_margin"] for rule in run["baselines"].values()]
    return bool(run["report"]["truth"]["incremental_margin"] > max(rules))


if __name__ == "__main__":
    main()
