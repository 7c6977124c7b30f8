"""Who may say what, about which plan, and when. On both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from small_shop import Clock
from stand_ins import Cast

from liftwright.domain.approval import ApprovalRequest, Decision
from liftwright.domain.errors import ApprovalError, GoalError
from liftwright.flow import deciding, shown, walk
from liftwright.flow import graph as graphs
from liftwright.flow.stopping import lapse, stop
from liftwright.ports import Deps


async def _waiting(shop: Deps, goal: str = "Sell more") -> tuple[str, str]:
    campaign = await walk.start(goal, deps=shop)
    assert campaign.plan_hash is not None
    return campaign.campaign_id, campaign.plan_hash


def _planned(shop: Deps, campaign_id: str) -> int:
    return shop.ledger.counts(campaign_id)["planned"]


async def test_the_right_hash_launches_exactly_the_approved_sends(any_shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    campaign = await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=any_shop)
    assert campaign.status == "running"
    plan = any_shop.campaigns.plan(campaign_id)
    assert plan is not None
    assert _planned(any_shop, campaign_id) == plan.assignment.touches > 0
    assert set(any_shop.ledger.sends(campaign_id)["plan_hash"].to_pylist()) == {plan_hash}
    assert any_shop.approvals.decided_not_resumed() == []


async def test_a_wrong_hash_is_refused_and_names_the_right_one(any_shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    with pytest.raises(ApprovalError) as caught:
        await deciding.decide("approve", campaign_id, plan_hash="sha256:" + "0" * 64, by="ann", deps=any_shop)
    assert plan_hash in caught.value.next_step
    assert _planned(any_shop, campaign_id) == 0


async def test_a_stale_hash_is_refused_with_what_changed(shop: Deps) -> None:
    campaign_id, old = await _waiting(shop)
    campaign = await deciding.decide("edit", campaign_id, plan_hash=old, by="ann", changes={"limits.touches": "1"}, deps=shop)
    assert campaign.plan_hash not in (None, old)
    with pytest.raises(ApprovalError) as caught:
        await deciding.decide("approve", campaign_id, plan_hash=old, by="bob", deps=shop)
    assert caught.value.code == "APPROVAL-STALE"
    old_plan, new_plan = shop.campaigns.plan(campaign_id, 1), shop.campaigns.plan(campaign_id, 2)
    assert old_plan is not None
    assert new_plan is not None
    assert f"touches {old_plan.assignment.touches} → {new_plan.assignment.touches}" in caught.value.says
    assert "sha256" not in caught.value.says
    assert str(campaign.plan_hash) in caught.value.next_step
    assert _planned(shop, campaign_id) == 0


async def test_an_edit_makes_a_new_revision_that_is_checked_and_asked_again(shop: Deps, cast: Cast) -> None:
    campaign_id, _ = await _waiting(shop)
    cast.calls.clear()
    changes = {"objective.budget": "0.10", "experiment.holdout_share": "50%", "audience.exclude": "C000001"}
    campaign = await deciding.decide("edit", campaign_id, plan_hash=None, by="ann", changes=changes, deps=shop)
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    assert (campaign.status, campaign.revision, plan.experiment.holdout_share) == ("awaiting_approval", 2, 0.5)
    assert plan.assignment.touches == 10
    assert plan.audience.eligible == plan.audience.population - 1
    assert [who for who, _ in cast.calls] == ["channel_planner", "compliance_reviewer"]
    shown_json = shown.show_json(campaign_id, deps=shop)
    assert shown_json["revisions"][1]["changes"]["objective.budget"] == {"amount": "0.10", "currency": "USD"}
    assert shown_json["decided"][0]["kind"] == "edit"


async def test_edits_add_up_over_revisions_and_each_revision_names_its_own(shop: Deps) -> None:
    campaign_id, _ = await _waiting(shop)
    await deciding.decide("edit", campaign_id, plan_hash=None, by="ann", changes={"limits.touches": "1"}, deps=shop)
    await deciding.decide("edit", campaign_id, plan_hash=None, by="bob", changes={"audience.exclude": "C000002"}, deps=shop)
    waiting = shop.approvals.pending(campaign_id)
    assert waiting is not None
    await deciding.decide("respond", campaign_id, plan_hash=waiting.plan_hash, by="cleo", reason="fewer people", deps=shop)
    revisions = shown.show_json(campaign_id, deps=shop)["revisions"]
    assert [(row["by"], row["changes"]) for row in revisions] == [
        ("liftwright", {}),
        ("ann", {"limits.touches": 1}),
        ("bob", {"audience.exclude": ["C000002"]}),
        ("cleo", {}),
    ]
    plan = shop.campaigns.plan(campaign_id)
    assert plan is not None
    assert set(plan.assignment.by_channel) == {"email"}
    assert plan.audience.eligible == plan.audience.population - 1


async def test_an_edit_that_cannot_be_leaves_the_plan_waiting(shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(shop)
    for changes in ({"plan_hash": "x"}, {"objective.ends_on": "2020-01-01"}, None):
        with pytest.raises(GoalError):
            await deciding.decide("edit", campaign_id, plan_hash=plan_hash, by="ann", changes=changes, deps=shop)
    waiting = shop.approvals.pending(campaign_id)
    assert waiting is not None
    assert waiting.plan_hash == plan_hash


async def test_a_response_in_words_reaches_the_strategist_as_a_further_answer(shop: Deps, cast: Cast) -> None:
    campaign_id, plan_hash = await _waiting(shop)
    cast.calls.clear()
    campaign = await deciding.decide("respond", campaign_id, plan_hash=plan_hash, by="ann", reason="make it cheaper", deps=shop)
    assert cast.calls[0] == ("strategist", "Sell more\nmake it cheaper")
    assert (campaign.status, campaign.revision) == ("awaiting_approval", 2)
    with pytest.raises(ApprovalError):
        await deciding.decide("respond", campaign_id, plan_hash=campaign.plan_hash, by="ann", reason=" ", deps=shop)


async def test_a_rejection_closes_for_good_and_teaches_its_reason(shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(shop)
    campaign = await deciding.decide("reject", campaign_id, plan_hash=plan_hash, by="ann", reason="wrong season", deps=shop)
    assert campaign.status == "rejected"
    (lesson,) = shop.lessons.find(now=shop.now())
    assert "wrong season" in lesson.says
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="bob", deps=shop)
    assert _planned(shop, campaign_id) == 0


async def test_an_expired_approval_means_no(any_shop: Deps, clock: Clock) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    clock.on(hours=73)
    with pytest.raises(ApprovalError) as caught:
        await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=any_shop)
    assert "nobody decided" in caught.value.says
    assert caught.value.code == "APPROVAL-EXPIRED"
    assert f"plan --again {campaign_id}" in caught.value.next_step
    assert any_shop.campaigns.get(campaign_id).status == "expired"
    assert _planned(any_shop, campaign_id) == 0


async def test_what_expired_is_no_longer_shown_as_waiting(shop: Deps, clock: Clock) -> None:
    campaign_id, _ = await _waiting(shop)
    assert len(shown.approvals_json(deps=shop)) == 1
    clock.on(hours=73)
    assert shown.approvals_json(deps=shop) == []
    before = shown.plan_json(campaign_id, deps=shop)
    assert len(lapse(deps=shop)) == 1
    assert before == shown.plan_json(campaign_id, deps=shop)
    assert (before["status"], before["stop_reason"]) == ("expired", "nobody decided by 2026-11-05 14:00 UTC")


async def test_two_approvers_at_once_launch_once_and_the_second_is_told(any_shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    said = [deciding.decide("approve", campaign_id, plan_hash=plan_hash, by=name, deps=any_shop) for name in ("ann", "bob")]
    results = await asyncio.gather(*said, return_exceptions=True)
    assert sum(isinstance(result, ApprovalError) for result in results) == 1
    plan = any_shop.campaigns.plan(campaign_id)
    assert plan is not None
    assert _planned(any_shop, campaign_id) == plan.assignment.touches


async def test_approve_against_reject_has_one_outcome_that_fits_the_record(any_shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    await asyncio.gather(
        deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=any_shop),
        deciding.decide("reject", campaign_id, plan_hash=plan_hash, by="bob", reason="no", deps=any_shop),
        return_exceptions=True,
    )
    (decision,) = any_shop.approvals.decisions(campaign_id)
    status = any_shop.campaigns.get(campaign_id).status
    assert status == {"approve": "running", "reject": "rejected"}[decision.kind]
    assert bool(_planned(any_shop, campaign_id)) == (decision.kind == "approve")


@pytest.mark.parametrize("node", ["approval", "decided"])
async def test_a_state_written_past_the_interrupt_launches_nothing(any_shop: Deps, node: str) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    async with graphs.opened(any_shop) as graph:
        await graph.aupdate_state(walk.config(campaign_id), {"route": "approve"}, as_node=node)
        await walk.run(graph, None, campaign_id)
    assert _planned(any_shop, campaign_id) == 0
    assert any_shop.campaigns.get(campaign_id).status == "awaiting_approval"
    campaign = await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=any_shop)
    assert campaign.status == "running"


async def test_a_forged_state_that_names_another_campaigns_approval_launches_nothing_of_it(shop: Deps) -> None:
    one, one_hash = await _waiting(shop)
    two, _ = await _waiting(shop)
    await deciding.decide("approve", one, plan_hash=one_hash, by="ann", deps=shop)
    row = shop.approvals.decisions(one)[0]
    async with graphs.opened(shop) as graph:
        await graph.aupdate_state(walk.config(two), {"approval_id": row.approval_id, "route": "approve"}, as_node="approval")
        await walk.run(graph, None, two)
    assert _planned(shop, two) == 0


async def test_a_fork_of_a_launched_run_sends_nothing_again(any_shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="ann", deps=any_shop)
    before = any_shop.ledger.sends(campaign_id)
    async with graphs.opened(any_shop) as graph:
        history = [state async for state in graph.aget_state_history(walk.config(campaign_id))]
        for state in [old for old in history if old.next and old.next[0] in ("approval", "decided", "launch")]:
            await graph.ainvoke(None, state.config, durability="sync")
    assert any_shop.ledger.sends(campaign_id).equals(before)
    assert any_shop.campaigns.get(campaign_id).status == "running"


async def test_a_decision_needs_a_name(shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(shop)
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by=" ", deps=shop)


async def test_nothing_of_a_stopped_campaign_waits_for_anybody(any_shop: Deps) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    stop(campaign_id, by="ann", reason="changed our mind", deps=any_shop)
    assert any_shop.approvals.waiting() == []
    (row,) = any_shop.approvals.decided()
    assert (row.campaign_id, row.status, row.decided_by) == (campaign_id, "revoked", "ann")
    assert "changed our mind" in row.reason
    assert [entry.action for entry in any_shop.journal.entries(subject=campaign_id)].count("approval.revoked") == 1
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by="bob", deps=any_shop)
    assert any_shop.campaigns.get(campaign_id).status == "stopped"
    assert _planned(any_shop, campaign_id) == 0


async def test_a_stop_that_was_killed_before_it_took_the_approval_back_is_mended_by_stopping_again(
    any_shop: Deps, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id, _ = await _waiting(any_shop)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(any_shop.approvals, "revoke", killed)
        with pytest.raises(KeyboardInterrupt):
            stop(campaign_id, by="ann", reason="enough", deps=any_shop)
    assert len(any_shop.approvals.waiting()) == 1
    stop(campaign_id, by="ann", reason="enough", deps=any_shop)
    stop(campaign_id, by="ann", reason="enough", deps=any_shop)
    assert any_shop.approvals.waiting() == []
    assert [entry.action for entry in any_shop.journal.entries(subject=campaign_id)].count("campaign.stopped") == 1


async def test_what_somebody_decided_in_the_moment_of_the_stop_stands(any_shop: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign_id, plan_hash = await _waiting(any_shop)
    revoke = any_shop.approvals.revoke

    def too_late(approval_id: str, **more: Any) -> ApprovalRequest:
        no = Decision(kind="reject", approval_id=approval_id, plan_hash=plan_hash, by="bob", at=any_shop.now(), reason="no")
        any_shop.approvals.decide(no)
        return revoke(approval_id, **more)

    monkeypatch.setattr(any_shop.approvals, "revoke", too_late)
    stop(campaign_id, by="ann", reason="enough", deps=any_shop)
    (row,) = any_shop.approvals.decided()
    assert (row.status, row.decided_by) == ("rejected", "bob")
