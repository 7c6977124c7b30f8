"""Calibrated scores and reasons for everybody, next to LightGBM's raw prediction and its TreeSHAP. Prints one JSON line.

    python benchmarks/scoring.py --n 200000 [--contrib-rows 10000] [--json]

A made-up shop of n people with 30 features; the model is the product's own propensity (at 50,000 rows and more: 200 trees of 31
leaves). ours: CPU seconds of calibrated scores and the three strongest reasons for all n (tables of the explainer included), the
share of people whose first reason is TreeSHAP's, the largest difference to it. peers: LightGBM's predict on a matrix and its
pred_contrib, measured on `--contrib-rows` people and scaled to n. The same model without a depth limit is there to show what the
limit costs in AUC.
"""

from __future__ import annotations

import argparse
import json
import resource
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pyarrow as pa

from liftwright.scoring import boosting, calibration, propensity

WIDTH = 30


def main() -> None:
    """Fit, score, explain, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--contrib-rows", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    features, bought = shop(options.n, seed=0)
    model, fit_cpu = timed(lambda: propensity.fit(features, bought, seed=0))
    print(json.dumps(line(model, features, fit_cpu, rows=min(options.contrib_rows, options.n))))


def shop(people: int, *, seed: int) -> tuple[pa.Table, Any]:
    """Features of all kinds (normal, skewed, counts, missing) and who bought; interactions and bends included."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((people, WIDTH))
    x[:, :20] += 0.5 * rng.standard_normal((people, 1))
    x[:, 10:20] = np.exp(x[:, 10:20]).round(1)
    x[:, 20:25] = rng.poisson(2, (people, 5))
    logit = 0.8 * x[:, 0] + 0.5 * x[:, 1] * (x[:, 2] > 0) + 0.2 * np.log1p(x[:, 10]) * x[:, 20] - 0.3 * np.abs(x[:, 3])
    logit += 0.2 * x[:, 4] * x[:, 5] + 0.3 * np.sin(2 * x[:, 6]) + 0.3 * (x[:, 21] > 2)
    bought = rng.random(people) < 1 / (1 + np.exp(2.5 - logit))
    x[:, 7][rng.random(people) < 0.2] = np.nan
    columns = {f"f{number:02d}": x[:, number] for number in range(WIDTH)}
    return pa.table({"customer_id": [f"{n:07d}" for n in range(people)], **columns}), bought


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returns and the CPU seconds, user and system, that it took."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return found, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def line(model: propensity.PropensityModel, features: pa.Table, fit_cpu: float, *, rows: int) -> dict[str, Any]:
    """The contract's benchmark line."""
    people, names = features.num_rows, model.model.names
    x = boosting.matrix(features, names)
    booster = lightgbm.Booster(model_str=model.model.trees)
    raw, raw_cpu = timed(lambda: booster.predict(x, num_threads=1))
    chance, score_cpu = timed(lambda: model.chance(features))
    (reasons, _), reasons_cpu = timed(lambda: model.reasons(features))
    peer, peer_cpu = timed(lambda: np.asarray(booster.predict(x[:rows], pred_contrib=True, num_threads=1))[:, :-1])
    mine = model.model.contributions(features.slice(0, rows))
    first = np.array(names, dtype=object)[np.abs(peer).argmax(axis=1)]
    peer_cpu *= people / rows
    free_auc, limited_auc = limits(people)
    return {
        "name": "scoring",
        "n": people,
        "ours": {
            "kind": model.kind,
            "trees": booster.num_trees(),
            "cpu_seconds": round(score_cpu + reasons_cpu, 2),
            "score_cpu_seconds": round(score_cpu, 2),
            "reasons_cpu_seconds": round(reasons_cpu, 2),
            "fit_cpu_seconds": round(fit_cpu, 1),
            "reason_top1_agreement": round(float((reasons[:rows, 0] == first).mean()), 5),
            "largest_difference": float(np.abs(mine - peer).max()),
            "calibration_error": round(model.quality["calibration_error"], 4),
            "auc": round(limited_auc, 4),
            "mean_chance": round(float(chance.mean()), 4),
        },
        "peers": {
            "lightgbm_predict": {"cpu_seconds": round(raw_cpu, 2), "mean_chance": round(float(np.mean(raw)), 4)},
            "lightgbm_pred_contrib": {"cpu_seconds": round(peer_cpu, 1), "measured_rows": rows},
            "lightgbm_without_depth_limit": {"auc": round(free_auc, 4)},
        },
        "ratio": {
            "score_vs_raw_predict": round(score_cpu / raw_cpu, 3),
            "reasons_vs_pred_contrib": round(peer_cpu / reasons_cpu, 1),
        },
    }


def limits(people: int) -> tuple[float, float]:
    """AUC on fresh people of trees without and with the depth limit, trained on half as many people."""
    train, bought = shop(people // 2, seed=1)
    fresh, outcome = shop(people // 2, seed=2)
    names = [name for name in train.column_names if name != "customer_id"]
    x, other = boosting.matrix(train, names), boosting.matrix(fresh, names)
    grown = [
        boosting.grow(x, bought.astype(np.float64), objective="binary", seed=0, depth=depth) for depth in (-1, boosting.DEPTH)
    ]
    free, limited = (calibration.auc(np.asarray(each.predict(other, num_threads=1)), outcome) for each in grown)
    return free, limited


if __name__ == "__main__":
    main()
