"""What came back of a campaign's people, ready to be compared: outcomes by person, buyers, guardrails, who was lost, how ripe it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.figures import Trend
from liftwright.domain.plan import Plan
from liftwright.flow import in_force
from liftwright.flow.fresh import Fresh
from liftwright.measurement import novelty, outcomes, report, stopping
from liftwright.ports import Deps

OUTCOME_DAYS = 14
"""How long after a contact its outcome is counted, days."""
GUARDRAILS = {"opt_out": ("opt_outs", 0.02), "complaint": ("complaints", 0.003)}
"""Guardrail to its outcome column and the limit used where the plan's stop rules state none."""


@dataclass(frozen=True)
class Evidence:
    """People of the audience and what they did in the window so far.

    audience: the plan's table of people. outcomes: one row per selected person. buyers, people: with an order, and all, of treated and
    holdout. lost: people whom the data does not know any more, and those of different arms who turned out to be one person.
    """

    audience: pa.Table
    outcomes: pa.Table
    buyers: tuple[int, int]
    people: tuple[int, int]
    lost: frozenset[str]
    has_outcomes: bool
    late_events: int
    until: datetime
    fresh: Fresh


def gather(plan: Plan, reached: pa.Table, fresh: Fresh, *, starts_at: datetime, until: datetime, deps: Deps) -> Evidence:
    """Everything that came back between two moments; reached: delivered sends, whose cost is taken off the margin."""
    audience = in_force.audience(plan, deps=deps)
    table = _outcomes(plan, audience, reached, fresh, starts_at=starts_at, until=until, deps=deps)
    pair = report.compared(audience)
    buyers, people = _counted(pair, table.filter(pc.is_in(table["customer_id"], pair["customer_id"].combine_chunks())))
    return Evidence(
        audience=audience,
        outcomes=table,
        buyers=buyers,
        people=people,
        lost=frozenset(_lost(audience, fresh)),
        has_outcomes=outcomes.has_any(fresh.events, starts_at=starts_at, ends_at=until),
        late_events=outcomes.late_events(fresh.events, starts_at=starts_at, ends_at=until, closed_at=until),
        until=until,
        fresh=fresh,
    )


def _outcomes(
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


def guardrails(plan: Plan, seen: Evidence, reached: pa.Table) -> tuple[stopping.Guardrail, ...]:
    """Each guardrail: how many of the people contacted did it, beside the holdout."""
    contacted = set(reached["customer_id"].to_pylist())
    held, table = set(_held(seen.audience).to_pylist()), seen.outcomes
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


def _counted(audience: pa.Table, table: pa.Table) -> tuple[tuple[int, int], tuple[int, int]]:
    """People with an order, and people, of treated and holdout."""
    held = pc.is_in(table["customer_id"], value_set=_held(audience))
    buys = pc.greater(table["orders"], 0)
    counts = [int(pc.sum(mask).as_py() or 0) for mask in (buys, pc.and_(buys, held), held)]
    return (counts[0] - counts[1], counts[1]), (table.num_rows - counts[2], counts[2])


def _lost(audience: pa.Table, fresh: Fresh) -> set[str]:
    """People of the audience whom the data does not know any more, and those of different arms who turned out to be one person."""
    arms: dict[str, set[str]] = {}
    present: dict[str, str | None] = {}
    for person, arm in zip(audience["customer_id"].to_pylist(), audience["arm"].to_pylist(), strict=True):
        now = present[person] = fresh.present_id(person)
        if now is not None:
            arms.setdefault(now, set()).add(arm)
    return {person for person, now in present.items() if now is None or len(arms[now]) > 1}


def trend(seen: Evidence, reached: pa.Table, *, share: float, deps: Deps) -> Trend | None:
    """The daily effect since the first delivery; None before there is one."""
    if not reached.num_rows or not min(seen.people):
        return None
    first = pc.min(moments(reached)).as_py()
    chosen = seen.audience.filter(pc.fill_null(seen.audience["is_selected"], False))
    daily = []
    for arm in ("treated", "holdout"):
        ids = chosen.filter(pc.equal(chosen["arm"], arm))["customer_id"].to_pylist()
        people = [seen.fresh.present_id(person) or person for person in ids]
        rate = deps.settings.margin.rate
        daily.append(
            outcomes.by_day(seen.fresh.events, customer_ids=people, starts_at=first, ends_at=seen.until, margin_rate=rate)
        )
    return novelty.trend(daily[0], daily[1], people=seen.people, share=share)


def matured(sends: pa.Table, now: datetime) -> float:
    """Mean share of the outcome window that has passed since each delivery."""
    if not sends.num_rows:
        return 0.0
    at = moments(sends).cast(pa.int64()).to_numpy()
    ages = (now.timestamp() * 1e6 - at) / (OUTCOME_DAYS * 86_400e6)
    return float(np.clip(ages, 0.0, 1.0).mean())


def moments(sends: pa.Table) -> pa.ChunkedArray:
    """When each send reaches its person: an executor that is handed a send ahead keeps its moment."""
    handed = pc.coalesce(sends["sent_at"], sends["send_at"])
    return pc.if_else(pc.greater(handed, sends["send_at"]), handed, sends["send_at"])
