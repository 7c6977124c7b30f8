"""The compliance reviewer: the rules' findings all stand; a model may add concerns and explain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from liftwright.agents import base
from liftwright.agents.proposals import AgentResult, ReviewProposal, note
from liftwright.agents.tools import making
from liftwright.agents.tools.aggregates import spoken
from liftwright.content.grounding import is_grounded as ungrounded
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.ports import Deps

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench

AGENT = "compliance_reviewer"
_MOST_ADDED = 5
_ORDER = ("block", "needs_approval", "warn", "info")


async def review(plan: Plan, *, bench: Bench, deps: Deps) -> AgentResult[ReviewProposal]:
    """All findings of the rules, a model's additions (at most warn or needs_approval), and an explanation for the approver."""
    found = bench.check_plan(plan)
    facts = plan_facts(plan)
    step = base.Step(
        agent=AGENT,
        prompt="compliance_reviewer",
        values={"currency": deps.settings.currency},
        task="Review this plan, add concerns the rules did not see, and explain the findings to the approver.",
        facts=facts,
        tools=[making.read_findings(found), making.policy_check(bench, plan.objective)],
        output=ReviewProposal,
        fallback=lambda: ReviewProposal(explanation=_explained(found)),
    )
    result = await base.run(step, deps=deps)
    added, remarks = _added(result.value.findings, found, facts)
    said = spoken(result.value.explanation, limit=900)
    if not said or ungrounded(said, (facts, making.findings_json(found), _counts(found))):
        if result.value.explanation:
            says = "The language model's explanation held numbers that neither plan nor rules show, a link, or news only code can bring; the rules' own is shown."
            remarks.append(note("AGENT-UNGROUNDED", AGENT, says, subject="explanation"))
        said = _explained(found)
    return result.corrected(ReviewProposal(findings=(*found, *added), explanation=said), *remarks)


def plan_facts(plan: Plan) -> dict[str, Any]:
    """What a reviewer may see of a plan: counts, texts, limits; no digests, no people."""
    data = plan.model_dump(mode="json")
    return {
        "objective": data["objective"],
        "audience": {
            key: data["audience"][key] for key in ("population", "eligible", "selected", "holdout", "funnel", "reasons")
        },
        "experiment": making.design_facts(plan.experiment),
        "offers": data["offers"],
        "variants": [
            {key: variant[key] for key in ("variant_id", "channel", "offer", "subject", "body", "call_to_action", "claims")}
            for variant in data["variants"][:24]
        ],
        "by_channel": data["assignment"]["by_channel"],
        "by_offer": data["assignment"]["by_offer"],
        "contacts": data["assignment"]["touches"],
        "forecast": data["forecast"]["incremental_margin"],
        "cost": plan.forecast.cost.as_json(),
        "autonomy_level": plan.autonomy_level,
    }


def _added(
    proposed: tuple[Finding, ...], found: tuple[Finding, ...], facts: dict[str, Any]
) -> tuple[list[Finding], list[Finding]]:
    """A model's additions in a safe form, and remarks about what was not taken."""
    subjects = {"plan", *(v["variant_id"] for v in facts["variants"]), *facts["by_channel"], *facts["by_offer"]}
    known = {(finding.rule, finding.subject) for finding in found}
    added: list[Finding] = []
    dropped = 0
    for finding in proposed:
        says = spoken(finding.says, limit=300)
        if (finding.rule, finding.subject) in known:
            continue
        if len(added) >= _MOST_ADDED or not says or ungrounded(says, facts):
            dropped += 1
            continue
        severity = "needs_approval" if finding.severity in making.STOPPING else "warn"
        subject = finding.subject if finding.subject in subjects else "plan"
        added.append(note("MODEL-CONCERN", AGENT, says, subject=subject, severity=severity, fix=spoken(finding.fix, limit=200)))
    if not dropped:
        return added, []
    says = f"{dropped} concerns of the language model were dropped: empty, too many, or with numbers that the plan does not hold."
    return added, [note("AGENT-UNGROUNDED", AGENT, says, subject="findings", severity="info", count=dropped)]


def _counts(found: tuple[Finding, ...]) -> dict[str, int]:
    return {severity: sum(f.severity == severity for f in found) for severity in _ORDER}


def _explained(found: tuple[Finding, ...]) -> str:
    """The rules' own explanation: how many findings of each severity, and the gravest in its words."""
    if not found:
        return "The rules found nothing to object to."
    told = [f"{count} {severity.replace('_', ' ')}" for severity, count in _counts(found).items() if count]
    worst = min(found, key=lambda finding: _ORDER.index(finding.severity))
    return f"The rules found: {', '.join(told)}. First: {worst.says}"
