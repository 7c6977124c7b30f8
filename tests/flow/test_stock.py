"""Stop rules that need data of the flight: an offer whose stock is gone, a budget that is spent."""

from __future__ import annotations

from typing import Any

import pytest
import stand_ins
from small_shop import Clock, happened

from liftwright.domain.experiment import StopRule
from liftwright.domain.plan import Plan
from liftwright.domain.treatment import Offer
from liftwright.flow import adapt, deciding, dispatch, fresh, stock, walk
from liftwright.ports import Deps

STOCK = StopRule(name="stock", statistic="redemptions left", bound=0.0, says="Stop an offer when its stock is gone.")
BUDGET = StopRule(name="budget", statistic="spent", bound=0.20, says="Stop when the budget is spent.")


@pytest.fixture
def offering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans whose text message carries an offer that may be redeemed three times, and whose e-mail carries none."""
    texts = (stand_ins.TEXTS[0], stand_ins.TEXTS[1].model_copy(update={"offer": "save10"}))
    monkeypatch.setattr(stand_ins, "TEXTS", texts)
    monkeypatch.setattr(stand_ins, "RULES", (*stand_ins.RULES, STOCK))
    monkeypatch.setattr(stand_ins, "ALLOWS", (*(a for a in stand_ins.ALLOWS if a != "suppress_person"), "reduce_sends"))
    made = stand_ins.StandInBench.plan

    def _plan(self: stand_ins.StandInBench, **parts: Any) -> Plan:
        offers = (Offer(name="none"), Offer(name="save10", discount=0.1, stock=3))
        return made(self, **parts).model_copy(update={"offers": offers})

    monkeypatch.setattr(stand_ins.StandInBench, "plan", _plan)


async def _running(shop: Deps) -> tuple[str, list[str]]:
    campaign = await walk.start("Sell more", deps=shop)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    plan = shop.campaigns.plan(campaign.campaign_id)
    assert plan is not None
    return campaign.campaign_id, sorted(fresh.arms(plan.audience.digest, shop)[0])


def _some_leave(shop: Deps, campaign_id: str, offer: str, count: int) -> list[str]:
    """Deliver that many sends of an offer, as a worker would; returns their people."""
    due = [row for row in shop.ledger.sends(campaign_id).to_pylist() if row["offer"] == offer][:count]
    later = max(row["send_at"] for row in due)
    leased = shop.ledger.lease(now=later, worker="w", limit=1000)
    chosen = {row["send_id"] for row in due}
    for send in leased:
        if send.send_id in chosen:
            shop.ledger.mark([send.send_id], "sending", now=later, worker="w")
            shop.ledger.settle({send.send_id: ("sent", "p")}, now=later, worker="w")
    shop.ledger.mark([send.send_id for send in leased if send.send_id not in chosen], "planned", now=later, worker="w")
    return [row["customer_id"] for row in due]


def _buy(shop: Deps, people: list[str], clock: Clock, source: str) -> None:
    for number, person in enumerate(people):
        shop.lake.add({"events": happened(person, "purchase", clock.at, amount=20.0)}, source=f"{source}{number}", now=clock.at)


@pytest.mark.usefixtures("offering")
async def test_a_stock_that_is_gone_ends_the_offer_once_and_only_the_offer(shop: Deps, clock: Clock) -> None:
    campaign_id, treated = await _running(shop)
    clock.on(days=3)
    got = _some_leave(shop, campaign_id, "save10", 4)
    clock.on(hours=1)
    _buy(shop, got[:2], clock, "a")
    _buy(shop, [person for person in treated if person not in got][:5], clock, "b")
    clock.on(hours=1)
    assert stock.left(campaign_id, deps=shop) == {"save10": 1}
    assert (await adapt.tick(campaign_id, deps=shop)).actions == ()
    _buy(shop, got[2:3], clock, "c")
    clock.on(hours=1)
    found = await adapt.tick(campaign_id, deps=shop)
    (action,) = found.actions
    assert (action.kind, action.rule, action.after["offer"]) == ("stop_offer", "stock", "save10")
    states = {(row["offer"], row["state"]) for row in shop.ledger.sends(campaign_id).to_pylist()}
    assert states == {("save10", "sent"), ("save10", "cancelled"), ("none", "planned")}
    assert action.after["cancelled"] == len(treated) - 4
    assert found.status == "running"
    clock.on(hours=1)
    assert (await adapt.tick(campaign_id, deps=shop)).actions == found.actions


@pytest.mark.usefixtures("offering")
async def test_where_sends_may_not_be_reduced_a_person_is_asked(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_ins, "ALLOWS", ("observe",))
    campaign_id, _ = await _running(shop)
    clock.on(days=3)
    got = _some_leave(shop, campaign_id, "save10", 3)
    clock.on(hours=1)
    _buy(shop, got, clock, "a")
    clock.on(hours=1)
    found = await adapt.tick(campaign_id, deps=shop)
    assert [action.kind for action in found.actions] == ["ask"]
    assert "stock of save10 is gone" in shop.approvals.waiting()[0].title
    assert shop.ledger.counts(campaign_id)["cancelled"] == 0


async def test_what_the_ledger_says_was_spent_stops_the_campaign(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stand_ins, "RULES", (BUDGET,))
    campaign = await walk.start("Sell more, cheaper", deps=shop)
    campaign_id = campaign.campaign_id
    await deciding.decide("approve", campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    clock.on(hours=1)
    found = await adapt.tick(campaign_id, deps=shop)
    spent = 0.01 * shop.ledger.counts(campaign_id)["delivered"]
    assert spent >= BUDGET.bound
    assert found.status == "stopped"
    assert [action.rule for action in found.actions] == ["budget"]
    assert shop.ledger.counts(campaign_id)["waiting"] == 0
