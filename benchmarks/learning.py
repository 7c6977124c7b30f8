"""Whether campaigns teach the next ones something: on planted cells, and in the simulated market beside a cold start. Prints one JSON line.

    python benchmarks/learning.py --seeds 5 --customers 20000 --days 14 --chart docs/img/compounding.svg [--json]

Cells (192: 8 channels x 6 segments x 4 offers, standard error .5 points, .2 points between campaigns): root mean squared error of the third
campaign's successor with what was learned, over that of its own data alone; after a channel's effect is turned over, what is foretold of that
channel one and two campaigns later; a planted campaign with false numbers, whether it is found, how much harm is left.
Market: `--campaigns` campaigns one after the other per seed. Before each but the first, a twin plans on the same morning without what
campaigns taught: no lessons, no statistics, no deliveries, opens or clicks of own campaigns (orders, visits and opt-outs it knows, the
shop's own systems tell them). `untaught` knows every event and lacks lessons and statistics only. Plans are priced by the market's truth. `share` is of the oracle of that morning.
ratio: campaign 2 and 3 over campaign 1 (share of the oracle, as flown), and over the cold-start twin (as planned, in money).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import resource
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright import settings as settings_file
from liftwright import wiring
from liftwright.domain.campaign import Snapshot
from liftwright.domain.evidence import Lesson
from liftwright.domain.learning import Remembered
from liftwright.domain.plan import Plan
from liftwright.evaluation.market import GOALS, MarketRun
from liftwright.flow import fresh, launch, walk
from liftwright.planning.disputes import settle
from liftwright.planning.priors import Belief, Cell, Shown, posterior
from liftwright.ports import Deps, Lake, Lessons

CELLS = [Cell(f"channel{c}", f"segment{s}", f"offer{o}") for c, s, o in itertools.product(range(8), range(6), range(4))]
ERROR, BETWEEN, BELIEF = 0.5, 0.2, Belief(scale=1.0, mean=3.0)
"""Standard error of a cell in one campaign and scatter between campaigns, points; what is believed before any of it."""
TURNED, BEFORE = "channel0", 3
"""The channel whose effect is turned over, and how many campaigns ran before."""
OWN_ANSWERS = ("delivered", "email_open", "click")
"""Events of own sends that only who keeps what campaigns teach knows of."""


def main() -> None:
    """Run everything that was asked for and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="Seeds of the market; 0 leaves the market out.")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--campaigns", type=int, default=3)
    parser.add_argument("--worlds", type=int, default=10, help="Planted worlds of cells.")
    parser.add_argument("--chart", type=Path, default=None, help="Where to draw the compounding chart (SVG).")
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    before = cpu()
    planted = {**cells(options.worlds), **turned_over(options.worlds), **poisoned(options.worlds)}
    planted["cells_cpu_seconds"] = round(cpu() - before, 1)
    runs = [
        market(seed, options.customers, options.days, options.campaigns)
        for seed in range(options.first_seed, options.first_seed + options.seeds)
    ]
    if runs and options.chart is not None:
        options.chart.parent.mkdir(parents=True, exist_ok=True)
        options.chart.write_text(chart(runs), encoding="utf-8")
    print(json.dumps(line(planted, runs, options.customers)))


def cpu() -> float:
    """User and system seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def world(generator: np.random.Generator) -> np.ndarray:
    """Effects of all cells, points: additive in channel, segment and offer, with an interaction."""
    parts = [
        {level: generator.normal(0.0, spread) for level in sorted({cell[place] for cell in CELLS})}
        for place, spread in enumerate((0.3, 0.3, 0.2))
    ]
    return np.array(
        [1.0 + sum(part[name] for part, name in zip(parts, cell, strict=True)) + generator.normal(0.0, 0.15) for cell in CELLS]
    )


def campaign(effects: np.ndarray, generator: np.random.Generator, *, name: str, age: float) -> tuple[np.ndarray, list[Shown]]:
    """The effects of one campaign, and what it measured."""
    own = effects + generator.normal(0.0, BETWEEN, len(effects))
    seen = own + generator.normal(0.0, ERROR, len(effects))
    return own, [Shown(name, {cell: 1.0}, float(value), ERROR, age) for cell, value in zip(CELLS, seen, strict=True)]


def past(effects: np.ndarray, generator: np.random.Generator) -> list[Shown]:
    """What BEFORE campaigns measured, one every 45 days."""
    names = [(f"c{number}", 45.0 * (BEFORE + 2 - number)) for number in range(BEFORE)]
    return [each for name, age in names for each in campaign(effects, generator, name=name, age=age)[1]]


def learned(shown: list[Shown], *, name: str) -> np.ndarray:
    """Effects of a campaign by the product's own functions: disputes settled, then empirical Bayes."""
    return posterior(settle(shown, belief=BELIEF).active, CELLS, belief=BELIEF, campaign=name).means


