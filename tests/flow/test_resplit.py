"""Two approved texts against each other: the better one gets more of what is left, inside the approval and nowhere else."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import stand_ins
from small_shop import Clock, Recorder, furnish, happened

from liftwright.flow import adapt, deciding, dispatch, walk
from liftwright.flow.resplit import resplit
from liftwright.ports import Deps

SMS = stand_ins.TEXTS[1]
OTHER = SMS.model_copy(update={"variant_id": "v-other"})


@pytest.fixture
async def flying(shop: Deps, clock: Clock, cast: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A campaign with two text messages; each person got one of them on the first day and a second touch waits."""
    furnish(shop, people=160, source="more")
    rows = stand_ins._row

    def two_texts(person: str, wave: int, starts_on: Any, text: Any) -> dict[str, Any]:
        mine = SMS if int(person[1:]) % 2 else OTHER
        return rows(person, wave, starts_on, mine)

    monkeypatch.setattr(stand_ins, "_row", two_texts)
    monkeypatch.setattr(stand_ins, "TEXTS", (SMS, OTHER))
    monkeypatch.setattr(stand_ins, "ALLOWS", ("choose_variant",))
    campaign = await walk.start("Sell more", deps=shop)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w", limit=500)
    return campaign.campaign_id


def _texts(shop: Deps, campaign_id: str, state: Any) -> Counter[str]:
    return Counter(shop.ledger.sends(campaign_id, states=(state,))["variant_id"].to_pylist())


async def _sold(shop: Deps, campaign_id: str, clock: Clock, text: str, most: int) -> None:
    rows = shop.ledger.sends(campaign_id, states=("sent",)).to_pylist()
    people = [row["customer_id"] for row in rows if row["variant_id"] == text][:most]
    clock.on(hours=3)
    for person in people:
        shop.lake.add({"events": happened(person, "purchase", clock.at, amount=80.0)}, source=f"p{person}", now=clock.at)
    clock.on(hours=18)


async def test_the_text_that_sells_gets_more_of_what_is_left_and_the_other_keeps_a_little(
    shop: Deps, clock: Clock, flying: str
) -> None:
    before = _texts(shop, flying, "planned")
    sent = _texts(shop, flying, "sent")
    await _sold(shop, flying, clock, "v-sms", 15)
    found = await adapt.tick(flying, deps=shop)
    after = _texts(shop, flying, "planned")
    assert sum(after.values()) == sum(before.values())
    assert after["v-sms"] > 0.8 * sum(after.values())
    assert _texts(shop, flying, "sent") == sent
    (action,) = [action for action in found.actions if action.kind == "resplit"]
    assert min(action.after["shares"].values()) >= 0.05
    assert set(action.before["shares"]) == {"v-sms", "v-other"}


async def test_the_same_tick_draws_the_same(shop: Deps, clock: Clock, flying: str) -> None:
    await _sold(shop, flying, clock, "v-sms", 15)
    plan = shop.campaigns.plan(flying)
    assert plan is not None
    assert resplit(plan, number=1, deps=shop) > 0
    assert resplit(plan, number=1, deps=shop) == 0


async def test_a_few_orders_move_nothing(shop: Deps, clock: Clock, flying: str) -> None:
    before = _texts(shop, flying, "planned")
    await _sold(shop, flying, clock, "v-sms", 3)
    await adapt.tick(flying, deps=shop)
    assert _texts(shop, flying, "planned") == before


async def test_an_approval_that_does_not_allow_it_moves_nothing(shop: Deps, clock: Clock, flying: str) -> None:
    await _sold(shop, flying, clock, "v-sms", 15)
    plan = shop.campaigns.plan(flying)
    assert plan is not None
    closed = plan.model_copy(update={"envelope": plan.envelope.model_copy(update={"allows": ()})})
    assert resplit(closed, number=1, deps=shop) == 0
    assert isinstance(shop.channels["sms"], Recorder)
