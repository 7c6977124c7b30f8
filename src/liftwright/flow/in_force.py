"""What a campaign's people are to get by its last solution: the approved plan's for waves that began under it, a later one's after that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.ports import Deps


@dataclass(frozen=True)
class Decided:
    """rows: touches with their `propensity`; draws: decisions drawn by lot, those for no contact included. Each as in the plan's artefacts."""

    rows: pa.Table
    draws: pa.Table | None


REPLANNED, MOVED, ADDED = "campaign.replanned", "campaign.rebudgeted", "campaign.people_added"
"""Journal entries of a rest that was solved again, of money moved between channels, and of people an approver added."""
_KINDS = {REPLANNED: "replan", MOVED: "rebudget"}
"""Kind of the action that tells of a change."""


def decided(plan: Plan, *, deps: Deps) -> Decided:
    """The decisions in force of a plan; the plan's own where nothing was planned again. Plans from before draws were kept have none."""
    rows = deps.lake.get(plan.assignment.digest)
    draws = deps.lake.get(plan.assignment.draws) if plan.assignment.draws else None
    for entry in deps.journal.entries(subject=plan.campaign_id):
        if entry.action not in (REPLANNED, ADDED) or "rows" not in entry.detail:
            continue
        waves = pa.array(entry.detail["waves"] if entry.action == REPLANNED else [], pa.int64())
        rows = _instead(rows, [deps.lake.get(entry.detail[name]) for name in ("rows", "kept") if name in entry.detail], waves)
        if draws is not None:
            draws = _instead(draws, [deps.lake.get(entry.detail["draws"])], waves)
    return Decided(rows, draws)


def among(plan: Plan, sends: pa.Table, *, deps: Deps) -> pa.Table:
    """The decisions in force that are these sends."""
    key = ["customer_id", "wave", "channel"]
    rows = decided(plan, deps=deps).rows
    names = rows.column_names
    found = rows.join(sends.select(key).combine_chunks(), keys=key, join_type="left semi")
    return found.select(names).sort_by([(name, "ascending") for name in key]).cast(rows.schema)


def write_down(plan: Plan, *, deps: Deps) -> None:
    """An action for every change of the ledger that has none yet: the ledger notes a change with its own transaction, so a crash after
    it loses nothing."""
    written = {(action.kind, action.at) for action in deps.campaigns.actions(plan.campaign_id)}
    for entry in deps.journal.entries(subject=plan.campaign_id):
        kind = _KINDS.get(entry.action)
        if kind is None or "before" not in entry.detail or (kind, entry.at) in written:
            continue
        after = {name: value for name, value in entry.detail.items() if name not in ("before", "rule")}
        rule = str(entry.detail.get("rule", "REPLAN"))
        done = Action(at=entry.at, kind=kind, rule=rule, before=entry.detail["before"], after=after, by="liftwright")
        deps.campaigns.record_action(plan.campaign_id, done)


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


def _instead(before: pa.Table, after: Sequence[pa.Table], waves: pa.Array) -> pa.Table:
    kept = before.filter(pc.invert(pc.is_in(before["wave"], value_set=waves)))
    return pa.concat_tables([kept, *(table.select(before.column_names) for table in after)])