def squared(found: np.ndarray, truth: np.ndarray, rows: np.ndarray | slice = slice(None)) -> float:
    """Mean squared error."""
    return float(np.mean((found - truth)[rows] ** 2))


def cells(worlds: int) -> dict[str, float]:
    """Error of a campaign's cells after BEFORE campaigns, learned over its own data alone."""
    ours, alone = [], []
    for number in range(worlds):
        generator = np.random.default_rng([number, 1])
        effects = world(generator)
        earlier = past(effects, generator)
        own, now = campaign(effects, generator, name="now", age=0.0)
        ours.append(squared(learned([*earlier, *now], name="now"), own))
        alone.append(squared(np.array([each.effect for each in now]), own))
    return {
        "rmse_ratio_after_3": round(float(np.sqrt(mean(ours) / mean(alone))), 4),
        "rmse_after_3": round(float(np.sqrt(mean(ours))), 4),
    }


def turned_over(worlds: int) -> dict[str, float]:
    """What is foretold of the next campaign on a channel whose effect changes its sign after BEFORE campaigns, one and two campaigns later:
    error over that of a memory that saw those two campaigns only; the same if contradictions were never settled."""
    rows = np.array([cell.channel == TURNED for cell in CELLS])
    found: dict[str, list[float]] = {name: [] for name in ("after_1", "after_2", "only", "stubborn")}
    signs = []
    for number in range(worlds):
        generator = np.random.default_rng([number, 2])
        effects = world(generator)
        turned = np.where(rows, -effects, effects)
        shown = past(effects, generator)
        since: list[Shown] = []
        for name, age in (("after_1", 45.0), ("after_2", 0.0)):
            since += campaign(turned, generator, name=name, age=age)[1]
            ours = learned([*shown, *since], name="next")
            found[name].append(squared(ours, turned, rows))
        found["only"].append(squared(learned(since, name="next"), turned, rows))
        found["stubborn"].append(squared(posterior([*shown, *since], CELLS, belief=BELIEF).means, turned, rows))
        signs.append(np.mean(np.sign(ours[rows]) == np.sign(turned[rows])))
    size = {name: float(np.sqrt(mean(values))) for name, values in found.items()}
    return {
        "turned_ratio_after_1": round(size["after_1"] / size["only"], 4),
        "turned_ratio_after_2": round(size["after_2"] / size["only"], 4),
        "turned_ratio_without_settling": round(size["stubborn"] / size["only"], 4),
        "turned_signs_right_after_2": round(float(mean(signs)), 4),
    }


def poisoned(worlds: int) -> dict[str, float]:
    """A campaign of which one channel's numbers are false (2 points too high, five times as sure), planted after BEFORE honest ones: in how
    many worlds it is contradicted at once and set aside by the next campaign, and the error then, over that without the poison."""
    rows = np.array([cell.channel == TURNED for cell in CELLS])
    doubted, gone, ours, clean = [], [], [], []
    for number in range(worlds):
        generator = np.random.default_rng([number, 3])
        effects = world(generator)
        earlier = past(effects, generator)
        false = campaign(effects, generator, name="poison", age=45.0)[1]
        false = [
            replace(each, effect=each.effect + 2.0, error=ERROR / 5, source="poison") if own else each
            for each, own in zip(false, rows, strict=True)
        ]
        own, now = campaign(effects, generator, name="now", age=0.0)
        doubted.append(bool(settle([*earlier, *false], belief=BELIEF).says))
        settled = settle([*earlier, *false, *now], belief=BELIEF)
        gone.append("poison" in settled.set_aside)
        ours.append(squared(posterior(settled.active, CELLS, belief=BELIEF, campaign="now").means, own, rows))
        clean.append(squared(learned([*earlier, *now], name="now"), own, rows))
    return {
        "poison_doubted_at_once": round(float(mean(doubted)), 4),
        "poison_set_aside_after_1": round(float(mean(gone)), 4),
        "poison_rmse_over_clean": round(float(np.sqrt(mean(ours) / mean(clean))), 4),
    }


