"""Two approved texts against each other: the better one gets more of what is left, inside the approval and nowhere else."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
import stand_ins
from small_shop import Clock, Recorder, furnish, happened

from liftwright.flow import adapt, decided, deciding, dispatch, text_values, walk
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


async def test_the_draws_are_logged_and_tell_what_each_text_would_have_brought_alone(
    shop: Deps, clock: Clock, flying: str
) -> None:
    """The better text gets most of the second wave, so its plain sum is larger; per contact, by the logged chances, it is as planted."""
    await _sold(shop, flying, clock, "v-sms", 15)
    plan = shop.campaigns.plan(flying)
    assert plan is not None
    assert resplit(plan, number=1, deps=shop) > 0
    log = decided.log(flying, kind="resplit", deps=shop)
    waiting = shop.ledger.sends(flying, states=("planned",))
    assert sorted(log["decision_id"].to_pylist()) == sorted(waiting["send_id"].to_pylist())
    held = dict(zip(log["decision_id"].to_pylist(), log["chosen"].to_pylist(), strict=True))
    assert held == dict(zip(waiting["send_id"].to_pylist(), waiting["variant_id"].to_pylist(), strict=True))
    row = log.to_pylist()[0]
    assert row["propensity"] == row["chances"][row["eligible"].index(row["chosen"])]
    assert row["policy"].startswith("texts@")
    clock.on(hours=51)
    dispatch.drain(deps=shop, worker="w", limit=500)
    second = [row for row in shop.ledger.sends(flying, states=("sent",)).to_pylist() if row["wave"] == 2]
    clock.on(hours=5)
    buyers = [row["customer_id"] for row in second if row["variant_id"] == "v-sms"][::4]
    buyers += [row["customer_id"] for row in second if row["variant_id"] == "v-other"][::8]
    events = [happened(person, "purchase", clock.at, amount=80.0) for person in buyers]
    shop.lake.add({"events": pa.concat_tables(events)}, source="later", now=clock.at)
    clock.on(days=20)
    found = {each["text"]: each for each in text_values.values(plan, deps=shop)}
    assert found["v-sms"]["refusal"] == ""
    assert found["v-sms"]["value"] == pytest.approx(80 * 0.4 * 0.25, rel=0.25)
    assert "only" in found["v-other"]["refusal"]


async def test_a_new_text_waits_while_those_that_have_started_cannot_be_told_apart(shop: Deps, clock: Clock, flying: str) -> None:
    plan = shop.campaigns.plan(flying)
    assert plan is not None
    third = SMS.model_copy(update={"variant_id": "v-third"})
    more = plan.model_copy(update={"variants": (*plan.variants, third)})
    planned = shop.ledger.sends(flying, states=("planned",))["send_id"].to_pylist()
    shop.ledger.choose_variants(flying, dict.fromkeys(planned[:20], "v-third"))
    clock.on(hours=20)
    assert resplit(more, number=1, deps=shop) > 0
    assert set(_texts(shop, flying, "planned")) == {"v-sms", "v-other"}
    (action,) = [each for each in shop.campaigns.actions(flying) if each.kind == "resplit"]
    assert action.after["waiting"] == ["v-third"]
    assert "v-third waits" in action.after["says"]


async def test_a_text_that_is_clicked_more_and_earns_less_is_named_once(shop: Deps, clock: Clock, flying: str) -> None:
    rows = shop.ledger.sends(flying, states=("sent",)).to_pylist()
    clock.on(hours=2)
    events = [happened(row["customer_id"], "click", clock.at) for row in rows if row["variant_id"] == "v-other"]
    events += [happened(row["customer_id"], "purchase", clock.at, amount=90.0) for row in rows if row["variant_id"] == "v-sms"]
    poor = [row for row in rows if row["variant_id"] == "v-other"][:30]
    events += [happened(row["customer_id"], "purchase", clock.at, amount=5.0) for row in poor]
    shop.lake.add({"events": pa.concat_tables(events)}, source="clicks", now=clock.at)
    clock.on(hours=10)
    plan = shop.campaigns.plan(flying)
    assert plan is not None
    for number in (1, 2):
        resplit(plan, number=number, deps=shop)
    (action,) = [each for each in shop.campaigns.actions(flying) if each.kind == "clickbait"]
    assert action.after["variant"] == "v-other"
