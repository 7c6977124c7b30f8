"""What another policy would have brought, from logged decisions: bias and coverage on simulations, sense on real logs. One JSON line.

    python benchmarks/off_policy.py [--data DIR] [--runs 200] [--seed 7] [--json]

Simulation: 20,000 decisions among 5 actions, about a tenth of them with an order, lognormal margin; the log draws from a softmax of a
wrong model with 20 % drawn evenly; the policy judged takes one action per person for sure. ours: bias and coverage of the 95 % interval of
the doubly robust estimate (SNIPS beside it); without_propensities: what happens to a log without chances. peers, on the same logs: the
mean of the decisions that happened to match, the model alone, and weighting by how often each action was chosen.

With `--data` (open_bandit_random_all.csv.gz): the uniform policy must come out at the log's own mean, a policy that leans to what was
clicked most in the other half is judged, one that shows a single item must be refused. With open_bandit_bts_all.csv.gz beside it, the
policy of that log is judged from the random one and compared with that log's own mean.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.csv as pa_csv

from liftwright.measurement import off_policy

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
DECISIONS, ACTIONS, FEATURES = 20_000, 5, 5
EVEN = 0.2
"""Share of the logged decisions drawn evenly."""
MANY = 400_000
"""Decisions from which the truth is computed."""


@dataclass(frozen=True)
class Log:
    """Logged decisions: features, what was chosen, its chance, the reward, and what the judged policy does."""

    features: Floats
    chosen: Ints
    chance: Floats
    reward: Floats
    target: Ints


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    print(json.dumps(line(runs=options.runs, seed=options.seed, data=options.data)))


def line(*, runs: int, seed: int, data: Path | None) -> dict[str, Any]:
    """The contract's benchmark line. Bias is relative to the truth; coverage is of the 95 % interval."""
    world = World(np.random.default_rng([seed, 0x0FF]))
    found = [judged(world.log(np.random.default_rng([seed, 1, run]), DECISIONS)) for run in range(runs)]
    truth = world.truth(np.random.default_rng([seed, 2]))
    scores = {name: score(np.array([each[name] for each in found]), truth) for name in found[0]}
    without = off_policy.evaluate([0.0, 1.0], propensities=None, target=[1.0, 0.0])
    return {
        "name": "off_policy",
        "n": runs * DECISIONS,
        "ours": {
            "bias": scores["doubly_robust"]["bias"],
            "coverage": scores["doubly_robust"]["coverage"],
            "rmse": scores["doubly_robust"]["rmse"],
            "snips": scores["snips"],
            "without_propensities": "refused" if without.refusal else "answered",
            "open_bandit": None if data is None else dict(open_bandit(data, seed)),
        },
        "peers": {name: each for name, each in scores.items() if name not in ("doubly_robust", "snips")},
        "ratio": {},
        "note": "" if data is not None else "no --data: the real logs were not judged",
    }


class World:
    """People whose best action depends on them, and a policy that logs with chances that follow a wrong model."""

    def __init__(self, luck: np.random.Generator) -> None:
        self.slopes = luck.normal(0.0, 0.5, (ACTIONS, FEATURES))
        self.level = np.log(0.1) - 0.3 + luck.normal(0.0, 0.2, ACTIONS)
        self.wrong = self.slopes + luck.normal(0.0, 0.5, (ACTIONS, FEATURES))
        self.mean = 20.0 * np.exp(luck.normal(0.0, 0.15, ACTIONS))

    def rate(self, features: Floats) -> Floats:
        """Chance of an order by action; not linear in the features."""
        return 1.0 / (1.0 + np.exp(-(self.level + features @ self.slopes.T + 0.3 * np.abs(features[:, :1]))))

    def target(self, features: Floats) -> Ints:
        """The judged policy: the best action of a model with a different error."""
        return np.argmax(features @ self.slopes.T + self.level + 0.3 * np.sin(3.0 * features @ self.wrong.T), axis=1)

    def log(self, luck: np.random.Generator, count: int) -> Log:
        """Draw and carry out decisions."""
        features, rows = luck.standard_normal((count, FEATURES)), np.arange(count)
        liked = np.exp(features @ self.wrong.T)
        chances = EVEN / ACTIONS + (1.0 - EVEN) * liked / liked.sum(axis=1, keepdims=True)
        chosen = (luck.random(count)[:, None] > np.cumsum(chances, axis=1)).sum(axis=1).clip(max=ACTIONS - 1)
        bought = luck.random(count) < self.rate(features)[rows, chosen]
        margin = bought * self.mean[chosen] * np.exp(luck.normal(-0.32, 0.8, count))
        return Log(features, chosen, chances[rows, chosen], margin, self.target(features))

    def truth(self, luck: np.random.Generator) -> float:
        """The judged policy's margin per decision."""
        features = luck.standard_normal((MANY, FEATURES))
        target = self.target(features)
        return float((self.rate(features)[np.arange(MANY), target] * self.mean[target]).mean())


