"""Looking every day at a small holdout with skewed order values: false alarms, coverage, power, futility, speed. Prints one JSON line.

    python benchmarks/sequential.py [--runs 2000] [--people 1000000] [--json]

Two worlds (holdouts of 10 % and 5 %), 200 orders expected in the holdout, 1 % conversion, lognormal order values (s = 1.2), 20 looks, order
values capped as a plan caps them. ours: what the product's own look decides (`looks`, `estimate.compare`, `report.decided`,
`stopping.judge`). peers: the ordinary t test at every look, and our bounds with the unpooled variance. ratio: the t test's rate of false
alarms over ours. Then one whole report of a million people, and a report of arms that were tampered with.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import norm

from liftwright.domain.experiment import Analysis, Detectable, Experiment
from liftwright.measurement import estimate, freezing, looks, power, report, stopping
from liftwright.measurement.moments import Arm

Floats = npt.NDArray[np.float64]
LOOKS = 20
RATE, SPREAD, CENTRE = 0.01, 1.2, 3.0
CONVERSIONS = 200
FUTILITY = tuple(rule for rule in stopping.planned() if rule.name == "futility")


@dataclass(frozen=True)
class World:
    """People of both arms, the cap, and mean and deviation of one person's capped outcome without an effect."""

    treated: int
    holdout: int
    cap: float
    mean: float
    sd: float


@dataclass(frozen=True)
class Ending:
    """How one run ended, with futility and without; whether the interval at the end without futility held the truth, ours and unpooled."""

    decided: str
    share: float
    stopped_futile: bool
    decided_first: bool
    covers: bool
    unpooled_covers: bool
    naive: bool
    share_without: float


def world(share: float) -> World:
    """A holdout of this share with 200 expected orders; the cap comes from past buyers."""
    holdout = round(CONVERSIONS / RATE)
    past = np.random.default_rng(7).lognormal(CENTRE, SPREAD, 5_000)
    cap = freezing.cap_for(past)
    assert cap is not None
    first, second = (_capped_moment(cap, power) for power in (1, 2))
    mean = RATE * first
    return World(round(holdout * (1.0 - share) / share), holdout, cap, mean, math.sqrt(RATE * second - mean**2))


def _capped_moment(cap: float, order: int) -> float:
    """Mean of min(V, cap)^order for lognormal V."""
    edge = (math.log(cap) - CENTRE) / SPREAD
    below = math.exp(order * CENTRE + (order * SPREAD) ** 2 / 2.0) * norm.cdf(edge - order * SPREAD)
    return float(below + cap**order * norm.sf(edge))


