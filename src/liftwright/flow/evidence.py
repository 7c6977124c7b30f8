"""What came back of a campaign's people, ready to be compared: outcomes by person, buyers, guardrails, who was lost, how ripe it is."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.figures import Trend
from liftwright.domain.plan import Plan
from liftwright.flow.fresh import Fresh
from liftwright.measurement import novelty, outcomes, stopping
from liftwright.ports import Deps

OUTCOME_DAYS = 14
"""How long after a contact its outcome is counted, days."""
GUARDRAILS = {"opt_out": ("opt_outs", 0.02), "complaint": ("complaints", 0.003)}
"""Guardrail to its outcome column and the limit used where the plan's stop rules state none."""


def outcomes_of(
    plan: Plan, audience: pa.Table, sends: pa.Table, fresh: Fresh, *, starts_at: datetime, until: datetime, deps: Deps
) -> pa.Table:
    """Outcomes under the ids of the audience; contact costs of what was delivered and the price of opt-outs are taken off the margin."""
    ids = audience.filter(pc.fill_null(audience["is_selected"], False))["customer_id"].to_pylist()
    present = [fresh.present_id(customer_id) or customer_id for customer_id in ids]
    people = sorted(set(present))
    costs = pa.table(
        {
            "customer_id": pa.array([fresh.present_id(i) or i for i in sends["customer_id"].to_pylist()], pa.string()),
            "cost": sends["cost"],
        }
    )
    found = outcomes.outcomes(
        fresh.events,
        customer_ids=people,
        starts_at=starts_at,
        ends_at=until,
        margin_rate=deps.settings.margin.rate,
        costs=costs,
        opt_out_price=plan.experiment.analysis.opt_out_price if plan.experiment.analysis is not None else 0.0,
    )
    rows = pc.index_in(pa.array(present, pa.string()), value_set=pa.array(people, pa.string()))
    return found.take(rows).set_column(0, "customer_id", pa.array(ids, pa.string()))


def _held(audience: pa.Table) -> pa.Array:
    return audience.filter(pc.equal(audience["arm"], "holdout"))["customer_id"].combine_chunks()


def guardrails(plan: Plan, audience: pa.Table, table: pa.Table, sends: pa.Table) -> tuple[stopping.Guardrail, ...]:
    """Each guardrail: how many of the people contacted did it, beside the holdout."""
    contacted = set(sends["customer_id"].to_pylist())
    held = set(_held(audience).to_pylist())
    limits = {rule.name: rule.bound for rule in plan.experiment.stop_rules}
    ids = table["customer_id"].to_pylist()
    found = []
    for name, (column, limit) in GUARDRAILS.items():
        happened = {customer_id for customer_id, count in zip(ids, table[column].to_pylist(), strict=True) if count > 0}
        found.append(
            stopping.Guardrail(
                name=name,
                count=len(happened & contacted),
                people=len(contacted),
                limit=limits.get(f"guardrail:{name}", limit),
                baseline_count=len(happened & held),
                baseline_people=len(held & set(ids)),
                planned=plan.assignment.people,
            )
        )
    return tuple(found)


def buyers(audience: pa.Table, table: pa.Table) -> tuple[tuple[int, int], tuple[int, int]]:
    """People with an order, and people, of treated and holdout."""
    held = pc.is_in(table["customer_id"], value_set=_held(audience))
    buys = pc.greater(table["orders"], 0)
    counts = [int(pc.sum(mask).as_py() or 0) for mask in (buys, pc.and_(buys, held), held)]
    return (counts[0] - counts[1], counts[1]), (table.num_rows - counts[2], counts[2])


def lost(audience: pa.Table, fresh: Fresh) -> set[str]:
    """People of the audience whom the data does not know any more, and those of different arms who turned out to be one person."""
    arms: dict[str, set[str]] = {}
    present: dict[str, str | None] = {}
    for person, arm in zip(audience["customer_id"].to_pylist(), audience["arm"].to_pylist(), strict=True):
        now = present[person] = fresh.present_id(person)
        if now is not None:
            arms.setdefault(now, set()).add(arm)
    return {person for person, now in present.items() if now is None or len(arms[now]) > 1}


def trend(audience: pa.Table, reached: pa.Table, fresh: Fresh, *, until: datetime, share: float, deps: Deps) -> Trend | None:
    """The daily effect since the first delivery; None before there is one."""
    if not reached.num_rows:
        return None
    first = pc.min(pc.coalesce(reached["sent_at"], reached["send_at"])).as_py()
    chosen = audience.filter(pc.fill_null(audience["is_selected"], False))
    sides = [
        [fresh.present_id(person) or person for person in chosen.filter(pc.equal(chosen["arm"], arm))["customer_id"].to_pylist()]
        for arm in ("treated", "holdout")
    ]
    if not all(sides):
        return None
    daily = [
        outcomes.by_day(fresh.events, customer_ids=side, starts_at=first, ends_at=until, margin_rate=deps.settings.margin.rate)
        for side in sides
    ]
    return novelty.trend(daily[0], daily[1], people=(len(sides[0]), len(sides[1])), share=share)


def matured(sends: pa.Table, now: datetime) -> float:
    """Mean share of the outcome window that has passed since each delivery."""
    if not sends.num_rows:
        return 0.0
    at = pc.coalesce(sends["sent_at"], sends["send_at"]).cast(pa.int64()).to_numpy()
    ages = (now.timestamp() * 1e6 - at) / (OUTCOME_DAYS * 86_400e6)
    return float(np.clip(ages, 0.0, 1.0).mean())
