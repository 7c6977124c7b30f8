"""Moving a daily budget between six channels whose response is learned on the way. Prints one JSON line.

    python benchmarks/budget.py [--worlds 100] [--seed 7] [--json]

Every channel's incremental margin of a day is a Hill curve of its spend (sharpness .8 to 1.8) that nobody knows; it is seen with noise.
How far channels differ was set so that an equal split reaches about .87. 14 days, the same money every day. ours: three designed days (.4, 1 and 1.6 of an equal share, in turn), then every day the product's
move on the curves fitted so far: at most 30 % up or down, no channel below 5 %. Figures are shares of what somebody who knows the curves
would have got. peers: an equal split; every day in proportion to the margin per unit of money so far, no channel below 10 %; three days of
equal split, then everything to the best channel. ratio.equal_split: ours / the equal split, days 8 to 14.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from liftwright.planning import budget_curves, budget_moves

Floats = npt.NDArray[np.float64]
CHANNELS, DAYS, MONEY = 6, 14, 600.0
NOISE = 0.15
"""Standard error of a channel's daily margin, relative to the mean margin of a channel and day at an equal split."""
USUAL = MONEY / CHANNELS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    print(json.dumps(line(worlds=options.worlds, seed=options.seed)))


def line(*, worlds: int, seed: int) -> dict[str, Any]:
    """The contract's benchmark line."""
    found: dict[str, list[Floats]] = {name: [] for name in RULES}
    used = resource.getrusage(resource.RUSAGE_SELF)
    for number in range(worlds):
        best = World(seed + number).best()
        for name, rule in RULES.items():
            found[name].append(np.array(played(World(seed + number), rule)) / best)
    after = resource.getrusage(resource.RUSAGE_SELF)
    late = {name: np.array([days[7:].mean() for days in each]) for name, each in found.items()}
    shown = {
        name: {
            "mean_share_days_8_14": round(float(late[name].mean()), 3),
            "p10_share_days_8_14": round(float(np.quantile(late[name], 0.1)), 3),
            "mean_share_14_days": round(float(np.mean([days.mean() for days in found[name]])), 3),
        }
        for name in RULES
    }
    return {
        "name": "budget",
        "n": worlds,
        "ours": {**shown["ours"], "cpu_seconds": round(after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime, 1)},
        "peers": {name: each for name, each in shown.items() if name != "ours"},
        "ratio": {"equal_split": round(float(late["ours"].mean() / late["equal_split"].mean()), 3)},
    }


class World:
    """Six curves, and the luck of what is seen of them."""

    def __init__(self, seed: int) -> None:
        luck = np.random.default_rng([seed, 0xB6])
        self.most = 2.0 * USUAL * np.exp(luck.normal(0.0, 0.5, CHANNELS))
        self.half = 1.5 * USUAL * np.exp(luck.normal(0.0, 0.5, CHANNELS))
        self.sharp = luck.uniform(0.8, 1.8, CHANNELS)
        self.luck = luck
        self.error = NOISE * float(self.margin(np.full(CHANNELS, USUAL)).mean())

    def margin(self, spends: Floats) -> Floats:
        """True margin by channel."""
        return np.asarray(self.most * spends**self.sharp / (spends**self.sharp + self.half**self.sharp))

    def seen(self, spends: Floats) -> Floats:
        """What is measured of it."""
        return self.margin(spends) + self.luck.normal(0.0, self.error, CHANNELS)

    def best(self) -> float:
        """Margin of the best split of the day's money, by dynamic programming on the true curves."""
        parts = 600
        grid = np.arange(parts + 1) * MONEY / parts
        reach = np.zeros(parts + 1)
        for channel in range(CHANNELS):
            brings = self.margin(np.repeat(grid[:, None], CHANNELS, axis=1))[:, channel]
            reach = np.array([(reach[: n + 1] + brings[n::-1]).max() for n in range(parts + 1)])
        return float(reach[-1])


@dataclass
class Seen:
    """Spends and measured margins so far, a row per day, and how sure each measurement is."""

    error: float
    spends: list[Floats] = field(default_factory=list)
    margins: list[Floats] = field(default_factory=list)


Rule = Callable[[Seen], Floats]


def played(world: World, rule: Rule) -> list[float]:
    """The true margin of every day under a rule."""
    seen, found = Seen(world.error), []
    for _ in range(DAYS):
        spends = rule(seen)
        found.append(float(world.margin(spends).sum()))
        seen.spends.append(spends)
        seen.margins.append(world.seen(spends))
    return found


def ours(seen: Seen) -> Floats:
    """The product: three designed days, then a move a day from an ordinary one."""
    day = len(seen.spends)
    if day < len(budget_curves.DESIGN):
        return budget_curves.designed([USUAL] * CHANNELS, day=day)
    expected = max(float(np.mean(seen.margins[: len(budget_curves.DESIGN)])), 1e-6)
    curves = {str(channel): budget_curves.fit(days(seen, channel), usual=USUAL, expected=expected) for channel in range(CHANNELS)}
    today = seen.spends[-1] if day > len(budget_curves.DESIGN) else np.full(CHANNELS, USUAL)
    moved = budget_moves.move(curves, {str(channel): float(today[channel]) for channel in range(CHANNELS)})
    return np.array([each.after for each in moved])


def days(seen: Seen, channel: int) -> list[budget_curves.Day]:
    """One channel's days."""
    pairs = zip(seen.spends, seen.margins, strict=True)
    return [budget_curves.Day(float(spent[channel]), float(margin[channel]), seen.error) for spent, margin in pairs]


def equal_split(seen: Seen) -> Floats:
    """The same for every channel."""
    return np.full(CHANNELS, USUAL)


def proportional(seen: Seen) -> Floats:
    """In proportion to the margin per unit of money so far, no channel below a tenth."""
    if not seen.spends:
        return equal_split(seen)
    returns = np.maximum(np.sum(seen.margins, axis=0) / np.sum(seen.spends, axis=0), 1e-6)
    return np.asarray(MONEY * (0.1 + (1.0 - 0.1 * CHANNELS) * returns / returns.sum()))


def winner(seen: Seen) -> Floats:
    """Three days of equal split, then everything to the channel that brought most."""
    if len(seen.spends) < 3:
        return equal_split(seen)
    return np.eye(CHANNELS)[int(np.argmax(np.sum(seen.margins[:3], axis=0)))] * MONEY


RULES: dict[str, Rule] = {
    "ours": ours,
    "equal_split": equal_split,
    "proportional_return": proportional,
    "winner_takes_all": winner,
}


if __name__ == "__main__":
    main()
