"""The channel planner: which channels, offers and how many contacts may compete in the assignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.tools import BaseTool

from liftwright.agents import allowed, base
from liftwright.agents.proposals import FALLBACK, AgentResult, PlanProposal, note
from liftwright.agents.tools import looking, making
from liftwright.agents.tools.aggregates import quoted, spoken
from liftwright.content.grounding import is_grounded as ungrounded
from liftwright.domain.experiment import Experiment
from liftwright.domain.goal import Objective
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import NO_OFFER, Variant
from liftwright.ports import Deps

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench
    from liftwright.agents.bench.values import Assigned, Eligible

AGENT = "channel_planner"
RULES_NOTE = (
    "Every allowed channel and offer competes; the assignment keeps a contact only where its expected margin exceeds its cost."
)
_WORTH_KEEPING = 0.9
"""A model may narrow the choice for its own reasons as long as the expected margin stays above this share of the rules' own."""


async def propose(
    objective: Objective,
    variants: tuple[Variant, ...],
    *,
    bench: Bench,
    deps: Deps,
    remarks: Sequence[Finding | str] = (),
    eligible: Eligible | None = None,
    experiment: Experiment | None = None,
) -> AgentResult[PlanProposal]:
    """Bounds for the assignment. `eligible` and `experiment` are for previews; without them the bench works them out for everybody."""
    eligible = eligible or bench.eligible(objective)
    table = _Table(objective, bench, eligible, experiment or bench.design(objective, eligible), variants)
    rules = _rules(objective, bench, deps, remarks)
    most = max(1, allowed.most_touches(objective, deps.settings))
    previews: list[dict[str, Any]] = []
    step = base.Step(
        agent=AGENT,
        prompt="channel_planner",
        values={"currency": deps.settings.currency, "most_touches": str(most)},
        task="Decide which channels and offers may compete and how often one person may be contacted, and submit your proposal.",
        facts={
            "objective": objective.model_dump(mode="json"),
            "usual_touches": rules.touches,
            "remarks": [r if isinstance(r, str) else r.model_dump(mode="json") for r in remarks],
        },
        tools=table.tools(most, previews),
        output=PlanProposal,
        fallback=lambda: rules,
    )
    result = await base.run(step, deps=deps)
    if result.by == FALLBACK:
        return result
    value, findings = _within(result.value, rules, objective, bench, most)
    if table.is_clearly_worse(value, rules):
        says = "The language model's choice of channels, offers and contacts is expected to bring clearly less; the rules' own was taken."
        findings.append(note("AGENT-WORSE-PLAN", AGENT, says, subject="plan"))
        value = rules
    return result.corrected(_with_sound_note(value, objective, bench, previews), *findings)


@dataclass(frozen=True)
class _Table:
    """What previews of this step stand on."""

    objective: Objective
    bench: Bench
    eligible: Eligible
    experiment: Experiment
    variants: tuple[Variant, ...]

    def tools(self, most: int, previews: list[dict[str, Any]]) -> list[BaseTool]:
        preview = making.draft_assignment(
            self.bench,
            self.objective,
            eligible=self.eligible,
            experiment=self.experiment,
            variants=self.variants,
            most=most,
            seen=previews,
        )
        return [
            making.list_channels(self.bench, self.objective),
            making.list_offers(self.bench, self.objective),
            looking.past_tests(self.bench),
            looking.scores_summary(self.bench),
            preview,
        ]

    def is_clearly_worse(self, value: PlanProposal, rules: PlanProposal) -> bool:
        if (value.channels, value.offers, value.touches) == (rules.channels, rules.offers, rules.touches):
            return False
        ours, theirs = self._drafted(rules), self._drafted(value)
        if bool(theirs.infeasible) != bool(ours.infeasible):
            return bool(theirs.infeasible)
        return theirs.assignment.objective < _WORTH_KEEPING * ours.assignment.objective

    def _drafted(self, proposal: PlanProposal) -> Assigned:
        return self.bench.assign(
            self.objective,
            self.eligible,
            self.experiment,
            self.variants,
            channels=proposal.channels,
            offers=proposal.offers,
            touches=proposal.touches,
            overrides={},
        )


def _rules(objective: Objective, bench: Bench, deps: Deps, remarks: Sequence[Finding | str]) -> PlanProposal:
    blocked = {r.subject for r in remarks if isinstance(r, Finding) and r.severity in making.STOPPING}
    channels = allowed.channels(bench, objective)
    offers = tuple(offer.name for offer in allowed.offers(bench, objective))
    return PlanProposal(
        channels=tuple(c for c in channels if c not in blocked) or channels,
        offers=tuple(o for o in offers if o not in blocked) or (NO_OFFER,),
        touches=max(1, allowed.usual_touches(objective, deps.settings)),
        note=RULES_NOTE,
    )


def _within(
    proposed: PlanProposal, rules: PlanProposal, objective: Objective, bench: Bench, most: int
) -> tuple[PlanProposal, list[Finding]]:
    channels = tuple(c for c in rules.channels if c in proposed.channels) or rules.channels
    offers = tuple(o for o in rules.offers if o in proposed.offers) or rules.offers
    touches = min(max(1, proposed.touches), most)
    outside = [
        *sorted(set(proposed.channels) - set(allowed.channels(bench, objective))),
        *sorted(quoted(offer, limit=40) for offer in set(proposed.offers) - {o.name for o in allowed.offers(bench, objective)}),
        *([f"{proposed.touches} contacts"] if touches != proposed.touches else []),
    ]
    findings: list[Finding] = []
    if outside:
        says = (
            f"The language model went beyond what the goal and the house allow ({', '.join(outside[:6])}); that part was dropped."
        )
        findings.append(note("AGENT-OUT-OF-BOUNDS", AGENT, says, subject="plan"))
    return PlanProposal(channels=channels, offers=offers, touches=touches, note=proposed.note), findings


def _with_sound_note(value: PlanProposal, objective: Objective, bench: Bench, previews: list[dict[str, Any]]) -> PlanProposal:
    """A model's note stays only where its numbers are its own choice, the objective's, the scores' or a preview's."""
    said = spoken(value.note, limit=400)
    chosen = (value.touches, len(value.channels), len(value.offers))
    facts = (chosen, objective, previews, bench.scores(), bench.channels(), bench.past_tests())
    return value.model_copy(update={"note": said if said and not ungrounded(said, facts) else RULES_NOTE})
