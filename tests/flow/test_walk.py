"""A goal walks to its stop for a person, and no further."""

from __future__ import annotations

import pytest
from langgraph.types import Command
from stand_ins import TEXTS, Cast, StandInBench

from liftwright.domain.errors import ApprovalError, DataError, GoalError
from liftwright.domain.policy import Finding
from liftwright.flow import deciding, shown, walk
from liftwright.flow import graph as graphs
from liftwright.ports import Deps

BLOCK = Finding(rule="PLAN-BUDGET", severity="block", subject="plan", says="too dear", fix="spend less")
WORDS = Finding(rule="CONTENT-CLAIM", severity="block", subject="v-email", says="no proof", fix="prove it")


def _who(cast: Cast) -> list[str]:
    return [who for who, _ in cast.calls]


async def test_a_plain_goal_ends_at_the_approval_with_nothing_sent(shop: Deps, cast: Cast) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    assert campaign.status == "awaiting_approval"
    waiting = shop.approvals.pending(campaign.campaign_id)
    assert waiting is not None
    assert waiting.plan_hash == campaign.plan_hash
    assert shop.ledger.counts(campaign.campaign_id)["planned"] == 0
    assert sorted(_who(cast)) == sorted(
        ["strategist", "audience_analyst", "content_writer", "measurement_analyst", "channel_planner", "compliance_reviewer"]
    )


async def test_the_interrupt_speaks_the_ecosystems_words(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    async with graphs.opened(shop) as graph:
        state = await graph.aget_state(walk.config(campaign.campaign_id))
    (asked,) = state.interrupts
    assert asked.value["action_requests"][0]["name"] == "launch_campaign"
    assert asked.value["review_configs"] == [
        {"action_name": "launch_campaign", "allowed_decisions": ["approve", "edit", "reject", "respond"]}
    ]
    assert asked.value["plan_hash"] == campaign.plan_hash
    assert {"approval_id", "expires_at"} <= set(asked.value)


async def test_a_goal_with_an_open_end_asks_one_question_and_goes_on_with_the_answer(shop: Deps, cast: Cast) -> None:
    campaign = await walk.start("Sell more?", deps=shop)
    assert (campaign.status, campaign.question) == ("needs_answer", "How much may it cost?")
    assert shown.plan_json(campaign.campaign_id, deps=shop)["question"] == "How much may it cost?"
    with pytest.raises(GoalError):
        await walk.answer(campaign.campaign_id, "  ", deps=shop)
    campaign = await walk.answer(campaign.campaign_id, "100 dollars", deps=shop)
    assert campaign.status == "awaiting_approval"
    assert campaign.question is None
    assert campaign.goal.answers == ("100 dollars",)
    assert cast.calls[-6][1] == "Sell more?\n100 dollars" or ("strategist", "Sell more?\n100 dollars") in cast.calls


async def test_answers_given_at_the_start_are_part_of_the_goal(shop: Deps) -> None:
    campaign = await walk.start("Sell more?", deps=shop, answers=("100 dollars",))
    assert campaign.status == "awaiting_approval"


async def test_text_typed_while_an_approval_waits_never_restarts_the_graph(shop: Deps, cast: Cast) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    cast.calls.clear()
    with pytest.raises(ApprovalError):
        await walk.answer(campaign.campaign_id, "and shoes too", deps=shop)
    assert cast.calls == []
    assert shop.campaigns.get(campaign.campaign_id) == campaign


async def test_a_block_goes_back_to_the_planner_twice_and_then_to_the_person(shop: Deps, cast: Cast) -> None:
    cast.review = [(BLOCK,), (BLOCK,), (BLOCK,)]
    campaign = await walk.start("Sell more", deps=shop)
    assert campaign.status == "blocked"
    assert _who(cast).count("channel_planner") == 3
    assert _who(cast).count("content_writer") == 1
    assert shop.approvals.pending(campaign.campaign_id) is None
    assert shown.plan_json(campaign.campaign_id, deps=shop)["findings"][0]["rule"] == "PLAN-BUDGET"


async def test_a_block_about_a_text_goes_back_to_the_writer_with_the_remark(shop: Deps, cast: Cast) -> None:
    cast.review = [(WORDS,)]
    campaign = await walk.start("Sell more", deps=shop)
    assert campaign.status == "awaiting_approval"
    heard = [what for who, what in cast.calls if who == "content_writer"]
    assert heard == [(), (WORDS,)]
    assert WORDS.subject in {text.variant_id for text in TEXTS}


async def test_a_plan_that_no_limit_allows_is_infeasible_and_says_why(shop: Deps) -> None:
    campaign = await walk.start("Sell more for nothing", deps=shop)
    assert campaign.status == "infeasible"
    data = shown.plan_json(campaign.campaign_id, deps=shop)
    assert data["findings"][0]["says"] == "The budget does not pay for one contact."
    assert data["plan_hash"] is None
    assert shop.approvals.waiting() == []


async def test_a_shop_without_data_says_so(tmp_path: object, shop: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(shop.lake), "snapshot", lambda self, snapshot_id=None: None)
    with pytest.raises(DataError):
        await walk.start("Sell more", deps=shop)
    assert shop.campaigns.all() == []


async def test_the_same_goal_at_the_same_moment_gives_two_campaigns(shop: Deps) -> None:
    first, second = [await walk.start("Sell more", deps=shop) for _ in range(2)]
    assert first.campaign_id != second.campaign_id


async def test_a_decided_row_is_needed_a_resume_value_alone_only_asks_again(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    async with graphs.opened(shop) as graph:
        asked = await walk.waiting_at(graph, campaign.campaign_id)
        said = {"decisions": [{"type": "approve"}]}
        await walk.run(graph, Command(resume={asked["approval"]: said}), campaign.campaign_id)
        assert list(await walk.waiting_at(graph, campaign.campaign_id)) == ["approval"]
    assert shop.campaigns.get(campaign.campaign_id).status == "awaiting_approval"
    assert shop.ledger.counts(campaign.campaign_id)["planned"] == 0


async def test_a_rule_that_blocks_between_approval_and_launch_keeps_everything_back(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    StandInBench.findings = (BLOCK,)
    with pytest.raises(ApprovalError):
        await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    assert shop.campaigns.get(campaign.campaign_id).status == "blocked"
    assert shop.ledger.counts(campaign.campaign_id)["planned"] == 0
