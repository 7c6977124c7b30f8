"""The rest of a flight under way, solved again on what is known now, for people the approval already covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench import arms, solving
from liftwright.agents.bench.data import Data
from liftwright.agents.bench.scores import Scores
from liftwright.domain.plan import Plan
from liftwright.domain.profile import Channel
from liftwright.planning.assignment import checking
from liftwright.planning.assignment import solving as assignment
from liftwright.planning.waves import Wave

TOUCH = ["customer_id", "wave", "channel", "offer"]


@dataclass(frozen=True)
class Left:
    """What a flight has left. people: who may still be touched, each with the touches they got so far; flight: the waves of which
    nothing has left, by their number in the plan; frozen: touches of these waves that stay as planned (customer_id, wave); channels: of
    the others; limits: as of an assignment, less what is used or frozen."""

    people: Mapping[str, int]
    flight: tuple[Wave, ...]
    frozen: pa.Table
    channels: tuple[Channel, ...]
    limits: Mapping[str, Any]


@dataclass(frozen=True)
class Resolved:
    """The solution of the rest (rows, candidates, draws, prices; see `assignment.Solution`), what it breaks, and what the touches
    planned so far are worth today, major units."""

    solution: assignment.Solution
    violations: tuple[str, ...]
    planned_worth: float


def resolve(data: Data, scores: Scores, plan: Plan, left: Left, planned: pa.Table, *, seed: int) -> Resolved | None:
    """Solve what is left of a plan with today's features and the models it was made with; None where nobody has an option.

    planned: the touches planned so far (TOUCH columns). Later touches of a person are worth as much less as they had touches before.
    """
    where = _places(data, left.people)
    flight = left.flight
    field = solving.field_of(
        data,
        scores,
        plan.objective,
        where,
        plan.variants,
        channels=left.channels,
        offers=[offer.name for offer in plan.offers],
        flight=flight,
        sure=any(step.rule == "past test" for step in plan.audience.funnel),
    )
    field = replace(field, allowed=arms.touchable(data, where, field.allowed, plan.experiment))
    had = np.array([left.people[str(customer)] for customer in data.ids[where]], dtype=np.float64)
    field = replace(field, economics=replace(field.economics, spared=np.maximum(flight[0].index - 1 - had, 0.0)))
    table = _without(solving.candidates_of(data, field, plan.variants)[0], left.frozen)
    if not table.num_rows:
        return None
    share = data.deps.settings.limits.randomised_share
    found = assignment.solve(table, left.limits, seed=seed, randomised_share=share)
    found = replace(found, rows=solving.spread(data, found.rows, flight))
    broken = tuple(checking.check(found.rows, found.candidates, left.limits, draws=found.draws))
    return Resolved(found, broken, _worth(planned, table))


def _places(data: Data, people: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """Places of people among `data.ids`; who is gone is left out."""
    ids = data.ids.astype(str)
    names = np.array(sorted(people), dtype=str)
    spots = np.minimum(np.searchsorted(ids, names), len(ids) - 1)
    return np.asarray(spots[ids[spots] == names], dtype=np.int64)


def _without(table: pa.Table, frozen: pa.Table) -> pa.Table:
    """Candidates of people and waves that are not taken already."""
    return table.join(frozen.select(["customer_id", "wave"]), keys=["customer_id", "wave"], join_type="left anti").sort_by(
        [(name, "ascending") for name in TOUCH]
    )


def _worth(planned: pa.Table, table: pa.Table) -> float:
    """What these touches are worth by today's table; one that is no candidate any more is worth nothing."""
    found = planned.select(TOUCH).join(table.select([*TOUCH, "value"]), keys=TOUCH, join_type="inner")
    return float(pc.sum(found["value"]).as_py() or 0.0)


def by_action(rows: pa.Table) -> dict[str, int]:
    """How many touches each channel:offer has, by name."""
    actions: Sequence[str] = [f"{c}:{o}" for c, o in zip(rows["channel"].to_pylist(), rows["offer"].to_pylist(), strict=True)]
    return {action: actions.count(action) for action in sorted(set(actions))}
