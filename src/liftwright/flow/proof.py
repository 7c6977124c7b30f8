"""What every figure of a campaign stands on: the query or the object behind it, and the digest of the data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pyarrow as pa

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import Estimate
from liftwright.domain.figures import Interval
from liftwright.domain.plan import Plan
from liftwright.flow import in_force
from liftwright.measurement import queries
from liftwright.ports import Deps

Kind = Literal["query", "object", "journal"]
"""query: SQL over tables that are kept; object: a plan, a report or a lesson as it is stored; journal: an entry of the journal."""
TABLES = ("audience", "outcomes", "sends")
CLOSE = 1e-6


@dataclass(frozen=True)
class Figure:
    """One figure with what it stands on. `key` names it on its page; `unit` is what it counts; without an interval low and high are None.

    kind: what `about` is evidence of. query: SQL that gives `mid` back, where there is any. about: names of what was looked at, by kind
    (`plan`, `entry`, `lesson`), each with its digest or hash. reason: why there is no number.
    """

    key: str
    name: str
    unit: str
    mid: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    method: str = ""
    reason: str = ""
    kind: Kind = "object"
    query: str = ""
    about: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Every field."""
        return {**asdict(self), "about": dict(self.about)}


def of_estimate(key: str, name: str, unit: str, found: Estimate, *, about: Mapping[str, str]) -> Figure:
    """A measured effect."""
    return Figure(
        key,
        name,
        unit,
        mid=found.mid,
        low=found.low,
        high=found.high,
        level=found.level,
        method=found.method,
        reason=found.reason if found.mid is None else "",
        kind="query" if found.query else "object",
        query=found.query,
        about=about,
    )


def of_interval(
    key: str,
    name: str,
    unit: str,
    found: Interval | None,
    *,
    query: str = "",
    reason: str = "",
    method: str = "",
    about: Mapping[str, str],
) -> Figure:
    """A range; None says why in `reason`."""
    ends = {} if found is None else {"mid": found.mid, "low": found.low, "high": found.high, "level": found.level}
    kind: Kind = "query" if query else "object"
    why = reason if found is None else ""
    return Figure(key, name, unit, **ends, reason=why, method=method, kind=kind, query=query, about=about)


def counted(key: str, name: str, unit: str, value: float | None, query: str, *, about: Mapping[str, str]) -> Figure:
    """A count or a sum by a query; it has no interval because it is no estimate."""
    return Figure(key, name, unit, mid=value, method="counted", kind="query", query=query, about=about)


def kept(
    key: str, name: str, unit: str, value: float | None, *, method: str, about: Mapping[str, str], kind: Kind = "object"
) -> Figure:
    """A figure read from something stored, or computed from it by the code that `method` names."""
    return Figure(key, name, unit, mid=value, method=method, kind=kind, about=about)


def by_key(figures: Iterable[Figure]) -> dict[str, dict[str, Any]]:
    """Figures as JSON, by key. Raises ValueError where two have one key."""
    found: dict[str, dict[str, Any]] = {}
    for each in figures:
        if each.key in found:
            raise ValueError(f"two figures are called {each.key}")
        found[each.key] = each.as_json()
    return found


def shown(
    campaign_id: str, key: str, figures: Mapping[str, Mapping[str, Any]], *, plan: Plan, outcomes: str, deps: Deps
) -> dict[str, Any]:
    """The evidence of one figure: it, its tables with digest and rows, what its query answers now, and the journal entry it names.

    outcomes: digest of the table of outcomes. Raises DataError EVIDENCE-UNKNOWN for a key there is not.
    """
    if key not in figures:
        raise DataError(
            "EVIDENCE-UNKNOWN", f"There is no figure '{key[:60]}'.", next_step="Follow a figure of the campaign's page."
        )
    figure = figures[key]
    named = [name for name in TABLES if figure["query"] and f" {name}" in figure["query"]]
    tables = {name: _table(name, plan, outcomes, deps) for name in named}
    answer = queries.answered(figure["query"], {name: table for name, (table, _) in tables.items()}) if named else None
    return {
        "figure": figure,
        "tables": [{"name": name, "digest": digest, "rows": table.num_rows} for name, (table, digest) in tables.items()],
        "answer": answer,
        "is_same": answer is None or figure["mid"] is None or abs(answer - figure["mid"]) <= CLOSE * max(1.0, abs(answer)),
        "entries": [
            _entry(entry)
            for entry in deps.journal.entries(subject=campaign_id)
            if entry.entry_hash == figure["about"].get("entry")
        ],
    }


def _table(name: str, plan: Plan, outcomes: str, deps: Deps) -> tuple[pa.Table, str]:
    """A table that queries speak of, and its digest."""
    if name == "audience":
        return in_force.audience(plan, deps=deps), plan.audience.digest
    if name == "outcomes":
        return deps.lake.get(deps.lake.present(outcomes)), outcomes
    table = deps.ledger.sends(plan.campaign_id)
    return table, of_sends(table)


def of_sends(table: pa.Table) -> str:
    """The digest of the ledger's rows of a campaign as they are now: SHA-256 over id, state, moment and cost, a line a send, by id."""
    whole = hashlib.sha256()
    for row in table.select(["send_id", "state", "send_at", "sent_at", "cost"]).sort_by("send_id").to_pylist():
        whole.update(f"{row['send_id']} {row['state']} {row['send_at']} {row['sent_at']} {row['cost']!r}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def _entry(entry: Any) -> dict[str, Any]:
    return {"seq": entry.seq, "at": entry.at.isoformat(), "actor": entry.actor, "action": entry.action, "hash": entry.entry_hash}
