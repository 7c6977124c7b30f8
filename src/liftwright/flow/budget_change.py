"""May a campaign move money between its channels? Yes where its approval says so; else its first move is asked for, once, with the difference.

A yes holds until the end of the flight and for moves of at most 30 % a day between approved channels, never for more money. Nothing has to
be woken after the answer: every tick reads the approval row itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import rfc8785

from liftwright.domain.plan import Plan
from liftwright.flow import questions, trust
from liftwright.planning.budget_moves import FLOOR, MOST_A_DAY, Move
from liftwright.ports import Deps

KIND = "budget"
ACTION = "shift_budget"


def may_move(plan: Plan, moves: Sequence[Move], *, deps: Deps) -> bool:
    """Whether these moves may be carried out now; asks where the level says that it has to be asked and nothing else waits."""
    if trust.may(plan, ACTION, deps=deps):
        return True
    digest = _digest(plan)
    decisions = deps.approvals.decisions(plan.campaign_id)
    answers = [each.kind for each in decisions if each.plan_hash == digest]
    if answers:
        return answers[-1] == "approve"
    asks = trust.permission(plan, ACTION, deps=deps) == "ask"
    if asks and deps.approvals.pending(plan.campaign_id) is None:
        _ask(plan, moves, digest, deps)
    return False


def _ask(plan: Plan, moves: Sequence[Move], digest: str, deps: Deps) -> None:
    wanted = [each for each in moves if abs(each.after - each.before) > 1e-9]
    difference = "; ".join(f"{each.channel} {each.before:.2f} → {each.after:.2f}" for each in wanted)
    questions.ask(
        plan,
        KIND,
        digest=digest,
        title=f"Move money between the channels of {plan.campaign_id}, at most {MOST_A_DAY:.0%} a day? Tomorrow: {difference}",
        trigger=f"{plan.autonomy_level}: a budget move is asked for",
        before={"spend": {each.channel: round(each.before, 4) for each in wanted}},
        after={"spend": {each.channel: round(each.after, 4) for each in wanted}},
        deps=deps,
    )


def _digest(plan: Plan) -> str:
    subject: dict[str, Any] = {
        "change": "budget",
        "campaign_id": plan.campaign_id,
        "plan_hash": plan.plan_hash,
        "most_a_day": MOST_A_DAY,
        "floor": FLOOR,
        "total": plan.envelope.max_total_spend.minor,
    }
    return "sha256:" + hashlib.sha256(rfc8785.dumps(subject)).hexdigest()
