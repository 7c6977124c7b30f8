"""Uplift on randomised tests: the automatic choice next to propensity, scikit-uplift and econml. Prints one JSON line.

    python benchmarks/uplift.py [--data DIR] [--seeds 5] [--tests 200] [--cells womens_visit,any_spend] [--json]

With `--data` (a directory with hillstrom.csv.gz): 50/50 splits; every model is learned, and ours chosen, on the training half only, and
judged on the other by Qini x 1,000: g(f) = f x (mean outcome of the treated in the top f less that of the control there), Qini =
integral of g less g(1) / 2. Where no ranking is found, ours orders nobody: Qini 0. Peers (same LightGBM settings everywhere): propensity (P(outcome)
of the treated), scikit-uplift's S, T and class transformation, econml's DRLearner and causal forest; null where not installed
(pip install scikit-uplift econml).

Always: simulated tests of many shapes, in how many the 95 % interval of policy value (first 30 % contacted) covers the truth, and in how
many tests without differences a ranking was claimed. CPU seconds: learning and scoring all candidates, cross-fitted, on 64,000 rows.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from liftwright.scoring import uplift
from liftwright.scoring.encoding import Encoding
from liftwright.scoring.uplift import choice

CELLS = {
    "womens_visit": ("Womens", "visits"),
    "womens_spend": ("Womens", "revenue"),
    "womens_conversion": ("Womens", "orders"),
    "any_visit": ("", "visits"),
    "any_spend": ("", "revenue"),
}
FEATURES = ("recency", "history", "history_segment", "mens", "womens", "zip_code", "newbie", "channel")
OUTCOMES = {"y_visits": "visit", "y_orders": "conversion", "y_revenue": "spend"}
TREES = {"n_estimators": 120, "learning_rate": 0.04, "num_leaves": 8, "min_child_samples": 200, "reg_lambda": 10.0, "n_jobs": 1}
AT = 1_700_000_000_000_000
Ranking = Callable[[Any, Any, Any, Any], Any]
"""Features, outcome and 0/1 treatment of the training half and features of the other: a score for each of the latter."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--cells", default=",".join(CELLS))
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    cells = {name: CELLS[name] for name in options.cells.split(",")}
    mail = None if options.data is None else pa_csv.read_csv(options.data / "hillstrom.csv.gz")
    found = {name: cell(mail, *what, seeds=options.seeds) for name, what in cells.items()} if mail is not None else {}
    print(json.dumps(line(found, mail, tests=options.tests)))


def line(found: dict[str, Any], mail: pa.Table | None, *, tests: int) -> dict[str, Any]:
    """The contract's benchmark line."""
    head = found.get("womens_visit", {"ours": {}, "peers": {}})
    mine = head["ours"].get("qini")
    rivals = {name: each["qini"] for name, each in head["peers"].items() if each is not None}
    peers = next(iter(found.values()))["peers"] if found else {}
    spend = found.get("any_spend", {}).get("ours")
    missing = [name for name, each in peers.items() if each is None]
    whole, cpu = timed(lambda: whole_test(mail))
    return {
        "name": "uplift",
        "n": 64_000,
        "ours": {
            "qini": mine,
            "any_spend": spend["answer"] if spend else None,
            **coverage(tests),
            "cpu_seconds": round(cpu, 1),
            "cpu_rows": whole,
            "cells": {name: each["ours"] for name, each in found.items()},
        },
        "peers": {name: {cell: each["peers"][name] for cell, each in found.items()} for name in peers},
        "ratio": {name: round(mine / value, 2) for name, value in rivals.items() if mine and value > 0},
        "note": f"not installed: {', '.join(missing)}" if missing else "",
    }


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returns and the CPU seconds, user and system, that it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return found, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def rows_of(mail: pa.Table, arm: str) -> tuple[pa.Table, list[str]]:
    """Training rows of one e-mail (or any) against none, and the names of their features."""
    segment = np.asarray(mail["segment"].to_pylist(), dtype=object)
    kept = np.array([not arm or name.startswith((arm, "No ")) for name in segment])
    treated = np.array([not name.startswith("No ") for name in segment])
    chance = 0.5 if arm else 2 / 3
    features = Encoding.fit(mail, FEATURES).apply(mail)
    columns = {
        "customer_id": pa.array([f"{n:06d}" for n in range(mail.num_rows)]),
        "at": pa.array([AT] * mail.num_rows, pa.timestamp("us", tz="UTC")),
        "action": pa.array(np.where(treated, "email:offer", "control").tolist()),
        "propensity": pa.array(np.where(treated, chance, 1 - chance)),
        **{name: mail[column].cast(pa.float64()) for name, column in OUTCOMES.items()},
        **{name: features[name] for name in features.column_names},
    }
    return pa.table(columns).filter(pa.array(kept)), features.column_names


