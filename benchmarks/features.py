"""Features from many events: cost against plain SQL, and correctness at random moments. Prints one JSON line.

    python benchmarks/features.py --events 20000000 [--people 200000] [--json]

The benchmark writes its own events (Parquet, 5 types x 8 channels x amount, skewed over the people) to a temporary directory, then
computes the same 30 features twice, each in its own process with the same number of threads and the same memory limit, with every
column materialised: `ours` is `audience.features.compute_scanned` with the declared features; the peer `naive_sql` is one GROUP BY
with 30 filtered aggregates, two of them COUNT(DISTINCT). Their values must agree. point_in_time_differences: rows of
`audience.features.compute_at` that differ from a count in plain Python, over 1,000 (person, moment) pairs. CPU seconds are user +
system of the query, start-up apart; ratio.naive_sql_cpu is ours / naive.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from liftwright.audience import features

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
DAY_US = 86_400_000_000
DAYS = 400
SAMPLED = 1_000
TYPES = ("purchase", "visit", "email_open", "click", "support")
SHARES = (0.06, 0.49, 0.25, 0.16, 0.04)
CHANNELS = ("email", "web", "sms", "push", "display", "paid_social", "direct_mail", "store")
STAMP = pa.timestamp("us", tz="UTC")
_RECENT = f"least(min(age) FILTER (WHERE {{}}), {features.NEVER_DAYS})"
_BOUGHT, _SEEN = "type = 'purchase'", "type IN ('visit', 'page_view')"
_OPEN, _CLICK, _CASE = "type = 'email_open'", "type = 'click'", "type = 'support'"
_ACTIVE = "type IN ('visit', 'page_view', 'click', 'purchase') AND age <= 30 AND day < 30"


def _counted(test: str, days: int) -> str:
    return f"count(*) FILTER (WHERE {test} AND age <= {days})"


NAIVE: dict[str, str] = {
    "recency_days": _RECENT.format(_BOUGHT),
    **{f"orders_{days}": _counted(_BOUGHT, days) for days in (30, 90, 180, 365)},
    **{f"value_{days}": f"sum(amount) FILTER (WHERE {_BOUGHT} AND age <= {days})" for days in (90, 365)},
    "margin_365": f"sum(amount * 0.4) FILTER (WHERE {_BOUGHT} AND age <= 365)",
    "average_order": f"avg(amount) FILTER (WHERE {_BOUGHT})",
    "largest_order_365": f"max(amount) FILTER (WHERE {_BOUGHT} AND age <= 365)",
    "store_orders_365": _counted(f"{_BOUGHT} AND channel = 'store'", 365),
    **{f"visits_{days}": _counted(_SEEN, days) for days in (7, 30, 90, 180)},
    "visit_recency_days": _RECENT.format(_SEEN),
    "active_days_30": f"count(DISTINCT CASE WHEN {_ACTIVE} THEN day END)",
    "channels_90": "count(DISTINCT CASE WHEN age <= 90 THEN channel END)",
    **{f"email_opens_{days}": _counted(_OPEN, days) for days in (90, 180)},
    **{f"{name}_clicks_90": _counted(f"{_CLICK} AND channel = '{name}'", 90) for name in ("email", "sms", "push")},
    "clicks_180": _counted(_CLICK, 180),
    "other_clicks_90": _counted(f"{_CLICK} AND coalesce(channel, '') NOT IN ('email', 'sms', 'push')", 90),
    "click_recency_days": _RECENT.format(_CLICK),
    **{f"support_{days}": _counted(_CASE, days) for days in (90, 180)},
    "support_recency_days": _RECENT.format(_CASE),
    "last_seen_days": _RECENT.format("true"),
}
"""The 30 features as one would write them by hand."""


def asked_features() -> tuple[features.Feature, ...]:
    """The declared features among the 30, and four more declared here: adding one is adding an entry."""
    since = f"least(min(age){{rows}}, {features.NEVER_DAYS})"
    numbers = ", ".join(f"'{name}'" for name in CHANNELS)
    mask = f"bit_count(bit_or(1::USMALLINT << list_position([{numbers}], channel)::USMALLINT){{rows}})"
    more = (
        features.Feature("channels_90", mask, "channels used in the last 90 days", window=90),
        features.Feature("click_recency_days", since, "days since the last click", types=("click",), empty=features.NEVER_DAYS),
        features.Feature(
            "support_recency_days", since, "days since the last case", types=("support",), empty=features.NEVER_DAYS
        ),
        features.Feature("last_seen_days", since, "days since anything", empty=features.NEVER_DAYS),
    )
    return tuple(feature for feature in (*features.FEATURES, *more) if feature.name in NAIVE)


def main() -> None:
    """Generate, run both sides in their own processes, check, print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--people", type=int, default=200_000)
    parser.add_argument("--json", action="store_true", help="Only the line (the default too).")
    parser.add_argument("--side", choices=("generate", "ours", "naive"), help=argparse.SUPPRESS)
    parser.add_argument("--directory", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps({"generate": _generate, "ours": _ours, "naive": _naive}[options.side](options)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(_line(Path(scratch), options)))


def _line(directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    _own_process("generate", directory, options)
    naive, ours = _own_process("naive", directory, options), _own_process("ours", directory, options)
    wrong = _unequal(pq.read_table(directory / "ours.parquet"), pq.read_table(directory / "naive.parquet"))
    if wrong:
        raise SystemExit(f"The two sides disagree: {wrong}")
    ours["point_in_time_differences"] = _point_in_time_differences(directory)
    ratio = {"naive_sql_cpu": round(ours["cpu_seconds"] / naive["cpu_seconds"], 3)}
    shape = {"events": options.events, "people": options.people, "features": len(NAIVE)}
    return {"name": "features", "n": options.events, "ours": ours | shape, "peers": {"naive_sql": naive}, "ratio": ratio}


def _own_process(side: str, directory: Path, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, "--side", side, "--directory", str(directory)]
    command += ["--events", str(options.events), "--people", str(options.people)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _generate(options: argparse.Namespace) -> dict[str, Any]:
    rng = np.random.default_rng(20260601)
    ids = pa.array([f"C{number:06d}" for number in range(options.people)])
    with pq.ParquetWriter(options.directory / "events.parquet", _schema(), compression="zstd") as writer:
        for first in range(0, options.events, 1_000_000):
            writer.write_table(_some_events(rng, ids, min(1_000_000, options.events - first)))
    return {}


def _schema() -> pa.Schema:
    word = pa.dictionary(pa.int32(), pa.string())
    return pa.schema([("customer_id", word), ("type", word), ("occurred_at", STAMP), ("channel", word), ("amount", pa.float64())])


def _some_events(rng: np.random.Generator, ids: pa.Array, size: int) -> pa.Table:
    person = (len(ids) * rng.random(size) ** 1.6).astype(np.int32)
    kind = rng.choice(len(TYPES), size=size, p=SHARES).astype(np.int32)
    channel = (len(CHANNELS) * rng.random(size) ** 1.5).astype(np.int32)
    at = NOW_US - (rng.random(size) * DAYS * DAY_US).astype(np.int64)
    amount = np.round(np.exp(3.5 + 0.7 * rng.standard_normal(size)), 2)
    columns = [
        pa.DictionaryArray.from_arrays(person, ids),
        pa.DictionaryArray.from_arrays(kind, pa.array(TYPES)),
        pa.array(at).cast(STAMP),
        pa.DictionaryArray.from_arrays(channel, pa.array(CHANNELS)),
        pa.array(amount, mask=kind != 0),
    ]
    return pa.Table.from_arrays(columns, schema=_schema())


def _connected(options: argparse.Namespace) -> Any:
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'; SET threads = 2; SET memory_limit = '750MB'; SET preserve_insertion_order = false")
    db.execute(f"SET temp_directory = '{options.directory}/spill'")
    return db


def _ours(options: argparse.Namespace) -> dict[str, Any]:
    ids = pa.array([f"C{number:06d}" for number in range(options.people)])
    source = f"read_parquet('{options.directory}/events.parquet')"
    with _connected(options) as db:
        before = _cpu()
        found = features.compute_scanned(db, source, customer_ids=ids, as_of=NOW, margin_rate=0.4, features=asked_features())
        used = _cpu() - before
    pq.write_table(found, options.directory / "ours.parquet")
    return _measured(used)


def _naive(options: argparse.Namespace) -> dict[str, Any]:
    values = ", ".join(f"CAST({sql} AS DOUBLE) AS {name}" for name, sql in NAIVE.items())
    aged = (
        f"({NOW_US} - epoch_us(occurred_at)) / {DAY_US}.0::DOUBLE AS age, ({NOW_US} - epoch_us(occurred_at)) // {DAY_US} AS day"
    )
    source = f"read_parquet('{options.directory}/events.parquet')"
    with _connected(options) as db:
        before = _cpu()
        found = db.sql(
            f"SELECT customer_id, {values} FROM (SELECT *, {aged} FROM {source} WHERE epoch_us(occurred_at) < {NOW_US}) GROUP BY customer_id"
        ).to_arrow_table()
        used = _cpu() - before
    pq.write_table(found, options.directory / "naive.parquet")
    return _measured(used)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _measured(cpu: float) -> dict[str, Any]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {"cpu_seconds": round(cpu, 2), "peak_gb": round(peak, 3)}


def _unequal(ours: pa.Table, naive: pa.Table) -> list[str]:
    """Features whose values differ by more than the rounding of a sum, over everybody with any event."""
    ours = ours.filter(pa.compute.is_in(ours["customer_id"], value_set=naive["customer_id"].combine_chunks())).sort_by(
        "customer_id"
    )
    naive = naive.sort_by("customer_id")
    if not ours["customer_id"].equals(naive["customer_id"].cast(ours.schema.field("customer_id").type)):
        return ["customer_id"]
    empty = {feature.name: feature.empty for feature in asked_features()}
    return [
        name
        for name in NAIVE
        if not np.allclose(ours[name].to_numpy(), pa.compute.fill_null(naive[name], empty[name]).to_numpy(), rtol=1e-9, atol=1e-9)
    ]


def _point_in_time_differences(directory: Path) -> int:
    """Rows of `compute_at` that differ anywhere from a count in plain Python."""
    rng = np.random.default_rng(7)
    everybody = pq.read_table(directory / "ours.parquet", columns=["customer_id"])["customer_id"].to_pylist()
    who = [everybody[place] for place in rng.integers(0, len(everybody), SAMPLED)]
    with duckdb.connect() as db:
        db.register("wanted", pa.table({"customer_id": sorted(set(who))}))
        events = db.sql(
            f"SELECT e.* FROM read_parquet('{directory}/events.parquet') e SEMI JOIN wanted USING (customer_id)"
        ).to_arrow_table()
    at = [NOW_US - int(us) for us in rng.integers(0, (DAYS - 30) * DAY_US, SAMPLED)]
    found = features.compute_at(
        {"events": events},
        people=pa.table({"customer_id": sorted(set(who))}),
        moments=pa.table({"customer_id": who, "at": pa.array(at).cast(STAMP)}),
        margin_rate=0.4,
        features=asked_features(),
    )
    lives: dict[str, list[tuple[int, str, str, float]]] = {}
    stamps = events["occurred_at"].cast(pa.int64()).to_pylist()
    others = (events[name].to_pylist() for name in ("customer_id", "type", "channel", "amount"))
    for moment, person, kind, channel, amount in zip(stamps, *others, strict=True):
        lives.setdefault(person, []).append((moment, kind, channel, amount or 0.0))
    rows = found.to_pylist()
    missing = SAMPLED - len(rows)
    return missing + sum(not _is_same(row, by_hand(lives.get(row["customer_id"], []), at[row["row"]])) for row in rows)


def _is_same(row: dict[str, Any], expected: dict[str, float]) -> bool:
    return all(abs(row[name] - value) <= 1e-9 * max(1.0, abs(value)) for name, value in expected.items())


def by_hand(life: list[tuple[int, str, str, float]], at: int) -> dict[str, float]:
    """The 30 features of one person just before `at` (microseconds), from their events (when, type, channel, amount)."""
    past = [(at - moment, kind, channel, amount) for moment, kind, channel, amount in life if moment < at]

    def rows(*kinds: str, days: int = 10_000) -> list[tuple[int, str, str, float]]:
        return [row for row in past if row[1] in kinds and row[0] <= days * DAY_US]

    def since(*kinds: str) -> float:
        return min([row[0] / DAY_US for row in rows(*kinds)] + [features.NEVER_DAYS])

    orders, year = rows("purchase"), [row[3] for row in rows("purchase", days=365)]
    clicks = [row[2] for row in rows("click", days=90)]
    active = {row[0] // DAY_US for row in rows("visit", "click", "purchase", days=30)} - {30}
    return {
        "recency_days": since("purchase"),
        **{f"orders_{days}": len(rows("purchase", days=days)) for days in (30, 90, 180, 365)},
        "value_90": sum(row[3] for row in rows("purchase", days=90)),
        "value_365": sum(year),
        "margin_365": 0.4 * sum(year),
        "average_order": sum(row[3] for row in orders) / len(orders) if orders else 0.0,
        "largest_order_365": max(year, default=0.0),
        "store_orders_365": sum(row[2] == "store" for row in rows("purchase", days=365)),
        **{f"visits_{days}": len(rows("visit", days=days)) for days in (7, 30, 90, 180)},
        "visit_recency_days": since("visit"),
        "active_days_30": len(active),
        "channels_90": len({row[2] for row in rows(*TYPES, days=90)}),
        **{f"email_opens_{days}": len(rows("email_open", days=days)) for days in (90, 180)},
        **{f"{name}_clicks_90": clicks.count(name) for name in ("email", "sms", "push")},
        "clicks_180": len(rows("click", days=180)),
        "other_clicks_90": sum(name not in ("email", "sms", "push") for name in clicks),
        "click_recency_days": since("click"),
        **{f"support_{days}": len(rows("support", days=days)) for days in (90, 180)},
        "support_recency_days": since("support"),
        "last_seen_days": since(*TYPES),
    }


if __name__ == "__main__":
    main()
