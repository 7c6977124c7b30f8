"""What a campaign's people are to get by its last solution: the approved plan's for waves that began under it, a later one's after that."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.plan import Plan
from liftwright.ports import Deps


@dataclass(frozen=True)
class Decided:
    """rows: touches with their `propensity`; draws: decisions drawn by lot, those for no contact included. Each as in the plan's artefacts."""

    rows: pa.Table
    draws: pa.Table | None


REPLANNED, ADDED = "campaign.replanned", "campaign.people_added"
"""Journal entries of a rest that was solved again, and of people an approver added."""


def decided(plan: Plan, *, deps: Deps) -> Decided:
    """The decisions in force of a plan; the plan's own where nothing was planned again. Plans from before draws were kept have none."""
    rows = deps.lake.get(plan.assignment.digest)
    draws = deps.lake.get(plan.assignment.draws) if plan.assignment.draws else None
    for entry in deps.journal.entries(subject=plan.campaign_id):
        if entry.action not in (REPLANNED, ADDED) or "rows" not in entry.detail:
            continue
        waves = pa.array(entry.detail["waves"] if entry.action == REPLANNED else [], pa.int64())
        rows = _instead(rows, deps.lake.get(entry.detail["rows"]), waves)
        if draws is not None:
            draws = _instead(draws, deps.lake.get(entry.detail["draws"]), waves)
    return Decided(rows, draws)


def audience(plan: Plan, *, deps: Deps) -> pa.Table:
    """The audience of a plan; people added since count as selected, in both arms."""
    table = deps.lake.get(plan.audience.digest)
    for entry in deps.journal.entries(subject=plan.campaign_id):
        if entry.action == ADDED:
            added = deps.lake.get(entry.detail["people"])["customer_id"].combine_chunks()
            selected = pc.or_(pc.fill_null(table["is_selected"], False), pc.is_in(table["customer_id"], value_set=added))
            table = table.set_column(table.column_names.index("is_selected"), "is_selected", selected)
    return table


def added_cost(plan: Plan, *, deps: Deps) -> float:
    """What the touches of added people cost, beyond the plan's own, major units."""
    entries = deps.journal.entries(subject=plan.campaign_id)
    return sum(float(entry.detail["cost"]) for entry in entries if entry.action == ADDED)


def _instead(before: pa.Table, after: pa.Table, waves: pa.Array) -> pa.Table:
    kept = before.filter(pc.invert(pc.is_in(before["wave"], value_set=waves)))
    return pa.concat_tables([kept, after.select(before.column_names)])