def qini(score: Any, y: Any, treated: Any) -> float:
    """Qini x 1,000; people with equal scores in random order."""
    order = np.lexsort((np.random.default_rng(0).random(len(score)), -np.asarray(score)))
    y, treated = y[order], treated[order]
    first = np.arange(1, len(y) + 1)
    ones = np.cumsum(treated)
    gain = np.cumsum(y * treated) / np.maximum(ones, 1) - np.cumsum(y * (1 - treated)) / np.maximum(first - ones, 1)
    curve = gain * first / len(y)
    return float(1000 * (curve.mean() - curve[-1] / 2))


def cell(mail: pa.Table, arm: str, outcome: str, *, seeds: int) -> dict[str, Any]:
    """One contrast and outcome over all splits: ours and every peer."""
    rows, names = rows_of(mail, arm)
    x = np.stack([rows[name].to_numpy() for name in names], axis=1)
    y, treated = rows[f"y_{outcome}"].to_numpy(), np.asarray(rows["action"].to_pylist()) != "control"
    scores: dict[str, list[float]] = {}
    choices, cpus = [], []
    for seed in range(seeds):
        half = np.isin(np.arange(len(y)), np.random.default_rng(seed).permutation(len(y))[: len(y) // 2])
        train, test = rows.filter(pa.array(half)), rows.filter(pa.array(~half))
        model, cpu = timed(lambda train=train: uplift.fit(train, outcome=outcome, feature_names=names, seed=0))
        mine = model.effects(test, ["email:offer"])[:, 0]
        is_found = model.ranking == "found"
        scores.setdefault("ours", []).append(qini(mine, y[~half], treated[~half]) if is_found else 0.0)
        choices.append(model.quality["learner"] if is_found else "no ranking found")
        cpus.append(cpu)
        for name, rank in PEERS.items():
            try:
                ranked = rank(x[half], y[half], treated[half].astype(np.float64), x[~half])
            except ModuleNotFoundError:
                continue
            scores.setdefault(name, []).append(qini(ranked, y[~half], treated[~half]))
    whole = uplift.fit(rows, outcome=outcome, feature_names=names, seed=0)
    none = whole.ranking == "none" and all(made == "no ranking found" for made in choices)
    answer = "no ranking found" if none else f"ranked by {whole.quality['learner']}" if whole.ranking == "found" else "mixed"
    ours = told(scores["ours"]) | {"choices": choices, "answer": answer, "cpu_seconds": round(mean(cpus), 1)}
    return {"ours": ours, "peers": {name: told(scores[name]) if name in scores else None for name in PEERS}}


def told(values: list[float]) -> dict[str, float]:
    """Mean and standard deviation over splits."""
    return {"qini": round(mean(values), 2), "sd": round(stdev(values), 2) if len(values) > 1 else 0.0}


def _regressor(y: Any) -> Any:
    import lightgbm

    is_class = set(np.unique(y)) <= {0.0, 1.0}
    kind = lightgbm.LGBMClassifier if is_class else lightgbm.LGBMRegressor
    return kind(**TREES, deterministic=True, force_row_wise=True, verbose=-1, random_state=0)


def _chance(model: Any, x: Any) -> Any:
    return model.predict_proba(x)[:, 1] if hasattr(model, "predict_proba") else model.predict(x)


def propensity(x: Any, y: Any, t: Any, other: Any) -> Any:
    """The expected outcome of the treated (LightGBM without scikit-learn's wrapper, so that it runs everywhere)."""
    import lightgbm

    is_class = set(np.unique(y)) <= {0.0, 1.0}
    settings = {
        "learning_rate": 0.04,
        "num_leaves": 8,
        "min_data_in_leaf": 200,
        "lambda_l2": 10.0,
        "num_threads": 1,
        "verbosity": -1,
    }
    settings |= {"objective": "binary" if is_class else "regression", "deterministic": True, "force_row_wise": True}
    table = lightgbm.Dataset(x[t > 0], label=y[t > 0], params={"verbosity": -1})
    return lightgbm.train(settings, table, num_boost_round=120).predict(other, num_threads=1)


def sklift_s(x: Any, y: Any, t: Any, other: Any) -> Any:
    """scikit-uplift SoloModel."""
    from sklift.models import SoloModel

    return SoloModel(_regressor(y)).fit(x, y, t).predict(other)


def sklift_t(x: Any, y: Any, t: Any, other: Any) -> Any:
    """scikit-uplift TwoModels."""
    from sklift.models import TwoModels

    return TwoModels(_regressor(y), _regressor(y)).fit(x, y, t).predict(other)


def sklift_class(x: Any, y: Any, t: Any, other: Any) -> Any:
    """scikit-uplift ClassTransformation; needs a 0/1 outcome."""
    from sklift.models import ClassTransformation

    return ClassTransformation(_regressor(np.array([0.0, 1.0]))).fit(x, (y > 0).astype(int), t).predict(other)


def econml_dr(x: Any, y: Any, t: Any, other: Any) -> Any:
    """econml DRLearner, 3 folds."""
    from econml.dr import DRLearner

    reg, cls = _regressor(np.array([0.5])), _regressor(np.array([0.0, 1.0]))
    model = DRLearner(model_propensity=cls, model_regression=reg, model_final=_regressor(np.array([0.5])), cv=3, random_state=0)
    return np.ravel(model.fit(y, t, X=x).effect(other))


def econml_forest(x: Any, y: Any, t: Any, other: Any) -> Any:
    """econml CausalForestDML, 200 trees."""
    from econml.dml import CausalForestDML

    reg, cls = _regressor(np.array([0.5])), _regressor(np.array([0.0, 1.0]))
    model = CausalForestDML(
        model_y=reg, model_t=cls, discrete_treatment=True, n_estimators=200, min_samples_leaf=100, cv=3, n_jobs=1, random_state=0
    )
    return np.ravel(model.fit(y, t, X=x).effect(other))


PEERS: dict[str, Ranking] = {
    "propensity": propensity,
    "sklift_s": sklift_s,
    "sklift_t": sklift_t,
    "sklift_class": sklift_class,
    "econml_dr": econml_dr,
    "econml_forest": econml_forest,
}


def whole_test(mail: pa.Table | None) -> int:
    """All candidates learned, cross-fitted, chosen and scored on 64,000 rows; how many rows that were."""
    rows, names = rows_of(mail, "") if mail is not None else (made(0, people=64_000)[0], list("abcdefghij"))
    model = uplift.fit(rows, outcome="visits", feature_names=names, seed=0)
    model.predict(rows, model.layout.actions)
    return rows.num_rows


def made(seed: int, *, people: int) -> tuple[pa.Table, Any]:
    """A simulated test of a shape of its own (one or two actions, one or two waves, none, steady or stepwise differences in effect), and
    the true effects (rows, actions), in the order of the rows."""
    rng = np.random.default_rng([seed, 11])
    actions, waves, form = 1 + seed % 2, 1 + seed // 2 % 2, seed // 4 % 3
    people //= waves
    x = rng.standard_normal((people, 10)).round(3).repeat(waves, axis=0)
    x[:, 5:] = (x[:, 5:] > 0.3).astype(np.float64)
    shape = (np.zeros(len(x)), 0.04 * np.clip(x[:, 0], -2, 2), np.where(x[:, 5] > 0, 0.07, -0.03) * (x[:, 1] > -0.5))[form]
    effects = np.stack([0.05 + shape * (1 - 0.5 * action) for action in range(actions)], axis=1)
    control = (0.5, 0.3)[seed // 12 % 2]
    action = np.where(rng.random(len(x)) < control, -1, rng.integers(0, actions, len(x)))
    base = 0.25 + 0.05 * np.clip(x[:, 2], -2, 2) + 0.04 * x[:, 6]
    chance = base + np.where(action >= 0, effects[np.arange(len(x)), np.maximum(action, 0)], 0.0)
    columns = {
        "customer_id": pa.array([f"{n:06d}" for n in np.arange(people).repeat(waves)]),
        "at": pa.array(AT + 86_400_000_000 * 30 * np.tile(np.arange(waves), people), pa.timestamp("us", tz="UTC")),
        "action": pa.array([("control", "email:none", "sms:none")[a + 1] for a in action]),
        "propensity": pa.array(np.where(action < 0, control, (1 - control) / actions)),
        "y_visits": pa.array((rng.random(len(x)) < chance).astype(np.float64)),
        **{name: x[:, place] for place, name in enumerate("abcdefghij")},
    }
    return pa.table(columns), effects


def coverage(tests: int) -> dict[str, Any]:
    """Share of simulated tests (4,000 rows, every fifth 12,000 so that trees are tried too) whose interval holds the true policy value."""
    covered, claimed, alike = 0, 0, 0
    for seed in range(tests):
        rows, effects = made(seed, people=12_000 if seed % 5 == 0 else 4_000)
        judged = uplift.judge(rows, outcome="visits", feature_names=list("abcdefghij"), seed=0)
        score = judged.scores[judged.choice.chosen]
        truth = choice.values(judged.data, effects, score)["30%"]["mid"]
        told_ = choice.values(judged.data, judged.psi, score)["30%"]
        covered += told_["low"] <= truth <= told_["high"]
        is_alike = bool(np.ptp(effects[:, 0]) == 0.0)
        alike += is_alike
        claimed += is_alike and judged.choice.is_found
    share = round(covered / tests, 3) if tests else None
    return {"coverage": share, "tests": tests, "claimed_without_differences": f"{claimed} of {alike}"}


if __name__ == "__main__":
    main()
