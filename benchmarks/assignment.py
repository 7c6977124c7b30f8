"""Assignment: people x 24 options under a budget, capacities and stocks, with a certificate. Prints one JSON line.

    python benchmarks/assignment.py --n 50000 [--peer-cpu 60] [--json]

Each person gets at most 1 or 2 of 8 channels and at most one of 3 offers per channel; a budget, a capacity per channel and a stock per
offer hold over all; a quarter of the person-channel pairs is not allowed; values are heavy-tailed. `ours` is
`planning.assignment.settling.settle` (single precision values): gap and violations come from `grid_check`, which shares no code with
it and recomputes the bound from the prices. warm: the same people with 5 % more and 10 % less budget, started from the earlier
prices; warm_share is the mean of their CPU seconds over the cold ones. Peers in the same run: HiGHS LP by scipy on the same problem,
in its own process with a limit of CPU seconds (reached = no solution: its ratio is then a lower bound), skipped above 50,000 people;
HiGHS MIP at 2,000 people, against which ours must agree; greedy by value, up to 50,000 people. peak_gb is this process's after our
solve, the problem itself included.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from liftwright.planning.assignment import grid_check
from liftwright.planning.assignment.problem import Problem
from liftwright.planning.assignment.settling import Settled, settle

CHANNELS, OFFERS = 8, 3
COST = np.array([0.002, 0.04, 0.001, 0.85, 0.6, 0.05, 0.01, 0.03])
EXTRA = np.array([0.0, 0.2, 0.5])
CAPACITY = np.array([0.15, 0.1, 0.08, 0.04, 0.03, 0.12, 0.15, 0.2])
STOCK = np.array([0.5, 0.25, 0.1])
BUDGET = 0.15
MOST_FOR_PEERS, SMALL = 50_000, 2_000


def market(people: int, *, seed: int = 0) -> Problem:
    """Single-precision values on a grid; the limits grow with the number of people."""
    rng = np.random.default_rng(seed)
    value = np.empty((CHANNELS * OFFERS, people), dtype=np.float32)
    for channel in range(CHANNELS):
        base = rng.pareto(2.5, people) * rng.lognormal(0.0, 0.3, people)
        base[rng.random(people) < 0.25] = -np.inf
        for offer in range(OFFERS):
            value[channel * OFFERS + offer] = base * (1.0 + 0.3 * offer) * rng.lognormal(0.0, 0.3, people)
    channel, offer = np.divmod(np.arange(CHANNELS * OFFERS), OFFERS)
    one = np.ones((len(channel), 1))
    cost = (COST[channel] + EXTRA[offer])[:, None]
    return Problem(
        value=value,
        slot=channel,
        kinds=((np.zeros_like(channel), cost), (1 + channel, one), (1 + CHANNELS + offer, one)),
        limits=np.concatenate([[BUDGET * people], np.floor(CAPACITY * people), np.floor(STOCK * people)]),
        cap=rng.integers(1, 3, people),
    )


def arrays(problem: Problem) -> dict[str, Any]:
    """What a checker may know."""
    return {name: getattr(problem, name) for name in ("value", "slot", "kinds", "limits", "cap")}


def timed(work: Any) -> tuple[Any, float]:
    """What it returns and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return found, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def judged(problem: Problem, found: Settled, cpu: float) -> dict[str, Any]:
    """Figures of one solve, by the independent checker."""
    proven = grid_check.bound(found.prices, **arrays(problem))
    wrong = grid_check.violations(found.plan, **arrays(problem), objective=found.objective)
    return {
        "gap": (proven - found.objective) / proven,
        "violations": len(wrong),
        "cpu_seconds": round(cpu, 3),
        "objective": round(found.objective, 3),
        "upper_bound": round(proven, 3),
    }


def matrix(problem: Problem) -> tuple[Any, Any, Any]:
    """Values, constraint matrix and right-hand side of the same problem, with one variable per allowed person and option."""
    option, person = np.nonzero(np.isfinite(problem.value))
    count = np.arange(len(option))
    person_slot = person * CHANNELS + problem.slot[option]
    parts = [(np.arange(len(option)), person, np.ones(len(option))), (count, problem.people + person_slot, np.ones(len(option)))]
    base = problem.people * (1 + CHANNELS)
    parts += [(count, base + resource[option], use[option, 0]) for resource, use in problem.kinds]
    columns, rows, data = (np.concatenate([part[place] for part in parts]) for place in range(3))
    right = np.concatenate([np.asarray(problem.cap), np.ones(problem.people * CHANNELS), problem.limits])
    grid = csr_array((data, (rows, columns)), shape=(len(right), len(option)))
    return problem.value[option, person].astype(np.float64), grid, right


def lp(people: int) -> dict[str, Any]:
    """HiGHS on the relaxation."""
    value, grid, right = matrix(market(people))
    found, cpu = timed(lambda: linprog(-value, A_ub=grid, b_ub=right, bounds=(0, 1), method="highs"))
    return {"cpu_seconds": round(cpu, 2), "upper_bound": None if found.x is None else round(-float(found.fun), 3)}


def mip(people: int) -> dict[str, Any]:
    """HiGHS with whole numbers."""
    value, grid, right = matrix(market(people))
    rules, stop = LinearConstraint(grid, ub=right), {"mip_rel_gap": 2e-5}
    found, cpu = timed(lambda: milp(-value, constraints=rules, integrality=1, bounds=Bounds(0, 1), options=stop))
    return {"cpu_seconds": round(cpu, 2), "n": people, "objective": None if found.x is None else round(-float(found.fun), 3)}


