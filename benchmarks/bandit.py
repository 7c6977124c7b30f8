"""The product's samplers in worlds with late orders, next to simple rules and mabwiser. Prints one JSON line.

    python benchmarks/bandit.py [--runs 400] [--worlds 20] [--seed 7] [--json]

Texts: 5 of one action, 14 daily batches of 4,000 sends, about 1.8 % order, within 7 days (most in the first), lognormal margin; opens
say nothing about margin. Regret: margin lost against always sending the best text, as a share of what an even split loses. Every rule
sees only the orders that are in; whatever the rule, the text for the next campaign is chosen by margin once the flight's orders are in. How far
texts differ was set so that an even split then finds the best one in about 70 % of worlds. margin_regret_slow: orders come on average
after 7 days, half of the flight.

Context: 5 actions, 7 features, about 3 % order, 14 batches of 2,000 people. ours: the linear sampler with 5 % drawn evenly; peers:
mabwiser's LinTS, LinUCB and LinGreedy fed batch by batch, without a floor or known chances (null where not installed: pip install
mabwiser). ratio.mabwiser: our regret / that of its LinTS.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from liftwright.planning import bandit, bandit_delay, contextual

try:
    from mabwiser import mab as mabwiser
except ImportError:
    mabwiser = None

Floats = npt.NDArray[np.float64]
TEXTS, DAYS, BATCH, FLOOR = 5, 14, 4_000, 0.05
DELAYS = {"within a week": (7 / 3, 7.0), "slow": (7.0, 28.0)}
"""Mean of the exponential delay of an order, and the latest; days."""
MARGIN, SPREAD = 20.0, 0.8
"""Mean margin of an order, and the standard deviation of its logarithm."""
ACTIONS, FEATURES, PEOPLE = 5, 7, 2_000
Rule = Callable[["Flight", int, int], Floats]
"""Shares of a day's batch from what is known on its morning: flight, day, seed."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="Worlds with texts.")
    parser.add_argument("--worlds", type=int, default=20, help="Worlds with context.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    print(json.dumps(line(runs=options.runs, worlds=options.worlds, seed=options.seed)))


def line(*, runs: int, worlds: int, seed: int) -> dict[str, Any]:
    """The contract's benchmark line."""
    texts = {name: [fly(rule, seed + n, "within a week") for n in range(runs)] for name, rule in RULES.items()}
    slow = {name: [fly(RULES[name], seed + n, "slow") for n in range(runs)] for name in ("fixed_split", "margin")}
    regret, worth = compared(texts)
    known, cpu = timed(lambda: [linear(seed + n) for n in range(worlds)])
    even = sum(found["even"] for found in known)
    context = {name: sum(found[name] for found in known) / even for name in known[0] if name != "even"}
    theirs = context.get("lin_ts")
    return {
        "name": "bandit",
        "n": runs * DAYS * BATCH,
        "ours": {
            "margin_regret": round(regret["margin"], 3),
            "opens_regret": round(regret["opens"], 3),
            "linear_regret": round(context["ours"], 3),
            "chosen_within_2_percent": round(float((worth["margin"] >= 0.98).mean()), 3),
            "margin_regret_slow": round(compared(slow)[0]["margin"], 3),
            "linear_cpu_seconds": round(cpu, 1),
        },
        "peers": {
            **{name: {"regret": round(regret[name], 3), "chosen_value": round(float(worth[name].mean()), 3)} for name in texts},
            "context_free": {"linear_regret": round(context["context_free"], 3)},
            **{f"mabwiser_{name}": {"linear_regret": round(context[name], 3)} if name in context else None for name in MABWISER},
        },
        "ratio": {"mabwiser": None if theirs is None else round(context["ours"] / theirs, 2)},
        "note": "mabwiser is not installed" if theirs is None else "",
    }


def compared(found: dict[str, list[tuple[float, float]]]) -> tuple[dict[str, float], dict[str, Floats]]:
    """Regret as a share of the even split's, and the value of each chosen text over the best, by rule."""
    fixed = sum(lost for lost, _ in found["fixed_split"])
    regret = {name: sum(lost for lost, _ in each) / fixed for name, each in found.items()}
    return regret, {name: np.array([value for _, value in each]) for name, each in found.items()}


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returns and the CPU seconds, user and system, that it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return found, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@dataclass
class Flight:
    """What one text world has shown so far: sends, opens by day and text; of every order the day sent, text, delay in days and margin."""

    sends: Floats = field(default_factory=lambda: np.zeros((DAYS, TEXTS)))
    opens: Floats = field(default_factory=lambda: np.zeros((DAYS, TEXTS)))
    orders: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    window: int = 7

    def seen(self, day: int) -> Floats:
        """Orders that are in on the morning of a day."""
        return self.orders[self.orders[:, 0] + self.orders[:, 2] <= day]


def fly(rule: Rule, seed: int, delays: str) -> tuple[float, float]:
    """Margin lost in one world under a rule of shares, and the value of the text chosen at the end over that of the best."""
    luck = np.random.default_rng([seed, 0xB0])
    rate = 0.018 * np.exp(luck.normal(0.0, 0.16, TEXTS))
    mean = MARGIN * np.exp(luck.normal(0.0, 0.12, TEXTS))
    opening = 0.25 * np.exp(luck.normal(0.0, 0.15, TEXTS))
    late, latest = DELAYS[delays]
    value, flight, lost = rate * mean, Flight(window=int(latest)), 0.0
    for day in range(DAYS):
        sent = luck.multinomial(BATCH, rule(flight, day, seed))
        lost += float(BATCH * value.max() - sent @ value)
        flight.sends[day], flight.opens[day] = sent, luck.binomial(sent, opening)
        text = np.repeat(np.arange(TEXTS), luck.binomial(sent, rate))
        margin = mean[text] * np.exp(luck.normal(-(SPREAD**2) / 2, SPREAD, len(text)))
        delay = np.minimum(luck.exponential(late, len(text)), latest - 1e-9)
        flight.orders = np.concatenate([flight.orders, np.column_stack([np.full(len(text), day), text, delay, margin])])
    found = results(flight, DAYS + flight.window).values()
    best = int(np.argmax([each.margin_sum / max(each.exposure, 1.0) for each in found]))
    return lost, float(value[best] / value.max())


def results(flight: Flight, day: int, *, corrected: bool = True) -> dict[str, bandit.VariantResult]:
    """The sampler's view on the morning of a day; the curve of delays is measured on the orders that are in."""
    seen = flight.seen(day)
    delays = bandit_delay.measured(seen[:, 2], day - seen[:, 0], window_days=flight.window)
    ages = day - np.arange(DAYS, dtype=np.float64)
    weight = delays.share(ages) if corrected else (ages > 0).astype(np.float64)
    names = {f"t{text}": text for text in range(TEXTS)}
    exposures = {name: float(flight.sends[:, text] @ weight) for name, text in names.items()}
    return bandit.results(exposures, {name: seen[seen[:, 1] == text, 3] for name, text in names.items()})


def fixed_split(flight: Flight, day: int, seed: int) -> Floats:
    """The same for every text."""
    return np.full(TEXTS, 1.0 / TEXTS)


def test_then_winner(flight: Flight, day: int, seed: int) -> Floats:
    """Four days of even split, then everything to the text that had earned most by then."""
    if day < 4:
        return fixed_split(flight, day, seed)
    early = flight.seen(4)
    earned = np.array([early[early[:, 1] == text, 3].sum() for text in range(TEXTS)])
    return np.eye(TEXTS)[int(np.argmax(earned))]


def margin(flight: Flight, day: int, seed: int) -> Floats:
    """The product: Thompson sampling on margin with measured delays."""
    return shares(results(flight, day), seed + 1000 * day)


def uncorrected(flight: Flight, day: int, seed: int) -> Floats:
    """The same without the correction for delay."""
    return shares(results(flight, day, corrected=False), seed + 1000 * day)


def conversions(flight: Flight, day: int, seed: int) -> Floats:
    """The same for orders: every order counts 1."""
    found = results(flight, day)
    counted = {
        name: bandit.VariantResult(exposure=each.exposure, orders=each.orders, margin_sum=each.orders, margin_squares=each.orders)
        for name, each in found.items()
    }
    return shares(counted, seed + 1000 * day)


def opens(flight: Flight, day: int, seed: int) -> Floats:
    """Thompson sampling on opens, which are seen at once."""
    sends, opened = flight.sends.sum(axis=0), flight.opens.sum(axis=0)
    counted = {
        f"t{text}": bandit.VariantResult(
            exposure=sends[text], orders=int(opened[text]), margin_sum=opened[text], margin_squares=opened[text]
        )
        for text in range(TEXTS)
    }
    return shares(counted, seed + 1000 * day)


def shares(found: dict[str, bandit.VariantResult], seed: int) -> Floats:
    """The sampler's shares in the order of the texts."""
    return np.array(list(bandit.split(found, floor=FLOOR, seed=seed, draws=1_000).values()))


def linear(seed: int) -> dict[str, float]:
    """Margin lost in one world with context by every learner; `even`: by drawing evenly."""
    learners: dict[str, Learner] = {"ours": Ours(FEATURES + 1), "context_free": Ours(1)}
    if mabwiser is not None:
        learners |= {name: Peer(policy, seed) for name, policy in MABWISER.items()}
    found = {name: played(learner, seed) for name, learner in learners.items()}
    return {name: lost for name, (lost, _) in found.items()} | {"even": found["ours"][1]}


class Learner(Protocol):
    """Chooses for a batch (features with a leading 1), then hears what came of it."""

    def choose(self, features: Floats, seed: int) -> npt.NDArray[np.int64]: ...
    def learn(self, features: Floats, chosen: npt.NDArray[np.int64], rewards: Floats) -> None: ...


class Ours:
    """The product's sampler, on the first `width` features."""

    def __init__(self, width: int) -> None:
        self.width, self.sums = width, contextual.Sums.empty(actions=ACTIONS, features=width)

    def choose(self, features: Floats, seed: int) -> npt.NDArray[np.int64]:
        """As the product does."""
        open_to = np.ones((len(features), ACTIONS), dtype=bool)
        chance = contextual.chances(self.sums, features[:, : self.width], open_to, spread=1.0, share=FLOOR, seed=seed)
        return contextual.choose(chance, seed=seed)

    def learn(self, features: Floats, chosen: npt.NDArray[np.int64], rewards: Floats) -> None:
        """Sums add."""
        self.sums += contextual.seen(features[:, : self.width], chosen, rewards, actions=ACTIONS)


class Peer:
    """One of mabwiser's policies; the first batch is drawn evenly."""

    def __init__(self, policy: Any, seed: int) -> None:
        self.mab, self.is_new = mabwiser.MAB(arms=list(range(ACTIONS)), learning_policy=policy(), seed=seed), True

    def choose(self, features: Floats, seed: int) -> npt.NDArray[np.int64]:
        """What it predicts to be best."""
        if self.is_new:
            return np.random.default_rng(seed).integers(0, ACTIONS, len(features))
        return np.array(self.mab.predict(features[:, 1:]))

    def learn(self, features: Floats, chosen: npt.NDArray[np.int64], rewards: Floats) -> None:
        """Fit, later partly."""
        (self.mab.fit if self.is_new else self.mab.partial_fit)(chosen, rewards, features[:, 1:])
        self.is_new = False


def played(learner: Learner, seed: int) -> tuple[float, float]:
    """Margin lost by a learner, and by drawing evenly, in one world with context."""
    luck = np.random.default_rng([seed, 0xC7])
    slopes = luck.normal(0.0, 0.5, (ACTIONS, FEATURES))
    level = np.log(0.03) - 0.4 * 0.25 * FEATURES + luck.normal(0.0, 0.4, ACTIONS)
    mean, lost, even = MARGIN * np.exp(luck.normal(0.0, 0.15, ACTIONS)), 0.0, 0.0
    people = np.arange(PEOPLE)
    for day in range(DAYS):
        features = np.column_stack([np.ones(PEOPLE), luck.standard_normal((PEOPLE, FEATURES))])
        rate = 1.0 / (1.0 + np.exp(-(level + features[:, 1:] @ slopes.T)))
        chosen = learner.choose(features, 1000 * seed + day)
        bought = luck.random(PEOPLE) < rate[people, chosen]
        learner.learn(features, chosen, bought * mean[chosen] * np.exp(luck.normal(-(SPREAD**2) / 2, SPREAD, PEOPLE)))
        value = rate * mean
        lost += float((value.max(axis=1) - value[people, chosen]).sum())
        even += float((value.max(axis=1) - value.mean(axis=1)).sum())
    return lost, even


RULES: dict[str, Rule] = {
    "fixed_split": fixed_split,
    "test_then_winner": test_then_winner,
    "margin": margin,
    "uncorrected": uncorrected,
    "conversions": conversions,
    "opens": opens,
}
MABWISER: dict[str, Any] = {
    "lin_ts": lambda: mabwiser.LearningPolicy.LinTS(alpha=5),
    "lin_ucb": lambda: mabwiser.LearningPolicy.LinUCB(alpha=2),
    "lin_greedy": lambda: mabwiser.LearningPolicy.LinGreedy(epsilon=0.1),
}


if __name__ == "__main__":
    main()
