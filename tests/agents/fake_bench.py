"""A bench with plausible values, and everything else an agent is handed in a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast

from langchain_core.language_models import BaseChatModel

from liftwright.agents.bench.values import Assigned, Eligible
from liftwright.domain.evidence import Estimate, Health, Interval, PastTest, Report
from liftwright.domain.experiment import Detectable, Experiment
from liftwright.domain.goal import Assumption, Brief, Constraint, Goal, Objective, Target
from liftwright.domain.money import Money
from liftwright.domain.plan import AssignmentSummary, Audience, Decisions, Envelope, Forecast, FunnelStep, Pins, Plan
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Offer, Variant
from liftwright.library import DiskLibrary
from liftwright.llm.chat import build_model
from liftwright.ports import Deps
from liftwright.settings import AgentSettings, Settings

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
WORDS = "Raise repeat orders of running shoes by 8% over the next 14 days, budget 5,000 USD, leave out new customers, no sms"
GOAL = Goal(text=WORDS, asked_at=NOW)
OBJECTIVE = Objective(
    metric="orders",
    target=Target(value=0.08, unit="percent"),
    product="running shoes",
    starts_on=date(2026, 11, 21),
    ends_on=date(2026, 12, 4),
    budget=Money.of(5000, "USD"),
    constraints=(
        Constraint(kind="exclude_people", value=("new customers",), quote="leave out new customers"),
        Constraint(kind="exclude_channels", value=("sms",), quote="no sms"),
    ),
)
ASSUMPTION = Assumption(field="starts_on", value="2026-11-21", because="no start was named")
BRIEF = Brief(objective=OBJECTIVE, assumptions=(ASSUMPTION,), summary="8% more orders of running shoes in 14 days for 5,000 USD.")
EXPERIMENT = Experiment(
    salt="pepper",
    holdout_share=0.1,
    primary_metric="orders",
    mde=Detectable(absolute=0.004, relative=0.05),
    method="difference of means",
    treated=9000,
    holdout=1000,
)
ORDERS = Estimate(metric="orders", low=0.01, mid=0.02, high=0.03, method="difference", treated=5000, holdout=5000)
TINY = PastTest(action="email:tiny", control="control", treated=12, untreated=900, effects=(ORDERS,))
TEST = PastTest(action="email:none", control="control", treated=5000, untreated=5000, effects=(ORDERS,))
SUBJECT = "Shoes for you, {{first_name}}"


def draft(channel: Channel, offer: str) -> Variant:
    """The approved draft of a channel and offer."""
    return Variant(
        variant_id=f"{channel}-{offer}-draft",
        channel=channel,
        offer=offer,
        subject=SUBJECT,
        body=f"New running shoes are here ({offer}). {{{{unsubscribe_url}}}}",
        call_to_action="See them",
        template=f"{channel}_news",
    )


@dataclass
class FakeBench:
    """The methods of the bench over 10,000 imagined people. `read` is what the rules read out of any goal."""

    read: Brief = BRIEF
    found_lessons: list[dict[str, Any]] = field(default_factory=lambda: [{"lesson_id": "l1", "says": "E-mail raised orders."}])
    found_documents: list[dict[str, Any]] = field(
        default_factory=lambda: [{"document_id": "d1", "title": "Voice", "text": "Be plain."}]
    )
    plan_findings: tuple[Finding, ...] = ()
    margin_by_channel: float = 100.0
    data: Any = field(default_factory=lambda: SimpleNamespace(as_of=NOW))
    assigned: int = 0

    def read_goal(self, goal: Goal) -> Brief:
        return self.read

    def lessons(self, query: str) -> list[dict[str, Any]]:
        return self.found_lessons

    def documents(self, query: str) -> list[dict[str, Any]]:
        return self.found_documents

    def population(self) -> dict[str, Any]:
        return {"people": 10_000, "countries": {"US": 9_985, "CA": 15}}

    def feature_summary(self) -> list[dict[str, Any]]:
        return [{"feature": "orders_365", "says": "orders in a year", "mean": 1.7, "quartiles": [0.0, 1.0, 3.0]}]

    def past_tests(self) -> tuple[PastTest, ...]:
        return (TEST, TINY)

    def scores(self) -> dict[str, Any]:
        return {"actions": {"email:none": {"average_extra_margin": 0.12, "people": 8_000}}}

    def offers(self) -> list[Offer]:
        return [Offer(name="none"), Offer(name="save10", discount=0.1, stock=500)]

    def channels(self) -> list[dict[str, Any]]:
        return [{"channel": name, "unit_cost": 0.01, "people": 9_000} for name in ("email", "push", "sms")]

    def eligible(self, objective: Objective, *, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Eligible:
        count = 9_000
        for phrase in include:
            count = {"recent buyers": 3_000, "hermits": 7}.get(phrase, count)
        count -= 1_000 * ("lapsed customers" in exclude)
        return Eligible(digest="d", population=10_000, count=count, funnel=())

    def design(
        self, objective: Objective, eligible: Eligible, *, share: float | None = None, asked: Sequence[str] = ()
    ) -> Experiment:
        return EXPERIMENT if share is None else EXPERIMENT.model_copy(update={"holdout_share": share})

    def draft_variants(self, objective: Objective, *, channels: Sequence[Channel], offers: Sequence[str]) -> tuple[Variant, ...]:
        return tuple(draft(channel, offer) for channel in channels for offer in offers)

    def check_variant(self, variant: Variant, *, objective: Objective) -> tuple[Finding, ...]:
        if variant.template == "free text":
            return (
                Finding(rule="CONTENT-TEMPLATE", severity="block", subject=variant.variant_id, says="No template."),
                *self.claims(variant),
            )
        return self.claims(variant)

    def claims(self, variant: Variant) -> tuple[Finding, ...]:
        if "guaranteed" not in variant.body.lower():
            return ()
        return (Finding(rule="CLAIM-EVIDENCE", severity="block", subject=variant.variant_id, says="A claim has no evidence."),)

    def assign(
        self, objective: Objective, eligible: Eligible, experiment: Experiment, variants: Sequence[Variant], **options: Any
    ) -> Assigned:
        self.assigned += 1
        return assigned_with(objective=self.margin_by_channel * len(options["channels"]))

    def check_plan(self, plan: Plan) -> tuple[Finding, ...]:
        return self.plan_findings


AUDIENCE = Audience(
    population=10_000,
    eligible=9_000,
    selected=4_000,
    holdout=900,
    funnel=(FunnelStep(step="consent", rule="CONSENT", removed=1_000, left=9_000),),
    digest="sha256:00",
)
FORECAST = Forecast(incremental_margin=Interval(low=100.0, mid=250.0, high=400.0), cost=Money.of(80, "USD"))
DECISIONS = Decisions(
    likely_buyers="",
    persuadables="",
    excluded="",
    incentive={},
    channels={},
    success_metric="orders",
    adjust_when=(),
    stop_when=(),
)


def assigned_with(*, objective: float) -> Assigned:
    """A solved assignment of a given value."""
    summary = AssignmentSummary(
        digest="a",
        candidates="c",
        limits={},
        touches=4_500,
        people=4_000,
        objective=objective,
        upper_bound=objective,
        gap=0.0,
        prices={},
        violations=0,
        by_channel={"email": 4_490, "push": 10},
        by_offer={"none": 4_500},
    )
    return Assigned(audience=AUDIENCE, assignment=summary, forecast=FORECAST, decisions=DECISIONS)


def plan() -> Plan:
    """A plan with one variant."""
    return Plan(
        campaign_id="c1",
        revision=1,
        objective=OBJECTIVE,
        assumptions=(),
        audience=AUDIENCE,
        experiment=EXPERIMENT,
        offers=(Offer(name="none"),),
        variants=(draft("email", "none"),),
        assignment=assigned_with(objective=300.0).assignment,
        forecast=FORECAST,
        decisions=DECISIONS,
        envelope=Envelope(
            channels=("email",),
            max_total_spend=Money.of(80, "USD"),
            max_daily_spend=Money.of(8, "USD"),
            max_audience=4_000,
            max_discount=0.0,
            allows=(),
            ends_on="2026-12-04",
        ),
        autonomy_level="assistive",
        pins=Pins(snapshot="s", models=(), policies="p", prompts={}, settings="x", seed=7, version="0"),
        model="scripted",
    )


REPORT = Report(
    campaign_id="c1",
    status="finished",
    currency="USD",
    approved_hash="sha256:00",
    plan_hash="sha256:00",
    sends={"planned": 4_500, "delivered": 4_480, "failed": 20, "unknown": 0, "suppressed": 0, "duplicates": 0},
    lift=Estimate(
        metric="orders", low=0.002, mid=0.011, high=0.02, method="difference", treated=4_000, holdout=900, p_value=0.01
    ),
    looks=1,
    matured_share=1.0,
    incremental_margin=Interval(low=120.0, mid=310.0, high=500.0),
    verdict="win",
    health=Health(srm_p=0.5, contamination=0, late_data=0),
)


def bench(**changes: Any) -> Any:
    """A FakeBench where a Bench is wanted."""
    return FakeBench(**changes)


def deps(model: BaseChatModel | None = None, *, said: list[tuple[str, str]] | None = None, **budget: Any) -> Deps:
    """Settings, a model, the real prompts; nothing else that an agent could use. `said` collects progress."""
    settings = Settings(model="scripted" if model is None else "test:model", agents=AgentSettings(**budget))
    nothing = cast(Any, None)
    return Deps(
        settings=settings,
        now=lambda: NOW,
        model=model or build_model(settings),
        lake=nothing,
        campaigns=nothing,
        approvals=nothing,
        users=nothing,
        ledger=nothing,
        journal=nothing,
        notices=nothing,
        requests=nothing,
        talks=nothing,
        visits=nothing,
        sharing=nothing,
        traces=nothing,
        lessons=nothing,
        models=nothing,
        locks=nothing,
        memory=nothing,
        library=DiskLibrary(),
        channels={},
        checkpointer=nothing,
        progress=lambda who, what: said.append((who, what)) if said is not None else None,
    )
