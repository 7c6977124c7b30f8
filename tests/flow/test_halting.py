"""Planning that a person stops: at its next step, whoever plans; kept for whoever goes on, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import plain_shop
from liftwright.agents.bench import Bench
from liftwright.domain.errors import ApprovalError, GoalError, Halted
from liftwright.flow import conversation, halting, recovery, shown, talking, walk
from liftwright.ports import Deps

Open = Callable[[], Deps]


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Open]:
    """Open the shop once more, as another process does."""
    home, opened = plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home"), list[Deps]()

    def open_it() -> Deps:
        opened.append(plain_shop.open_shop(home))
        return opened[-1]

    yield open_it
    for deps in opened:
        plain_shop.close(deps)


def test_whoever_listens_for_a_stop_reads_the_data_once(another: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Deps] = []
    init = Bench.__init__

    def counted(self: Bench, deps: Deps, **pins: Any) -> None:
        made.append(deps)
        init(self, deps, **pins)

    monkeypatch.setattr(Bench, "__init__", counted)
    deps = another()
    campaign = asyncio.run(walk.start(plain_shop.GOAL, deps=replace(deps, progress=lambda who, what: None)))
    assert (campaign.status, len(made)) == ("awaiting_approval", 1)
    asyncio.run(walk.start(plain_shop.GOAL, deps=replace(deps, settings=deps.settings.model_copy(update={"seed": 8}))))
    assert len(made) == 2, "other settings see other data"


def _stopping_at(agent: str, seen: list[str], *, deps: Deps, elsewhere: Deps) -> Deps:
    """Planning that Ann stops from another process while this agent is at work; `seen` is told who works."""

    def step(who: str, what: str) -> None:
        seen.append(who)
        if who == agent:
            (campaign,) = elsewhere.campaigns.all()
            for _ in range(2):
                halting.ask(campaign.campaign_id, by="Ann", deps=elsewhere)

    return replace(deps, progress=step)


def test_it_stops_at_the_next_step_and_goes_on_from_there_to_the_very_plan_it_would_have_been(another: Open) -> None:
    deps, elsewhere, seen = another(), another(), list[str]()
    with pytest.raises(Halted, match="Ann stopped planning at the channel planner"):
        asyncio.run(walk.start(plain_shop.GOAL, deps=_stopping_at("channel_planner", seen, deps=deps, elsewhere=elsewhere)))
    (campaign,) = deps.campaigns.all()
    assert (campaign.status, "compliance_reviewer" in seen) == ("planning", False)
    entries = [(each.action, each.actor, each.detail) for each in deps.journal.entries(subject=campaign.campaign_id)]
    assert entries == [("planning.stop_asked", "Ann", {}), ("planning.stopped", "Ann", {"at": "channel_planner"})]
    assert "Ann stopped planning at the channel planner" in shown.plan_json(campaign.campaign_id, deps=deps)["stop_reason"]
    assert asyncio.run(recovery.recover(deps=elsewhere))["planning"] == 0, "no worker goes on with it"
    after: list[str] = []
    going_on = replace(elsewhere, progress=lambda who, what: after.append(who))
    told = asyncio.run(conversation.turn("go on", campaign.campaign_id, deps=going_on, by="Leo"))
    assert "Revision 1" in told.reply
    assert not {"strategist", "audience_analyst", "content_writer"} & set(after), "what was done is not done again"
    assert deps.campaigns.get(campaign.campaign_id).plan_hash == plain_shop.planned()[1].plan_hash
    assert halting.asked(campaign.campaign_id, deps=deps) is None


def test_it_stops_between_agents_too_and_a_new_goal_leaves_it_stopped(another: Open) -> None:
    deps, elsewhere, seen = another(), another(), list[str]()
    with pytest.raises(Halted):
        asyncio.run(walk.start(plain_shop.GOAL, deps=_stopping_at("strategist", seen, deps=deps, elsewhere=elsewhere)))
    (first,) = deps.campaigns.all()
    said = asyncio.run(conversation.turn("why was it stopped?", first.campaign_id, deps=deps))
    assert said.campaign_id == first.campaign_id
    other = asyncio.run(conversation.turn(plain_shop.OPEN_GOAL, first.campaign_id, deps=deps))
    assert other.campaign_id != first.campaign_id
    assert deps.campaigns.get(other.campaign_id).status == "needs_answer"
    assert deps.campaigns.get(first.campaign_id).status == "planning"


def test_what_is_not_being_planned_is_not_stopped(tmp_path: Path) -> None:
    with plain_shop.waiting(tmp_path) as (deps, campaign):
        with pytest.raises(GoalError, match="PLAN-STOP-LATE"):
            halting.ask(campaign, by="Ann", deps=deps)
        with pytest.raises(GoalError, match="CAMPAIGN-UNKNOWN"):
            halting.ask("c-nowhere", by="Ann", deps=deps)
        assert deps.campaigns.get(campaign).status == "awaiting_approval"
        assert halting.asked(campaign, deps=deps) is None


def test_a_request_that_came_too_late_does_not_stop_the_next_revision(another: Open) -> None:
    deps, elsewhere, seen = another(), another(), list[str]()

    def step(who: str, what: str) -> None:
        seen.append(who)

    campaign = asyncio.run(walk.start(plain_shop.GOAL, deps=replace(deps, progress=step)))
    elsewhere.journal.append(at=plain_shop.NOW, actor="Ann", action=halting.ASKED, subject=campaign.campaign_id, detail={})
    with pytest.raises(GoalError, match="PLAN-STOP-LATE"):
        halting.ask(campaign.campaign_id, by="Ann", deps=elsewhere)
    told = asyncio.run(conversation.turn("fewer messages", campaign.campaign_id, deps=deps, by="Ann"))
    assert "Revision 2" in told.reply


def test_a_talk_is_stopped_by_who_watches_it_from_another_process_once(another: Open) -> None:
    deps, elsewhere = another(), another()
    talking.say("t-1", plain_shop.GOAL, by="Leo", deps=deps)
    talking.stop("t-1", by="Ann", deps=elsewhere)
    talking.stop("t-1", by="Ann", deps=elsewhere)
    asyncio.run(talking.answer("t-1", by="Leo", deps=deps))
    events = deps.talks.since("t-1")
    assert [event.kind for event in events].count("stopping") == 1
    assert (events[-1].kind, events[-1].payload["code"]) == ("failed", "PLAN-STOPPED")
    assert "Ann stopped planning at the strategist" in events[-1].payload["says"]
    talking.stop("t-1", by="Ann", deps=elsewhere)
    assert len(deps.talks.since("t-1")) == len(events), "nobody is at work any more"
    talking.say("t-1", "go on", by="Leo", deps=deps)
    asyncio.run(talking.answer("t-1", by="Leo", deps=deps))
    assert deps.talks.since("t-1")[-1].kind == "reply"
    (campaign,) = deps.campaigns.all()
    assert campaign.status == "awaiting_approval"


def test_only_users_stop_planning_where_there_are_users(tmp_path: Path) -> None:
    home = plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home")
    plain_shop.staffed(home, leo=("marketer",))
    deps = plain_shop.open_shop(home)
    deps.talks.add("t-1", "said", {"text": "Sell more", "by": "leo"}, at=plain_shop.NOW)
    with pytest.raises(ApprovalError, match="USER-UNKNOWN"):
        talking.stop("t-1", by="mallory", deps=deps)
    assert [event.kind for event in deps.talks.since("t-1")] == ["said"]
    plain_shop.close(deps)


def test_one_user_stops_what_another_asked_for_and_nothing_is_lost(tmp_path: Path) -> None:
    """Mia's session plans; Leo stops it before there is a campaign, so the planning itself has to pass his word on without a key of his."""
    home = plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home")
    keys = plain_shop.staffed(home, mia=("marketer",), leo=("marketer",))
    deps = plain_shop.open_shop(home)
    mia, leo = (
        replace(deps, settings=deps.settings.model_copy(update={"key": SecretStr(keys[name])})) for name in ("mia", "leo")
    )
    talking.say("t-1", plain_shop.GOAL, by="mia", deps=mia)
    talking.stop("t-1", by="leo", deps=leo)
    asyncio.run(talking.answer("t-1", by="mia", deps=mia))
    assert deps.talks.since("t-1")[-1].payload["code"] == "PLAN-STOPPED"
    (campaign,) = deps.campaigns.all()
    assert campaign.status == "planning", "it can be taken up again"
    plain_shop.close(deps)


def test_a_wish_to_stop_that_comes_in_just_after_the_answer_keeps_nobody_from_talking_on(another: Open) -> None:
    deps = another()
    for kind in ("said", "reply", "stopping"):
        deps.talks.add("t-1", kind, {"text": "who?", "by": "Ann"}, at=plain_shop.NOW)  # type: ignore[arg-type]
    assert not talking.is_working(deps.talks.since("t-1"), deps=deps)
    assert talking.say("t-1", "and why?", by="Ann", deps=deps) == 4
    assert talking.is_working(deps.talks.since("t-1", 2)[:1], deps=deps), (
        "of a talk whose end is not known only the wish was seen"
    )
