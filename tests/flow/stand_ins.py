"""Agents and a bench that answer at once, so that tests look at the hallway alone. Plans are real plans over real tables in the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from liftwright.agents.bench.values import Assigned, Eligible
from liftwright.agents.proposals import (
    AgentResult,
    AudienceProposal,
    ContentProposal,
    DesignProposal,
    NarrativeProposal,
    PlanProposal,
    ReviewProposal,
)
from liftwright.domain.evidence import Interval
from liftwright.domain.experiment import Detectable, Experiment, StopRule
from liftwright.domain.goal import Brief, Goal, Objective
from liftwright.domain.money import Money
from liftwright.domain.plan import AssignmentSummary, Audience, Decisions, Envelope, Forecast, FunnelStep, Pins, Plan
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import Offer, Variant
from liftwright.measurement import holdout
from liftwright.ports import Deps

TEXTS = (
    Variant(variant_id="v-email", channel="email", subject="News", body="Hello {{first_name}}", template="t1"),
    Variant(variant_id="v-sms", channel="sms", body="Hello", template="t2"),
)
PRICES = {"budget": 0.0, "channels": {}, "offers": {}}
ALLOWS: tuple[str, ...] = ("suppress_person", "stop_campaign")
RULES = (
    StopRule(name="data_fault", statistic="sample ratio p", bound=0.001, says="the arms are not the size they were drawn with"),
    StopRule(name="guardrail:opt_out", statistic="opt-out rate", bound=0.02, says="more than 2 % opt out"),
    StopRule(name="futility", statistic="conditional power", bound=0.1, says="a win has become unlikely", acts=False),
)


class StandInBench:
    """Everybody is eligible; each treated person gets one e-mail on the first day and one text message two days later."""

    findings: tuple[Finding, ...] = ()
    """What `check_plan` says."""

    def __init__(self, deps: Deps, campaign_id: str, snapshot_id: str, as_of: datetime, seed: int) -> None:
        self.deps, self.campaign_id, self.snapshot_id, self.as_of, self.seed = deps, campaign_id, snapshot_id, as_of, seed
        snapshot = deps.lake.snapshot(snapshot_id)
        assert snapshot is not None
        self.data = SimpleNamespace(people=deps.lake.read(snapshot)["customers"])

    @classmethod
    def open(
        cls, deps: Deps, *, campaign_id: str, snapshot_id: str, as_of: datetime, seed: int, models: tuple[str, ...] | None = None
    ) -> StandInBench:
        return cls(deps, campaign_id, snapshot_id, as_of, seed)

    def eligible(self, objective: Objective, *, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Eligible:
        ids = self.data.people["customer_id"].to_pylist()
        left = [] if "everybody" in exclude else [i for i in ids if i not in exclude]
        digest = self.deps.lake.put(pa.table({"customer_id": pa.array(left, pa.string())}))
        step = FunnelStep(step="without", rule="goal", removed=len(ids) - len(left), left=len(left))
        return Eligible(digest=digest, population=len(ids), count=len(left), funnel=(step,))

    def design(
        self, objective: Objective, eligible: Eligible, *, share: float | None = None, asked: Sequence[str] = ()
    ) -> Experiment:
        share = 0.25 if share is None else share
        salt = f"{self.campaign_id}:{self.seed}"
        ids = self.deps.lake.get(eligible.digest)["customer_id"].to_pylist()
        held = int(holdout.arms(ids, salt=salt, share=share).sum())
        return Experiment(
            salt=salt,
            holdout_share=share,
            primary_metric="margin",
            mde=Detectable(absolute=1.0),
            method="difference in means",
            treated=len(ids) - held,
            holdout=held,
            stop_rules=RULES,
        )

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
        ids = self.deps.lake.get(eligible.digest)["customer_id"].to_pylist()
        held = holdout.arms(ids, salt=experiment.salt, share=experiment.holdout_share)
        texts = [text for text in variants if text.channel in channels][:touches]
        rows = [
            _row(person, wave, objective.starts_on, text)
            for person, out in zip(ids, held, strict=True)
            if not out
            for wave, text in enumerate(texts, start=1)
        ]
        budget = float(objective.budget.amount) if objective.budget else None
        rows = [row for number, row in enumerate(rows, start=1) if budget is None or number * 0.01 <= budget]
        return _assigned(self.deps, eligible, ids, held, rows, budget)

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
        assert brief.objective is not None
        cost = assigned.forecast.cost
        return Plan(
            campaign_id=self.campaign_id,
            revision=revision,
            objective=brief.objective,
            assumptions=(),
            audience=assigned.audience,
            experiment=experiment,
            offers=(Offer(name="none"),),
            variants=tuple(variants),
            assignment=assigned.assignment,
            forecast=assigned.forecast,
            decisions=assigned.decisions,
            envelope=Envelope(
                channels=("email", "sms"),
                max_total_spend=cost,
                max_daily_spend=cost,
                max_audience=1000,
                max_discount=0.0,
                allows=ALLOWS,
                ends_on=brief.objective.ends_on.isoformat(),
            ),
            autonomy_level="controlled",
            pins=Pins(snapshot=self.snapshot_id, models=(), policies="p", prompts={}, settings="s", seed=self.seed, version="0"),
            findings=tuple(findings),
            model=model,
        )

    def check_plan(self, plan: Plan) -> tuple[Finding, ...]:
        return type(self).findings


def _row(person: str, wave: int, starts_on: date, text: Variant) -> dict[str, Any]:
    return {
        "customer_id": person,
        "wave": wave,
        "send_on": starts_on + timedelta(days=2 * (wave - 1)),
        "channel": text.channel,
        "offer": text.offer,
        "variant": text.variant_id,
        "hour": 10,
        "value": 1.0 / wave,
        "cost": 0.01,
        "stock_use": 0.0,
        "randomised": False,
        "propensity": 1.0,
        "priority": wave,
    }


def _assigned(
    deps: Deps, eligible: Eligible, ids: list[str], held: Any, rows: list[dict[str, Any]], budget: float | None
) -> Assigned:
    people = pa.table(
        {
            "customer_id": pa.array(ids, pa.string()),
            "arm": pa.array(["holdout" if out else "treated" for out in held], pa.string()),
            "is_selected": pa.array([True] * len(ids)),
            "predicted_value": pa.array([1.0] * len(ids)),
            "reason": pa.array(["worth a contact"] * len(ids), pa.string()),
            "prior_value": pa.array([0.0] * len(ids)),
        }
    )
    table = pa.Table.from_pylist(rows) if rows else pa.table({"customer_id": pa.array([], pa.string())})
    chosen = len({row["customer_id"] for row in rows})
    by_channel = {name: sum(row["channel"] == name for row in rows) for name in sorted({row["channel"] for row in rows})}
    cost = Money.of(round(0.01 * len(rows), 2), "USD")
    summary = _summary(deps.lake.put(table), rows, chosen, by_channel, budget)
    audience = Audience(
        population=eligible.population,
        eligible=eligible.count,
        selected=chosen,
        holdout=int(held.sum()),
        funnel=eligible.funnel,
        digest=deps.lake.put(people),
    )
    answers = Decisions(
        likely_buyers="",
        persuadables="",
        excluded="",
        incentive={"with": 0, "without": len(rows)},
        channels=by_channel,
        success_metric="margin",
        adjust_when=(),
        stop_when=(),
    )
    forecast = Forecast(incremental_margin=Interval(low=0.0, mid=1.0, high=2.0), cost=cost)
    says = "" if rows else "The budget does not pay for one contact."
    return Assigned(audience=audience, assignment=summary, forecast=forecast, decisions=answers, infeasible=says)


def _summary(
    digest: str, rows: list[dict[str, Any]], people: int, by_channel: dict[str, int], budget: float | None
) -> AssignmentSummary:
    return AssignmentSummary(
        digest=digest,
        candidates=digest,
        limits={"budget": budget},
        touches=len(rows),
        people=people,
        objective=float(len(rows)),
        upper_bound=float(len(rows)),
        gap=0.0,
        prices=PRICES,
        violations=0,
        by_channel=by_channel,
        by_offer={"none": len(rows)},
    )


class Cast:
    """The six people. What they say can be set; `calls` remembers who was asked what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.review: list[tuple[Finding, ...]] = []

    def _said(self, who: str, value: Any, heard: Any = None) -> AgentResult[Any]:
        self.calls.append((who, heard))
        return AgentResult(value, (), "stand-in", 1, 0)

    async def strategist(self, goal: Goal, *, bench: Any, deps: Deps) -> AgentResult[Brief]:
        if "?" in goal.text and not goal.answers:
            return self._said("strategist", Brief(question="How much may it cost?", missing=("budget",)), goal.words)
        start = bench.as_of.date()
        excluded = "cheaper" in goal.words
        budget = Money.of(1, "USD") if excluded else Money.of(0, "USD") if "for nothing" in goal.words else None
        objective = Objective(metric="incremental_margin", starts_on=start, ends_on=start + timedelta(days=6), budget=budget)
        return self._said("strategist", Brief(objective=objective, summary=goal.text), goal.words)

    async def audience(self, objective: Objective, *, bench: Any, deps: Deps) -> AgentResult[AudienceProposal]:
        return self._said("audience_analyst", AudienceProposal())

    async def content(self, objective: Objective, *, bench: Any, deps: Deps, remarks: Any = ()) -> AgentResult[ContentProposal]:
        return self._said("content_writer", ContentProposal(variants=TEXTS), remarks)

    async def design(self, objective: Objective, eligible: Eligible, *, bench: Any, deps: Deps) -> AgentResult[DesignProposal]:
        return self._said("measurement_analyst", DesignProposal())

    async def narrate(self, report: Any, *, deps: Deps) -> AgentResult[NarrativeProposal]:
        return self._said("measurement_analyst", NarrativeProposal(text=report.narrative))

    async def planner(
        self, objective: Objective, variants: Any, *, bench: Any, deps: Deps, remarks: Any = (), **rest: Any
    ) -> AgentResult[PlanProposal]:
        return self._said("channel_planner", PlanProposal(channels=("email", "sms"), offers=("none",), touches=2), remarks)

    async def reviewer(self, plan: Plan, *, bench: Any, deps: Deps) -> AgentResult[ReviewProposal]:
        findings = self.review.pop(0) if self.review else bench.check_plan(plan)
        return self._said("compliance_reviewer", ReviewProposal(findings=findings))


def put_in(cast: Cast, replace: Any) -> None:
    """Give every node its stand-in; `replace(module, name, value)` is a monkeypatch's setattr, or the built-in one."""
    from liftwright.flow import checking, launch, learn, nodes

    replace(nodes, "strategy", SimpleNamespace(propose=cast.strategist))
    replace(nodes, "analyst", SimpleNamespace(propose=cast.audience))
    replace(nodes, "writer", SimpleNamespace(propose=cast.content))
    replace(nodes, "planner", SimpleNamespace(propose=cast.planner))
    replace(nodes, "reviewer", SimpleNamespace(review=cast.reviewer))
    replace(nodes, "measurement_analyst", SimpleNamespace(design=cast.design))
    replace(learn, "measurement_analyst", SimpleNamespace(narrate=cast.narrate))
    for module in (nodes, launch, checking):
        replace(module, "Bench", StandInBench)
