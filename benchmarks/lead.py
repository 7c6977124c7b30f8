"""Lead scoring on real leads whose table holds columns filled after the outcome. Prints one JSON line.

    python benchmarks/lead.py --data DIR [--splits 5] [--json]

DIR holds xeducation_leads.csv.gz. The file is read as `liftwright import --as leads` reads it, nobody says which columns leak, and
the model is trained on half of the leads and tested on the other half. ours: mean AUC and its spread over the splits, log-loss,
calibration error, and the columns dropped in every split. peers: a logistic regression on the same columns, and the same model with
the leaking columns kept (what a leak would promise). ratio: AUC ours / logistic.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from liftwright.flow import training
from liftwright.scoring import calibration, classifier, lead
from liftwright.scoring.encoding import Encoding

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID, OUTCOME = "Prospect ID", "Converted"


def main() -> None:
    """Every split, then the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    leads = read(options.data / "xeducation_leads.csv.gz")
    print(json.dumps(line([split(leads, seed) for seed in range(options.splits)], leads.num_rows)))


def read(path: Path) -> pa.Table:
    """The leads under canonical names; every other column as it is in the file."""
    table = pyarrow.csv.read_csv(path, convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True))
    names = {ID: "lead_id", OUTCOME: "outcome"}
    return table.select([n for n in table.column_names if n]).rename_columns([names.get(n, n) for n in table.column_names if n])


def split(leads: pa.Table, seed: int) -> dict[str, Any]:
    """Train on one half, test on the other."""
    order = np.random.default_rng(seed).permutation(leads.num_rows)
    train, test = (leads.take(pa.array(np.sort(part))) for part in np.array_split(order, 2))
    model = training.lead_model(train, as_of=NOW, seed=seed)
    won, _ = lead.closed(test, as_of=NOW)
    chance = model.chance(test)
    return {
        "auc": calibration.auc(chance, won),
        "log_loss": float(calibration.log_losses(chance, won).mean()),
        "calibration_error": calibration.calibration_error(chance, won),
        "kind": model.model.kind,
        "dropped": [leak.column for leak in model.dropped],
        "logistic": _peer(train, test, model.encoding, kinds=("logistic",), seed=seed),
        "leaky": _peer(train, test, Encoding.fit(train, lead.features(train)), kinds=classifier.KINDS, seed=seed),
    }


def _peer(train: pa.Table, test: pa.Table, encoding: Encoding, *, kinds: Any, seed: int) -> float:
    won, _ = lead.closed(train, as_of=NOW)
    encoded = encoding.apply(train)
    names, ids = encoded.column_names, train["lead_id"].to_pylist()
    model = classifier.fit(encoded, won, names=names, ids=ids, seed=seed, kinds=kinds)
    return calibration.auc(model.chance(encoding.apply(test)), lead.closed(test, as_of=NOW)[0])


def line(splits: list[dict[str, Any]], rows: int) -> dict[str, Any]:
    """The contract's benchmark line."""
    auc, logistic = mean(s["auc"] for s in splits), mean(s["logistic"] for s in splits)
    always = set.intersection(*({*s["dropped"]} for s in splits))
    return {
        "name": "lead",
        "n": rows,
        "ours": {
            "auc": round(auc, 4),
            "auc_sd": round(stdev(s["auc"] for s in splits), 4) if len(splits) > 1 else None,
            "log_loss": round(mean(s["log_loss"] for s in splits), 4),
            "calibration_error": round(mean(s["calibration_error"] for s in splits), 4),
            "kinds": [s["kind"] for s in splits],
            "dropped_columns": sorted(always),
            "dropped_sometimes": sorted({column for s in splits for column in s["dropped"]} - always),
        },
        "peers": {
            "logistic": {"auc": round(logistic, 4)},
            "leaking_columns_kept": {"auc": round(mean(s["leaky"] for s in splits), 4)},
        },
        "ratio": {"logistic": round(auc / logistic, 4)},
    }


if __name__ == "__main__":
    main()
