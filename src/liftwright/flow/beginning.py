"""How a planning run begins: a goal becomes a campaign row, and the state that pins its data, moment and seed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any

from langgraph.config import get_config

from liftwright.domain.campaign import Campaign
from liftwright.domain.errors import DataError, GoalError
from liftwright.domain.experiment import AskedArm
from liftwright.domain.goal import Goal
from liftwright.flow import again, signing
from liftwright.flow.edits import Edits
from liftwright.flow.state import CampaignState
from liftwright.ports import Deps


def asked(text: str, *, deps: Deps, answers: Sequence[str] = (), arms: Sequence[AskedArm] = (), by: str = "") -> Goal:
    """The goal as it was asked now. Raises GoalError without words, DataError without any data to plan on, ApprovalError where there are
    users and `by` is none of them."""
    if not text.strip():
        raise GoalError(
            "GOAL-EMPTY", "The goal is empty.", next_step='Say it in words, for example "Sell 10% more shoes by Friday".'
        )
    if deps.lake.snapshot() is None:
        raise _no_data()
    return Goal(text=text.strip(), asked_at=deps.now(), answers=tuple(answers), arms=tuple(arms), asked_by=asker(by, deps=deps))


def asker(by: str, *, deps: Deps) -> str:
    """The user who asks; "" in a workspace without users, who is asked for no name."""
    user = signing.known(by, deps=deps, scope="plan")
    return "" if user is None else user.name


def _no_data() -> DataError:
    return DataError(
        "DATA-NONE", "No data has been imported yet.", next_step="Run `liftwright import FILE --as customers` first."
    )


def created(goal: Goal, *, deps: Deps, campaign_id: str | None = None) -> Campaign:
    """A new campaign row; without an id of its own, under one that depends only on the goal, the moment and what came before."""
    campaign = Campaign(
        campaign_id=campaign_id or _free_id(goal, deps),
        goal=goal,
        status="planning",
        created_at=goal.asked_at,
        seed=deps.settings.seed,
        model=deps.settings.model,
    )
    deps.campaigns.create(campaign)
    return campaign


def _free_id(goal: Goal, deps: Deps) -> str:
    taken = {campaign.campaign_id for campaign in deps.campaigns.all()}
    attempt = len(taken)
    while True:
        seed_text = f"{goal.words}|{goal.asked_at.isoformat()}|{attempt}"
        campaign_id = "c-" + hashlib.sha256(seed_text.encode()).hexdigest()[:8]
        if campaign_id not in taken:
            return campaign_id
        attempt += 1


def first_state(campaign: Campaign, *, deps: Deps) -> CampaignState:
    """The state a planning run begins with: the goal, and the data, moment and seed it is pinned to."""
    snapshot = deps.lake.snapshot()
    if snapshot is None:
        raise _no_data()
    return {
        "campaign_id": campaign.campaign_id,
        "goal": campaign.goal,
        "snapshot_id": snapshot.snapshot_id,
        "as_of": campaign.created_at,
        "seed": campaign.seed,
        "revision": 1,
        "round": 0,
        "edits": Edits(arms=campaign.goal.arms).then(again.edits_for(campaign.campaign_id, deps)),
    }


async def begin(state: CampaignState, *, deps: Deps) -> dict[str, Any]:
    """A run that was given only words (from a development server, say) gets its campaign, named after its thread."""
    return await asyncio.to_thread(_begun, state.get("words", ""), str(get_config()["configurable"]["thread_id"]), deps)


def _begun(words: str, thread_id: str, deps: Deps) -> dict[str, Any]:
    known = {campaign.campaign_id: campaign for campaign in deps.campaigns.all()}
    campaign = known.get(thread_id) or created(asked(words, deps=deps), deps=deps, campaign_id=thread_id)
    return dict(first_state(campaign, deps=deps))


def at_start(state: CampaignState) -> str:
    """A run of ours brings its campaign along; one from elsewhere brings words."""
    return "strategist" if "campaign_id" in state else "begin"
