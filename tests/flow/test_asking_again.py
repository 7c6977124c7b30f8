"""An approval that ran out says so, and its goal can be asked again; a refused goal ends in a clear state."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from small_shop import Clock, furnish
from stand_ins import Cast

from liftwright.domain.errors import ApprovalError, GoalError, ProviderError
from liftwright.flow import deciding, dispatch, nodes, recovery, shown, walk
from liftwright.flow import graph as graphs
from liftwright.flow.stopping import lapse
from liftwright.ports import Deps


async def _expired(shop: Deps, clock: Clock) -> str:
    campaign = await walk.start("Sell more", deps=shop)
    clock.on(hours=73)
    lapse(deps=shop)
    return campaign.campaign_id


async def test_asking_again_plans_afresh_under_a_new_approval_that_expires_later(shop: Deps, clock: Clock) -> None:
    old = await _expired(shop, clock)
    assert (shop.campaigns.get(old).status, shown.plan_json(old, deps=shop)["status"]) == ("expired", "expired")
    (before,) = [entry for entry in shop.journal.entries(subject=old) if entry.action == "approval.requested"]
    furnish(shop, people=50, source="newer")
    new = await walk.again(old, deps=shop)
    assert (new.status, new.goal.text) == ("awaiting_approval", "Sell more")
    waiting = shop.approvals.pending(new.campaign_id)
    assert waiting is not None
    assert waiting.approval_id != before.detail["approval_id"]
    assert waiting.expires_at == clock.at + timedelta(hours=shop.settings.limits.approval_hours)
    plans = [shop.campaigns.plan(campaign_id) for campaign_id in (old, new.campaign_id)]
    assert [plan.audience.population for plan in plans if plan] == [40, 50]
    assert dispatch.drain(deps=shop, worker="w")["leased"] == 0
    assert shop.campaigns.get(old).status == "expired"


async def test_the_old_approval_can_never_be_used(shop: Deps, clock: Clock) -> None:
    old = await _expired(shop, clock)
    old_hash = shop.campaigns.get(old).plan_hash
    new = await walk.again(old, deps=shop)
    for campaign_id in (old, new.campaign_id):
        with pytest.raises(ApprovalError):
            await deciding.decide("approve", campaign_id, plan_hash=old_hash, by="ann", deps=shop)
    campaign = await deciding.decide("approve", new.campaign_id, plan_hash=new.plan_hash, by="ann", deps=shop)
    assert campaign.status == "running"
    assert shop.ledger.counts(old)["planned"] == 0


async def test_what_approvers_changed_and_said_is_kept(shop: Deps, clock: Clock) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    old = campaign.campaign_id
    await deciding.decide("edit", old, plan_hash=None, by="ann", changes={"limits.touches": "1"}, deps=shop)
    waiting = shop.approvals.pending(old)
    assert waiting is not None
    await deciding.decide("respond", old, plan_hash=waiting.plan_hash, by="ann", reason="make it cheaper", deps=shop)
    clock.on(hours=73)
    first = await walk.again(old, deps=shop)
    clock.on(hours=73)
    second = await walk.again(first.campaign_id, deps=shop)
    for heir in (first, second):
        plan = shop.campaigns.plan(heir.campaign_id)
        assert plan is not None
        assert set(plan.assignment.by_channel) == {"email"}
        assert heir.goal.answers == ("make it cheaper",)


async def test_what_waits_or_was_asked_again_already_is_not_asked_twice(shop: Deps, clock: Clock) -> None:
    waiting = await walk.start("Sell more", deps=shop)
    with pytest.raises(ApprovalError) as caught:
        await walk.again(waiting.campaign_id, deps=shop)
    assert caught.value.code == "AGAIN-OPEN"
    clock.on(hours=73)
    new = await walk.again(waiting.campaign_id, deps=shop)
    with pytest.raises(ApprovalError) as caught:
        await walk.again(waiting.campaign_id, deps=shop)
    assert new.campaign_id in caught.value.says
    await deciding.decide("reject", new.campaign_id, plan_hash=new.plan_hash, by="ann", reason="no", deps=shop)
    assert (await walk.again(waiting.campaign_id, deps=shop)).status == "awaiting_approval"


async def test_an_approval_that_runs_out_between_yes_and_launch_is_expired_too(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    waiting = shop.approvals.pending(campaign.campaign_id)
    assert waiting is not None
    decide = shop.approvals.decide
    monkeypatch.setattr(shop.approvals, "decide", lambda decision: (decide(decision), clock.on(hours=73))[0])
    with pytest.raises(ApprovalError) as caught:
        await deciding.decide("approve", campaign.campaign_id, plan_hash=waiting.plan_hash, by="ann", deps=shop)
    assert "plan --again" in caught.value.next_step
    assert shop.campaigns.get(campaign.campaign_id).status == "expired"
    assert shop.ledger.counts(campaign.campaign_id)["planned"] == 0


def _refusing(error: Exception) -> Any:
    """A strategist who raises."""

    async def propose(*args: Any, **kwargs: Any) -> Any:
        raise error

    return SimpleNamespace(propose=propose)


REFUSAL = GoalError("GOAL-TOO-LONG", "The goal is too long.", next_step="Say it in a few sentences.")


async def test_a_refused_goal_ends_blocked_and_says_why(shop: Deps, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "strategy", _refusing(REFUSAL))
    with pytest.raises(GoalError):
        await walk.start("Sell more", deps=shop)
    (campaign,) = shop.campaigns.all()
    assert (campaign.status, campaign.stop_reason) == ("blocked", "The goal is too long.")
    (finding,) = shown.plan_json(campaign.campaign_id, deps=shop)["findings"]
    assert (finding["rule"], finding["fix"]) == ("GOAL-TOO-LONG", "Say it in a few sentences.")
    assert await recovery.recover(deps=shop) == {"planning": 0, "decisions": 0, "failed": 0}


async def test_a_revision_that_is_refused_ends_blocked_and_is_not_tried_for_ever(
    shop: Deps, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    monkeypatch.setattr(nodes, "strategy", _refusing(REFUSAL))
    with pytest.raises(GoalError):
        await deciding.decide(
            "respond", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", reason="cheaper", deps=shop
        )
    assert shop.campaigns.get(campaign.campaign_id).status == "blocked"
    assert await recovery.recover(deps=shop) == {"planning": 0, "decisions": 0, "failed": 0}


async def test_a_provider_that_failed_is_tried_again_later(shop: Deps, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphs, "RETRY", graphs.RETRY._replace(initial_interval=0.0, jitter=False))
    with monkeypatch.context() as patch:
        patch.setattr(nodes, "strategy", _refusing(ProviderError("MODEL-DOWN", "It is down.", next_step="Wait.")))
        with pytest.raises(ProviderError):
            await walk.start("Sell more", deps=shop)
        (campaign,) = shop.campaigns.all()
        assert campaign.status == "planning"
    assert (await recovery.recover(deps=shop))["planning"] == 1
    assert shop.campaigns.get(campaign.campaign_id).status == "awaiting_approval"


async def test_an_expiry_that_a_crash_left_half_done_is_finished(shop: Deps, clock: Clock) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    clock.on(hours=73)
    assert len(shop.approvals.expire(now=clock.at)) == 1
    assert shop.campaigns.get(campaign.campaign_id).status == "awaiting_approval"
    await recovery.recover(deps=shop)
    found = shop.campaigns.get(campaign.campaign_id)
    assert (found.status, found.stop_reason) == ("expired", "nobody decided by 2026-11-05 14:00 UTC")


async def test_an_approval_that_runs_out_while_somebody_decides_ends_expired(
    shop: Deps, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    monkeypatch.setattr(deciding, "lapse", lambda *, deps: clock.on(hours=73))
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    assert shop.campaigns.get(campaign.campaign_id).status == "expired"
