"""What leaves, what does not, and why. One batch after another over a shop's first days."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from small_shop import MONDAY, Clock, effects, happened

from liftwright.domain.errors import ApprovalError
from liftwright.flow import deciding, dispatch, walk
from liftwright.flow.launch import send_time
from liftwright.flow.stopping import Stopped, stop
from liftwright.measurement import holdout
from liftwright.ports import Deps


async def _running(shop: Deps, goal: str = "Sell more") -> str:
    campaign = await walk.start(goal, deps=shop)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    return campaign.campaign_id


def _sends(shop: Deps, campaign_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = shop.ledger.sends(campaign_id).to_pylist()
    return rows


def _left(shop: Deps) -> Counter[str]:
    return Counter(effects(shop.settings.home / "effects.log"))


async def test_due_sends_leave_once_and_the_holdout_never(any_shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(any_shop)
    plan = any_shop.campaigns.plan(campaign_id)
    assert plan is not None
    clock.on(hours=2)
    first = dispatch.drain(deps=any_shop, worker="w1", limit=7)
    clock.on(days=3)
    second = dispatch.drain(deps=any_shop, worker="w1", limit=7)
    assert first["sent"] + second["sent"] == plan.assignment.touches
    left = _left(any_shop)
    assert set(left.values()) == {1}
    sends = {row["send_id"]: row for row in _sends(any_shop, campaign_id)}
    assert set(left) == set(sends)
    people = [row["customer_id"] for row in sends.values()]
    assert not holdout.arms(people, salt=plan.experiment.salt, share=plan.experiment.holdout_share).any()


async def test_nothing_is_due_before_its_hour_in_the_persons_own_zone(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(minutes=59)
    assert dispatch.drain(deps=shop, worker="w1").get("sent", 0) == 0
    clock.on(minutes=1)
    assert dispatch.drain(deps=shop, worker="w1")["sent"] == sum(row["wave"] == 1 for row in _sends(shop, campaign_id))


async def test_someone_who_opts_out_after_the_approval_gets_nothing(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    person = _sends(shop, campaign_id)[0]["customer_id"]
    shop.lake.add({"events": happened(person, "opt_out", MONDAY + timedelta(minutes=5))}, source="second", now=MONDAY)
    clock.on(hours=2)
    assert dispatch.drain(deps=shop, worker="w1")["suppressed"] == 1
    mine = [row for row in _sends(shop, campaign_id) if row["customer_id"] == person and row["wave"] == 1]
    assert mine[0]["state"] == "suppressed"
    assert mine[0]["reason"]
    assert person not in " ".join((shop.settings.home / "effects.log").read_text().split())


async def test_someone_who_is_gone_from_the_data_gets_nothing(shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = await _running(shop)
    person = _sends(shop, campaign_id)[0]["customer_id"]
    from liftwright.flow import fresh

    whole = fresh.newest(shop)
    tables = {
        **whole.tables,
        "customers": whole.tables["customers"].filter(
            [i != person for i in whole.tables["customers"]["customer_id"].to_pylist()]
        ),
    }
    monkeypatch.setattr(dispatch.fresh_data, "newest", lambda deps: fresh.Fresh(whole.snapshot, tables))
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w1")
    assert {row["reason"] for row in _sends(shop, campaign_id) if row["state"] == "suppressed"} == {"PERSON-GONE"}


async def test_a_night_send_waits_until_the_morning(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(days=2, hours=15)
    done = dispatch.drain(deps=shop, worker="w1")
    waiting = [row for row in _sends(shop, campaign_id) if row["channel"] == "sms"]
    assert done["delayed"] == len(waiting)
    assert {row["state"] for row in waiting} == {"planned"}
    assert all(clock.at < row["send_at"] <= clock.at + timedelta(hours=12) for row in waiting)
    clock.at = max(row["send_at"] for row in waiting)
    assert dispatch.drain(deps=shop, worker="w1")["sent"] == len(waiting)


async def test_the_weekly_cap_holds_over_campaigns(shop: Deps, clock: Clock) -> None:
    for _ in range(3):
        await _running(shop)
    clock.on(days=2, hours=2)
    dispatch.drain(deps=shop, worker="w1")
    rows = [row for row in shop.ledger.sends(states=("sent",)).to_pylist()]
    assert max(Counter(row["customer_id"] for row in rows).values()) <= shop.settings.limits.contacts_per_week


async def test_the_kill_switch_lets_nothing_leave_any_more(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(hours=2)
    dispatch.work_once(deps=shop, worker="w1", limit=5)
    assert stop(campaign_id, by="ann", reason="wrong price", deps=shop).cancelled > 0
    gone = _left(shop)
    clock.on(days=3)
    assert dispatch.drain(deps=shop, worker="w1").get("sent", 0) == 0
    assert _left(shop) == gone
    assert shop.campaigns.get(campaign_id).status == "stopped"
    assert stop(campaign_id, by="ann", reason="again", deps=shop) == Stopped(cancelled=0)


async def test_a_stop_between_lease_and_delivery_is_obeyed(shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = await _running(shop)
    clock.on(hours=2)
    mark = shop.ledger.mark

    def stopped_first(*args: Any, **kwargs: Any) -> list[str]:
        if shop.campaigns.get(campaign_id).status == "running":
            stop(campaign_id, by="ann", reason="now", deps=shop)
        return mark(*args, **kwargs)

    monkeypatch.setattr(shop.ledger, "mark", stopped_first)
    dispatch.work_once(deps=shop, worker="w1", limit=5)
    assert _left(shop) == Counter()


async def test_a_finished_campaign_cannot_be_stopped(shop: Deps) -> None:
    campaign_id = await _running(shop)
    shop.campaigns.update(campaign_id, status="finished")
    with pytest.raises(ApprovalError):
        stop(campaign_id, by="ann", reason="late", deps=shop)


async def test_a_channel_that_breaks_is_tried_again_only_where_that_is_harmless(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await _running(shop)
    clock.on(days=2, hours=2)

    def broken(batch: Any, *, now: Any) -> Any:
        raise ConnectionError("no route")

    with monkeypatch.context() as patch:
        for adapter in shop.channels.values():
            patch.setattr(adapter, "deliver", broken)
        dispatch.drain(deps=shop, worker="w1")
    states = {row["channel"]: row["state"] for row in _sends(shop, campaign_id)}
    assert states == {"email": "planned", "sms": "unknown"}
    clock.on(minutes=16)
    dispatch.drain(deps=shop, worker="w1")
    assert {row["state"] for row in _sends(shop, campaign_id) if row["channel"] == "email"} == {"planned"}, "a text may have gone"
    clock.on(hours=3)
    dispatch.drain(deps=shop, worker="w1")
    assert {row["state"] for row in _sends(shop, campaign_id) if row["channel"] == "email"} == {"sent"}


async def test_a_send_without_a_receipt_is_unknown_and_not_repeated(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await _running(shop)
    clock.on(hours=2)
    monkeypatch.setattr(shop.channels["email"], "deliver", lambda batch, *, now: [])
    dispatch.drain(deps=shop, worker="w1")
    assert {row["state"] for row in _sends(shop, campaign_id) if row["wave"] == 1} == {"unknown"}
    assert dispatch.drain(deps=shop, worker="w1")["leased"] == 0


async def test_nothing_leaves_after_the_last_day(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(days=10)
    dispatch.drain(deps=shop, worker="w1")
    assert {row["reason"] for row in _sends(shop, campaign_id)} == {"ENVELOPE-ENDED"}


async def test_addresses_reach_the_adapter_and_nothing_else(shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    await _running(shop)
    clock.on(hours=2)
    seen: list[Any] = []
    deliver = shop.channels["email"].deliver
    monkeypatch.setattr(shop.channels["email"], "deliver", lambda batch, *, now: (seen.extend(batch), deliver(batch, now=now))[1])
    dispatch.drain(deps=shop, worker="w1")
    assert all(delivery.contact["email"].startswith(delivery.send.customer_id.lower()) for delivery in seen)
    assert not any("@" in str(entry.detail) for entry in shop.journal.entries())


def test_a_moment_that_has_passed_becomes_the_same_local_hour_of_the_next_day() -> None:
    at = send_time(MONDAY.date(), 8, "America/New_York", "UTC", MONDAY)
    assert at == MONDAY + timedelta(hours=23)
    assert send_time(MONDAY.date(), 10, "Not/AZone", "America/New_York", MONDAY) == MONDAY + timedelta(hours=1)
