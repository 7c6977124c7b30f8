"""What the planning graph carries from node to node: ids, digests, counts and small typed values. No table, no address, no `Any`.

A checkpoint is read back under an explicit list of types (`CHECKPOINT_TYPES`); anything else in it comes back as plain data.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from typing_extensions import TypedDict

from liftwright.agents.bench.values import Assigned, Eligible
from liftwright.agents.proposals import AudienceProposal, PlanProposal
from liftwright.domain.experiment import Experiment
from liftwright.domain.goal import Brief, Goal
from liftwright.domain.policy import Finding
from liftwright.domain.treatment import Variant
from liftwright.flow.edits import Edits

Route = Literal["wait", "approve", "edit", "reject", "respond", "closed", "blocked"]
"""What the stored approval row says; never what a resume value said."""

MAX_ROUNDS = 2
"""Revisions a compliance block may cause before the plan is given back as blocked."""


def merged(old: tuple[Finding, ...], new: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Both, each finding once, in order of appearance (the reducer of `notes`: two agents write it in one step)."""
    seen: dict[tuple[str, str, str], Finding] = {}
    for finding in (*old, *new):
        seen.setdefault((finding.rule, finding.subject, finding.says), finding)
    return tuple(seen.values())


def added(old: dict[str, int], new: dict[str, int]) -> dict[str, int]:
    """Sums by name (the reducer of `usage`)."""
    return {name: old.get(name, 0) + new.get(name, 0) for name in {*old, *new}}


class CampaignState(TypedDict, total=False):
    """One planning run. `usage`: calls and tokens of every agent step so far, also of earlier revisions. `revision` is the plan's, `round` counts what compliance sent back within this revision.

    A run started by hand in a development server brings `words` alone; the goal and the pins follow from them.
    """

    words: str
    campaign_id: str
    goal: Goal
    snapshot_id: str
    as_of: datetime
    seed: int
    brief: Brief
    proposal: AudienceProposal
    eligible: Eligible
    experiment: Experiment
    variants: tuple[Variant, ...]
    chosen: PlanProposal
    assigned: Assigned
    notes: Annotated[tuple[Finding, ...], merged]
    usage: Annotated[dict[str, int], added]
    findings: tuple[Finding, ...]
    revision: int
    round: int
    edits: Edits
    plan_hash: str
    approval_id: str
    route: Route


CHECKPOINT_TYPES: tuple[type, ...] = (
    Goal, Brief, AudienceProposal, Eligible, Experiment, Variant, PlanProposal, Assigned, Finding, Edits,
)  # fmt: skip