class Forgetful:
    """Lessons of which none is ever found."""

    def __init__(self, lessons: Lessons) -> None:
        self._lessons = lessons

    def find(self, *, now: datetime, **rest: Any) -> list[Lesson]:
        """None."""
        return []

    def statistics(self, *, now: datetime, **keys: str) -> Remembered:
        """None."""
        return Remembered(())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lessons, name)


class Blind:
    """A lake without deliveries, opens and clicks of own sends."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def read(self, snapshot: Snapshot) -> dict[str, pa.Table]:
        """Every table, events without what only own sends tell."""
        tables = self._lake.read(snapshot)
        events = tables.get("events")
        if events is None or "send_id" not in events.column_names:
            return tables
        own = pc.greater(pc.utf8_length(pc.fill_null(events["send_id"], "")), 0)
        told = pc.is_in(events["type"], value_set=pa.array(OWN_ANSWERS))
        return {**tables, "events": events.filter(pc.invert(pc.and_(own, told)))}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lake, name)


@dataclass
class TwinRun(MarketRun):
    """Campaigns one after the other; before each but the first, a cold-start twin plans the same morning in a copy of the workspace."""

    pairs: list[dict[str, float]] = field(default_factory=list)

    def meet(self, title: str, plan_hash: str) -> bool:
        """Stands in for the approver; the plan that asks is priced, and so is the twin's. What a campaign under way asks is granted."""
        campaign = next((each for each in self.deps.campaigns.all() if each.status == "awaiting_approval"), None)
        if campaign is None:
            return True
        plan = self.deps.campaigns.plan(campaign.campaign_id)
        assert plan is not None
        first = self.market.today
        worth = {"planned": self._worth(plan, self.deps, first)}
        if self.pairs:
            with ThreadPoolExecutor(1) as aside:
                worth["cold"] = aside.submit(asyncio.run, self._twin(first, is_blind=True)).result()
                worth["untaught"] = aside.submit(asyncio.run, self._twin(first, is_blind=False)).result()
        self.pairs.append(worth)
        return True

    async def _twin(self, first: date, *, is_blind: bool) -> float:
        """True worth of a plan of the same morning without lessons and statistics, and without own answers where `is_blind`."""
        with tempfile.TemporaryDirectory() as scratch:
            home = Path(scratch) / "home"
            shutil.copytree(self.home, home)
            own = settings_file.load(directory=home, home=home, environment={})
            deps = wiring.build(own, now=self.clock)
            deps = replace(deps, lessons=Forgetful(deps.lessons), lake=Blind(deps.lake) if is_blind else deps.lake)
            campaign = await walk.start(GOALS[-1].format(days=self.days), deps=deps)
            plan = deps.campaigns.plan(campaign.campaign_id)
            return 0.0 if plan is None else self._worth(plan, deps, first)

    def _worth(self, plan: Plan, deps: Deps, first: date) -> float:
        rows = deps.lake.get(plan.assignment.digest)
        people = fresh.newest(deps).people.select(["customer_id", "time_zone"]).to_pylist()
        zones = {row["customer_id"]: row["time_zone"] for row in people if row["time_zone"]}
        sends = launch.sends_of(plan, rows, zones=zones, default_zone=deps.settings.time_zone, now=deps.now())
        columns: dict[str, Callable[[Any], Any]] = {
            "customer_id": lambda send: send.customer_id,
            "channel": lambda send: send.channel,
            "offer": lambda send: send.offer,
            "discount": lambda send: send.discount,
            "send_at": lambda send: send.send_at.isoformat(),
        }
        actions = pa.table({name: [read(send) for send in sends] for name, read in columns.items()})
        last = first + timedelta(days=self.days - 1)
        return self.market.worth(actions, starts_on=first, ends_on=last).incremental_margin


def market(seed: int, customers: int, days: int, campaigns: int) -> dict[str, Any]:
    """One seed: per campaign the share of the oracle as flown, and the true worth of the plan and of the twin's."""
    before = cpu()
    with tempfile.TemporaryDirectory() as scratch:
        run = TwinRun(
            home=Path(scratch) / "home",
            customers=customers,
            days=days,
            campaigns=campaigns,
            seed=seed,
            approve=lambda title, plan_hash: True,
            progress=lambda who, what: None,
        )
        run.approve = run.meet
        played = asyncio.run(run.play())["campaigns"]
    found = [
        {
            "share": round(each["truth"]["share_of_oracle"], 4),
            "flown": each["truth"]["incremental_margin"],
            "oracle": each["truth"]["oracle"],
            **{name: round(value, 2) for name, value in pair.items()},
        }
        for each, pair in zip(played, run.pairs, strict=True)
    ]
    return {"seed": seed, "campaigns": found, "cpu": cpu() - before}


