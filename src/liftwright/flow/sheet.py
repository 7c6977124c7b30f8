"""Everybody's scores for visitors: worked out at night, kept in the lake, held in memory by whoever serves visitors.

A sheet holds for the models it names and for `LASTS`; a visitor whom it does not know yet is not scored until the next night.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.agents.bench import Bench
from liftwright.agents.bench.solving import economics_of
from liftwright.domain.campaign import JournalEntry
from liftwright.domain.goal import Objective
from liftwright.flow import current
from liftwright.planning.treatments import Economics
from liftwright.ports import Deps

Floats = npt.NDArray[np.float64]
SUBJECT, MADE = "visitor_scores", "visitors.scored"
LASTS = timedelta(hours=48)
FEATURES = ("value_365", "orders_365", "contacts_30")
"""What a learner of visitors' choices sees of a person, on a logarithmic scale, after a constant."""
DOUBT = 0.1
"""How far an action's worth may be from what the models expect, at least, as a share of an order's margin."""
_SHARED = ("unit_cost", "discounts", "redeemed", "stocked", "lead_days", "fatigue_price", "diminishing", "margin_floor")
_COLUMNS = ("buy_chance", "order_revenue", "margin_rate", "recent_contacts")


@dataclass(frozen=True)
class Sheet:
    """Scores of everybody in a snapshot. `rows`: place of a person; `effects`: (people, actions) extra margin of a first touch, major units;
    `economics`: arrays of all people; `features`: (people, 1 + FEATURES); `spread`: how unsure an effect is; `broken`: feature contracts
    that are, with which nobody is scored."""

    snapshot_id: str
    models: tuple[str, ...]
    actions: tuple[str, ...]
    made_at: datetime
    rows: dict[str, int]
    effects: Floats
    economics: Economics
    features: Floats
    spread: float
    broken: tuple[str, ...]

    def of(self, row: int) -> Economics:
        """What contacts cost and orders earn for one person."""
        return replace(self.economics, **{name: getattr(self.economics, name)[row : row + 1] for name in _COLUMNS})


def make(deps: Deps) -> JournalEntry:
    """Score everybody by the models in force and keep it. Doing it twice on the same data and day keeps it once."""
    bench = current.scored(deps)
    today = Objective(metric="incremental_margin", starts_on=deps.now().date(), ends_on=deps.now().date())
    everybody = np.arange(len(bench.data.ids))
    economics = economics_of(bench.data, bench.scored, today, everybody)
    effects = bench.scored.effects
    columns: dict[str, Any] = {"customer_id": bench.data.ids.tolist()}
    columns |= {f"effect {action}": effects.values[:, place] for place, action in enumerate(bench.data.actions)}
    columns |= {name: np.asarray(getattr(economics, name), dtype=np.float64) for name in _COLUMNS}
    columns |= {f"feature {name}": np.log1p(np.maximum(bench.data.feature(name), 0.0)) for name in FEATURES}
    digest = deps.lake.put(pa.table(columns))
    detail = _detail(bench, digest, economics)
    same = [entry for entry in deps.journal.entries(subject=SUBJECT)[-1:] if entry.detail == detail and entry.at == deps.now()]
    return (
        same[0] if same else deps.journal.append(at=deps.now(), actor="liftwright", action=MADE, subject=SUBJECT, detail=detail)
    )


def _detail(bench: Bench, digest: str, economics: Economics) -> dict[str, Any]:
    data, errors = bench.data, bench.scored.effects.errors
    shared = {name: getattr(economics, name) for name in _SHARED}
    return {
        "scores": digest,
        "snapshot": data.snapshot.snapshot_id,
        "models": list(bench.scored.versions),
        "in_force": list(current.versions(data.deps) or ()),
        "actions": list(data.actions),
        "economics": {**shared, "stocked": sorted(economics.stocked)},
        "spread": float(np.mean(errors)) if errors.size else 0.0,
        "broken": [finding.rule for finding in data.contract_findings],
        "settings": _settings(deps=data.deps),
        "as_of": data.as_of.isoformat(),
    }


def _settings(*, deps: Deps) -> str:
    """A digest of all settings; a sheet made under others does not hold."""
    return deps.settings.digest


def newest(deps: Deps) -> JournalEntry | None:
    """What the journal says of the last sheet made, if it still holds: by the models and settings in force, and not too old."""
    entries = [entry for entry in deps.journal.entries(subject=SUBJECT) if entry.action == MADE]
    if not entries or deps.now() - entries[-1].at > LASTS:
        return None
    last = entries[-1].detail
    snapshot = deps.lake.snapshot()
    is_same_data = snapshot is not None and snapshot.snapshot_id == last["snapshot"]
    if last["broken"] and not is_same_data:
        return None
    is_in_force = last["in_force"] == list(current.versions(deps) or ()) and last["settings"] == _settings(deps=deps)
    return entries[-1] if is_in_force else None


def read(entry: JournalEntry, deps: Deps) -> Sheet:
    """A sheet from the lake."""
    detail = entry.detail
    table = deps.lake.get(deps.lake.present(detail["scores"]))
    actions = tuple(detail["actions"])
    numbers = {name: np.asarray(table[name].to_numpy(), dtype=np.float64) for name in table.column_names if name != "customer_id"}
    people = table.num_rows
    shared: dict[str, Any] = detail["economics"] | {"stocked": frozenset(detail["economics"]["stocked"])}
    shared |= {name: numbers[name] for name in _COLUMNS}
    features = np.stack([np.ones(people), *(numbers[f"feature {name}"] for name in FEATURES)], axis=1)
    order = float(numbers["order_revenue"].mean()) * deps.settings.margin.rate if people else 0.0
    return Sheet(
        snapshot_id=detail["snapshot"],
        models=tuple(detail["models"]),
        actions=actions,
        made_at=entry.at,
        rows={name: row for row, name in enumerate(table["customer_id"].to_pylist())},
        effects=np.stack([numbers[f"effect {action}"] for action in actions], axis=1) if actions else np.zeros((people, 0)),
        economics=Economics(**shared),
        features=features,
        spread=max(float(detail["spread"]), DOUBT * order),
        broken=tuple(detail["broken"]),
    )