def draw(place: World, extra: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Per arm (LOOKS, 4): people with an order so far, their capped values summed, squared and cubed; `extra` is the relative effect."""
    found = []
    for people, rate in ((place.treated, RATE * (1.0 + extra)), (place.holdout, RATE)):
        counts = rng.poisson(people * rate / LOOKS, LOOKS)
        values = np.minimum(rng.lognormal(CENTRE, SPREAD, int(counts.sum())), place.cap)
        edges = np.concatenate([[0], np.cumsum(counts)])
        sums = [np.concatenate([[0.0], np.cumsum(values**order)])[edges[1:]] for order in (1, 2, 3)]
        found.append(np.stack([edges[1:].astype(float), *sums], axis=1))
    return found[0], found[1]


def arm(people: int, row: Floats) -> Arm:
    """What is kept of an arm."""
    mean = float(row[1]) / people
    squares, cube = float(row[2]) - people * mean**2, float(row[3]) - 3.0 * mean * float(row[2]) + 2.0 * people * mean**3
    return Arm(people=people, seen=int(row[0]), mean=mean, squares=squares, cubes=(cube, 0.0, 0.0, 0.0))


def run(place: World, extra: float, rng: np.random.Generator) -> Ending:
    """One campaign, looked at until it decides or ends."""
    rows = draw(place, extra, rng)
    past: list[Any] = []
    futile_at, naive = None, False
    for k in range(LOOKS):
        share = (k + 1) / LOOKS
        arms = arm(place.treated, rows[0][k]), arm(place.holdout, rows[1][k])
        seen = min(one.seen for one in arms)
        pooled = looks.conversions((arms[0].seen, arms[1].seen), (place.treated, place.holdout))
        now = looks.look(conversions=pooled, planned=CONVERSIONS, elapsed=share, has_ended=k == LOOKS - 1)
        critical = looks.critical(now, past, level=0.95)
        lift = estimate.compare(*arms, metric="margin", cap=place.cap, critical=critical)
        naive = naive or abs(_welch(arms)) > 1.959964
        decision = report.decided(lift, conversions=seen)
        if looks.is_decidable(seen):
            past.append(now)
        watch = stopping.Watch(fraction=share, lift=lift, conversions=seen, information=now.spending)
        if futile_at is None and decision is None and stopping.judge(watch, rules=FUTILITY):
            futile_at = share
        if decision is not None or k == LOOKS - 1:
            break
    assert lift.low is not None
    assert lift.mid is not None
    assert lift.high is not None
    truth = place.mean * extra * share
    half = (critical or 1.959964) * math.sqrt(sum(one.variance / one.people for one in arms))
    naive = naive or any(
        abs(_welch((arm(place.treated, a), arm(place.holdout, b)))) > 1.959964
        for a, b in zip(rows[0][k:], rows[1][k:], strict=True)
    )
    return Ending(
        decided=decision or "",
        share=futile_at if futile_at is not None else share,
        stopped_futile=futile_at is not None,
        decided_first=decision is not None and futile_at is None,
        covers=lift.low <= truth <= lift.high,
        unpooled_covers=abs(lift.mid - truth) <= half,
        naive=naive,
        share_without=share,
    )


def _welch(arms: tuple[Arm, Arm]) -> float:
    error = math.sqrt(sum(one.variance / one.people for one in arms))
    return (arms[0].mean - arms[1].mean) / error if error > 0.0 else 0.0


def measure(share: float, runs: int) -> dict[str, Any]:
    """One world: campaigns without an effect, at the effect the plan says it can find, and at half of that."""
    place = world(share)
    found = power.detectable(treated=place.treated, holdout=place.holdout, mean=place.mean, sd=place.sd, looks=LOOKS)
    assert found.relative is not None
    endings = {}
    for number, (name, extra, count) in enumerate(
        (("null", 0.0, runs), ("full", found.relative, runs), ("half", found.relative / 2.0, max(runs // 2, 1)))
    ):
        rng = np.random.default_rng([number, round(1000 * share)])
        endings[name] = [run(place, extra, rng) for _ in range(count)]
    null, full = endings["null"], endings["full"]
    every = [one for kind in endings.values() for one in kind]
    return {
        "aa_rate": _mean(bool(one.decided) for one in null),
        "naive": _mean(one.naive for one in null),
        "coverage": {name: _mean(one.covers for one in kind) for name, kind in endings.items()},
        "coverage_all": _mean(one.covers for one in every),
        "unpooled_coverage": {name: _mean(one.unpooled_covers for one in kind) for name, kind in endings.items()},
        "power": _mean(one.decided == "win" for one in full),
        "power_with_futility": _mean(one.decided == "win" and one.decided_first for one in full),
        "null_sample": _mean(one.share for one in null),
        "null_sample_without": _mean(one.share_without for one in null),
        "relative": found.relative,
    }


def _mean(values: Any) -> float:
    return round(float(np.mean([float(value) for value in values])), 4)


def million(people: int) -> dict[str, Any]:
    """A whole report of this many people with CUPED, five metrics and the bounds of 20 looks; then one of arms that were tampered with."""
    audience, outcomes = _tables(people)
    experiment = Experiment(
        salt="s", holdout_share=0.1, primary_metric="margin", mde=Detectable(absolute=1.0), method="", treated=0, holdout=0,
        analysis=Analysis(conversions=people * 0.1 * RATE, cap=200.0, stricter_cap=100.0, covariate="prior_value"),
    )  # fmt: skip
    before = time.process_time()
    past = [looks.look(conversions=k, planned=LOOKS, elapsed=k / LOOKS, has_ended=False) for k in range(1, LOOKS)]
    end = looks.look(conversions=LOOKS, planned=LOOKS, elapsed=1.0, has_ended=True)
    critical, each = (looks.critical(end, past, level=level) for level in (0.95, 0.99))
    found = report.build(
        _flight(["c0000000"]), audience=audience, outcomes=outcomes, experiment=experiment, critical=critical, critical_each=each
    )
    cpu = time.process_time() - before
    keep = np.ones(people, dtype=bool)
    keep[np.flatnonzero(np.asarray(audience["arm"].to_pylist(), dtype=object) == "holdout")[: people // 200]] = False
    lost = [name for name, kept in zip(audience["customer_id"].to_pylist(), keep, strict=True) if not kept]
    broken = report.build(_flight(lost[:3], lost=lost), audience=audience, outcomes=outcomes, experiment=experiment)
    return {
        "cpu": cpu,
        "metrics": 1 + len(found.secondary),
        "healthy": found.verdict not in ("invalid", "running"),
        "srm_found": broken.verdict == "invalid",
        "contamination_found": broken.health.contamination == 3,
    }


def _flight(delivered: list[str], lost: Any = ()) -> report.Flight:
    return report.Flight(
        campaign_id="k", status="finished", currency="USD", approved_hash="", plan_hash="", sends={}, delivered=delivered, lost=lost,
        has_ended=True,
    )  # fmt: skip


def _tables(people: int) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(3)
    ids = pa.array([f"c{number:07d}" for number in range(people)])
    buys = rng.random(people) < RATE
    revenue = buys * rng.lognormal(CENTRE, SPREAD, people)
    held = rng.permutation(np.arange(people) < people // 10)
    audience = pa.table(
        {
            "customer_id": ids,
            "arm": pa.array(np.where(held, "holdout", "treated")),
            "is_selected": pa.array(np.ones(people, dtype=bool)),
            "prior_value": revenue * 0.5 + rng.gamma(1.0, 2.0, people),
        }
    )
    columns = {"margin": 0.4 * revenue, "order_margin": 0.4 * revenue, "revenue": revenue, "orders": buys * 1.0}
    return audience, pa.table({"customer_id": ids, **columns, "visits": rng.poisson(0.3, people) * 1.0})


def line(worlds: dict[str, dict[str, Any]], large: dict[str, Any], runs: int, cpu: float) -> dict[str, Any]:
    """The benchmark line; the worse of both worlds where one figure stands for them."""
    each = list(worlds.values())
    aa = {f"aa_rate_{name}": one["aa_rate"] for name, one in worlds.items()}
    naive = {name: one["naive"] for name, one in worlds.items()}
    return {
        "name": "sequential",
        "n": runs,
        "ours": {
            **aa,
            "coverage_at_stop": min(one["coverage_all"] for one in each),
            "coverage_by_effect": {name: one["coverage"] for name, one in worlds.items()},
            "power_at_mde": min(one["power_with_futility"] for one in each),
            "null_sample_share": max(one["null_sample"] for one in each),
            "null_sample_share_without_futility": max(one["null_sample_without"] for one in each),
            "power_points_lost": round(100 * max(one["power"] - one["power_with_futility"] for one in each), 2),
            "detectable_relative": {name: round(one["relative"], 3) for name, one in worlds.items()},
            "cpu_seconds_1m": round(large["cpu"], 3),
            "metrics_1m": large["metrics"],
            "healthy_report_passes": large["healthy"],
            "planted_srm_found": large["srm_found"],
            "planted_contamination_found": large["contamination_found"],
            "cpu_seconds": round(cpu, 1),
        },
        "peers": {
            "t_test_at_every_look": {f"aa_rate_{name}": rate for name, rate in naive.items()},
            "unpooled_variance": {f"coverage_{name}": one["unpooled_coverage"] for name, one in worlds.items()},
        },
        "ratio": {"naive_aa_rate": round(min(naive[name] / max(one["aa_rate"], 1e-9) for name, one in worlds.items()), 2)},
    }


def main() -> None:
    """Both worlds, the large report, the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    before = time.process_time()
    worlds = {name: measure(share, options.runs) for name, share in (("90_10", 0.10), ("95_5", 0.05))}
    large = million(options.people)
    print(json.dumps(line(worlds, large, options.runs, time.process_time() - before)))


if __name__ == "__main__":
    main()
