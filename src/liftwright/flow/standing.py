"""Where a campaign stands: the one way the flow moves a campaign from status to status, safe to run again."""

from __future__ import annotations

from typing import Any

from liftwright.domain.campaign import TRANSITIONS, Campaign, CampaignStatus
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
