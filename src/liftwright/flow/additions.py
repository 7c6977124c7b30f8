"""People nobody chose who have become worth a contact: whether to add them is asked, with the difference, because the approval covers others.

Nobody of them was touched, in neither arm, so those the same rule names in the holdout are what they are compared with: after a yes both
count as selected. A yes is good for exactly the touches it was shown, and for those of them whose day has not begun.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import rfc8785

from liftwright.agents.bench import Bench, remainder
from liftwright.compliance import autonomy
from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import in_force, launch, questions
from liftwright.flow.fresh import newest
from liftwright.ports import Deps

KIND = "people"
ACTION = "add_people"
LEAST_GAIN = 0.02
"""Nobody is asked for less than this share of what the rest of the flight is worth."""


def ask(
    plan: Plan, left: remainder.Left, found: remainder.Resolved, sends: pa.Table, bench: Bench, *, seed: int, deps: Deps
) -> ApprovalRequest | None:
    """Ask about the people who have become worth a contact; None where the level forbids it, another question waits, or they are too few."""
    level = autonomy.may(deps.library.policies().autonomy, plan.autonomy_level, ACTION)
    if level == "no" or deps.approvals.pending(plan.campaign_id) is not None:
        return None
    new = remainder.newcomers(bench.data, bench.scored, plan, left, found, arms=_untouched(plan, sends, deps), seed=seed)
    if new is None or new.solution.objective < LEAST_GAIN * found.solution.objective:
        return None
    rows, put = new.solution.rows, deps.lake.put
    treated = pc.sum(pc.equal(new.people["arm"], "treated")).as_py()
    after = {
        "people": put(new.people),
        "rows": put(rows),
        "candidates": put(new.solution.candidates),
        "draws": put(new.solution.draws),
        "waves": [wave.index for wave in left.flight],
        "count": treated,
        "touches": rows.num_rows,
        "by_action": remainder.by_action(rows),
        "worth": round(float(pc.sum(rows["value"]).as_py() or 0.0), 2),
        "cost": round(float(pc.sum(rows["cost"]).as_py() or 0.0), 2),
    }
    return questions.ask(
        plan,
        KIND,
        digest=_digest(plan.plan_hash, after),
        title=_title(plan, after, deps),
        trigger=f"{plan.autonomy_level}: more people than were approved",
        before={"people": plan.audience.selected},
        after=after,
        deps=deps,
    )


def _untouched(plan: Plan, sends: pa.Table, deps: Deps) -> dict[str, str]:
    """Arm of everybody eligible whom nobody chose and nothing was planned for, treated and holdout."""
    audience = in_force.audience(plan, deps=deps)
    is_compared = pc.is_in(audience["arm"], value_set=pa.array(["treated", "holdout"]))
    mine = audience.filter(pc.and_(is_compared, pc.invert(pc.fill_null(audience["is_selected"], False))))
    known = set(sends["customer_id"].to_pylist())
    pairs = zip(mine["customer_id"].to_pylist(), mine["arm"].to_pylist(), strict=True)
    return {customer: arm for customer, arm in pairs if customer not in known}


def _title(plan: Plan, after: Mapping[str, Any], deps: Deps) -> str:
    money = f"{after['worth']:.2f} {deps.settings.currency}"
    return (
        f"Add {after['count']} people to {plan.campaign_id}? They were not worth a contact when the plan was made "
        f"({plan.audience.selected:,} people); now {after['touches']} touches are expected to bring {money} and cost {after['cost']:.2f} more "
        "than was approved, within the goal's budget."
    )


def _digest(plan_hash: str, after: Mapping[str, Any]) -> str:
    bound = {name: after[name] for name in ("people", "rows", "draws", "waves")}
    return "sha256:" + hashlib.sha256(rfc8785.dumps({"change": ACTION, "plan_hash": plan_hash, **bound})).hexdigest()


def add(row: ApprovalRequest, *, deps: Deps) -> None:
    """Plan the touches that were asked about, whose day is still to come. Raises ApprovalError when what is stored is not what was asked."""
    plan = deps.campaigns.plan(row.campaign_id, row.revision)
    after = questions.asked(row, deps=deps)
    if plan is None or after is None or _digest(plan.plan_hash, after) != row.plan_hash:
        raise ApprovalError(
            "APPROVAL-PLAN-CHANGED",
            f"What is stored of the people to add to {row.campaign_id} is not what was approved; nothing was planned.",
            next_step="Find out who changed it (see `liftwright journal verify`).",
        )
    today = deps.now().date()
    rows = deps.lake.get(after["rows"])
    rows = rows.filter(pc.greater(rows["send_on"], pa.scalar(today, pa.date32())))
    sends = launch.sends_now(plan, rows, people=newest(deps).people, deps=deps)
    detail = {name: after[name] for name in ("people", "candidates", "draws", "waves")}
    detail |= {
        "approval_id": row.approval_id,
        "rows": deps.lake.put(rows),
        "cost": round(float(pc.sum(rows["cost"]).as_py() or 0.0), 6),
    }
    counts = deps.ledger.replace(row.campaign_id, planned=(), sends=sends, now=deps.now(), detail=detail, entry=in_force.ADDED)
    by, told = row.decided_by or "approver", {"touches": rows.num_rows, "people": after["count"], "approval_id": row.approval_id}
    action = Action(at=deps.now(), kind="add_people", rule="PEOPLE", after={**told, **counts}, by=by)
    deps.campaigns.record_action(row.campaign_id, action)
