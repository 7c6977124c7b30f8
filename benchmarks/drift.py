"""Drift: how soon a planted shift is found, and how often nothing is taken for one. Prints one JSON line.

    python benchmarks/drift.py [--runs 100] [--json]

Inputs: 30 features made as features are (normal, skewed, counts that are mostly 0, shares, yes or no; three in ten correlated at .6),
one text column and a score, 20,000 rows at the training and 2,000 a day. One feature in turn moves by .2 of its standard deviation.
Outcomes: 2,000 people scored a day with a mean chance of 3 %; from the first day the true odds are 1.15 times what the model says.
ours: the product's own watch. peers, on the same days: a stability index above .1, Kolmogorov-Smirnov p < .05 per feature, and for outcomes a
daily z beyond 3.14. False alarms are days on which anything at all is called moved although nothing has. ratio: ours / peer.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit, logit
from scipy.stats import ks_2samp, norm

from liftwright.scoring import drift

TRAINED, DAILY, DAYS, FEATURES = 20_000, 2_000, 60, 30
SHIFT, ODDS, SOON = 0.2, 1.15, 14
CHANNELS = ("search", "social", "mail", "shop", "friend")
Floats = npt.NDArray[np.float64]


def main() -> None:
    """Inputs, outcomes, then the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="Worlds per figure.")
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    print(json.dumps(line(parser.parse_args().runs)))


SHAPES: tuple[Callable[[Floats], Floats], ...] = (
    lambda z: z,
    lambda z: np.exp(1.2 * z),
    lambda z: np.maximum(np.floor(1.5 * (z - 0.8)) + 1, 0.0),
    lambda z: expit(1.5 * z),
    lambda z: (z > 1.3).astype(np.float64),
    lambda z: np.round(30 * np.exp(z)),
)
"""From a standard normal value: normal, skewed, a count that is mostly 0, a share, a rare yes, whole days."""


@dataclass(frozen=True)
class World:
    """A model's inputs. `draw` gives a day of people, with one feature's mean moved by `shift` standard deviations of it."""

    slopes: Floats
    moves: Floats

    @classmethod
    def of(cls, seed: int) -> World:
        """Slopes of the score, and per feature how far its normal value has to move for the shift."""
        draws = np.random.default_rng(seed)
        return cls(draws.normal(0, 0.3, FEATURES), np.array([_move(SHAPES[f % len(SHAPES)]) for f in range(FEATURES)]))

    def draw(self, draws: np.random.Generator, rows: int, *, moved: int | None = None) -> tuple[pa.Table, Floats]:
        """(features, score) of some people."""
        common = draws.normal(size=(rows, 3))
        z = draws.normal(size=(rows, FEATURES))
        for feature in range(0, 9):
            z[:, feature] = 0.6**0.5 * common[:, feature % 3] + 0.4**0.5 * z[:, feature]
        if moved is not None:
            z[:, moved] += self.moves[moved]
        columns: dict[str, Any] = {f"feature_{f:02d}": SHAPES[f % len(SHAPES)](z[:, f]) for f in range(FEATURES)}
        columns["source"] = np.array(CHANNELS)[draws.choice(len(CHANNELS), rows, p=(0.4, 0.3, 0.15, 0.1, 0.05))].tolist()
        return pa.table(columns), np.asarray(expit(z @ self.slopes - 3.5))


def _move(shape: Callable[[Floats], Floats]) -> float:
    """How far a standard normal value has to move so that the mean of its shape moves by SHIFT standard deviations."""
    z = norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    usual, low, high = shape(z), 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if shape(z + middle).mean() - usual.mean() < SHIFT * usual.std() else (low, middle)
    return high


