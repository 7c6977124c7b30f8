"""The bench: one object per planning run, handed to agents, tools and nodes. Every step is deterministic under its pins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from liftwright.agents.bench import analysis, assembly, audience, design, goal_findings, solving, summaries, texts
from liftwright.agents.bench.data import Data
from liftwright.agents.bench.scores import Scores
from liftwright.agents.bench.values import Assigned, Eligible
from liftwright.compliance import evaluate, plan_facts, waivers
from liftwright.domain.evidence import PastTest
from liftwright.domain.experiment import AskedArm, Experiment
from liftwright.domain.goal import Brief, Goal, Objective
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import Offer, Variant
from liftwright.planning.goals import reading
from liftwright.ports import Deps

_OPEN: dict[tuple[Any, ...], Bench] = {}
_MOST_OPEN = 4
_ITS_PARTS = ("settings", "lake", "models", "library", "ledger", "journal", "lessons", "memory", "channels")
"""What of Deps a bench reads; whoever hears of its progress, or signs, shares it."""
_MOST_SOLVED = 4


class Bench:
    """See the module. `campaign_id` salts the holdout; data, moment and seed are pinned, and so are the models where ids are given."""

    def __init__(
        self,
        deps: Deps,
        *,
        campaign_id: str,
        snapshot_id: str,
        as_of: datetime,
        seed: int,
        models: tuple[str, ...] | None = None,
    ) -> None:
        self.deps = deps
        self.campaign_id = campaign_id
        told = [entry for subject in (waivers.HOUSE, campaign_id) for entry in deps.journal.entries(subject=subject)]
        waived = waivers.holding(waivers.told(told), at=as_of)
        self.data = Data(deps, snapshot_id=snapshot_id, as_of=as_of, seed=seed, waived=waived)
        self.scored = Scores(self.data, pins=models)
        self._solved: list[tuple[tuple[Any, ...], Assigned]] = []

    @classmethod
    def open(
        cls,
        deps: Deps,
        *,
        campaign_id: str,
        snapshot_id: str,
        as_of: datetime,
        seed: int,
        models: tuple[str, ...] | None = None,
    ) -> Bench:
        """The bench of these pins, kept for the next step of the same process until a model is switched."""
        off = tuple(card.model for card in deps.models.cards() if not card.is_used) if models is None else ()
        parts = tuple(id(getattr(deps, name)) for name in _ITS_PARTS)
        key = (parts, campaign_id, snapshot_id, as_of, seed, models, off)
        if key not in _OPEN:
            while len(_OPEN) >= _MOST_OPEN:
                _OPEN.pop(next(iter(_OPEN)))
            _OPEN[key] = cls(deps, campaign_id=campaign_id, snapshot_id=snapshot_id, as_of=as_of, seed=seed, models=models)
        return _OPEN[key]

    def population(self) -> dict[str, Any]:
        """Counts of people by country, consent and channel; groups under 20 are not shown."""
        return summaries.population(self.data)

    def feature_summary(self) -> list[dict[str, Any]]:
        """Mean and quartiles of every feature."""
        return summaries.feature_summary(self.data)

    def past_tests(self) -> tuple[PastTest, ...]:
        """What past randomised tests showed, with intervals."""
        return self.data.past_tests

    def scores(self) -> dict[str, Any]:
        """What the models expect per action."""
        return summaries.scores(self.data, self.scored)

    def lessons(self, query: str) -> list[dict[str, Any]]:
        """Lessons of earlier campaigns near a query."""
        return summaries.lessons(self.data, query)

    def documents(self, query: str) -> list[dict[str, Any]]:
        """Brand documents near a query."""
        return summaries.documents(self.data, query)

    def offers(self) -> list[Offer]:
        """Offers that may be used, no offer first."""
        return list(self.data.offers)

    def channels(self) -> list[dict[str, Any]]:
        """Channels that may be used."""
        return summaries.channels(self.data)

    def read_goal(self, goal: Goal) -> Brief:
        """The deterministic reading of a goal as of this bench's day."""
        own = self.deps.settings.currency
        brief = reading.read_goal(goal, today=self.data.as_of.date(), currency=own)
        budget = brief.objective.budget if brief.objective is not None else None
        if budget is None or budget.currency == own:
            return brief
        question = f"The budget is in {budget.currency}, but this workspace counts in {own}. How much is it in {own}?"
        return brief.model_copy(update={"objective": None, "question": question, "missing": ("budget",)})

    def eligible(self, objective: Objective, *, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Eligible:
        """The people who may be contacted at all."""
        return audience.eligible(self.data, objective, include=include, exclude=exclude)

    def design(
        self, objective: Objective, eligible: Eligible, *, share: float | None = None, asked: Sequence[AskedArm] = ()
    ) -> Experiment:
        """The experiment over the eligible people; `asked` are arms on request."""
        return design.design(self.data, self.scored, objective, eligible, campaign_id=self.campaign_id, share=share, asked=asked)

    def draft_variants(self, objective: Objective, *, channels: Sequence[str], offers: Sequence[str]) -> tuple[Variant, ...]:
        """Texts from approved templates for channels and offers, claims only from evidence."""
        return texts.draft(self.data, objective, channels=channels, offers=offers)

    def check_variant(self, variant: Variant, *, objective: Objective) -> tuple[Finding, ...]:
        """What content rules and claim checks find in one text of an objective's flight."""
        return texts.check(self.data, variant, objective=objective)

    def assign(
        self,
        objective: Objective,
        eligible: Eligible,
        experiment: Experiment,
        variants: Sequence[Variant],
        *,
        channels: Sequence[str],
        offers: Sequence[str],
        touches: int,
        overrides: Mapping[str, Any] | None = None,
    ) -> Assigned:
        """Solve the flight and say what it should bring; what was asked just before, such as a preview, is answered from memory."""
        asked = (objective, eligible, experiment, tuple(variants), tuple(channels), tuple(offers), touches)
        known = next((answer for question, answer in self._solved if question == asked), None)
        if known is not None:
            return known
        solved = solving.solve(
            self.data,
            self.scored,
            objective,
            eligible,
            experiment,
            variants,
            channels=channels,
            offers=offers,
            touches=touches,
        )
        answer = assembly.assigned(self.data, self.scored, objective, eligible, experiment, solved)
        self._solved = [*self._solved[1 - _MOST_SOLVED :], (asked, answer)]
        return answer

    def plan(
        self,
        *,
        brief: Brief,
        revision: int,
        eligible: Eligible,
        experiment: Experiment,
        variants: Sequence[Variant],
        assigned: Assigned,
        findings: Sequence[Finding],
        model: str,
    ) -> Plan:
        """The frozen plan."""
        assert brief.objective is not None
        told = (*goal_findings.unread(brief.assumptions), *assigned.findings)
        return assembly.plan(
            self.data,
            campaign_id=self.campaign_id,
            brief=brief,
            revision=revision,
            experiment=analysis.fixed(self.data, self.scored, brief.objective, experiment, assigned),
            variants=variants,
            solved=assigned,
            findings=tuple({(f.rule, f.subject, f.says): f for f in (*told, *findings)}.values()),
            model=model,
            versions=self.scored.versions,
        )

    def check_plan(self, plan: Plan) -> tuple[Finding, ...]:
        """What the rules say of a whole plan, of the people in it and of every text."""
        facts = plan_facts.plan_facts(
            plan,
            settings=self.deps.settings,
            complaint_rate_7d=self.data.complaint_rate,
            features=self.data.features.column_names,
        )
        in_texts = [found for variant in plan.variants for found in self.check_variant(variant, objective=plan.objective)]
        in_people = [f for f in plan.findings if f.by == "rules" and f.severity in ("block", "needs_approval")]
        found = (*evaluate.plan(self.data.bundle, facts), *in_texts, *in_people, *waivers.findings(self.data.waived))
        return tuple({(f.rule, f.subject): f for f in reversed(found)}.values())[::-1]
