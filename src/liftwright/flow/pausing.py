"""A pause really pauses: nothing leaves until a person resumes the campaign. What executors hold for later is recalled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from liftwright.domain.campaign import Campaign
from liftwright.domain.errors import ApprovalError
from liftwright.domain.evidence import Action
from liftwright.flow import standing, stopping
from liftwright.ports import Deps

PERSON = "PERSON"
"""The rule of what somebody decided by themselves."""
_OTHERWISE = {
    "running": ("PAUSE-NOT-RUNNING", "so there is nothing to pause"),
    "paused": ("RESUME-NOT-PAUSED", "not paused"),
}
"""What is said of a campaign that is in another state than the one it must be in."""


def pause(campaign_id: str, *, by: str, reason: str, rule: str, evidence: Mapping[str, Any], deps: Deps) -> dict[str, int]:
    """Hold a running campaign: planned sends stay planned and wait. Returns what was recalled: actions by the file that holds them.

    The status is written first, as when stopping. Pausing again recalls what may have been left. A campaign that ended meanwhile
    stays as it is, and so does one that a person resumed after the same rule had paused it: they knew.
    """
    return {} if is_overruled(campaign_id, rule, deps=deps) else _hold(campaign_id, by, reason, rule, evidence, deps)


def hold(campaign_id: str, *, by: str, reason: str, deps: Deps) -> dict[str, int]:
    """Pause by a person's word, however often it was resumed before. Returns what was recalled, as `pause` does.

    Raises ApprovalError for a campaign that does not run.
    """
    _must_be("running", campaign_id, deps=deps)
    return _hold(campaign_id, by, reason, PERSON, stopping.word_of_a_person(campaign_id, deps=deps), deps)


def _hold(campaign_id: str, by: str, reason: str, rule: str, evidence: Mapping[str, Any], deps: Deps) -> dict[str, int]:
    before = deps.campaigns.get(campaign_id).status
    if standing.move(campaign_id, "paused", deps=deps, stopped_by=by, stop_reason=reason).status != "paused":
        return {}
    recalled = stopping.recall(campaign_id, reason=f"paused by {by}: {reason}", deps=deps)
    after = {"status": "paused", "recalled": recalled, "reason": reason, "evidence": dict(evidence)}
    action = Action(at=deps.now(), kind="pause", rule=rule, before={"status": before}, after=after, by=by)
    is_new = bool(recalled) or _last(campaign_id, deps) != "pause"
    stopping.write_down(campaign_id, action, "campaign.paused", is_new=is_new, deps=deps)
    return recalled


def resume(campaign_id: str, *, by: str, reason: str, deps: Deps) -> Campaign:
    """Let a paused campaign go on. What waits leaves at its hour, or at once where that has passed; what was recalled stays recalled.

    Raises ApprovalError for a campaign that is not paused.
    """
    _must_be("paused", campaign_id, deps=deps)
    seen = stopping.word_of_a_person(campaign_id, deps=deps)
    after = {"status": "running", "reason": reason, "evidence": seen}
    action = Action(at=deps.now(), kind="resume", rule=PERSON, before={"status": "paused"}, after=after, by=by)
    stopping.write_down(campaign_id, action, "campaign.resumed", is_new=True, deps=deps)
    return deps.campaigns.update(campaign_id, status="running", stopped_by=None, stop_reason=None)


def is_overruled(campaign_id: str, rule: str, *, deps: Deps) -> bool:
    """Did a person resume the campaign after this rule paused it?"""
    done = [action for action in deps.campaigns.actions(campaign_id) if action.kind in ("pause", "resume")]
    paused = [place for place, action in enumerate(done) if action.kind == "pause" and action.rule == rule]
    return bool(paused) and any(action.kind == "resume" for action in done[paused[-1] :])


def _must_be(status: Literal["running", "paused"], campaign_id: str, *, deps: Deps) -> None:
    found = deps.campaigns.get(campaign_id).status
    if found != status:
        code, so = _OTHERWISE[status]
        says = f"{campaign_id} is {found.replace('_', ' ')}, {so}."
        raise ApprovalError(code, says, next_step=f"See `liftwright show {campaign_id}`.")


def _last(campaign_id: str, deps: Deps) -> str:
    """What was done last of pausing and resuming, if anything."""
    done = [action.kind for action in deps.campaigns.actions(campaign_id) if action.kind in ("pause", "resume")]
    return done[-1] if done else ""
