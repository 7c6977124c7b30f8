"""Where a campaign stands: the one way the flow moves a campaign from status to status, safe to run again."""

from __future__ import annotations

from typing import Any

from liftwright.domain.campaign import TRANSITIONS, Campaign, CampaignStatus
from liftwright.domain.errors import LiftwrightError
from liftwright.domain.policy import Finding
from liftwright.ports import Deps


def move(campaign_id: str, status: CampaignStatus, *, deps: Deps, **fields: Any) -> Campaign:
    """Set status and fields. The same status again only sets fields; a campaign that was stopped or closed meanwhile stays so."""
    campaign = deps.campaigns.get(campaign_id)
    if campaign.status == status:
        return deps.campaigns.update(campaign_id, **fields) if fields else campaign
    if status not in TRANSITIONS[campaign.status]:
        return campaign
    return deps.campaigns.update(campaign_id, status=status, **fields)


def is_closed(campaign: Campaign) -> bool:
    """True when no status can follow any more."""
    return not TRANSITIONS[campaign.status]


def refuse(campaign_id: str, error: LiftwrightError, *, deps: Deps) -> None:
    """Planning was refused for good: the campaign is blocked, and its finding says why and what to do."""
    finding = Finding(rule=error.code, severity="block", subject=campaign_id, says=error.says, fix=error.next_step, by="planning")
    detail = {"findings": [finding.model_dump(mode="json")]}
    deps.journal.append(at=deps.now(), actor="liftwright", action="campaign.blocked", subject=campaign_id, detail=detail)
    move(campaign_id, "blocked", deps=deps, question=None, stop_reason=error.says)
