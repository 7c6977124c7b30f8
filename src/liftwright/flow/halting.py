"""A person stops planning under way, from any process: they ask in the journal, and whoever plans looks there between two steps.

What was done is kept in the checkpoint; `recovery.go_on` takes it up from there. A campaign that runs is stopped by `stopping`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from liftwright.domain.campaign import JournalEntry
from liftwright.domain.errors import GoalError, Halted
from liftwright.flow.state import CampaignState
from liftwright.ports import Deps

ASKED, STOPPED, GOES_ON = "planning.stop_asked", "planning.stopped", "planning.goes_on"
"""Journal entries about a campaign: somebody wants its planning stopped; it stopped, and where; it may go on."""
AT_WORK = {
    "strategist": "strategist",
    "audience_analyst": "audience_analyst",
    "content_writer": "content_writer",
    "content_revision": "content_writer",
    "experiment_design": "measurement_analyst",
    "channel_planner": "channel_planner",
    "compliance_reviewer": "compliance_reviewer",
}
"""The nodes of the planning graph at which it stops, and the agent who works there."""


def ask(campaign_id: str, *, by: str, deps: Deps) -> None:
    """Ask that planning stops at its next step; asking again changes nothing. Whether `by` may is for the caller to ask: whoever plans passes
    on what another user wants, and shows no key of theirs.

    Raises GoalError PLAN-STOP-LATE where nothing is planned (any more).
    """
    if deps.campaigns.get(campaign_id).status == "planning" and asked(campaign_id, deps=deps) is None:
        deps.journal.append(at=deps.now(), actor=by.strip() or "somebody", action=ASKED, subject=campaign_id, detail={})
    status = deps.campaigns.get(campaign_id).status
    if status != "planning":
        settle(campaign_id, by="liftwright", deps=deps)
        says = f"Nothing of {campaign_id} is being planned: it is {status.replace('_', ' ')}."
        raise GoalError("PLAN-STOP-LATE", says, next_step=f"See where it stands with `liftwright show {campaign_id}`.")


def asked(campaign_id: str, *, deps: Deps) -> JournalEntry | None:
    """The entry of who wants this planning stopped; None where nobody does, or it was let go on since."""
    said = [entry for entry in deps.journal.entries(subject=campaign_id) if entry.action in (ASKED, GOES_ON)]
    return said[-1] if said and said[-1].action == ASKED else None


def settle(campaign_id: str, *, by: str, deps: Deps) -> None:
    """What was asked counts no more: planning was done first, or somebody lets it go on."""
    if asked(campaign_id, deps=deps) is not None:
        deps.journal.append(at=deps.now(), actor=by, action=GOES_ON, subject=campaign_id, detail={})


def note(campaign_id: str, halted: Halted, *, deps: Deps) -> None:
    """Write down where planning stopped."""
    deps.journal.append(at=deps.now(), actor=halted.by, action=STOPPED, subject=campaign_id, detail={"at": halted.at})


def standing_still(campaign_id: str, *, deps: Deps) -> str:
    """Who stopped this planning and where, in words; "" where nobody did."""
    wanted = asked(campaign_id, deps=deps)
    if wanted is None:
        return ""
    entries = deps.journal.entries(subject=campaign_id)
    stopped = [entry for entry in entries if entry.action == STOPPED and entry.seq > wanted.seq]
    return Halted(by=wanted.actor, at=stopped[-1].detail["at"]).says if stopped else f"{wanted.actor} asked to stop the planning."


def heeding(name: str, node: Callable[..., Any], *, deps: Deps) -> Callable[..., Any]:
    """A node bound to `deps`. An agent's node looks before it begins, and before every step it reports, whether somebody wants it stopped."""
    return partial(_heeding, name=AT_WORK[name], node=node, deps=deps) if name in AT_WORK else partial(node, deps=deps)


async def _heeding(state: CampaignState, *, name: str, node: Callable[..., Any], deps: Deps) -> Any:
    """Raises Halted where somebody does."""
    campaign_id = state["campaign_id"]

    def step(who: str, what: str) -> None:
        _heed(campaign_id, who, deps)
        deps.progress(who, what)

    _heed(campaign_id, name, deps)
    return await node(state, deps=replace(deps, progress=step))


def _heed(campaign_id: str, at: str, deps: Deps) -> None:
    wanted = asked(campaign_id, deps=deps)
    if wanted is not None:
        raise Halted(by=wanted.actor, at=at)
