"""From the first tick to the last lesson: what is measured, what is stopped, what is asked, what is learnt."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from small_shop import MONDAY, Clock, happened
from stand_ins import Cast

from liftwright.domain.errors import ApprovalError, GoalError
from liftwright.domain.experiment import StopRule
from liftwright.domain.goal import Constraint
from liftwright.flow import adapt, audit, change, deciding, dispatch, fresh, learn, reporting, shown, walk
from liftwright.ports import Deps


async def _running(shop: Deps) -> str:
    campaign = await walk.start("Sell more", deps=shop)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    return campaign.campaign_id


def _arms(shop: Deps, campaign_id: str) -> tuple[list[str], list[str]]:
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    treated, held = fresh.arms(plan.audience.digest, shop)
    return sorted(treated), sorted(held)


def _bought(shop: Deps, people: list[str], amount: float, clock: Clock, *, source: str) -> None:
    for number, person in enumerate(people):
        shop.lake.add(
            {"events": happened(person, "purchase", clock.at, amount=amount + number % 3)},
            source=f"{source}{number}",
            now=clock.at,
        )


async def test_the_lift_is_the_difference_of_the_arms_less_what_contact_cost(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    treated, held = _arms(shop, campaign_id)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    _bought(shop, treated, 20.0, clock, source="t")
    _bought(shop, held, 10.0, clock, source="h")
    clock.on(hours=1)
    found = reporting.report(campaign_id, deps=shop)
    rate = shop.settings.margin.rate
    wanted = rate * (np.mean([20 + n % 3 for n in range(len(treated))]) - np.mean([10 + n % 3 for n in range(len(held))])) - 0.01
    assert found.lift.mid == pytest.approx(wanted)
    assert found.incremental_margin is not None
    assert found.incremental_margin.mid == pytest.approx(wanted * len(treated))
    assert (found.lift.treated, found.lift.holdout) == (len(treated), len(held))
    assert (found.verdict, found.health.contamination, found.policy_violations) == ("running", 0, 0)
    assert found.approved_hash == found.plan_hash


async def test_outcomes_before_the_launch_do_not_count(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    treated, _ = _arms(shop, campaign_id)
    early = Clock(MONDAY - timedelta(hours=1))
    _bought(shop, treated, 1000.0, early, source="e")
    clock.on(hours=2)
    assert reporting.report(campaign_id, deps=shop).lift.mid is None


async def test_with_no_outcome_the_report_says_what_to_import_and_claims_nothing(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(days=3)
    dispatch.drain(deps=shop, worker="w")
    running = shown.report_json(reporting.report(campaign_id, deps=shop))
    assert running["verdict"] == "running"
    await learn.finish(campaign_id, deps=shop)
    found = shown.report_json(reporting.report(campaign_id, deps=shop))
    assert (found["verdict"], found["sends"]["delivered"] > 0) == ("inconclusive", True)
    for data in (running, found):
        assert {name: data["lift"][name] for name in ("low", "mid", "high", "p_value")} == dict.fromkeys(
            ("low", "mid", "high", "p_value")
        )
        margin = data["incremental_margin"]
        assert (margin["low"], margin["mid"], margin["high"], margin["level"]) == (None, None, None, 0.95)
        assert "not measurable yet: no purchase, return or visit since the launch has come back" in data["narrative"]
        assert "liftwright import FILE --as events" in data["narrative"]
        assert "extra margin" not in data["narrative"]


async def test_outcomes_of_others_only_are_told_apart_from_silence(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    person = _arms(shop, campaign_id)[0][0]
    shop.lake.add({"events": happened(person, "visit", clock.at)}, source="v", now=clock.at)
    clock.on(hours=1)
    found = reporting.report(campaign_id, deps=shop)
    assert (found.incremental_margin, found.lift.mid) == (None, None)
    assert "nobody of the two groups compared has bought yet" in found.unmeasured
    assert next(one for one in found.secondary if one.metric == "visits").mid is not None


async def test_a_campaign_that_never_ran_has_no_report(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    with pytest.raises(GoalError):
        reporting.report(campaign.campaign_id, deps=shop)
    with pytest.raises(GoalError):
        await adapt.tick(campaign.campaign_id, deps=shop)


async def test_a_tick_writes_itself_down_once_and_moves_nothing_when_nothing_happened(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(days=1)
    before = shop.ledger.counts(campaign_id)
    found = await adapt.tick(campaign_id, deps=shop)
    assert (found.verdict, found.actions, found.looks) == ("running", (), 1)
    assert shop.ledger.counts(campaign_id) == before
    assert len(reporting.look_fractions(campaign_id, shop)) == 1
    clock.on(days=1)
    assert (await adapt.tick(campaign_id, deps=shop)).looks == 2


async def test_a_tick_that_died_is_carried_on_and_not_counted_twice(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await _running(shop)
    clock.on(days=1)
    with monkeypatch.context() as patch:
        patch.setattr(adapt, "suppress", lambda plan, **rest: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await adapt.tick(campaign_id, deps=shop)
    looks: list[Any] = []
    look = reporting.look
    monkeypatch.setattr(reporting, "look", lambda *args, **kwargs: (looks.append(args), look(*args, **kwargs))[1])
    await adapt.tick(campaign_id, deps=shop)
    assert len(reporting.look_fractions(campaign_id, shop)) == 1
    assert looks == []


async def test_the_remaining_touches_of_someone_who_opts_out_are_cancelled_and_said(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    person = _arms(shop, campaign_id)[0][0]
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    shop.lake.add({"events": happened(person, "opt_out", clock.at)}, source="o", now=clock.at)
    clock.on(hours=1)
    found = await adapt.tick(campaign_id, deps=shop)
    (action,) = found.actions
    assert (action.kind, action.after) == ("suppress", {"people": 1, "touches": 1})
    rows = [row for row in shop.ledger.sends(campaign_id).to_pylist() if row["customer_id"] == person]
    assert sorted(row["state"] for row in rows) == ["cancelled", "sent"]


async def test_a_broken_guardrail_stops_the_campaign_by_itself(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    for person in _arms(shop, campaign_id)[0][:8]:
        shop.lake.add({"events": happened(person, "opt_out", clock.at)}, source=f"o{person}", now=clock.at)
    clock.on(hours=1)
    found = await adapt.tick(campaign_id, deps=shop)
    assert found.status == "stopped"
    assert [action.rule for action in found.actions if action.kind == "stop"] == ["guardrail:opt_out"]
    assert shop.ledger.counts(campaign_id)["waiting"] == 0
    assert any(finding.severity == "block" for finding in found.guardrails)


async def test_a_rule_that_may_only_ask_asks_once_and_acts_when_approved(shop: Deps) -> None:
    campaign_id = await _running(shop)
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    rule = next(rule for rule in plan.experiment.stop_rules if not rule.acts)
    row = await change.ask(plan, rule, seen="power is 3 %", deps=shop)
    assert await change.ask(plan, rule, seen="power is 2 %", deps=shop) == row
    assert row.thread_id == f"{campaign_id}:change:3"
    assert shown.approvals_json(deps=shop)[0]["trigger"] == "the stop rule futility, which asks"
    assert shop.campaigns.get(campaign_id).status == "running"
    with pytest.raises(ApprovalError):
        await deciding.decide("edit", campaign_id, plan_hash=row.plan_hash, by="ann", changes={"limits.touches": "1"}, deps=shop)
    campaign = await deciding.decide("approve", campaign_id, plan_hash=row.plan_hash, by="ann", deps=shop)
    assert (campaign.status, campaign.stopped_by) == ("stopped", "ann")
    assert shop.ledger.counts(campaign_id)["waiting"] == 0


async def test_a_change_that_is_rejected_changes_nothing_and_is_not_asked_again(shop: Deps) -> None:
    campaign_id = await _running(shop)
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    rule = StopRule(name="futility", statistic="conditional power", bound=0.1, says="a win has become unlikely", acts=False)
    row = await change.ask(plan, rule, seen="x", deps=shop)
    campaign = await deciding.decide("reject", campaign_id, plan_hash=row.plan_hash, by="ann", reason="wait", deps=shop)
    assert campaign.status == "running"
    assert (await change.ask(plan, rule, seen="x", deps=shop)).status == "rejected"
    assert [action.kind for action in shop.campaigns.actions(campaign_id)] == ["change_refused"]
    assert shop.lessons.find(now=shop.now()) == []


async def test_closing_reports_learns_and_can_be_done_again(shop: Deps, clock: Clock, cast: Cast) -> None:
    campaign_id = await _running(shop)
    clock.on(days=3)
    dispatch.drain(deps=shop, worker="w")
    lessons = await learn.finish(campaign_id, deps=shop)
    assert await learn.finish(campaign_id, deps=shop) == lessons
    assert shop.campaigns.get(campaign_id).status == "finished"
    assert shop.ledger.counts(campaign_id)["waiting"] == 0
    (kept,) = shop.lessons.find(now=shop.now())
    assert (kept,) == lessons
    assert kept.estimate.mid is None
    assert kept.estimate.reason
    report = shop.campaigns.last_report(campaign_id)
    assert report is not None
    assert (report.verdict, report.lessons) == ("inconclusive", lessons)
    assert shown.report_json(reporting.report(campaign_id, deps=shop))["lessons"][0]["lesson_id"] == kept.lesson_id


async def test_a_text_of_a_lesson_holds_no_number(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(days=3)
    (lesson,) = await learn.finish(campaign_id, deps=shop)
    assert not any(character.isdigit() for character in lesson.says)


async def test_a_memory_that_fails_does_not_cost_the_lesson(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    shop.memory.is_broken = True  # type: ignore[attr-defined]
    clock.on(days=3)
    lessons = await learn.finish(campaign_id, deps=shop)
    assert shop.lessons.find(now=shop.now()) == list(lessons)
    assert "memory.failed" in {entry.action for entry in shop.journal.entries(subject=campaign_id)}


async def test_a_tick_after_the_outcomes_are_in_closes_the_campaign(shop: Deps, clock: Clock) -> None:
    campaign_id = await _running(shop)
    clock.on(days=7)
    assert (await adapt.tick(campaign_id, deps=shop)).status == "running"
    clock.on(days=14)
    assert (await adapt.tick(campaign_id, deps=shop)).status == "finished"
    assert shop.campaigns.get(campaign_id).status == "finished"


@pytest.mark.parametrize(
    ("change_of", "broken"),
    [({}, 0), ({"customer_id": "held"}, 1), ({"customer_id": "quiet"}, 1), ({"customer_id": "nobody"}, 1)],
)
async def test_the_audit_finds_what_should_not_have_left(
    shop: Deps, clock: Clock, change_of: dict[str, str], broken: int
) -> None:
    campaign_id = await _running(shop)
    treated, held = _arms(shop, campaign_id)
    names = {"held": held[0], "quiet": treated[0], "nobody": "C999999"}
    shop.lake.add({"events": happened(treated[0], "opt_out", MONDAY)}, source="o", now=MONDAY)
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    row = {"customer_id": treated[1], "channel": "email", "sent_at": MONDAY + timedelta(hours=1), "send_at": MONDAY}
    row |= {key: names[value] for key, value in change_of.items()}
    assert audit.violations(plan, [row], fresh.newest(shop), deps=shop) == broken


async def test_the_audit_finds_one_contact_too_many(shop: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id = await _running(shop)
    person = _arms(shop, campaign_id)[0][0]
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    times = [MONDAY + timedelta(days=day) for day in (0, 1, 2, 6, 8)]
    moment = pa.timestamp("us", tz="UTC")
    contacts = pa.table({"customer_id": [person] * 5, "send_at": pa.array(times, moment), "state": ["sent"] * 5})
    monkeypatch.setattr(shop.ledger, "contacts_since", lambda since: contacts)
    rows = [{"customer_id": person, "channel": "email", "sent_at": at, "send_at": at} for at in times]
    assert audit.violations(plan, rows, fresh.newest(shop), deps=shop) == 1


async def test_the_audit_finds_contacts_beyond_those_the_goal_allows_in_all(shop: Deps) -> None:
    campaign_id = await _running(shop)
    one, other = _arms(shop, campaign_id)[0][:2]
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    limit = Constraint(kind="max_contacts", value=2.0)
    plan = plan.model_copy(update={"objective": plan.objective.model_copy(update={"constraints": (limit,)})})
    sends = [(one, 0), (one, 8), (one, 16), (other, 0), (other, 8)]
    times = [(person, MONDAY + timedelta(days=day)) for person, day in sends]
    rows = [{"customer_id": person, "channel": "email", "sent_at": at, "send_at": at} for person, at in times]
    assert audit.violations(plan, rows, fresh.newest(shop), deps=shop) == 1
