"""The readiness audit of a workspace: its newest snapshot, and what its imports had to keep out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from liftwright.audience import quality
from liftwright.domain.campaign import Snapshot
from liftwright.domain.readiness import Readiness
from liftwright.ports import Deps

KEPT_OUT = {"stamped later than now": "future_date", "exact repeat of": "duplicate_event"}
"""Reasons of quarantined rows that are gaps of the source, and their kind."""


def audit(*, deps: Deps) -> Readiness:
    """Scores, gaps and whether decisions can be made with the newest data; an empty workspace is not ready. Nothing is changed."""
    snapshot = deps.lake.snapshot()
    return quality.audit(
        {} if snapshot is None else deps.lake.read(snapshot),
        now=deps.now(),
        currency=deps.settings.currency,
        margin_rate=deps.settings.margin.rate,
        refused={} if snapshot is None else _refused(snapshot, deps.settings.home),
    )


def _refused(snapshot: Snapshot, home: Path) -> dict[tuple[str, str], int]:
    """Rows that the imports of this snapshot put aside, by table and kind of gap."""
    counted: Counter[tuple[str, str]] = Counter()
    for path in sorted((home / "quarantine").glob("*.parquet")):
        if not any(source.startswith(path.stem.rpartition("-")[2]) for source in snapshot.sources):
            continue
        rows = pq.read_table(path)
        table = (rows.schema.metadata or {}).get(b"table", b"").decode()
        for reason in rows["reason"].to_pylist():
            counted.update((table, kind) for words, kind in KEPT_OUT.items() if words in reason and table)
    return dict(counted)