def judged(log: Log) -> dict[str, tuple[float, float, float]]:
    """(low, mid, high) by estimator on one log."""
    rows = np.arange(len(log.reward))
    model = off_policy.cross_fitted(log.features, log.chosen, log.reward, actions=ACTIONS)
    matched = (log.chosen == log.target).astype(np.float64)
    expected = {"expected_chosen": model[rows, log.chosen], "expected_target": model[rows, log.target]}
    ours = off_policy.evaluate(log.reward, propensities=log.chance, target=matched, **expected)
    share = np.bincount(log.chosen, minlength=ACTIONS) / len(log.chosen)
    naive = off_policy.evaluate(log.reward, propensities=share[log.chosen], target=matched)
    assert ours.doubly_robust is not None
    assert ours.snips is not None
    assert naive.snips is not None
    found = {"doubly_robust": ours.doubly_robust, "snips": ours.snips, "frequency_weighted": naive.snips}
    return {
        **{name: (each.low, each.mid, each.high) for name, each in found.items()},
        "model_alone": around(model[rows, log.target]),
        "matched_mean": around(log.reward[matched > 0]),
    }


def around(values: Floats) -> tuple[float, float, float]:
    """A mean with its normal interval."""
    mid, half = float(values.mean()), 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5
    return mid - half, mid, mid + half


def score(found: Floats, truth: float) -> dict[str, float]:
    """Bias and root mean square error relative to the truth, and coverage."""
    low, mid, high = found.T
    return {
        "bias": round(float(mid.mean() / truth - 1.0), 4),
        "rmse": round(float(np.sqrt(((mid - truth) ** 2).mean()) / truth), 4),
        "coverage": round(float(((low <= truth) & (truth <= high)).mean()), 3),
    }


def open_bandit(data: Path, seed: int) -> Iterator[tuple[str, Any]]:
    """Clicks per thousand items shown, under policies judged on the log of the random one."""
    item, position, click, chance = read(data / "open_bandit_random_all.csv.gz")
    yield "log_mean", round(1000 * float(click.mean()), 2)
    items = int(item.max()) + 1
    yield "uniform", told(click, chance, np.full(len(click), 1.0 / items))
    half = np.random.default_rng(seed).random(len(click)) < 0.5
    leaning = np.zeros(len(click))
    for mine, other in ((half, ~half), (~half, half)):
        liked = np.bincount(item[other], weights=click[other], minlength=items) + 1.0
        leaning[mine] = (liked / liked.sum())[item[mine]]
    yield "leaning_to_clicked", told(click, chance, leaning)
    yield "single_item", told(click, chance, (item == 0).astype(np.float64))
    second = data / "open_bandit_bts_all.csv.gz"
    if second.exists():
        theirs, where, clicked, _ = read(second)
        shown = np.zeros((int(where.max()) + 1, items))
        np.add.at(shown, (where, theirs), 1.0)
        shown /= np.maximum(shown.sum(axis=1, keepdims=True), 1.0)
        yield "bts", told(click, chance, shown[position, item])
        yield "bts_log_mean", [round(1000 * each, 2) for each in around(clicked)]


def read(path: Path) -> tuple[Ints, Ints, Floats, Floats]:
    """Item, position, click and the chance of the item shown."""
    table = pa_csv.read_csv(path)
    item, position = (table[name].to_numpy().astype(np.int64) for name in ("item_id", "position"))
    click, chance = (table[name].to_numpy().astype(np.float64) for name in ("click", "propensity_score"))
    return item, position, click, chance


def told(click: Floats, chance: Floats, target: Floats) -> Any:
    """The estimate per thousand with its interval, or the refusal."""
    found = off_policy.evaluate(click, propensities=chance, target=target)
    if found.snips is None:
        return f"refused: {found.refusal}"
    value = [round(1000 * each, 2) for each in (found.snips.low, found.snips.mid, found.snips.high)]
    return {"per_thousand": value, "effective": round(found.effective), "max_weight": round(found.max_weight, 1)}


if __name__ == "__main__":
    main()
