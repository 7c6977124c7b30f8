"""What a campaign leaves when it is closed: statistics by cell, and how every delivered contact was answered. Rows, no words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Report
from liftwright.domain.learning import CellStatistics
from liftwright.domain.plan import Plan
from liftwright.flow import reporting
from liftwright.flow.fresh import Fresh, newest
from liftwright.measurement import cells, outcomes
from liftwright.ports import Deps

KEPT_DAYS = 365
"""How long what a campaign taught counts before it must be learnt again."""
ANSWER_DAYS = 7
"""An answer that does not name its send belongs to a contact on its channel at most so many days before."""
ANSWERS = {"click": "clicks", "opt_out": "opt_outs"}
CELL = ("first_channel", "segment", "first_offer")
TOUCHES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("action", pa.string()),
        *((name, pa.float64()) for name in ANSWERS.values()),
    ]
)


def statistics(plan: Plan, report: Report, *, deps: Deps) -> tuple[CellStatistics, ...]:
    """The rows of a campaign that is over, saved. None for plans of before people's cells were kept, or where nobody was compared."""
    audience = deps.lake.get(plan.audience.digest)
    if not {*CELL, "expected"} <= set(audience.column_names):
        return ()
    row, _ = reporting.launched(plan.campaign_id, deps)
    starts_at, ends_at = reporting.flight(plan, row, deps)
    until = min(deps.now(), ends_at + timedelta(days=reporting.OUTCOME_DAYS))
    in_arms = pc.is_in(audience["arm"], value_set=pa.array(["treated", "holdout"]))
    is_compared = pc.and_(pc.fill_null(audience["is_selected"], False), pc.is_valid(audience["first_channel"]))
    compared = audience.filter(pc.and_(in_arms, is_compared))
    if not compared.num_rows:
        return ()
    fresh, rate = newest(deps), deps.settings.margin.rate
    people = _with_outcomes(compared, fresh, starts_at=starts_at, until=until, margin_rate=rate)
    cap = plan.experiment.analysis.cap if plan.experiment.analysis else None
    fails = report.verdict == "invalid"
    common: dict[str, Any] = {
        "campaign_id": plan.campaign_id,
        "season": f"Q{(starts_at.month + 2) // 3}",
        "starts_at": starts_at,
        "ends_at": until,
        "cap": cap,
        "srm_p": report.health.srm_p,
        "standing": "inconclusive" if fails else "believed",
        "because": "the arms cannot be compared" if fails else "",
        "models": plan.pins.models,
        "evidence": deps.lake.put(people),
        "touches": deps.lake.put(touches(deps.ledger.sends(plan.campaign_id, states=reporting.REACHED), fresh.events)),
        "expires_at": deps.now() + timedelta(days=KEPT_DAYS),
    }
    found = tuple(
        CellStatistics(channel=channel, segment=segment, offer=offer, treated=treated, holdout=holdout, **common)
        for (channel, segment, offer), treated, holdout in cells.by_cell(
            people, holdout_share=plan.experiment.holdout_share, cap=cap
        )
    )
    deps.lessons.keep_statistics(found, now=deps.now())
    return found


def _with_outcomes(compared: pa.Table, fresh: Fresh, *, starts_at: datetime, until: datetime, margin_rate: float) -> pa.Table:
    """What the people compared earned (contact cost not taken off) and how often they ordered."""
    ids = [str(customer_id) for customer_id in compared["customer_id"].to_pylist()]
    present = [fresh.present_id(customer_id) or customer_id for customer_id in ids]
    everybody = sorted(set(present))
    found = outcomes.outcomes(fresh.events, customer_ids=everybody, starts_at=starts_at, ends_at=until, margin_rate=margin_rate)
    rows = pc.index_in(pa.array(present, pa.string()), value_set=pa.array(everybody, pa.string()))
    kept = compared.select(["customer_id", "arm", *CELL, "expected"])
    kept = kept.rename_columns(["customer_id", "arm", *cells.CELL, "expected"])
    for name in ("margin", "orders"):
        kept = kept.append_column(name, found[name].take(rows))
    return kept.sort_by("customer_id")


def touches(sends: pa.Table, events: pa.Table | None) -> pa.Table:
    """One row per delivered contact: customer_id, at, action, clicks and opt_outs (1 or 0), as TOUCHES; sorted.

    An answer that names its send belongs to it; one that names none belongs to the last contact of that person on its channel, if that
    was at most ANSWER_DAYS before. Clicks of machines do not count.
    """
    at = pc.coalesce(sends["sent_at"], sends["send_at"]).cast(pa.timestamp("us", tz="UTC"))
    action = pc.binary_join_element_wise(sends["channel"], sends["offer"], ":")
    table = pa.table({"customer_id": sends["customer_id"], "at": at, "action": action})
    for kind, name in ANSWERS.items():
        table = table.append_column(name, pa.array(_answered(sends, at, events, kind), pa.float64()))
    order = [("customer_id", "ascending"), ("at", "ascending"), ("action", "ascending")]
    return table.cast(TOUCHES).sort_by(order).combine_chunks()


def _answered(sends: pa.Table, at: Any, events: pa.Table | None, kind: str) -> np.ndarray:
    """1 for every send that got an answer of this kind."""
    found = np.zeros(sends.num_rows)
    if events is None or not events.num_rows or not sends.num_rows:
        return found
    told = events.filter(pc.equal(events["type"], kind))
    if "is_machine" in told.column_names:
        told = told.filter(pc.invert(pc.fill_null(told["is_machine"], False)))
    named = set(told["send_id"].to_pylist()) - {None, ""} if "send_id" in told.column_names else set()
    found[[send_id in named for send_id in sends["send_id"].to_pylist()]] = 1.0
    for place in _nearest(sends, at.to_pylist(), _nameless(told)):
        found[place] = 1.0
    return found


def _nameless(told: pa.Table) -> list[dict[str, Any]]:
    """Answers that name no send but a channel."""
    if "channel" not in told.column_names:
        return []
    if "send_id" in told.column_names:
        told = told.filter(pc.equal(pc.fill_null(told["send_id"], ""), ""))
    return list(told.filter(pc.is_valid(told["channel"])).select(["customer_id", "channel", "occurred_at"]).to_pylist())


def _nearest(sends: pa.Table, at: Sequence[datetime], answers: list[dict[str, Any]]) -> list[int]:
    """Place of the last send before each answer, on its channel and to its person, that is not too long ago."""
    if not answers:
        return []
    by_person: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
    for place, (person, channel) in enumerate(zip(sends["customer_id"].to_pylist(), sends["channel"].to_pylist(), strict=True)):
        by_person.setdefault((person, channel), []).append((at[place], place))
    found = []
    for answer in answers:
        since = answer["occurred_at"] - timedelta(days=ANSWER_DAYS)
        mine = by_person.get((answer["customer_id"], answer["channel"]), [])
        before = [each for each in mine if since <= each[0] <= answer["occurred_at"]]
        if before:
            found.append(max(before)[1])
    return found
