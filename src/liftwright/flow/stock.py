"""What is left of offers with a limited stock, and the end of an offer whose stock is gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Action
from liftwright.domain.plan import Plan
from liftwright.flow import reporting
from liftwright.flow.fresh import newest
from liftwright.flow.stopping import recall
from liftwright.measurement import outcomes
from liftwright.ports import Deps

if TYPE_CHECKING:
    from liftwright.domain.campaign import SendState

OPEN: tuple[SendState, ...] = ("planned", "leased")
"""States of sends that have not begun to leave."""


def left(campaign_id: str, *, deps: Deps) -> dict[str, int]:
    """Redemptions left by offer since the launch: the stock the plan had, less what people who got the offer, in any campaign, redeemed.

    Only offers with a stock. Outcomes count for as long after a contact as in the report.
    """
    row, plan = reporting.launched(campaign_id, deps)
    stock = {offer.name: offer.stock for offer in plan.offers if offer.stock is not None}
    if not stock:
        return {}
    fresh, now = newest(deps), deps.now()
    sends = deps.ledger.sends(states=reporting.REACHED, columns=("send_id", "customer_id", "offer", "sent_at", "send_at"))
    sends = sends.filter(pc.is_in(sends["offer"], value_set=pa.array(sorted(stock), pa.string())))
    table = pa.table(
        {
            "send_id": sends["send_id"],
            "customer_id": pa.array([fresh.present_id(i) or i for i in sends["customer_id"].to_pylist()], pa.string()),
            "offer": sends["offer"],
            "sent_at": pc.coalesce(sends["sent_at"], sends["send_at"]),
        }
    )
    used = outcomes.redemptions(
        fresh.events,
        sends=table,
        starts_at=reporting.flight(plan, row, deps)[0],
        ends_at=now,
        days=reporting.OUTCOME_DAYS,
    )
    return {name: most - used.get(name, 0) for name, most in stock.items()}


def is_waiting(campaign_id: str, offer: str = "", *, deps: Deps) -> bool:
    """Are there sends (of this offer, if one is named) that have not begun to leave, or that an executor holds for later?"""
    sends = deps.ledger.sends(campaign_id, states=(*OPEN, "sent"), columns=("state", "send_at", "offer"))
    ahead = pc.greater(sends["send_at"], pa.scalar(deps.now(), sends["send_at"].type))
    open_still = pc.or_(pc.not_equal(sends["state"], "sent"), ahead)
    mine = pc.equal(sends["offer"], offer) if offer else True
    return bool(pc.any(pc.and_(open_still, mine)).as_py())


def end(
    plan: Plan, offer: str, *, says: str, deps: Deps, rule: str = "stock", evidence: Mapping[str, Any], by: str = "liftwright"
) -> int:
    """Cancel what is still planned of an offer, recall what executors hold of it for later, and write it down; returns how many sends.

    Ending an offer again writes down what a crash kept from being written.
    """
    campaign_id, now = plan.campaign_id, deps.now()
    cancelled = deps.ledger.cancel_planned(campaign_id, reason=says, now=now, offer=offer)
    recalled = recall(campaign_id, reason=says, deps=deps, offer=offer)
    after = {"offer": offer, "cancelled": cancelled, "recalled": recalled, "says": says, "evidence": dict(evidence)}
    action = Action(at=now, kind="stop_offer", rule=rule, before={"offer": offer}, after=after, by=by)
    if cancelled or recalled or not _is_written(campaign_id, offer, deps):
        deps.campaigns.record_action(campaign_id, action)
        deps.journal.append(
            at=now, actor=by, action="campaign.offer_stopped", subject=campaign_id, detail={"rule": rule, **after}
        )
    return cancelled + sum(recalled.values())


def ended(campaign_id: str, *, deps: Deps) -> set[str]:
    """Names of the offers that were ended during the flight."""
    return {str(action.after["offer"]) for action in deps.campaigns.actions(campaign_id) if action.kind == "stop_offer"}


def _is_written(campaign_id: str, offer: str, deps: Deps) -> bool:
    return offer in ended(campaign_id, deps=deps)
