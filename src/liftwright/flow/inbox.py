"""The inbox of one person: what they put off for a while, which is no decision and does not stop the clock; and what was decided lately.

The journal tells who put off what, so every process and every window knows.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from liftwright.domain.campaign import Campaign
from liftwright.domain.errors import ApprovalError
from liftwright.flow import again, shown, signing
from liftwright.ports import Deps

SUBJECT, SNOOZED = "approvals.snoozed", "approval.snoozed"
HOUR, TOMORROW, DATA, WAKE = "hour", "tomorrow", "data", "now"
MORNING = 8
"""Hour of the house's time zone at which tomorrow begins."""


def snooze(approval_id: str, *, until: str, by: str, deps: Deps) -> datetime:
    """Put a waiting question off for `by`: an `hour`, until `tomorrow` morning, until new `data` comes in, or back `now`. Returns until when.

    With `data` that is the moment it expires, if no data comes first. Raises ApprovalError for what does not wait, for no name, another moment.
    """
    signing.known(by, deps=deps)
    row = next((row for row in deps.approvals.waiting() if row.approval_id == approval_id), None)
    if row is None or not by.strip():
        says = "That does not wait for a decision." if row is None else "Putting off needs a name."
        raise ApprovalError("SNOOZE-NOTHING", says, next_step="Look at what waits under /approvals.")
    now = deps.now()
    morning = (now.astimezone(ZoneInfo(deps.settings.time_zone)) + timedelta(days=1)).replace(
        hour=MORNING, minute=0, second=0, microsecond=0
    )
    moments = {HOUR: now + timedelta(hours=1), TOMORROW: morning, DATA: row.expires_at, WAKE: now}
    if until not in moments:
        raise ApprovalError("SNOOZE-UNTIL", "Until when?", next_step=f"One of: {', '.join(moments)}.")
    snapshot = deps.lake.snapshot() if until == DATA else None
    detail = {
        "approval": approval_id,
        "until": moments[until].isoformat(),
        "snapshot": snapshot.snapshot_id if snapshot is not None else "",
    }
    deps.journal.append(at=now, actor=by.strip(), action=SNOOZED, subject=SUBJECT, detail=detail)
    return moments[until]


def put_off(*, by: str, deps: Deps) -> dict[str, str]:
    """What this person does not want to see now: approval id to until when, ISO 8601, or `new data`."""
    now, found = deps.now(), dict[str, str]()
    last = {entry.detail["approval"]: entry.detail for entry in deps.journal.entries(subject=SUBJECT) if entry.actor == by}
    if not last:
        return found
    snapshot = deps.lake.snapshot()
    for approval_id, detail in last.items():
        is_same = not detail["snapshot"] or (snapshot is not None and snapshot.snapshot_id == detail["snapshot"])
        if datetime.fromisoformat(detail["until"]) > now and is_same:
            found[approval_id] = "new data" if detail["snapshot"] else detail["until"]
    return found


def open_questions(*, deps: Deps) -> list[Campaign]:
    """Campaigns that wait for an answer in words: their planning goes on with it."""
    return [campaign for campaign in deps.campaigns.all() if campaign.status == "needs_answer"]


def ran_out(*, deps: Deps) -> list[Campaign]:
    """Campaigns whose approval nobody gave in time, and whose goal was not asked again since: nothing of them can be sent."""
    expired = [campaign for campaign in deps.campaigns.all() if shown.has_expired(campaign, deps=deps)]
    return [campaign for campaign in expired if again.heir(campaign.campaign_id, deps=deps) is None]


def decided(*, deps: Deps, most: int = 50) -> list[dict[str, Any]]:
    """What was decided lately, newest first: who, when, how and why, and what became of the campaign (`now`, its status)."""
    return [
        {
            "campaign_id": row.campaign_id,
            "title": row.title,
            "status": row.status,
            "by": row.decided_by,
            "at": row.decided_at.isoformat() if row.decided_at is not None else None,
            "reason": row.reason,
            "now": deps.campaigns.get(row.campaign_id).status,
        }
        for row in deps.approvals.decided(most=most)
    ]
