"""The measurement analyst: how much to hold out before, and what the numbers say after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liftwright.agents import base
from liftwright.agents.proposals import AgentResult, DesignProposal, NarrativeProposal, note
from liftwright.agents.tools import looking, making
from liftwright.agents.tools.aggregates import has_link, quoted, spoken
from liftwright.content.grounding import is_grounded as ungrounded
from liftwright.domain.evidence import Report
from liftwright.domain.goal import Objective
from liftwright.domain.policy import Finding
from liftwright.measurement.narrative import narrative as plain_narrative
from liftwright.ports import Deps

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench
    from liftwright.agents.bench.values import Eligible

AGENT = "measurement_analyst"
_LONGEST_NARRATIVE = 4_000


async def design(objective: Objective, eligible: Eligible, *, bench: Bench, deps: Deps) -> AgentResult[DesignProposal]:
    """The holdout share (None = the share the rules compute) and what it can detect, in words."""
    usual = making.design_facts(bench.design(objective, eligible))
    step = base.Step(
        agent=AGENT,
        prompt="measurement_design",
        values={"lowest_share": "0.02", "highest_share": "0.5"},
        task="Decide how large a share of the audience to hold out, and submit your proposal.",
        facts={
            "objective": objective.model_dump(mode="json"),
            "eligible_people": eligible.count,
            "population": eligible.population,
        },
        tools=[looking.past_tests(bench), making.experiment_design(bench, objective, eligible)],
        output=DesignProposal,
        fallback=lambda: DesignProposal(note=str(usual["says"])),
    )
    result = await base.run(step, deps=deps)
    findings: list[Finding] = []
    share = result.value.holdout_share
    try:
        share = making.within(share)
    except ValueError:
        share = None
        says = "The language model's holdout share is outside 0.02 to 0.5; the share the rules compute was taken."
        findings.append(note("AGENT-OUT-OF-BOUNDS", AGENT, says, subject="holdout_share"))
    facts = usual if share is None else making.design_facts(bench.design(objective, eligible, share=share))
    said = spoken(result.value.note, limit=400)
    if not said or ungrounded(said, (facts, eligible.count, eligible.population, looking.past_test_facts(bench))):
        said = str(facts["says"])
    return result.corrected(DesignProposal(holdout_share=share, note=said), *findings)


async def narrate(report: Report, *, deps: Deps) -> AgentResult[NarrativeProposal]:
    """The report in words; a narrative with a number that the report does not hold is replaced by the rules' own."""
    plain = plain_narrative(report)
    step = base.Step(
        agent=AGENT,
        prompt="measurement_narrate",
        values={"currency": report.currency},
        task="Tell the marketer what this campaign did, what it caused and what it taught, and submit the text.",
        facts={"campaign": report.campaign_id, "verdict": report.verdict},
        tools=[making.read_report(report)],
        output=NarrativeProposal,
        fallback=lambda: NarrativeProposal(text=plain),
    )
    result = await base.run(step, deps=deps)
    if result.value.text == plain:
        return result
    said = "\n".join(quoted(line, limit=1_000) for line in result.value.text[:_LONGEST_NARRATIVE].splitlines()).strip()
    invented = [*ungrounded(said, (report, plain)), *(["a link"] if has_link(said) else [])]
    if said and not invented:
        return result.corrected(NarrativeProposal(text=said))
    what = f"numbers that the report does not hold ({', '.join(invented[:3])})" if invented else "no words"
    says = f"The language model's narrative had {what}; the rules' own is shown."
    return result.corrected(NarrativeProposal(text=plain), note("AGENT-UNGROUNDED", AGENT, says, subject="narrative"))
