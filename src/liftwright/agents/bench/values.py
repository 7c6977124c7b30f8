"""What the bench hands from step to step: small values with digests of the tables that stay in the lake."""

from __future__ import annotations

from liftwright.domain.base import Value
from liftwright.domain.learning import Start
from liftwright.domain.plan import AssignmentSummary, Audience, Decisions, Forecast, FunnelStep
from liftwright.domain.policy import Finding


class Eligible(Value):
    """The people who may be contacted at all, before anyone is chosen. `digest` names their ids in the lake."""

    digest: str
    population: int
    count: int
    funnel: tuple[FunnelStep, ...]
    findings: tuple[Finding, ...] = ()
    reasons: tuple[str, ...] = ()
    needs_effect: bool = False
    """True when the goal asks to leave out people the contact does not move: only people with a sure positive effect are chosen."""


class Assigned(Value):
    """A solved plan: who gets what, where, when, what it should bring and what it costs."""

    audience: Audience
    assignment: AssignmentSummary
    forecast: Forecast
    decisions: Decisions
    findings: tuple[Finding, ...] = ()
    evidence: tuple[str, ...] = ()
    cannot_know: tuple[str, ...] = ()
    start: Start | None = None
    infeasible: str = ""
    """Why no plan can meet the goal, in words; empty when one can."""
