"""A stored plan against the rules in force now, and the rules' word on one person."""

from __future__ import annotations

from liftwright.agents.bench import Bench
from liftwright.domain.errors import GoalError
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.ports import Deps


def check(campaign_id: str, *, deps: Deps) -> tuple[Finding, ...]:
    """What the rules say of a campaign's current plan, today. Raises GoalError when it has none."""
    plan = current_plan(campaign_id, deps=deps)
    return bench_of(plan, deps=deps).check_plan(plan)


def current_plan(campaign_id: str, *, deps: Deps) -> Plan:
    """The campaign's current plan revision; GoalError when there is none."""
    campaign = deps.campaigns.get(campaign_id)
    plan = deps.campaigns.plan(campaign_id, campaign.revision) if campaign.revision else None
    if plan is None:
        raise GoalError(
            "PLAN-NONE",
            f"{campaign_id} has no plan (it is {campaign.status.replace('_', ' ')}).",
            next_step="Plan the goal first.",
        )
    return plan


def bench_of(plan: Plan, *, deps: Deps) -> Bench:
    """The bench a plan was made on: the same data, moment, seed and models, whatever was fitted or switched since."""
    campaign = deps.campaigns.get(plan.campaign_id)
    return Bench.open(
        deps,
        campaign_id=plan.campaign_id,
        snapshot_id=plan.pins.snapshot,
        as_of=campaign.created_at,
        seed=plan.pins.seed,
        models=plan.pins.models,
    )
