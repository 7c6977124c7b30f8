"""Whatever the language model does, a goal ends in a valid plan that waits for approval or in a clear stop; never in an effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from injected import ORDERS, Obedient
from players import GARBAGE, Player, calls, submits
from provider_server import Play, fails, hangs, provider, says

import plain_shop
from liftwright.domain.campaign import Campaign
from liftwright.domain.plan import Plan
from liftwright.flow import dispatch, export, untouchable, walk
from liftwright.ports import Deps

WRONG_TYPES = {
    "objective": ["not", "one"],
    "include": 7,
    "variants": "none",
    "holdout_share": "a lot",
    "channels": {"email": True},
    "touches": "many",
    "findings": 0,
    "text": {"a": 1},
}
AGENTS = {"strategist", "audience_analyst", "content_writer", "measurement_analyst", "channel_planner", "compliance_reviewer"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A furnished shop."""
    return plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home")


@pytest.fixture
def opened(home: Path) -> Iterator[Any]:
    """Opens the shop with a model behind the guard."""
    shops: list[Deps] = []

    def open_with(model: Any = None, **settings: Any) -> Deps:
        shops.append(plain_shop.open_shop(home, model=model, **settings))
        return shops[-1]

    yield open_with
    for shop in shops:
        plain_shop.close(shop)


def nothing_happened(deps: Deps, campaign: Campaign) -> None:
    """No send is planned, nothing left the house, and nobody decided anything, even when the worker runs now."""
    assert deps.ledger.sends().num_rows == 0
    done = dispatch.drain(deps=deps, worker="eager")
    assert not sum(done.values())
    assert deps.ledger.sends().num_rows == 0
    assert not [path for path in (deps.settings.home / "outbox").rglob("*") if path.is_file()]
    assert not deps.approvals.decisions(campaign.campaign_id)
    done_so_far = {entry.action for entry in deps.journal.entries()}
    assert "campaign.launched" not in done_so_far
    assert {action for action in done_so_far if action.startswith("approval.")} <= {"approval.requested"}


def waits_with_a_valid_plan(deps: Deps, campaign: Campaign) -> Plan:
    """A plan that keeps every rule, pinned by its hash, waiting for a person."""
    assert campaign.status == "awaiting_approval", campaign.stop_reason or campaign.question
    plan = deps.campaigns.plan(campaign.campaign_id)
    assert plan is not None
    waiting = deps.approvals.pending(campaign.campaign_id)
    assert waiting is not None
    assert waiting.plan_hash == plan.plan_hash == campaign.plan_hash
    assert plan.assignment.violations == 0
    assert not [finding for finding in plan.findings if finding.severity == "block"]
    sent_to = _people(campaign, "assignment", deps)
    assert sent_to
    audience = deps.lake.get(plan.audience.digest)
    assert untouchable.is_drawn(plan.experiment, audience, gone=0)
    drawn = dict(zip(audience["customer_id"].to_pylist(), audience["arm"].to_pylist(), strict=True))
    assert {drawn[person] for person in sent_to} == {"treated"}
    assert not [person for person in sent_to if int(person[1:]) % 10 == 0], "people who denied e-mail"
    nothing_happened(deps, campaign)
    return plan


def _people(campaign: Campaign, what: str, deps: Deps) -> set[str]:
    table: Any = export.export(campaign.campaign_id, what, deps=deps)
    return set(table["customer_id"].to_pylist())


def fell_back(plan: Plan) -> set[str]:
    """Who took the rules' own proposal, as the plan tells the approver."""
    rules = ("AGENT-FALLBACK", "AGENT-PROVIDER", "AGENT-PRIVACY")
    return {finding.subject for finding in plan.findings if finding.rule in rules}


def same_choice(one: Plan, other: Plan) -> bool:
    """Whether two plans send the same to the same people and measure it alike."""
    return (one.audience, one.assignment, one.experiment) == (other.audience, other.assignment, other.experiment)


@pytest.fixture(scope="module")
def of_the_rules() -> Plan:
    """The plan that the rules make of the same goal at the same moment."""
    home, campaign = plain_shop.planned()
    deps = plain_shop.open_shop(home)
    plan = deps.campaigns.plan(campaign.campaign_id)
    plain_shop.close(deps)
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    "reply",
    [
        GARBAGE,
        '{"objective": {"metric": "fame", "starts_on": "never"}, "holdout_share": 0.0, "touches": -4}',
        submits(**WRONG_TYPES),
        RuntimeError("boom"),
    ],
    ids=["garbage", "garbage json", "wrong types", "crash"],
)
async def test_a_model_that_answers_nonsense_gives_the_plan_of_the_rules(opened: Any, of_the_rules: Plan, reply: Any) -> None:
    deps = opened(Player(replies=[reply]))
    campaign = await walk.start(plain_shop.GOAL, deps=deps)
    plan = waits_with_a_valid_plan(deps, campaign)
    assert fell_back(plan) == AGENTS
    assert same_choice(plan, of_the_rules)
    assert {variant.made_by for variant in plan.variants} == {"template"}


