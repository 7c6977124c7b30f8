"""The audience analyst: objective → who should be considered, in phrases that the selection understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liftwright.agents import base
from liftwright.agents.proposals import AgentResult, AudienceProposal, note
from liftwright.agents.tools import looking
from liftwright.agents.tools.aggregates import SMALLEST_GROUP, quoted, spoken
from liftwright.content.grounding import is_grounded as ungrounded
from liftwright.domain.goal import ConstraintKind, Objective
from liftwright.domain.policy import Finding
from liftwright.ports import Deps

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench

AGENT = "audience_analyst"
_MOST_PHRASES = 5
_TESTS_TOLD = 3


async def propose(objective: Objective, *, bench: Bench, deps: Deps) -> AgentResult[AudienceProposal]:
    """Groups to include and leave out: the goal's own always, a model's where they name people that exist."""
    rules = _rules(objective, bench)
    step = base.Step(
        agent=AGENT,
        prompt="audience_analyst",
        values={"smallest_group": str(SMALLEST_GROUP)},
        task="Decide which groups of people to consider for this objective and submit your proposal.",
        facts={"objective": objective.model_dump(mode="json")},
        tools=[
            looking.population_counts(bench),
            looking.segment_counts(bench, objective),
            looking.feature_summaries(bench),
            looking.past_tests(bench),
            looking.scores_summary(bench),
            looking.find_lessons(bench, seen=set()),
        ],
        output=AudienceProposal,
        fallback=lambda: rules,
    )
    result = await base.run(step, deps=deps)
    value, findings = _settle(result.value, rules, objective, bench)
    return result.corrected(value, *findings)


def _rules(objective: Objective, bench: Bench) -> AudienceProposal:
    tests = looking.past_test_facts(bench)[:_TESTS_TOLD]
    return AudienceProposal(
        include=_asked(objective, "include_people"),
        exclude=_asked(objective, "exclude_people"),
        reasons=tuple(said for test in tests for said in test["says"][:1]),
    )


def _asked(objective: Objective, kind: ConstraintKind) -> tuple[str, ...]:
    phrases: list[str] = []
    for constraint in objective.constraints:
        if constraint.kind == kind:
            phrases += [constraint.value] if isinstance(constraint.value, str) else [str(v) for v in _many(constraint.value)]
    return tuple(dict.fromkeys(phrases))


def _many(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _settle(
    proposed: AudienceProposal, rules: AudienceProposal, objective: Objective, bench: Bench
) -> tuple[AudienceProposal, list[Finding]]:
    findings: list[Finding] = []
    include, exclude = list(rules.include), list(rules.exclude)
    for phrases, kept in ((proposed.include, include), (proposed.exclude, exclude)):
        for phrase in dict.fromkeys(quoted(p, limit=80) for p in phrases[:_MOST_PHRASES]):
            if not phrase or phrase in kept:
                continue
            before = bench.eligible(objective, include=tuple(include), exclude=tuple(exclude)).count
            kept.append(phrase)
            after = bench.eligible(objective, include=tuple(include), exclude=tuple(exclude)).count
            if after == before or after < SMALLEST_GROUP:
                kept.remove(phrase)
                why = "changes nothing" if after == before else f"would leave fewer than {SMALLEST_GROUP} people"
                says = f"The language model's group '{phrase}' {why} and was dropped."
                findings.append(note("AGENT-UNKNOWN-PEOPLE", AGENT, says, subject="audience", severity="info"))
    return AudienceProposal(
        include=tuple(include), exclude=tuple(exclude), reasons=_reasons(proposed, rules, bench, findings)
    ), findings


def _reasons(proposed: AudienceProposal, rules: AudienceProposal, bench: Bench, findings: list[Finding]) -> tuple[str, ...]:
    if proposed.reasons == rules.reasons:
        return rules.reasons
    facts = (bench.population(), bench.feature_summary(), looking.past_test_facts(bench), bench.scores(), rules.reasons)
    said = [spoken(reason, limit=300) for reason in proposed.reasons[:_MOST_PHRASES]]
    good = [reason for reason in said if reason and not ungrounded(reason, facts)]
    if len(good) < len(said):
        says = f"{len(said) - len(good)} of the language model's reasons held numbers that no data shows, or were empty; they were dropped."
        findings.append(note("AGENT-UNGROUNDED", AGENT, says, subject="reasons"))
    return tuple(dict.fromkeys([*good, *rules.reasons]))
