"""What an executor was handed for later is taken back: by the kill switch, by an opt-out, by somebody who has already bought."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from small_shop import Clock, happened

from liftwright.channels.file_drop import FileDrop
from liftwright.flow import adapt, deciding, dispatch, reporting, walk
from liftwright.flow.stopping import Stopped, stop
from liftwright.ports import Deps

DAY = "2026-11-04"
"""The day of the second touch, which the drop file takes a day ahead."""


@pytest.fixture
def dropping(shop: Deps) -> Deps:
    """The shop with drop files."""
    home = shop.settings.home
    return replace(shop, channels={"email": FileDrop("email", home), "sms": FileDrop("sms", home)})


async def _handed_over(shop: Deps, clock: Clock) -> str:
    """A running campaign whose second touch stands in the file of the day after tomorrow."""
    campaign = await walk.start("Sell more", deps=shop)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    clock.on(days=1)
    dispatch.drain(deps=shop, worker="w")
    return campaign.campaign_id


def _rows(shop: Deps, name: str) -> list[dict[str, str]]:
    path = Path(shop.settings.home) / "outbox" / "actions" / name
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_the_kill_switch_names_and_recalls_what_stands_in_later_files(dropping: Deps, clock: Clock) -> None:
    campaign_id = await _handed_over(dropping, clock)
    actions = _rows(dropping, f"{DAY}.csv")
    done = stop(campaign_id, by="ann", reason="wrong price", deps=dropping)
    assert done.recalled == {f"{DAY}.csv": len(actions)}
    notice = _rows(dropping, f"{DAY}.cancelled.csv")
    assert {row["send_id"] for row in notice} == {row["send_id"] for row in actions}
    assert {row["reason"] for row in notice} == {"stopped by ann: wrong price"}
    assert _rows(dropping, f"{DAY}.csv") == actions
    states = {row["send_id"]: (row["state"], row["reason"]) for row in dropping.ledger.sends(campaign_id).to_pylist()}
    recalled = ("cancelled", f"stopped by ann: wrong price; recalled from {DAY}.csv")
    assert all(states[row["send_id"]] == recalled for row in actions)
    assert dropping.campaigns.actions(campaign_id)[-1].after["recalled"] == done.recalled


async def test_recalling_again_changes_nothing(dropping: Deps, clock: Clock) -> None:
    campaign_id = await _handed_over(dropping, clock)
    stop(campaign_id, by="ann", reason="wrong price", deps=dropping)
    notice = _rows(dropping, f"{DAY}.cancelled.csv")
    clock.on(minutes=5)
    assert stop(campaign_id, by="bob", reason="again", deps=dropping) == Stopped(cancelled=0)
    assert _rows(dropping, f"{DAY}.cancelled.csv") == notice


async def test_a_crash_between_file_and_ledger_is_mended_by_stopping_again(
    dropping: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await _handed_over(dropping, clock)
    with monkeypatch.context() as patch:
        patch.setattr(dropping.ledger, "recall", lambda reasons, *, now: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            stop(campaign_id, by="ann", reason="wrong price", deps=dropping)
    notice = _rows(dropping, f"{DAY}.cancelled.csv")
    assert stop(campaign_id, by="ann", reason="wrong price", deps=dropping).recalled == {f"{DAY}.csv": len(notice)}
    assert _rows(dropping, f"{DAY}.cancelled.csv") == notice
    assert dropping.ledger.counts(campaign_id)["cancelled"] == len(notice)


async def test_a_batch_that_was_in_flight_when_it_was_stopped_is_recalled(
    dropping: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await walk.start("Sell more", deps=dropping)
    campaign_id = campaign.campaign_id
    await deciding.decide("approve", campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=dropping)
    clock.on(hours=2)
    dispatch.drain(deps=dropping, worker="w")
    clock.on(days=1)
    deliver = FileDrop.deliver

    def stopped_meanwhile(self: FileDrop, batch: object, *, now: object) -> object:
        receipts = deliver(self, batch, now=now)  # type: ignore[arg-type]
        stop(campaign_id, by="ann", reason="now", deps=dropping)
        return receipts

    monkeypatch.setattr(FileDrop, "deliver", stopped_meanwhile)
    dispatch.work_once(deps=dropping, worker="w", limit=5)
    assert {row["send_id"] for row in _rows(dropping, f"{DAY}.cancelled.csv")} == {
        row["send_id"] for row in _rows(dropping, f"{DAY}.csv")
    }


async def test_what_was_due_before_is_not_recalled(dropping: Deps, clock: Clock) -> None:
    campaign_id = await _handed_over(dropping, clock)
    clock.on(days=2)
    assert stop(campaign_id, by="ann", reason="late", deps=dropping).recalled == {}
    assert not (Path(dropping.settings.home) / "outbox" / "actions" / f"{DAY}.cancelled.csv").exists()


@pytest.mark.parametrize(("kind", "rule"), [("opt_out", "OPT-OUT"), ("purchase", "CONVERTED")])
async def test_the_rest_of_one_person_is_cancelled_or_recalled(dropping: Deps, clock: Clock, kind: str, rule: str) -> None:
    campaign_id = await _handed_over(dropping, clock)
    person = _rows(dropping, f"{DAY}.csv")[0]["customer_id"]
    dropping.lake.add({"events": happened(person, kind, clock.at, amount=30.0)}, source="x", now=clock.at)
    clock.on(hours=1)
    found = await adapt.tick(campaign_id, deps=dropping)
    (action,) = found.actions
    assert (action.kind, action.rule, action.by) == ("suppress", rule, "liftwright")
    assert action.after == {"people": 1, "touches": 1, "recalled": {f"{DAY}.csv": 1}}
    (notice,) = _rows(dropping, f"{DAY}.cancelled.csv")
    mine = {row["send_id"]: row for row in dropping.ledger.sends(campaign_id).to_pylist() if row["customer_id"] == person}
    assert sorted(row["state"] for row in mine.values()) == ["cancelled", "sent"]
    assert notice["send_id"] in mine
    clock.on(hours=1)
    assert (await adapt.tick(campaign_id, deps=dropping)).actions == (action,)


async def test_a_buyer_gets_no_second_touch_and_stays_in_the_comparison(shop: Deps, clock: Clock) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    campaign_id = campaign.campaign_id
    await deciding.decide("approve", campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    people = sorted(set(shop.ledger.sends(campaign_id)["customer_id"].to_pylist()))
    before = reporting.report(campaign_id, deps=shop).lift
    early = happened(people[1], "purchase", clock.at - timedelta(days=2), amount=30.0)
    shop.lake.add(
        {"events": pa.concat_tables([happened(people[0], "purchase", clock.at, amount=30.0), early])}, source="p", now=clock.at
    )
    clock.on(hours=1)
    found = await adapt.tick(campaign_id, deps=shop)
    assert [(action.rule, action.after["people"]) for action in found.actions] == [("CONVERTED", 1)]
    assert (found.lift.treated, found.lift.holdout) == (before.treated, before.holdout)
    clock.on(days=3)
    dispatch.drain(deps=shop, worker="w")
    sent = [row["customer_id"] for row in shop.ledger.sends(campaign_id, states=("sent",)).to_pylist()]
    assert (sent.count(people[0]), sent.count(people[1])) == (1, 2)


async def test_without_the_approvals_leave_nobody_is_suppressed(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stand_ins.ALLOWS", ("stop_campaign",))
    campaign = await walk.start("Sell more", deps=shop)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    person = shop.ledger.sends(campaign.campaign_id)["customer_id"][0].as_py()
    shop.lake.add({"events": happened(person, "purchase", clock.at, amount=30.0)}, source="p", now=clock.at)
    clock.on(hours=1)
    assert (await adapt.tick(campaign.campaign_id, deps=shop)).actions == ()