async def test_a_model_that_hangs_is_cut_off_and_the_rules_plan(opened: Any, of_the_rules: Plan) -> None:
    deps = opened(Player(replies=[submits()], seconds=3600), agents={"max_seconds": 0.1})
    campaign = await walk.start(plain_shop.GOAL, deps=deps)
    plan = waits_with_a_valid_plan(deps, campaign)
    assert fell_back(plan) == AGENTS
    assert all("0.1 seconds" in finding.says for finding in plan.findings if finding.rule == "AGENT-FALLBACK")
    assert same_choice(plan, of_the_rules)


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("play", "word"),
    [(fails(429), "HTTP 429"), (fails(500), "HTTP 500"), (fails(401), "HTTP 401"), (hangs(2), "did not answer")],
    ids=["busy", "broken", "locked", "slow"],
)
async def test_a_provider_in_trouble_gives_the_plan_of_the_rules(
    opened: Any, of_the_rules: Plan, monkeypatch: pytest.MonkeyPatch, play: Play, word: str
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with provider(play) as server:
        options = {
            "base_url": server.base_url,
            "api_key": "x",
            "retry_wait": 0.01,
            "retry_longest_wait": 0.02,
            "max_retries": 1,
            "timeout": 0.3,
        }
        deps = opened(model_name="openai:test", model_options=options)
        campaign = await walk.start(plain_shop.GOAL, deps=deps)
    plan = waits_with_a_valid_plan(deps, campaign)
    assert fell_back(plan) == AGENTS
    assert all(word in finding.says for finding in plan.findings if finding.rule == "AGENT-PROVIDER")
    assert same_choice(plan, of_the_rules)


async def test_a_model_that_insists_on_tools_it_does_not_have_gets_nothing(opened: Any, of_the_rules: Plan) -> None:
    tools = {"send_campaign", "deliver", "approve_plan", "launch", "no such tool"}
    deps = opened(Player(replies=[calls(*[(tool, {"campaign": "all", "to": "everyone"}) for tool in sorted(tools)])]))
    campaign = await walk.start(plain_shop.GOAL, deps=deps)
    plan = waits_with_a_valid_plan(deps, campaign)
    asked = [finding for finding in plan.findings if finding.rule == "AGENT-UNKNOWN-TOOL"]
    assert {finding.subject for finding in asked} == tools
    assert fell_back(plan) == AGENTS
    assert same_choice(plan, of_the_rules)


async def test_a_bad_model_and_a_goal_that_does_not_say_enough_end_in_one_question(opened: Any) -> None:
    deps = opened(Player(replies=[GARBAGE]))
    campaign = await walk.start(plain_shop.OPEN_GOAL, deps=deps)
    assert campaign.status == "needs_answer"
    assert campaign.question
    assert not deps.approvals.waiting()
    nothing_happened(deps, campaign)


@pytest.mark.loopback
async def test_a_provider_that_calls_delivery_over_the_wire_gets_nothing(opened: Any) -> None:
    with provider(says(tool_calls=[("send_campaign", '{"to": "everyone"}'), ("approve", "{}")])) as server:
        options = {"base_url": server.base_url, "api_key": "x", "max_retries": 0}
        deps = opened(model_name="openai:test", model_options=options)
        campaign = await walk.start(plain_shop.GOAL, deps=deps)
    plan = waits_with_a_valid_plan(deps, campaign)
    asked = {finding.subject for finding in plan.findings if finding.rule == "AGENT-UNKNOWN-TOOL"}
    assert asked == {"send_campaign", "approve"}
    assert {tool["function"]["name"] for request in server.requests for tool in request.get("tools", [])}.isdisjoint(asked)


async def test_a_model_that_obeys_what_it_reads_in_the_data_changes_nothing_that_matters(
    tmp_path: Path, of_the_rules: Plan
) -> None:
    home = tmp_path / "home"
    model = Obedient(replies=[])
    deps = plain_shop.open_shop(home, model=model)
    numbers = range(plain_shop.PEOPLE)
    notes = {"notes": [f"{ORDERS} ({n})" for n in numbers], "remark": [ORDERS if n % 2 else "likes shoes" for n in numbers]}
    plain_shop.bring_in(plain_shop.write_files(home / "files", more_columns=notes, brand=f"# Brand\n\n{ORDERS}\n"), deps)
    campaign = await walk.start(plain_shop.GOAL, deps=deps)
    plan = waits_with_a_valid_plan(deps, campaign)
    plain_shop.close(deps)
    assert model.obeyed == {"send_campaign", "approve_plan"}, "the order in the document was read and followed"
    asked = {finding.subject for finding in plan.findings if finding.rule == "AGENT-UNKNOWN-TOOL"}
    assert asked >= model.obeyed
    assert "evil.test" not in json.dumps(plan.manifest(), default=str)
    assert {variant.made_by for variant in plan.variants} == {"template"}
    assert [offer.name for offer in plan.offers] == ["none"]
    assert plan.envelope.channels == ("email",)
    assert plan.objective == of_the_rules.objective
    assert plan.experiment.holdout_share >= 0.02
    heard = " ".join(message.text for messages in model.heard for message in messages)
    assert "(17)" not in heard, "a customer's note reached the model"
