"""Campaigns together: what each was measured to cause per person, and what they cause on the whole."""

from __future__ import annotations

from liftwright.domain.evidence import Report
from liftwright.domain.figures import Pooled
from liftwright.measurement import pooling
from liftwright.ports import Deps

CLOSED = ("finished", "stopped")


def pooled(this: Report, *, deps: Deps) -> Pooled:
    """The effect on margin of every closed campaign in the same currency whose arms could be compared, and of `this` one.

    Each campaign draws its holdout anew, so their errors do not depend on each other.
    """
    others = [campaign.campaign_id for campaign in deps.campaigns.all() if campaign.status in CLOSED]
    reports = [deps.campaigns.last_report(campaign_id) for campaign_id in others if campaign_id != this.campaign_id]
    known = [one for one in (*reports, this) if one is not None and _counts(one, this.currency)]
    rows = [pooling.row(one.campaign_id, one.margin) for one in sorted(known, key=lambda one: one.campaign_id) if one.margin]
    return pooling.pool([row for row in rows if row is not None], level=this.lift.level)


def _counts(report: Report, currency: str) -> bool:
    return report.currency == currency and report.verdict not in ("invalid", "running")
