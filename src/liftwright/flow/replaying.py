"""A stored plan computed once more from its pins, and every decision compared with the one that was stored.

The agents are not asked again: what they proposed is part of the record (the checkpoint of the planning run). Everything that code
decided from it is: who may be contacted, the arms, the scores under the pinned models, the options, the solution, the lots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from liftwright.agents.bench import Bench
from liftwright.domain.errors import DataError
from liftwright.domain.plan import Plan
from liftwright.flow import forgetting, nodes, walk
from liftwright.flow import graph as graphs
from liftwright.flow.asking import finished
from liftwright.flow.checking import current_plan
from liftwright.flow.state import CampaignState
from liftwright.planning import comparing
from liftwright.ports import Deps

SHOWN = 10
"""Differences that are told one by one."""


def replay(campaign_id: str, *, shown: int = SHOWN, deps: Deps) -> dict[str, Any]:
    """`{"campaign_id", "revision", "plan_hash", "replayed_hash", "identical", "decisions": {"compared", "identical", "differing"},
    "terms": {"options", "adding_up"}, "pins": [{"pin", "planned", "now", "same"}], "differences": [words]}`.

    `decisions` counts people x waves, those who get nothing included. Identical means: the same decisions, figures and pins. Raises
    GoalError without a plan, DataError for a pin that is gone (data, a model's version, the record of the run) or was tampered with.
    """
    plan = current_plan(campaign_id, deps=deps)
    state = finished(recorded(plan, deps))
    again = _again(plan, state, deps)
    planned, replayed = _flights(plan, again, deps)
    compared = comparing.compare(planned, replayed, shown=shown)
    options, unbalanced = planned.candidates.num_rows, comparing.unbalanced(planned.candidates)
    pins = list(_pins(plan, again))
    differences = [
        *_not_as_written(plan, state),
        *_erased_since(plan, deps),
        *(f"{pin['pin']}: planned with {pin['planned']}, now {pin['now']}" for pin in pins if not pin["same"]),
        *compared.says,
        *_figures(plan.manifest(), again.manifest()),
        *([f"the terms of {unbalanced:,} options do not add up to their value"] if unbalanced else []),
    ]
    return {
        "campaign_id": campaign_id,
        "revision": plan.revision,
        "plan_hash": plan.plan_hash,
        "replayed_hash": again.plan_hash,
        "identical": not differences,
        "decisions": {
            "compared": compared.decisions,
            "identical": compared.decisions - compared.differing,
            "differing": compared.differing,
        },
        "terms": {"options": options, "adding_up": options - unbalanced},
        "pins": pins,
        "differences": differences,
    }


async def recorded(plan: Plan, deps: Deps) -> CampaignState:
    """The state of the planning run when it wrote this plan, or at least this revision. Raises DataError when the record is gone."""
    nearest: CampaignState | None = None
    async with graphs.opened(deps) as graph:
        async for found in graph.aget_state_history(walk.config(plan.campaign_id)):
            state = cast(CampaignState, found.values)
            if state.get("revision") != plan.revision or not {"assigned", "plan_hash"} <= set(state):
                continue
            if state["plan_hash"] == plan.plan_hash:
                return state
            nearest = nearest or state
    if nearest is None:
        raise DataError(
            "REPLAY-RECORD",
            f"The record of the run that made revision {plan.revision} of {plan.campaign_id} is gone: what the agents proposed is not known.",
            next_step="Restore the workspace it was planned in from a backup, or plan the goal again.",
        )
    return nearest


def _not_as_written(plan: Plan, state: CampaignState) -> Iterator[str]:
    if state["plan_hash"] != plan.plan_hash:
        yield f"the stored plan (hash {plan.plan_hash}) is not the one its planning run wrote ({state['plan_hash']})"


def _erased_since(plan: Plan, deps: Deps) -> Iterator[str]:
    """A plan made with people who are gone cannot come out the same."""
    if erased := forgetting.count(since=deps.campaigns.get(plan.campaign_id).created_at, deps=deps):
        yield f"{erased} {'people were' if erased > 1 else 'person was'} erased since it was planned; its tables are without them"


def _again(plan: Plan, state: CampaignState, deps: Deps) -> Plan:
    """The same revision from the pins, on a bench that remembers nothing of an earlier run."""
    created_at = deps.campaigns.get(plan.campaign_id).created_at
    pins = plan.pins
    bench = Bench(
        deps,
        campaign_id=plan.campaign_id,
        snapshot_id=pins.snapshot,
        as_of=created_at,
        seed=pins.seed,
        models=pins.models,
    )
    objective, proposal = nodes.objective_of(state), state["proposal"]
    eligible = bench.eligible(objective, include=proposal.include, exclude=nodes.with_edits(proposal.exclude, state))
    asked = [each.arm for each in plan.experiment.arms]
    experiment = bench.design(objective, eligible, share=plan.experiment.holdout_share, asked=asked)
    fresh: CampaignState = {**state, "eligible": eligible, "experiment": experiment}
    solved = cast(CampaignState, {**fresh, **nodes.assigned(fresh, state["chosen"], bench)})
    again = nodes.plan_of(solved, bench, deps, revision=plan.revision, findings=plan.findings)
    return again.model_copy(update={"manifest_version": plan.manifest_version})


def _flights(plan: Plan, again: Plan, deps: Deps) -> tuple[comparing.Flight, comparing.Flight]:
    """The tables of both; of a plan from before draws were kept, the draws are not compared."""
    draws = plan.assignment.draws or again.assignment.draws
    planned, replayed = (
        comparing.Flight(
            *map(deps.lake.get, (each.audience.digest, each.assignment.digest, each.assignment.candidates, each_draws))
        )
        for each, each_draws in ((plan, draws), (again, again.assignment.draws))
    )
    return planned, replayed


def _pins(plan: Plan, again: Plan) -> Iterator[dict[str, Any]]:
    """Every pin: what the plan was made with, and what the replay found."""
    planned, now = (_flat(each.pins.model_dump(mode="json")) for each in (plan, again))
    for name in planned:
        yield {"pin": name, "planned": planned[name], "now": now.get(name), "same": planned[name] == now.get(name)}


def _flat(pins: Mapping[str, Any]) -> dict[str, Any]:
    prompts = {f"prompt {name}": digest for name, digest in sorted(pins["prompts"].items())}
    return {name: value for name, value in pins.items() if name != "prompts"} | prompts


def _figures(planned: Mapping[str, Any], again: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """What the two manifests say differently, path by path; pins are told apart."""
    for name in sorted(set(planned) | set(again)):
        here, before, after = f"{path}.{name}".lstrip("."), planned.get(name), again.get(name)
        if here == "pins" or before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _figures(before, after, here)
        else:
            yield f"{here}: {before} → {after}"
