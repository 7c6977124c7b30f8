"""Touches that no longer make sense, cancelled inside what was approved: people who want no more, and people who have already done it.

The comparison with the holdout stays by assignment: whom a plan selected is measured as selected, suppressed or not.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience import conversion
from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow.fresh import Fresh, newest
from liftwright.flow.stopping import recall
from liftwright.ports import Deps

QUIETING = pa.array(["opt_out", "complaint"])
REASONS = {"OPT-OUT": "the person opted out", "CONVERTED": "the person has already done what the goal wants"}


def suppress(plan: Plan, *, starts_at: datetime, deps: Deps) -> int:
    """Cancel the remaining touches of people who opted out or complained since, and of people who converted since `starts_at`.

    What an executor holds for later is recalled too. Each rule leaves one action; returns how many touches.
    """
    if "suppress_person" not in plan.envelope.allows:
        return 0
    fresh = newest(deps)
    quiet, done = finished(plan, starts_at=starts_at, deps=deps)
    cancelled = _cancel(plan, "OPT-OUT", quiet, fresh, deps) if quiet else 0
    return cancelled + (_cancel(plan, "CONVERTED", done - quiet, fresh, deps) if done - quiet else 0)


def finished(plan: Plan, *, starts_at: datetime, deps: Deps) -> tuple[set[str], set[str]]:
    """Present ids of people who want no more, and of people who did what the goal wants since `starts_at`."""
    fresh, now = newest(deps), deps.now()
    done = conversion.converted(
        fresh.events, fresh.tables.get("products"), objective=plan.objective, starts_at=starts_at, until=now
    )
    return _quiet(fresh, now), done


def _quiet(fresh: Fresh, now: datetime) -> set[str]:
    events = fresh.events
    if events is None:
        return set()
    recent = pc.and_(
        pc.is_in(events["type"], value_set=QUIETING),
        pc.less_equal(events["occurred_at"], pa.scalar(now, events["occurred_at"].type)),
    )
    return set(events.filter(recent)["customer_id"].to_pylist())


def _cancel(plan: Plan, rule: str, who: set[str], fresh: Fresh, deps: Deps) -> int:
    """Cancel and recall what still waits for these people (present ids), with an action that says so."""
    waiting = deps.ledger.sends(plan.campaign_id, states=("planned", "sent"), columns=("customer_id", "state", "send_at"))
    ahead = pc.or_(
        pc.equal(waiting["state"], "planned"), pc.greater(waiting["send_at"], pa.scalar(deps.now(), waiting["send_at"].type))
    )
    waiting = waiting.filter(ahead)
    people = sorted({i for i in waiting["customer_id"].to_pylist() if (fresh.present_id(i) or i) in who})
    if not people:
        return 0
    now, reason = deps.now(), REASONS[rule]
    planned = int(pc.sum(pc.equal(waiting["state"], "planned")).as_py() or 0)
    touches = deps.ledger.cancel_planned(plan.campaign_id, reason=reason, now=now, customer_ids=people)
    recalled = recall(plan.campaign_id, reason=reason, deps=deps, customer_ids=people)
    touches += sum(recalled.values())
    if touches:
        after = {"people": len(people), "touches": touches} | ({"recalled": recalled} if recalled else {})
        action = Action(at=now, kind="suppress", rule=rule, before={"planned": planned}, after=after, by="liftwright")
        deps.campaigns.record_action(plan.campaign_id, action)
    return touches
