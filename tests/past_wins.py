"""Campaigns like a running one that are over, each with a win as foretold unless said otherwise: what levels of autonomy are earned by."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import plain_shop
from liftwright.domain.campaign import Campaign
from liftwright.flow import reporting
from liftwright.ports import Deps


def past(like: str, number: int, *, deps: Deps, measurable: bool = True, **changes: Any) -> str:
    """Write one down that ended 30 days ago and `number` days after; `changes` are fields of its report. Returns its id."""
    plan, at = plain_shop.plan_of(deps, like), deps.now() - timedelta(days=30 - number)
    campaign_id, analysis = f"past{number}", plan.experiment.analysis
    assert analysis is not None
    known = analysis.model_copy(update={"expected": 2.0 if measurable else 0.5, "detectable": 1.0})
    experiment = plan.experiment.model_copy(update={"analysis": known, "is_measurable": measurable})
    mine = plan.model_copy(update={"campaign_id": campaign_id, "experiment": experiment})
    deps.campaigns.create(Campaign(campaign_id=campaign_id, goal=deps.campaigns.get(like).goal, status="planning", created_at=at))
    deps.campaigns.save_plan(mine, by="ann", at=at, changes={})
    for status in ("awaiting_approval", "running", "finished"):
        deps.campaigns.update(campaign_id, status=status)
    told = plan.forecast.incremental_margin
    report = reporting.report(like, deps=deps).model_copy(
        update={"campaign_id": campaign_id, "status": "finished", "verdict": "win", "incremental_margin": told, **changes}
    )
    deps.campaigns.save_report(report, at=at)
    deps.journal.append(at=at, actor="liftwright", action="campaign.finished", subject=campaign_id, detail={})
    return campaign_id