def inputs(runs: int) -> dict[str, Any]:
    """Shares of shifts found on the first day, and false alarms of 60 quiet days, ours and the peers'."""
    found: dict[str, list[bool]] = {"ours": [], "psi": [], "ks": []}
    false: dict[str, list[int]] = {"ours": [], "psi": [], "ks": []}
    seconds = 0.0
    for run in range(runs):
        draws = np.random.default_rng([run, 1])
        world = World.of(run)
        trained, score = world.draw(draws, TRAINED)
        reference = drift.Reference.fit(trained, trained.column_names, {"score": score})
        moved = run % FEATURES
        day, now = world.draw(draws, DAILY, moved=moved)
        started = time.process_time()
        signals = reference.watch(day, {"score": now})
        seconds += time.process_time() - started
        name = f"feature_{moved:02d}"
        found["ours"].append(any(s.is_beyond and s.subject == name for s in signals))
        found["psi"].append(_psi(trained[name].to_numpy(), day[name].to_numpy()) > 0.1)
        found["ks"].append(bool(ks_2samp(trained[name].to_numpy(), day[name].to_numpy(), method="asymp").pvalue < 0.05))
        quiet = [world.draw(draws, DAILY) for _ in range(DAYS if run < max(runs // 4, 1) else 0)]
        if quiet:
            false["ours"].append(sum(drift.worst(reference.watch(t, {"score": s})) != "ok" for t, s in quiet))
            pairs = [[(trained[n].to_numpy(), t[n].to_numpy()) for n in t.column_names if n != "source"] for t, _ in quiet[:6]]
            false["psi"].append(sum(any(_psi(a, b) > 0.1 for a, b in each) for each in pairs) * DAYS // len(pairs))
            alarms = sum(any(ks_2samp(a, b, method="asymp").pvalue < 0.05 for a, b in each) for each in pairs)
            false["ks"].append(alarms * DAYS // len(pairs))
    return {
        "found": {who: mean(each) for who, each in found.items()},
        "false": {who: mean(each) for who, each in false.items()},
        "cpu_ms_per_watch": round(1000 * seconds / runs, 2),
    }


def _psi(then: Floats, now: Floats) -> float:
    cuts = np.unique(np.quantile(then, np.linspace(0, 1, 11)[1:-1]))
    one, other = (np.bincount(np.searchsorted(cuts, x, side="left"), minlength=len(cuts) + 1) for x in (then, now))
    one, other = (one + 0.5) / (one.sum() + 0.5 * len(one)), (other + 0.5) / (other.sum() + 0.5 * len(other))
    return float(((other - one) * np.log(other / one)).sum())


def outcomes(runs: int, odds: float) -> tuple[list[int | None], list[int | None]]:
    """Per world the day on which ours, and a daily z, first call the outcomes off within 60 days; None when they do not."""
    ours: list[int | None] = []
    daily: list[int | None] = []
    for run in range(runs):
        draws = np.random.default_rng([run, 2])
        chance = draws.beta(0.9, 29.1, (DAYS, DAILY)).clip(1e-4, 0.9)
        happened = draws.random((DAYS, DAILY)) < expit(logit(chance) + np.log(odds))
        day = np.repeat(np.arange(DAYS), DAILY)
        signal = drift.observed_over_expected(drift.of_chances(day, chance.ravel(), happened.ravel()))
        ours.append(int(signal.measures["days"]) if signal.is_beyond else None)
        z = (happened.sum(axis=1) - chance.sum(axis=1)) / np.sqrt((chance * (1 - chance)).sum(axis=1))
        beyond = np.flatnonzero(np.abs(z) > 3.14)
        daily.append(int(beyond[0]) + 1 if len(beyond) else None)
    return ours, daily


def line(runs: int) -> dict[str, Any]:
    """The contract's benchmark line."""
    seen = inputs(runs)
    off, quiet = outcomes(runs, ODDS), outcomes(runs, 1.0)
    (days, within, wrong), (z_days, z_within, z_wrong) = (
        (_median(a), mean(d is not None and d <= SOON for d in a), mean(d is not None for d in b))
        for a, b in zip(off, quiet, strict=True)
    )
    return {
        "name": "drift",
        "n": DAILY,
        "ours": {
            "input_shift_found": round(seen["found"]["ours"], 3),
            "false_alarms_per_60_days": round(seen["false"]["ours"], 3),
            "calibration_days": days,
            "calibration_found_in_14_days": round(within, 3),
            "calibration_false_alarms_in_60_days": round(wrong, 3),
            "cpu_ms_per_watch": seen["cpu_ms_per_watch"],
            "runs": runs,
        },
        "peers": {
            "psi_above_0.1": {"input_shift_found": seen["found"]["psi"], "false_alarms_per_60_days": seen["false"]["psi"]},
            "ks_below_0.05": {"input_shift_found": seen["found"]["ks"], "false_alarms_per_60_days": seen["false"]["ks"]},
            "daily_z": {
                "calibration_days": z_days,
                "calibration_found_in_14_days": round(z_within, 3),
                "calibration_false_alarms_in_60_days": round(z_wrong, 3),
            },
        },
        "ratio": {
            "ks_false_alarms": round(seen["false"]["ours"] / max(seen["false"]["ks"], 1e-9), 4),
            "psi_input_shift_found": round(seen["found"]["ours"] / max(seen["found"]["psi"], 0.01), 2),
            "daily_z_found_in_14_days": round(within / max(z_within, 0.01), 2),
        },
    }


def _median(days: list[int | None]) -> int | None:
    """The median day of all worlds, those where it was never called counted last."""
    ordered = sorted(DAYS + 1 if day is None else day for day in days)
    middle = ordered[len(ordered) // 2]
    return None if middle > DAYS else middle


if __name__ == "__main__":
    main()