def apart(peer: str, people: int, *, seconds: int) -> dict[str, Any]:
    """A peer in its own process, which ends when its CPU seconds are used up."""
    if people > MOST_FOR_PEERS:
        return {"skipped": f"run it with --n {MOST_FOR_PEERS}: already there it finds no solution in reasonable time"}

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))

    command = [sys.executable, __file__, "--n", str(people), "--only", peer]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode == 0:
        return dict(json.loads(ended.stdout.splitlines()[-1]))
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_seconds": round(used, 1), "stopped": f"no solution within {seconds} CPU seconds"}


def greedy(problem: Problem) -> dict[str, Any]:
    """The best value first, as long as everything fits."""
    if problem.people > MOST_FOR_PEERS:
        return {"skipped": f"run it with --n {MOST_FOR_PEERS}"}
    found, cpu = timed(lambda: _greedy(problem))
    return {"cpu_seconds": round(cpu, 2), "objective": round(found, 3)}


def _greedy(problem: Problem) -> float:
    allowed = np.flatnonzero(np.isfinite(problem.value))
    order = allowed[np.argsort(-problem.value.ravel()[allowed], kind="stable")]
    left, total = problem.limits.tolist(), 0.0
    room, taken = np.asarray(problem.cap).tolist(), set()
    uses = [[(int(of[option]), float(use[option, 0])) for of, use in problem.kinds] for option in range(problem.options)]
    value = problem.value.ravel()[order].tolist()
    for worth, option, person in zip(value, (order // problem.people).tolist(), (order % problem.people).tolist(), strict=True):
        cell = person * CHANNELS + option // OFFERS
        if room[person] and cell not in taken and all(left[limit] >= use for limit, use in uses[option]):
            room[person] -= 1
            taken.add(cell)
            total += worth
            for limit, use in uses[option]:
                left[limit] -= use
    return total


def line(people: int, *, seconds: int) -> dict[str, Any]:
    """The contract's benchmark line."""
    problem = market(people)
    started = time.perf_counter()
    found, cold = timed(lambda: settle(problem))
    wall = time.perf_counter() - started
    warm = []
    for factor in (1.05, 0.9):
        other = replace(problem, limits=problem.limits * np.append(factor, np.ones(len(problem.limits) - 1)))
        again, cpu = timed(lambda other=other: settle(other, start=found.prices))
        warm.append(judged(other, again, cpu))
    peak = peak_gb()
    ours = judged(problem, found, cold)
    warm_cpu = sum(each["cpu_seconds"] for each in warm) / len(warm)
    ours |= {
        "warm_cpu_seconds": round(warm_cpu, 3),
        "warm_share": round(warm_cpu / cold, 3),
        "warm_gap": max(each["gap"] for each in warm),
        "warm_violations": sum(each["violations"] for each in warm),
        "peak_gb": round(peak, 3),
        "wall_seconds": round(wall, 2),
    }
    small = market(SMALL)
    ours["at_2000"] = judged(small, *timed(lambda: settle(small)))
    peers = {
        "highs_lp": apart("lp", people, seconds=seconds),
        "highs_mip_2000": apart("mip", SMALL, seconds=seconds),
        "greedy": greedy(problem),
    }
    return {"name": "assignment", "n": people, "ours": ours, "peers": peers, "ratio": ratios(ours, peers)}


def ratios(ours: dict[str, Any], peers: dict[str, Any]) -> dict[str, float]:
    """CPU seconds: peer / ours; objectives: ours / peer. A peer that was stopped makes its CPU ratio a lower bound."""
    at_2000, found = ours["at_2000"], {}
    if "cpu_seconds" in peers["highs_lp"]:
        found["highs_lp_cpu"] = round(peers["highs_lp"]["cpu_seconds"] / ours["cpu_seconds"], 1)
    found["highs_mip_2000_cpu"] = round(peers["highs_mip_2000"]["cpu_seconds"] / at_2000["cpu_seconds"], 1)
    if peers["highs_mip_2000"].get("objective"):
        found["highs_mip_2000_objective"] = at_2000["objective"] / peers["highs_mip_2000"]["objective"]
    if "objective" in peers["greedy"]:
        found["greedy_objective"] = ours["objective"] / peers["greedy"]["objective"]
    return found


def peak_gb() -> float:
    """Greatest resident memory of this process, GB. Not `ru_maxrss` where it can be helped: that starts from the parent's."""
    status = Path("/proc/self/status")
    known = [line.split() for line in status.read_text().splitlines() if line.startswith("VmHWM:")] if status.exists() else []
    return (int(known[0][1]) if known else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=50_000, help="number of people")
    parser.add_argument("--peer-cpu", type=int, default=60, help="CPU seconds that each of the HiGHS peers may use")
    parser.add_argument("--only", choices=("lp", "mip"), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the output is always one JSON line")
    asked = parser.parse_args()
    peer = {"lp": lp, "mip": mip}.get(asked.only or "")
    print(json.dumps(peer(asked.n) if peer else line(asked.n, seconds=asked.peer_cpu)))


if __name__ == "__main__":
    main()
