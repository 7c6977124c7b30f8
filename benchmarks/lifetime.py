"""Lifetime value on real orders: what was expected of each customer against what they then spent. Prints one JSON line.

    python benchmarks/lifetime.py --data DIR [--json]

DIR holds cdnow_master.csv.gz (18 months of orders of one quarter's new customers). The model is fitted on the orders before each of two
days and predicts the rest of the file. ours, per day: root mean squared error, predicted over true total, and how many of ten groups
of customers (tenths by expected margin) lie inside their 95 % interval. peers: going on as before (the past rate of each customer),
and the true mean for everybody. ratio: root mean squared error of each peer over ours, averaged over the days.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from liftwright.scoring import lifetime
from liftwright.scoring.repeat import DAY_US, histories

END = datetime(1998, 7, 1, tzinfo=UTC)
CUTS = (datetime(1997, 10, 1, tzinfo=UTC), datetime(1998, 1, 1, tzinfo=UTC))


def main() -> None:
    """Both days, then the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    options = parser.parse_args()
    orders = read(options.data / "cdnow_master.csv.gz")
    print(json.dumps(line([cut(orders, day) for day in CUTS], orders.num_rows)))


def read(path: Path) -> pa.Table:
    """Orders as the model takes them; what was paid stands for margin."""
    table = pyarrow.csv.read_csv(path)
    at = pc.strptime(table["date"].cast(pa.string()), format="%Y%m%d", unit="us").cast(pa.int64())
    return pa.table(
        {"customer_id": table["customer_id"].cast(pa.string()), "at": at, "margin": table["dollar_value"].cast(pa.float64())}
    )


def cut(orders: pa.Table, day: datetime) -> dict[str, Any]:
    """Fit before a day, compare with what came after."""
    now, end = (int(moment.timestamp() * 1e6) for moment in (day, END))
    days = int((end - now) // DAY_US)
    at = orders["at"].to_numpy()
    model = lifetime.fit(orders.filter(pa.array(at < now)), as_of=day, seed=0, horizon_days=days)
    expected = model.expected(orders, as_of=day)
    known = histories(orders, at_us=now)
    later = orders.filter(pa.array(at >= now))
    spent = dict.fromkeys(expected, 0.0)
    for customer, margin in zip(later["customer_id"].to_pylist(), later["margin"].to_pylist(), strict=True):
        if customer in spent:
            spent[customer] += margin
    mine, true = np.array([expected[i] for i in known.ids]), np.array([spent[i] for i in known.ids])
    before = known.value * (known.repeats + 1) / known.age * days
    groups = [(model.interval(mine[part]), true[part].sum()) for part in np.array_split(np.argsort(mine, kind="stable"), 10)]
    return {
        "day": day.date().isoformat(),
        "days_ahead": days,
        "kind": model.kind,
        "rmse": round(_error(mine, true), 2),
        "total": round(float(mine.sum() / true.sum()), 3),
        "groups_inside": sum(bool(interval.low <= total <= interval.high) for interval, total in groups),
        "mean_half_width": round(mean((i.high - i.mid) / i.mid for i, _ in groups), 3),
        "going_on_as_before": round(_error(before, true), 2),
        "mean_for_everybody": round(float(true.std()), 2),
    }


def _error(predicted: Any, true: Any) -> float:
    return float(np.sqrt(((predicted - true) ** 2).mean()))


def line(cuts: list[dict[str, Any]], rows: int) -> dict[str, Any]:
    """The benchmark line."""
    peers = ("going_on_as_before", "mean_for_everybody")
    return {
        "name": "lifetime",
        "n": rows,
        "ours": {"cuts": [{k: v for k, v in each.items() if k not in peers} for each in cuts]},
        "peers": {peer: {"rmse": [each[peer] for each in cuts]} for peer in peers},
        "ratio": {peer: round(mean(each[peer] / each["rmse"] for each in cuts), 3) for peer in peers},
    }


if __name__ == "__main__":
    main()
