"""Asking again: a campaign that ended without running as wanted gets an heir, planned and checked afresh, with an approval of its own.

The old campaign and its approvals stay closed for good. The journal ties the two together.
"""

from __future__ import annotations

from liftwright.domain.errors import ApprovalError
from liftwright.flow import edits, standing
from liftwright.ports import Deps

_OVER = ("blocked", "infeasible")
"""Statuses in which nothing waits or runs though the campaign is not closed for good."""


def may_ask(campaign_id: str, *, deps: Deps) -> None:
    """Raise ApprovalError when this campaign, or one that was asked in its place, still waits or runs."""
    last = campaign_id
    while later := heir(last, deps=deps):
        last = later
    campaign = deps.campaigns.get(last)
    if standing.is_closed(campaign) or campaign.status in _OVER:
        return
    where = last if last == campaign_id else f"{campaign_id} was asked again as {last}, which"
    raise ApprovalError(
        "AGAIN-OPEN",
        f"{where} is {campaign.status.replace('_', ' ')}; asking again would contact the same people twice.",
        next_step=f"Go on with it (`liftwright show {last}`), or stop it first.",
    )


def tie(old: str, new: str, *, deps: Deps) -> None:
    """Write down that `new` was asked in the place of `old`."""
    now = deps.now()
    deps.journal.append(at=now, actor="liftwright", action="campaign.replaces", subject=new, detail={"campaign_id": old})
    deps.journal.append(at=now, actor="liftwright", action="campaign.asked_again", subject=old, detail={"campaign_id": new})


def heir(campaign_id: str, *, deps: Deps) -> str | None:
    """The campaign that was asked in the place of this one, if any."""
    return _named(campaign_id, "campaign.asked_again", deps)


def edits_for(campaign_id: str, deps: Deps) -> edits.Edits:
    """What approvers changed on the campaign that this one replaces, all the way back; no edits for a first asking."""
    before = _named(campaign_id, "campaign.replaces", deps)
    if before is None:
        return edits.Edits()
    found = edits_for(before, deps)
    for decision in deps.approvals.decisions(before):
        if decision.kind == "edit":
            found = found.then(edits.parse(decision.changes, settings=deps.settings))
    return found


def _named(campaign_id: str, action: str, deps: Deps) -> str | None:
    """The campaign that the last journal entry of this kind names."""
    entries = [entry for entry in deps.journal.entries(subject=campaign_id) if entry.action == action]
    return str(entries[-1].detail["campaign_id"]) if entries else None
