"""A fault is planted for each stop rule: it fires, its evidence is kept, and what it should stop has stopped, also when killed half-way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from faults import (
    EVIDENCE,
    Flight,
    Ready,
    hopeless,
    opted_out,
    rule,
    sold_cheap,
    sold_out,
    spent,
    uneven,
    won,
)
from small_shop import Clock

from liftwright.domain.errors import ApprovalError
from liftwright.domain.experiment import StopRule
from liftwright.flow import adapt, deciding, dispatch, pausing, stopping, walk
from liftwright.measurement import stopping as rules
from liftwright.ports import Deps
from liftwright.store.campaigns import SqlCampaigns
from liftwright.store.journal import SqlJournal
from liftwright.store.ledger import SqlLedger

STOPPING: list[tuple[StopRule, Callable[[Flight], None]]] = [
    (rule("guardrail:opt_out", 0.02), opted_out),
    (rule("budget", 0.5), spent),
    (rule("futility", 0.1), hopeless),
    (rule("goal_reached", 500.0), won),
    (rule("margin_floor", 0.35), sold_cheap),
]
"""Rules that stop the campaign, and the fault that makes each fire."""
NAMES = [each.name for each, _ in STOPPING]


def right(evidence: dict[str, Any], flight: Flight, wanted: StopRule) -> None:
    """The evidence names the bound, the look and a table that the lake gives back."""
    assert set(evidence) >= EVIDENCE
    assert (evidence["bound"], evidence["look"]) == (wanted.bound, 1)
    table = flight.shop.lake.get(evidence["data_hash"])
    assert {"customer_id", "margin"} <= set(table.column_names)
    assert table.num_rows == len(flight.treated) + len(flight.held)


@pytest.mark.parametrize(("wanted", "fault"), STOPPING, ids=NAMES)
async def test_a_rule_that_fires_stops_everything_once_and_says_on_what(
    ready: Ready, wanted: StopRule, fault: Callable[[Flight], None]
) -> None:
    flight = await ready(wanted)
    fault(flight)
    (done,) = await flight.tick()
    assert (done.kind, done.rule, done.by) == ("stop", wanted.name, "liftwright")
    right(done.after["evidence"], flight, wanted)
    assert flight.entries("campaign.stopped")[0]["evidence"] == done.after["evidence"]
    assert flight.entries("campaign.tick")[0]["firings"] == [{"rule": wanted.name, "kind": "stop", **done.after["evidence"]}]
    assert (flight.status, flight.leaves()) == ("stopped", 0)
    assert await flight.tick() == []


@pytest.mark.parametrize(("wanted", "fault"), STOPPING, ids=NAMES)
async def test_where_the_rule_or_the_approval_does_not_let_it_act_it_asks_once(
    ready: Ready, wanted: StopRule, fault: Callable[[Flight], None]
) -> None:
    flight = await ready(wanted, allows=("observe",))
    fault(flight)
    (asked,) = await flight.tick()
    assert (asked.kind, asked.after["asks"]) == ("ask", "stop")
    right(asked.after["evidence"], flight, wanted)
    assert await flight.tick(minutes=10) == []
    waiting = flight.shop.approvals.pending(flight.campaign_id)
    assert waiting is not None
    assert flight.status == "running"
    await deciding.decide("approve", flight.campaign_id, plan_hash=waiting.plan_hash, by="bob", deps=flight.shop)
    done = flight.shop.campaigns.actions(flight.campaign_id)[-1]
    assert (done.kind, done.rule, done.by) == ("stop", wanted.name, "bob")
    assert done.after["evidence"] == asked.after["evidence"]
    assert (flight.status, flight.leaves()) == ("stopped", 0)


@pytest.mark.parametrize(("wanted", "fault"), STOPPING, ids=NAMES)
async def test_without_the_fault_nothing_fires(ready: Ready, wanted: StopRule, fault: Callable[[Flight], None]) -> None:
    flight = await ready(wanted if wanted.name != "budget" else rule("budget", 50.0))
    assert await flight.tick() == []
    assert flight.status == "running"
    assert flight.leaves() > 0


DEATHS = [(SqlLedger, "cancel_planned"), (SqlLedger, "recall"), (SqlCampaigns, "record_action"), (SqlJournal, "append")]
"""Steps of a stop after which the process dies."""


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "step"), DEATHS, ids=[step for _, step in DEATHS])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_tick_that_dies_half_way_is_finished_by_the_next_and_acts_once(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, owner: type, step: str, when: str
) -> None:
    flight = await ready(rule("guardrail:opt_out", 0.02))
    opted_out(flight)
    real = getattr(owner, step)

    class Died(BaseException):
        pass

    def deadly(self: Any, *args: Any, **kwargs: Any) -> Any:
        if when == "after":
            real(self, *args, **kwargs)
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, deadly)
        flight.clock.on(hours=1)
        with pytest.raises(Died):
            await adapt.tick(flight.campaign_id, deps=flight.shop)
    await flight.tick()
    stops = [action for action in flight.shop.campaigns.actions(flight.campaign_id) if action.kind == "stop"]
    assert len(stops) == len(flight.entries("campaign.stopped")) == len(flight.entries("campaign.tick")) == 1
    right(stops[0].after["evidence"], flight, rule("guardrail:opt_out", 0.02))
    assert (flight.status, flight.leaves()) == ("stopped", 0)


async def test_the_kill_switch_needs_no_figure_and_names_the_data_of_its_moment(ready: Ready) -> None:
    flight = await ready()
    stopping.stop(flight.campaign_id, by="ann", reason="wrong price", deps=flight.shop)
    (done,) = [action for action in flight.shop.campaigns.actions(flight.campaign_id) if action.kind == "stop"]
    snapshot = flight.shop.lake.snapshot()
    assert snapshot is not None
    assert done.after["evidence"] == {"statistic": 1.0, "bound": 0.0, "look": 0, "data_hash": snapshot.snapshot_id}
    assert (flight.status, flight.leaves()) == ("stopped", 0)


async def test_a_data_fault_pauses_until_a_person_resumes_and_silences_what_compares_the_arms(ready: Ready) -> None:
    fault = rule("data_fault", 0.001)
    flight = await ready(fault, rule("goal_reached", 500.0))
    won(flight)
    uneven(flight)
    (done,) = [action for action in await flight.tick() if action.kind != "suppress"]
    assert (done.kind, done.rule, flight.status) == ("pause", "data_fault", "paused")
    assert done.after["evidence"]["statistic"] < fault.bound
    assert flight.entries("campaign.paused")[0]["evidence"] == done.after["evidence"]
    assert flight.leaves() == 0
    assert flight.shop.ledger.counts(flight.campaign_id)["cancelled"] == sum(done.after["recalled"].values()) > 0
    assert await flight.tick() == []
    pausing.resume(flight.campaign_id, by="ann", reason="the file was cut off", deps=flight.shop)
    assert flight.entries("campaign.resumed")[0]["reason"] == "the file was cut off"
    assert [action.kind for action in await flight.tick() if action.kind != "suppress"] == []
    assert flight.status == "running"
    assert flight.entries("campaign.tick")[-1]["verdict"] == "invalid"


async def test_during_a_pause_nothing_leaves_and_only_what_is_paused_is_resumed(ready: Ready, clock: Clock) -> None:
    flight = await ready()
    clock.on(hours=1)
    late = flight.shop.ledger.sends(flight.campaign_id, states=("sent",)).num_rows
    evidence = {"statistic": 0.0, "bound": 0.0, "look": 1, "data_hash": ""}
    pausing.pause(flight.campaign_id, by="ann", reason="x", rule="data_fault", evidence=evidence, deps=flight.shop)
    recalled = flight.shop.ledger.counts(flight.campaign_id)["cancelled"]
    assert 0 < recalled < late
    clock.on(days=3)
    assert dispatch.drain(deps=flight.shop, worker="w")["leased"] == 0
    pausing.resume(flight.campaign_id, by="ann", reason="x", deps=flight.shop)
    with pytest.raises(ApprovalError, match="not paused"):
        pausing.resume(flight.campaign_id, by="ann", reason="x", deps=flight.shop)
    stopping.stop(flight.campaign_id, by="ann", reason="over", deps=flight.shop)
    assert flight.status == "stopped"


async def test_a_worker_that_held_a_batch_when_the_pause_came_gives_it_back(ready: Ready, clock: Clock, house: Deps) -> None:
    campaign = await walk.start("Sell more", deps=house)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=house)
    clock.on(hours=2)
    held = house.ledger.lease(now=clock.at, worker="w", limit=10)
    evidence = {"statistic": 0.0, "bound": 0.0, "look": 1, "data_hash": ""}
    pausing.pause(campaign.campaign_id, by="ann", reason="x", rule="data_fault", evidence=evidence, deps=house)
    assert held
    assert house.ledger.mark([send.send_id for send in held], "sending", now=clock.at, worker="w") == []
    assert house.ledger.counts(campaign.campaign_id)["cancelled"] == 0
    pausing.resume(campaign.campaign_id, by="ann", reason="x", deps=house)
    assert dispatch.drain(deps=house, worker="v")["sent"] >= len(held)


async def test_a_stock_that_is_gone_ends_its_offer_also_where_a_file_holds_it(ready: Ready) -> None:
    flight = await ready(rule("stock", 0.0))
    sold_out(flight)
    (done,) = await flight.tick()
    assert (done.kind, done.rule, done.after["offer"]) == ("stop_offer", "stock", "save10")
    right(done.after["evidence"], flight, rule("stock", 0.0))
    assert flight.entries("campaign.offer_stopped")[0]["evidence"] == done.after["evidence"]
    states = flight.shop.ledger.sends(flight.campaign_id)
    now = pa.scalar(flight.clock.at, states["send_at"].type)
    ahead = states.filter(pc.and_(pc.equal(states["offer"], "save10"), pc.greater(states["send_at"], now)))
    assert set(ahead["state"].to_pylist()) == {"cancelled"}
    assert flight.status == "running"
    assert await flight.tick() == []


async def test_an_offer_that_may_only_be_asked_about_is_all_that_the_yes_ends(ready: Ready) -> None:
    flight = await ready(rule("stock", 0.0), allows=("observe",))
    sold_out(flight)
    (asked,) = await flight.tick()
    assert asked.after["asks"] == "stop_offer"
    waiting = flight.shop.approvals.pending(flight.campaign_id)
    assert waiting is not None
    assert waiting.title.startswith(f"Stop the offer save10 in {flight.campaign_id}?")
    await deciding.decide("approve", flight.campaign_id, plan_hash=waiting.plan_hash, by="bob", deps=flight.shop)
    done = flight.shop.campaigns.actions(flight.campaign_id)[-1]
    assert (done.kind, done.by, flight.status) == ("stop_offer", "bob", "running")


async def test_the_more_important_question_waits_and_the_other_is_asked_after_it(ready: Ready) -> None:
    first, second = rule("guardrail:opt_out", 0.02, acts=False), rule("budget", 0.5, acts=False)
    flight = await ready(first, second)
    (asked,) = await flight.tick()
    assert asked.rule == "budget"
    opted_out(flight)
    (more,) = await flight.tick()
    assert more.rule == "guardrail:opt_out"
    assert await flight.tick() == []
    (waiting,) = flight.shop.approvals.waiting()
    await deciding.decide("reject", flight.campaign_id, plan_hash=waiting.plan_hash, by="bob", reason="no", deps=flight.shop)
    (again,) = [action for action in await flight.tick() if action.kind == "ask"]
    assert again.rule == "budget"
    assert flight.shop.approvals.waiting()[0].thread_id.endswith(":2:2")


async def test_the_end_of_the_flight_closes_the_campaign_and_nothing_leaves(ready: Ready, clock: Clock) -> None:
    flight = await ready(rule("end", 1.0))
    clock.on(days=30)
    await flight.tick()
    assert flight.status == "finished"
    assert dispatch.drain(deps=flight.shop, worker="w")["leased"] == 0
    assert flight.shop.ledger.counts(flight.campaign_id)["waiting"] == 0


async def test_the_rules_judge_the_kept_table_to_the_same_statistic(ready: Ready) -> None:
    flight = await ready(rule("guardrail:opt_out", 0.02))
    opted_out(flight)
    (done,) = await flight.tick()
    table = flight.shop.lake.get(done.after["evidence"]["data_hash"])
    hit = set(table.filter(pc.greater(table["opt_outs"], 0))["customer_id"].to_pylist())
    sends = flight.shop.ledger.sends(flight.campaign_id)
    reached = set(sends.filter(pc.is_valid(sends["provider_id"]))["customer_id"].to_pylist())
    held = set(flight.held)
    again = rules.Guardrail("opt_out", len(hit & reached), len(reached), 0.02, len(hit & held), len(held))
    assert rules.harm(again) == done.after["evidence"]["statistic"]
