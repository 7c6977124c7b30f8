"""Each of the six: the scripted model agrees with the rules, a bad model changes nothing that matters, a good one is heard."""

from __future__ import annotations

from typing import Any

import pytest
from fake_bench import OBJECTIVE, REPORT, SUBJECT, assigned_with, bench, deps, draft, plan
from players import GARBAGE, Player, submits

from liftwright.agents import audience_analyst, channel_planner, compliance_reviewer, content_writer, measurement_analyst
from liftwright.agents.proposals import FALLBACK, AgentResult
from liftwright.domain.goal import Constraint
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import Variant
from liftwright.measurement.report import narrative

BLOCK = Finding(rule="PLAN-BUDGET", severity="block", subject="plan", says="The cost exceeds the budget.")


def rules(result: AgentResult[Any]) -> list[str]:
    return [finding.rule for finding in result.findings]


def dumped(variant: Variant, **changes: Any) -> dict[str, Any]:
    return variant.model_dump(mode="json") | changes


async def test_the_audience_keeps_the_goals_own_groups_whatever_the_model_says() -> None:
    scripted = await audience_analyst.propose(OBJECTIVE, bench=bench(), deps=deps())
    silent = await audience_analyst.propose(OBJECTIVE, bench=bench(), deps=deps(Player(replies=[submits()])))
    garbage = await audience_analyst.propose(OBJECTIVE, bench=bench(), deps=deps(Player(replies=[GARBAGE])))
    assert scripted.value.exclude == silent.value.exclude == garbage.value.exclude == ("new customers",)
    assert scripted.value == garbage.value
    assert (scripted.by, scripted.findings) == ("scripted", ())
    assert rules(garbage) == ["AGENT-FALLBACK"]
    assert "+2.00 points per person" in scripted.value.reasons[0]


async def test_groups_that_do_not_exist_or_leave_nobody_are_dropped() -> None:
    model = Player(replies=[submits(include=["recent buyers", "hermits", "unicorns"], exclude=["lapsed customers"])])
    result = await audience_analyst.propose(OBJECTIVE, bench=bench(), deps=deps(model))
    assert result.value.include == ("recent buyers",)
    assert result.value.exclude == ("new customers", "lapsed customers")
    assert rules(result) == ["AGENT-UNKNOWN-PEOPLE", "AGENT-UNKNOWN-PEOPLE"]


async def test_reasons_with_invented_numbers_are_dropped() -> None:
    model = Player(replies=[submits(reasons=["Of 10,000 people most buy 1.7 times.", "They will spend 77% more."])])
    result = await audience_analyst.propose(OBJECTIVE, bench=bench(), deps=deps(model))
    assert result.value.reasons[0] == "Of 10,000 people most buy 1.7 times."
    assert not any("77" in reason for reason in result.value.reasons)
    assert rules(result) == ["AGENT-UNGROUNDED"]


async def test_content_covers_every_open_channel_and_offer() -> None:
    scripted = await content_writer.propose(OBJECTIVE, bench=bench(), deps=deps())
    garbage = await content_writer.propose(OBJECTIVE, bench=bench(), deps=deps(Player(replies=[GARBAGE])))
    slots = [(variant.channel, variant.offer) for variant in scripted.value.variants]
    assert slots == [("email", "none"), ("email", "save10"), ("push", "none"), ("push", "save10")]
    assert (scripted.value, scripted.findings) == (garbage.value, ())
    assert rules(garbage) == ["AGENT-FALLBACK"]


async def test_no_discount_means_no_offer_with_one() -> None:
    objective = OBJECTIVE.model_copy(update={"constraints": (Constraint(kind="no_discount", value="yes"),)})
    result = await content_writer.propose(objective, bench=bench(), deps=deps())
    assert {variant.offer for variant in result.value.variants} == {"none"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"body": "Guaranteed to win. {{unsubscribe_url}}"}, "breaks CLAIM-EVIDENCE"),
        ({"template": "my_own", "body": "Shoes. {{unsubscribe_url}}"}, "fills no approved template"),
        ({"channel": "sms"}, "not open"),
        ({"offer": "free_yacht"}, "not open"),
        ({"body": "Look: https://evil.example/x"}, "foreign address"),
        ({"body": "Look: https://example.test.evil.example/x"}, "foreign address"),
        ({"body": "Buy\U000e0041\U000e0042 now"}, "invisible characters"),
    ],
)
async def test_a_text_that_may_not_be_used_is_replaced_by_the_draft(changes: dict[str, Any], why: str) -> None:
    model = Player(replies=[submits(variants=[dumped(draft("email", "none"), **changes)])])
    result = await content_writer.propose(OBJECTIVE, bench=bench(), deps=deps(model))
    assert [variant.made_by for variant in result.value.variants] == ["template"] * 4
    assert rules(result) == ["AGENT-TEXT-REPLACED"]
    assert why in result.findings[0].says


