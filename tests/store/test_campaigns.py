"""Campaigns, revisions, actions and reports: what goes in comes out, and status takes only steps that exist."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from liftwright.domain.campaign import TRANSITIONS
from liftwright.domain.errors import DataError, GoalError
from liftwright.domain.evidence import Action, Estimate, Health, Report
from liftwright.domain.goal import Goal


def _action(make, hours: int, **after: object) -> Action:
    return Action(at=make.now + timedelta(hours=hours), kind="budget", rule="pacing", after=after, by="system")


def _report(verdict: str) -> Report:
    health = Health(srm_p=0.5, contamination=0, late_data=0)
    return Report(
        campaign_id="c1",
        status="running",
        currency="USD",
        approved_hash=None,
        plan_hash=None,
        sends={"planned": 3},
        lift=Estimate(metric="margin", low=-0.5, mid=0.25, high=1.0),
        looks=1,
        matured_share=0.5,
        incremental_margin=None,
        verdict=verdict,
        health=health,
    )


def test_a_campaign_comes_back_as_it_was_made(store, make):
    campaign = make.campaign(question="By when?", seed=2**40, model="openai:gpt-5")
    store.campaigns.create(campaign)
    assert store.campaigns.get("c1") == campaign


def test_a_campaign_made_twice_is_one_and_another_under_its_id_is_refused(store, make):
    store.campaigns.create(make.campaign())
    store.campaigns.create(make.campaign())
    assert len(store.campaigns.all()) == 1
    with pytest.raises(GoalError, match="CAMPAIGN-EXISTS"):
        store.campaigns.create(make.campaign(goal=Goal(text="Something else", asked_at=make.now)))


def test_campaigns_are_listed_in_the_order_they_were_made(store, make):
    store.campaigns.create(make.campaign("b"))
    store.campaigns.create(make.campaign("a", created_at=make.now + timedelta(hours=1)))
    assert [campaign.campaign_id for campaign in store.campaigns.all()] == ["b", "a"]


def test_a_campaign_that_does_not_exist_is_named_with_the_nearest_that_does(store, make):
    store.campaigns.create(make.campaign("november-sale"))
    with pytest.raises(GoalError, match="Did you mean 'november-sale'"):
        store.campaigns.get("november-sail")


def test_an_update_changes_what_it_names_and_keeps_the_rest(store, make):
    store.campaigns.create(make.campaign())
    goal = Goal(text="More margin in November", asked_at=make.now, answers=("by the 15th",))
    changed = store.campaigns.update("c1", status="needs_answer", question="How much?", goal=goal)
    assert changed == make.campaign(status="needs_answer", question="How much?", goal=goal)
    assert store.campaigns.get("c1") == changed


def test_an_update_of_a_field_that_cannot_change_is_refused(store, make):
    store.campaigns.create(make.campaign())
    with pytest.raises(ValueError, match="created_at"):
        store.campaigns.update("c1", created_at=make.now)


@pytest.mark.parametrize("status", list(TRANSITIONS))
def test_a_campaign_takes_exactly_the_steps_that_exist(store, make, status):
    for number, to in enumerate(TRANSITIONS):
        store.campaigns.create(make.campaign(f"c{number}", status=status))
        if to == status or to in TRANSITIONS[status]:
            assert store.campaigns.update(f"c{number}", status=to).status == to
        else:
            with pytest.raises(GoalError, match="CAMPAIGN-STATUS"):
                store.campaigns.update(f"c{number}", status=to)
            assert store.campaigns.get(f"c{number}").status == status


def test_a_plan_comes_back_with_the_same_hash_and_becomes_the_current_one(store, make):
    plan = store.planned()
    assert store.campaigns.plan("c1") == plan
    assert store.campaigns.plan("c1").plan_hash == plan.plan_hash
    campaign = store.campaigns.get("c1")
    assert (campaign.plan_hash, campaign.revision) == (plan.plan_hash, 1)
    assert store.campaigns.plan("c1", 2) is None


def test_revisions_say_who_changed_what_and_when(store, make):
    store.planned()
    second = make.plan(revision=2)
    store.campaigns.save_plan(second, by="anna", at=make.now, changes={"limits.budget": 500.5})
    assert [revision["revision"] for revision in store.campaigns.revisions("c1")] == [1, 2]
    assert store.campaigns.revisions("c1")[1] == {
        "revision": 2,
        "plan_hash": second.plan_hash,
        "by": "anna",
        "at": make.now,
        "changes": {"limits.budget": 500.5},
    }
    assert store.campaigns.plan("c1", 1).revision == 1
    assert [entry.action for entry in store.journal.entries(subject="c1")] == ["plan.saved", "plan.saved"]


def test_the_same_plan_saved_again_changes_nothing(store, make):
    store.planned()
    store.campaigns.save_plan(make.plan(model="another"), by="anna", at=make.now, changes={})
    assert store.campaigns.plan("c1") == make.plan()
    assert len(store.journal.entries()) == 1


def test_a_revision_can_be_replaced_until_somebody_was_asked_about_it(store, make):
    store.planned()
    other = make.plan(touches=9)
    store.campaigns.save_plan(other, by="planner", at=make.now, changes={})
    assert store.campaigns.plan("c1") == other
    store.approvals.request(make.approval(other))
    with pytest.raises(DataError, match="PLAN-FROZEN"):
        store.campaigns.save_plan(make.plan(touches=10), by="planner", at=make.now, changes={})
    assert store.campaigns.plan("c1") == other


def test_a_stored_plan_that_is_none_any_more_is_reported(store):
    store.planned()
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE plan_revisions SET plan = '{}'"))
    with pytest.raises(DataError, match="PLAN-UNREADABLE"):
        store.campaigns.plan("c1")


def test_actions_are_kept_once_each_in_the_order_of_time(store, make):
    store.campaigns.create(make.campaign())
    late, early, same_time = _action(make, 2), _action(make, 1, share=0.25), _action(make, 2, share=0.5)
    for action in (late, early, late, same_time):
        store.campaigns.record_action("c1", action)
    assert store.campaigns.actions("c1") == [early, late, same_time]
    assert store.campaigns.actions("nobody") == []


def test_the_last_report_is_the_one_saved_last(store, make):
    store.campaigns.create(make.campaign())
    assert store.campaigns.last_report("c1") is None
    for verdict in ("running", "win"):
        store.campaigns.save_report(_report(verdict), at=make.now)
    assert store.campaigns.last_report("c1") == _report("win")


def test_a_plan_stored_before_manifests_had_a_version_keeps_the_hash_it_was_approved_with(store, engine):
    store.planned()
    with engine.begin() as connection:
        row = json.loads(connection.execute(text("SELECT plan FROM plan_revisions")).scalar_one())
        del row["manifest_version"], row["assignment"]["draws"]
        connection.execute(text("UPDATE plan_revisions SET plan = :plan"), {"plan": json.dumps(row)})
    plan = store.campaigns.plan("c1")
    assert plan.manifest()["manifest_version"] == 1
    assert "expected" not in plan.manifest()
