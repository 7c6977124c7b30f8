"""What others read: JSON shapes, exports, and the chat's replies. Values come from stored state."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from small_shop import Clock
from stand_ins import Cast, StandInBench

from liftwright.domain.errors import ConfigError, GoalError
from liftwright.domain.money import Money
from liftwright.domain.policy import Finding
from liftwright.flow import asking, checking, conversation, deciding, dispatch, export, reporting, shown, walk
from liftwright.flow import graph as graphs
from liftwright.ports import Deps

PLAN_KEYS = {
    "campaign_id", "status", "plan_hash", "revision", "objective", "audience", "decisions", "experiment", "forecast", "assignment",
    "findings", "pins", "model",
}  # fmt: skip


async def test_a_plan_has_every_key_of_the_contract(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    data = json.loads(json.dumps(shown.plan_json(campaign.campaign_id, deps=shop)))
    assert set(data) >= PLAN_KEYS
    assert set(data["audience"]) >= {"population", "eligible", "selected", "holdout", "funnel", "reasons"}
    assert set(data["experiment"]) >= {"holdout_share", "primary_metric", "mde", "power", "looks", "method"}
    assert set(data["assignment"]) >= {"objective", "upper_bound", "gap", "prices", "violations"}
    assert set(data["assignment"]["prices"]) >= {"budget", "channels", "offers"}
    assert set(data["pins"]) >= {"snapshot", "models", "policies", "prompts", "seed", "version"}
    assert data["forecast"]["cost"] == {"amount": f"{data['assignment']['touches'] / 100:.2f}", "currency": "USD"}
    assert set(data["decisions"]) == {
        "likely_buyers", "persuadables", "excluded", "incentive", "channels", "success_metric", "adjust_when", "stop_when", "postage",
    }  # fmt: skip


async def test_show_adds_revisions_decisions_and_sends(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    await deciding.decide("edit", campaign.campaign_id, plan_hash=None, by="ann", changes={"limits.touches": "1"}, deps=shop)
    data = json.loads(json.dumps(shown.show_json(campaign.campaign_id, deps=shop)))
    assert [row["revision"] for row in data["revisions"]] == [1, 2]
    assert set(data["revisions"][0]) == {"revision", "plan_hash", "by", "at", "changes"}
    assert data["decisions"]["taken"] == data["decided"]
    assert data["decided"][0]["by"] == "ann"
    assert data["sends"]["planned"] == 0


async def test_what_waits_is_listed_with_who_must_decide(shop: Deps) -> None:
    await walk.start("Sell more", deps=shop)
    (row,) = json.loads(json.dumps(shown.approvals_json(deps=shop)))
    assert set(row) == {"approval_id", "campaign_id", "plan_hash", "title", "risk", "trigger", "due_at", "asked_by", "needs"}
    assert row["needs"]


async def test_a_report_has_every_key_of_the_contract(shop: Deps, clock: Clock) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=shop)
    clock.on(hours=2)
    dispatch.drain(deps=shop, worker="w")
    data = json.loads(json.dumps(shown.report_json(reporting.report(campaign.campaign_id, deps=shop))))
    assert set(data) >= {
        "campaign_id", "status", "approved_hash", "plan_hash", "sends", "lift", "incremental_margin", "verdict", "health", "guardrails",
        "actions", "policy_violations", "lessons", "narrative",
    }  # fmt: skip
    assert set(data["sends"]) >= {"planned", "delivered", "failed", "unknown", "suppressed", "duplicates"}
    assert set(data["lift"]) >= {
        "metric",
        "low",
        "mid",
        "high",
        "level",
        "method",
        "looks",
        "treated",
        "holdout",
        "matured_share",
    }
    assert data["sends"]["duplicates"] == 0


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
async def test_an_export_has_exactly_the_columns_of_the_contract(shop: Deps, tmp_path: Path, ending: str) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    target = tmp_path / "out" / f"assignment.{ending}"
    rows = export.write(campaign.campaign_id, "assignment", target=target, deps=shop)
    if ending == "json":
        found = list(json.loads(target.read_text())[0])
    else:
        found = (pq.read_table(target) if ending == "parquet" else pa_csv.read_csv(target)).column_names
    assert found == list(export.COLUMNS)
    assert rows > 0


async def test_what_cannot_be_exported_is_said(shop: Deps, tmp_path: Path) -> None:
    campaign = await walk.start("Sell more?", deps=shop)
    with pytest.raises(GoalError):
        export.export(campaign.campaign_id, "assignment", deps=shop)
    with pytest.raises(ConfigError):
        export.export(campaign.campaign_id, "secrets", deps=shop)
    with pytest.raises(ConfigError):
        export.write(campaign.campaign_id, "sends", target=tmp_path / "x.xlsx", deps=shop)


async def test_a_whatif_solves_again_in_a_fork_and_leaves_the_plan_as_it_is(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    before = shown.show_json(campaign.campaign_id, deps=shop)
    data = asking.whatif(campaign.campaign_id, {"limits.touches": "1", "objective.budget": "0.05"}, deps=shop)
    assert (data["before"]["touches"], data["after"]["touches"]) == (before["assignment"]["touches"], 5)
    assert data["changed"] == {"objective.budget": {"amount": "0.05", "currency": "USD"}, "limits.touches": 1}
    assert shown.show_json(campaign.campaign_id, deps=shop) == before
    async with graphs.opened(shop) as graph:
        fork = (await graph.aget_state(walk.config(data["fork"]))).values
        own = (await graph.aget_state(walk.config(campaign.campaign_id))).values
    assert fork["assigned"].assignment.touches == 5
    assert own["assigned"].assignment.touches == before["assignment"]["touches"]
    again = asking.whatif(campaign.campaign_id, {"limits.touches": "1", "objective.budget": "0.05"}, deps=shop)
    assert again == data


async def test_a_whatif_that_cannot_be_says_so(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    with pytest.raises(GoalError):
        asking.whatif(campaign.campaign_id, {"pins.seed": "1"}, deps=shop)
    data = asking.whatif(campaign.campaign_id, {"objective.budget": "0"}, deps=shop)
    assert data["infeasible"]


async def test_a_check_looks_at_the_stored_plan_with_the_rules_of_today(shop: Deps) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    assert checking.check(campaign.campaign_id, deps=shop) == ()
    StandInBench.findings = (Finding(rule="NEW", severity="block", subject="plan", says="no"),)
    assert [finding.rule for finding in checking.check(campaign.campaign_id, deps=shop)] == ["NEW"]


async def test_a_chat_starts_asks_answers_and_explains_without_restarting(shop: Deps, cast: Cast) -> None:
    campaign_id, reply, command = await conversation.turn("Sell more?", None, deps=shop)
    assert (reply, command) == (shop.campaigns.get(campaign_id).question, "")
    assert shop.campaigns.get(campaign_id).status == "needs_answer"
    await conversation.turn("a hundred dollars", campaign_id, deps=shop)
    assert shop.campaigns.get(campaign_id).status == "awaiting_approval"
    cast.calls.clear()
    for question in (
        "who do we reach?",
        "what does it cost?",
        "which channels?",
        "how sure is the test?",
        "any rules broken?",
        "when does it stop?",
        "hm?",
    ):
        assert (await conversation.turn(question, campaign_id, deps=shop)).reply
    cost = shown.plan_json(campaign_id, deps=shop)["forecast"]["cost"]["amount"]
    assert f"{cost} USD" in (await conversation.turn("What does it cost?", campaign_id, deps=shop)).reply
    assert "touches" in (await conversation.turn("what if limits.touches=1?", campaign_id, deps=shop)).reply
    assert cast.calls == []


async def test_words_that_change_a_waiting_plan_become_a_recorded_decision(shop: Deps) -> None:
    planned = await conversation.turn("Sell more", None, deps=shop)
    campaign_id, before = planned.campaign_id, shop.campaigns.plan(planned.campaign_id)
    assert before is not None
    assert before.plan_hash in planned.command
    changed = await conversation.turn("make it cheaper", campaign_id, deps=shop)
    (decision,) = shop.approvals.decisions(campaign_id)
    assert (decision.kind, decision.reason, decision.by) == ("edit", "make it cheaper", "chat")
    assert Money.of(decision.changes["objective.budget"]["amount"], "USD") < before.forecast.cost
    assert shop.campaigns.get(campaign_id).revision == 2
    assert "Changed: budget" in changed.reply


@pytest.mark.parametrize(
    "words",
    [
        "the weather is nice",
        "thanks, enough for today",
        "today is a busy day",
        "see you tomorrow",
        "I had no time today, tomorrow I will",
    ],
)
async def test_words_that_change_nothing_are_not_recorded(shop: Deps, words: str) -> None:
    campaign_id = (
        await conversation.turn("Sell more shoes over the next two weeks for 200 dollars", None, deps=shop)
    ).campaign_id
    said = await conversation.turn(words, campaign_id, deps=shop)
    assert said.reply == conversation.NOT_A_CHANGE
    assert shop.approvals.decisions(campaign_id) == []
    assert shop.campaigns.get(campaign_id).revision == 1


@pytest.mark.parametrize("words", ["end it tomorrow", "until next Friday", "three weeks instead"])
async def test_words_about_the_dates_are_recorded(shop: Deps, words: str) -> None:
    campaign_id = (
        await conversation.turn("Sell more shoes over the next two weeks for 200 dollars", None, deps=shop)
    ).campaign_id
    await conversation.turn(words, campaign_id, deps=shop)
    assert [(taken.kind, taken.reason) for taken in shop.approvals.decisions(campaign_id)] == [("respond", words)]


async def test_the_list_says_of_an_overdue_approval_that_it_expired(shop: Deps, clock: Clock) -> None:
    campaign = await walk.start("Sell more", deps=shop)
    assert [row["status"] for row in shown.list_json(deps=shop)] == ["awaiting_approval"]
    clock.on(hours=73)
    (row,) = shown.list_json(deps=shop)
    assert (row["campaign_id"], row["status"]) == (campaign.campaign_id, "expired")