async def test_a_good_text_is_used_under_an_id_of_its_own() -> None:
    body = "Fresh running shoes: https://example.test/shoes {{unsubscribe_url}}"
    model = Player(replies=[submits(variants=[dumped(draft("email", "none"), body=body)])])
    first = await content_writer.propose(OBJECTIVE, bench=bench(), deps=deps(model))
    twice = dumped(draft("email", "none"), body=body, variant_id="other", claims=[{"text": "Fresh", "evidence_id": "made-up"}])
    model = Player(replies=[submits(variants=[twice, twice])])
    second = await content_writer.propose(OBJECTIVE, bench=bench(), deps=deps(model))
    written = first.value.variants[0]
    assert (written.body, written.made_by, written.subject) == (body, "test:model", SUBJECT)
    assert written.variant_id.startswith("email-none-")
    assert (first.value, first.findings) == (second.value, ())
    assert len(first.value.variants) == 4


async def test_a_text_compliance_blocked_is_not_drafted_again() -> None:
    remark = Finding(rule="CLAIM", severity="block", subject="email-none-draft", says="No evidence.")
    result = await content_writer.propose(OBJECTIVE, bench=bench(), deps=deps(), remarks=(remark, "Be brief."))
    assert "email-none-draft" not in {variant.variant_id for variant in result.value.variants}


async def test_the_plan_keeps_to_what_is_open_and_to_the_caps() -> None:
    wild = {"channels": ["email", "sms", "voice"], "offers": ["none", "free_yacht"], "touches": 99, "note": "Earns 12,345."}
    result = await channel_planner.propose(
        OBJECTIVE, (), bench=bench(margin_by_channel=0.0), deps=deps(Player(replies=[submits(**wild)]))
    )
    assert (result.value.channels, result.value.offers, result.value.touches) == (("email",), ("none",), 6)
    assert rules(result) == ["AGENT-OUT-OF-BOUNDS"]
    assert result.value.note == channel_planner.RULES_NOTE


async def test_a_clearly_worse_choice_is_not_taken() -> None:
    narrow = Player(replies=[submits(channels=["push"], offers=["none"], touches=2)])
    result = await channel_planner.propose(OBJECTIVE, (), bench=bench(), deps=deps(narrow))
    assert result.value.channels == ("email", "push")
    assert rules(result) == ["AGENT-WORSE-PLAN"]


async def test_a_choice_that_makes_the_plan_infeasible_is_not_taken() -> None:
    seen = bench()
    seen.assign = lambda *args, channels, **rest: assigned_with(objective=9.0).model_copy(
        update={"infeasible": "" if len(channels) == 2 else "nobody left"}
    )
    narrow = Player(replies=[submits(channels=["push"], offers=["none"], touches=2)])
    assert rules(await channel_planner.propose(OBJECTIVE, (), bench=seen, deps=deps(narrow))) == ["AGENT-WORSE-PLAN"]


async def test_the_scripted_planner_takes_the_rules_choice_with_one_preview() -> None:
    seen = bench()
    scripted = await channel_planner.propose(OBJECTIVE, (), bench=seen, deps=deps())
    garbage = await channel_planner.propose(OBJECTIVE, (), bench=bench(), deps=deps(Player(replies=[GARBAGE])))
    assert scripted.value.model_copy(update={"note": ""}) == garbage.value.model_copy(update={"note": ""})
    assert scripted.value.touches == 3
    assert "4500 contacts to 4000 people" in scripted.value.note
    assert (scripted.findings, seen.assigned) == ((), 1)


async def test_a_channel_compliance_blocked_is_left_out() -> None:
    remark = Finding(rule="CHANNEL", severity="block", subject="push", says="No.")
    result = await channel_planner.propose(OBJECTIVE, (), bench=bench(), deps=deps(), remarks=(remark,))
    assert (result.value.channels, result.findings) == (("email",), ())
    garbage = await channel_planner.propose(OBJECTIVE, (), bench=bench(), deps=deps(Player(replies=[GARBAGE])), remarks=(remark,))
    assert garbage.value.channels == ("email",)