def line(planted: dict[str, float], runs: list[dict[str, Any]], customers: int) -> dict[str, Any]:
    """The runs as the contract's benchmark line."""
    ours: dict[str, Any] = dict(planted)
    ratio: dict[str, Any] = {"rmse_ratio_after_3": planted["rmse_ratio_after_3"]}
    peers: dict[str, Any] = {"new_data_only": {"rmse": ERROR}}
    if runs:
        count = len(runs[0]["campaigns"])
        shares = [mean(run["campaigns"][k]["share"] for run in runs) for k in range(count)]
        warm, cold, untaught = (
            [mean(run["campaigns"][k][name] for run in runs) for k in range(1, count)] for name in ("planned", "cold", "untaught")
        )
        ratio |= {f"campaign_{k + 1}_vs_1": round(shares[k] / shares[0], 4) for k in range(1, count)}
        ratio |= {f"campaign_{k + 2}_vs_cold_start": round(w / c, 4) for k, (w, c) in enumerate(zip(warm, cold, strict=True))}
        ratio |= {f"campaign_{k + 2}_vs_untaught": round(w / u, 4) for k, (w, u) in enumerate(zip(warm, untaught, strict=True))}
        ours |= {name: value for name, value in ratio.items() if name not in ours}
        ours |= {
            "share_of_oracle": [round(share, 4) for share in shares],
            "planned": [round(value, 2) for value in warm],
            "beats_cold_start": [
                sum(run["campaigns"][k]["planned"] > run["campaigns"][k]["cold"] for run in runs) for k in range(1, count)
            ],
            "runs": runs,
            "cpu_seconds": round(mean(run["cpu"] for run in runs), 1),
        }
        peers["cold_start"] = {"planned": [round(value, 2) for value in cold]}
        peers["untaught"] = {"planned": [round(value, 2) for value in untaught]}
    return {"name": "learning", "n": customers, "ours": ours, "peers": peers, "ratio": ratio}


def chart(runs: list[dict[str, Any]]) -> str:
    """Share of the oracle per campaign, learned and cold, the mean over seeds as lines and every seed as a dot."""
    count = len(runs[0]["campaigns"])
    warm = [[run["campaigns"][k]["planned"] / run["campaigns"][k]["oracle"] for run in runs] for k in range(count)]
    cold = [warm[0], *([run["campaigns"][k]["cold"] / run["campaigns"][k]["oracle"] for run in runs] for k in range(1, count))]
    values = [value for series in (warm, cold) for each in series for value in each]
    low, high = min(values) - 0.02, max(values) + 0.02

    def at(k: int, value: float) -> tuple[float, float]:
        return 80 + 420 * k / max(count - 1, 1), 250 - 200 * (value - low) / (high - low)

    drawn = []
    for name, colour, series, shift in (("with what campaigns taught", "#1a6e5c", warm, -5), ("cold start", "#9a9a9a", cold, 5)):
        points = [at(k, mean(each)) for k, each in enumerate(series)]
        drawn.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2.5" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'
        )
        drawn += [
            f'<circle cx="{at(k, v)[0] + shift:.1f}" cy="{at(k, v)[1]:.1f}" r="3" fill="{colour}" fill-opacity=".45"/>'
            for k, each in enumerate(series)
            for v in each
        ]
        drawn.append(
            f'<text x="{points[-1][0] + 14:.1f}" y="{points[-1][1] + 4:.1f}" fill="{colour}">{name} {mean(series[-1]):.0%}</text>'
        )
    ticks = [low + (high - low) * step / 4 for step in range(5)]
    axis = [f'<text x="70" y="{at(0, tick)[1] + 4:.1f}" text-anchor="end" fill="#555">{tick:.0%}</text>' for tick in ticks]
    axis += [
        f'<text x="{at(k, low)[0]:.1f}" y="280" text-anchor="middle" fill="#555">campaign {k + 1}</text>' for k in range(count)
    ]
    title = f"Share of the oracle's incremental margin, simulated markets: {len(runs)}"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 300" font-family="sans-serif" font-size="13">'
        f'<title>{title}</title><rect width="760" height="300" fill="white"/><text x="80" y="24" fill="#222">{title}</text>'
        f"{''.join(axis)}{''.join(drawn)}</svg>\n"
    )


if __name__ == "__main__":
    main()
