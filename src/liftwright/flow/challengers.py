"""What another policy would have chosen for the people of a past campaign: other models, other settings of the plan, or the agents asked again.

Everything else stays pinned: data, moment, seed, holdout and texts. Nothing here changes the campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import pyarrow as pa

from liftwright.agents import audience_analyst, channel_planner, content_writer
from liftwright.agents.bench import Bench
from liftwright.domain.errors import DataError, GoalError
from liftwright.domain.plan import Plan
from liftwright.flow import nodes, replaying
from liftwright.flow.edits import Edits, parse
from liftwright.flow.state import CampaignState
from liftwright.ports import Deps


@dataclass(frozen=True)
class Challenger:
    """models: ids (NAME@VERSION) in place of the pinned ones; changes: paths and values as of `edit`; asks_again: the agents propose
    again, with the prompts and the model of today."""

    models: tuple[str, ...] = ()
    changes: Mapping[str, Any] | None = None
    asks_again: bool = False

    def __post_init__(self) -> None:
        if not (self.models or self.changes or self.asks_again):
            raise GoalError(
                "PROVE-NOTHING",
                "There is nothing to prove.",
                next_step="Name --model NAME@VERSION, --set PATH=VALUE or --ask-again.",
            )

    @property
    def says(self) -> str:
        """What is tried, in words."""
        parts = [f"the model {model}" for model in self.models]
        parts += [f"{path} = {value}" for path, value in (self.changes or {}).items()]
        return ", ".join([*parts, *(["the agents asked again"] if self.asks_again else [])])


@dataclass(frozen=True)
class Chosen:
    """The other policy's candidates with their chances, and the bench it was solved on."""

    candidates: pa.Table
    bench: Bench


async def choose(challenger: Challenger, plan: Plan, *, deps: Deps) -> Chosen:
    """Solve the campaign's flight again as the challenger would have. Raises DataError when the record of its run, or a model, is gone."""
    state = await replaying.recorded(plan, deps)
    bench = Bench(
        deps,
        campaign_id=plan.campaign_id,
        snapshot_id=plan.pins.snapshot,
        as_of=deps.campaigns.get(plan.campaign_id).created_at,
        seed=plan.pins.seed,
        models=_pins(plan.pins.models, challenger.models),
    )
    edits = parse(challenger.changes, settings=deps.settings) if challenger.changes else Edits()
    wanted = state.get("edits", Edits()).then(edits)
    brief = wanted.brief(state["brief"])
    changed = cast(CampaignState, {**state, "edits": wanted, "brief": brief})
    if challenger.asks_again:
        changed = await _asked(changed, bench, deps)
    solved = nodes.assigned(changed, changed["chosen"], bench)["assigned"]
    if solved.infeasible:
        raise DataError("PROVE-INFEASIBLE", f"The other policy has no plan: {solved.infeasible}", next_step="Try another one.")
    return Chosen(candidates=deps.lake.get(solved.assignment.candidates), bench=bench)


def learned_from(challenger: Challenger, plan: Plan, *, deps: Deps) -> str:
    """Why a model may not be judged by this campaign: it was trained later, so it may have learned from it. "" when it may."""
    began = deps.campaigns.get(plan.campaign_id).created_at.date()
    for model in challenger.models:
        name, _, version = model.partition("@")
        stored = deps.models.load(name, version or None)
        if stored is None:
            raise DataError("MODEL-UNKNOWN", f"There is no model '{model}'.", next_step="See `liftwright model list`.")
        trained = stored[0].data.get("trained_on")
        if trained is None or date.fromisoformat(str(trained)) > began:
            return f"{stored[0].model_id} was trained on {trained or 'an unknown day'}, after {plan.campaign_id} began, and may have learned from it"
    return ""


async def _asked(state: CampaignState, bench: Bench, deps: Deps) -> CampaignState:
    """The audience, the texts and the playing field as the agents would propose them today; the holdout stays."""
    objective = nodes.objective_of(state)
    who = (await audience_analyst.propose(objective, bench=bench, deps=deps)).value
    eligible = bench.eligible(objective, include=who.include, exclude=nodes.with_edits(who.exclude, state))
    texts = (await content_writer.propose(objective, bench=bench, deps=deps)).value.variants
    planner = await channel_planner.propose(
        objective, texts, bench=bench, deps=deps, eligible=eligible, experiment=state["experiment"]
    )
    asked = {"proposal": who, "eligible": eligible, "variants": texts, "chosen": planner.value}
    return cast(CampaignState, {**state, **asked})


def _pins(pinned: Sequence[str], models: Sequence[str]) -> tuple[str, ...]:
    """The pinned ids with those of the same name replaced."""
    by_name = {model.partition("@")[0]: model for model in pinned}
    unknown = sorted({model.partition("@")[0] for model in models} - set(by_name))
    if unknown:
        raise DataError(
            "PROVE-MODEL",
            f"The campaign was planned without a model '{unknown[0]}'.",
            next_step=f"It used: {', '.join(sorted(by_name)) or 'none'}.",
        )
    return tuple(sorted((by_name | {model.partition("@")[0]: model for model in models}).values()))