async def test_the_rules_findings_are_always_all_kept() -> None:
    liar = {"findings": [], "explanation": "Nothing to worry about."}
    for model in (None, Player(replies=[GARBAGE]), Player(replies=[submits(**liar)])):
        result = await compliance_reviewer.review(plan(), bench=bench(plan_findings=(BLOCK,)), deps=deps(model))
        assert BLOCK in result.value.findings


async def test_a_model_may_raise_concerns_but_never_block_or_lift() -> None:
    concern = {
        "rule": "X",
        "severity": "block",
        "subject": "email-none-draft",
        "says": "The subject promises too much.",
        "by": "rules",
    }
    softened = BLOCK.model_dump() | {"severity": "info"}
    invented = {"rule": "Y", "severity": "warn", "subject": "moon", "says": "It reaches 123,456 minors."}
    model = Player(replies=[submits(findings=[concern, softened, invented], explanation="One text promises too much.")])
    result = await compliance_reviewer.review(plan(), bench=bench(plan_findings=(BLOCK,)), deps=deps(model))
    kept, added = result.value.findings
    assert kept == BLOCK
    assert (added.rule, added.severity, added.subject, added.by) == (
        "MODEL-CONCERN",
        "needs_approval",
        "email-none-draft",
        "compliance_reviewer",
    )
    assert result.value.explanation == "One text promises too much."
    assert rules(result) == ["AGENT-UNGROUNDED"]


async def test_an_explanation_with_invented_numbers_is_replaced() -> None:
    model = Player(replies=[submits(explanation="Only 77 people complained last year.")])
    result = await compliance_reviewer.review(plan(), bench=bench(plan_findings=(BLOCK,)), deps=deps(model))
    assert result.value.explanation == "The rules found: 1 block. First: The cost exceeds the budget."
    assert rules(result) == ["AGENT-UNGROUNDED"]
    scripted = await compliance_reviewer.review(plan(), bench=bench(plan_findings=(BLOCK,)), deps=deps())
    assert scripted.value.explanation == result.value.explanation


def test_a_reviewer_sees_no_reference_to_people() -> None:
    facts = str(compliance_reviewer.plan_facts(plan()))
    assert not any(word in facts for word in ("digest", "pepper", "sha256"))


@pytest.mark.parametrize(
    ("share", "taken", "found"), [(0.2, 0.2, []), (0.9, None, ["AGENT-OUT-OF-BOUNDS"]), (0.0, None, ["AGENT-OUT-OF-BOUNDS"])]
)
async def test_a_holdout_share_stays_within_bounds(share: float, taken: float | None, found: list[str]) -> None:
    eligible = bench().eligible(OBJECTIVE)
    model = Player(replies=[submits(holdout_share=share, note="It finds 999.")])
    result = await measurement_analyst.design(OBJECTIVE, eligible, bench=bench(), deps=deps(model))
    assert result.value.holdout_share == taken
    assert f"{taken or 0.1:.1%} held out" in result.value.note
    assert rules(result) == found


async def test_the_scripted_design_is_the_rules_own() -> None:
    eligible = bench().eligible(OBJECTIVE)
    scripted = await measurement_analyst.design(OBJECTIVE, eligible, bench=bench(), deps=deps())
    garbage = await measurement_analyst.design(OBJECTIVE, eligible, bench=bench(), deps=deps(Player(replies=[GARBAGE])))
    assert scripted.value == garbage.value
    assert scripted.value.holdout_share is None


async def test_a_narrative_stands_on_the_report() -> None:
    honest = "The campaign added 310 USD of margin (120 to 500)."
    told = await measurement_analyst.narrate(REPORT, deps=deps(Player(replies=[submits(text=honest)])))
    assert (told.value.text, told.findings) == (honest, ())
    boast = await measurement_analyst.narrate(REPORT, deps=deps(Player(replies=[submits(text="It added 9,310 USD, up 55%.")])))
    assert boast.value.text == narrative(REPORT)
    assert rules(boast) == ["AGENT-UNGROUNDED"]
    empty = await measurement_analyst.narrate(REPORT, deps=deps(Player(replies=[submits(text="  ")])))
    assert empty.value.text == narrative(REPORT)


async def test_the_scripted_narrative_is_the_rules_own() -> None:
    for model, by in ((None, "scripted"), (Player(replies=[GARBAGE]), FALLBACK)):
        result = await measurement_analyst.narrate(REPORT, deps=deps(model))
        assert (result.value.text, result.by) == (narrative(REPORT), by)
