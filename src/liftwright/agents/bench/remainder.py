"""The rest of a flight under way, solved again on what is known now, for people the approval already covers."""

from __future__ import annotations

from collections import Counter
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
from liftwright.agents.bench.summaries import SMALLEST_GROUP
from liftwright.domain.plan import Plan
from liftwright.domain.profile import Channel
from liftwright.planning.assignment import checking
from liftwright.planning.assignment import solving as assignment
from liftwright.planning.waves import Wave

TOUCH = ["customer_id", "wave", "channel", "offer"]


@dataclass(frozen=True)
class Left:
    """What a flight has left. people: who may still be touched, each with the touches they got so far; flight: the waves of which
    nothing has left, by their number in the plan; frozen: touches of these waves that stay as planned (customer_id, wave); channels, offers:
    of the others; limits: as of an assignment, less what is used or frozen; spent: what those cost, major units."""

    people: Mapping[str, int]
    flight: tuple[Wave, ...]
    frozen: pa.Table
    channels: tuple[Channel, ...]
    offers: tuple[str, ...]
    limits: Mapping[str, Any]
    spent: float


@dataclass(frozen=True)
class Resolved:
    """The solution of the rest (rows, candidates, draws, prices; see `assignment.Solution`), what it breaks, and what the touches
    planned so far are worth today, major units."""

    solution: assignment.Solution
    violations: tuple[str, ...]
    planned_worth: float


@dataclass(frozen=True)
class Newcomers:
    """People nobody chose for whom a contact pays now. people: customer_id and arm, by the same rule in both arms; rows, candidates and
    draws (see `assignment.Solution`): of the treated ones."""

    people: pa.Table
    solution: assignment.Solution


def resolve(data: Data, scores: Scores, plan: Plan, left: Left, planned: pa.Table, *, seed: int) -> Resolved | None:
    """Solve what is left of a plan with today's features and the models it was made with; None where nobody has an option.

    planned: the touches planned so far (TOUCH columns); they were likely to help, and compete for as long as they pay. Later touches of a person
    are worth as much less as they had touches before.
    """
    table = _candidates(data, scores, plan, left, planned)
    if not table.num_rows:
        return None
    found = _solved(data, table, left.limits, left.flight, seed=seed)
    broken = tuple(checking.check(found.rows, found.candidates, left.limits, draws=found.draws))
    return Resolved(found, broken, _worth(planned, table))


def newcomers(
    data: Data, scores: Scores, plan: Plan, left: Left, resolved: Resolved, *, arms: Mapping[str, str], seed: int
) -> Newcomers | None:
    """Who of `arms` (customer_id to treated or holdout; nobody of them was touched) pays at the prices of the rest; None when too few
    do to say anything of them.

    What they get fits what the rest leaves of the limits, of the goal's own budget rather than of the plan's cost: money has no price
    here where it had none in the plan. Nobody here was treated, so both arms are alike and the rule, which looks at a person's own
    options only, chooses alike in both.
    """
    table = _candidates(data, scores, plan, replace(left, people=dict.fromkeys(arms, 0)), None)
    prices, goal = dict(resolved.solution.prices), plan.assignment.limits.get("budget")
    if not plan.assignment.prices.get("budget"):
        prices["budget"] = 0.0
    limits = {**left.limits, "budget": None if goal is None else max(float(goal) - left.spent, 0.0)}
    names = sorted(set(assignment.would_get(table, prices, limits)["customer_id"].to_pylist())) if table.num_rows else []
    treated = [name for name in names if arms[name] == "treated"]
    if len(treated) < SMALLEST_GROUP:
        return None
    mine = table.filter(pc.is_in(table["customer_id"], pa.array(treated, pa.string())))
    found = _solved(data, mine, _less(limits, resolved.solution.rows), left.flight, seed=seed, beside=resolved.solution.rows)
    got = set(found.rows["customer_id"].to_pylist()) | set(found.draws["customer_id"].to_pylist())
    if len(got) < SMALLEST_GROUP:
        return None
    people = pa.table({"customer_id": pa.array(names, pa.string()), "arm": pa.array([arms[name] for name in names], pa.string())})
    return Newcomers(people, found)


def _candidates(data: Data, scores: Scores, plan: Plan, left: Left, planned: pa.Table | None) -> pa.Table:
    """What the people who are left could get: what is likely to help, and what is planned."""
    where, flight = _places(data, left.people), left.flight
    field = solving.field_of(
        data,
        scores,
        plan.objective,
        where,
        plan.variants,
        channels=left.channels,
        offers=left.offers,
        flight=flight,
        sure=any(step.rule == "past test" for step in plan.audience.funnel),
    )
    field = replace(
        field,
        allowed=arms.touchable(data, where, field.allowed, plan.experiment),
        likely=field.likely | _is_planned(data, field, planned),
    )
    had = np.array([left.people[str(customer)] for customer in data.ids[where]], dtype=np.float64)
    field = replace(field, economics=replace(field.economics, spared=np.maximum(flight[0].index - 1 - had, 0.0)))
    return _without(solving.candidates_of(data, field, plan.variants)[0], left.frozen)


def _solved(
    data: Data, table: pa.Table, limits: Mapping[str, Any], flight: Sequence[Wave], *, seed: int, beside: pa.Table | None = None
) -> assignment.Solution:
    """Solved, and spread over days after the rows that are there already (`beside`)."""
    share = data.deps.settings.limits.randomised_share
    found = assignment.solve(table, limits, seed=seed, randomised_share=share)
    first = found.rows.schema.empty_table() if beside is None else beside
    place = found.rows.column_names.index("priority")
    later = found.rows.set_column(place, "priority", pc.add(found.rows["priority"], first.num_rows))
    days = solving.spread(data, pa.concat_tables([first, later]), flight)["send_on"].slice(first.num_rows)
    return replace(found, rows=found.rows.set_column(found.rows.column_names.index("send_on"), "send_on", days))


def _less(limits: Mapping[str, Any], rows: pa.Table) -> dict[str, Any]:
    """What rows leave of the limits; of a channel's capacity per wave, what the fullest wave leaves."""
    spent = {row["channel"]: row["cost_sum"] for row in rows.group_by("channel").aggregate([("cost", "sum")]).to_pylist()}
    given = Counter(rows["offer"].to_pylist())
    fullest: Counter[str] = Counter()
    for row in rows.group_by(["channel", "wave"]).aggregate([([], "count_all")]).to_pylist():
        fullest[row["channel"]] = max(fullest[row["channel"]], row["count_all"])
    budget = limits.get("budget")
    return {
        **limits,
        "budget": None if budget is None else max(budget - sum(spent.values()), 0.0),
        "channel_budget": {name: max(most - spent.get(name, 0.0), 0.0) for name, most in limits["channel_budget"].items()},
        "channel_capacity": {name: max(most - fullest[name], 0) for name, most in limits["channel_capacity"].items()},
        "offer_stock": {name: max(most - given[name], 0) for name, most in limits["offer_stock"].items()},
    }


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


def _is_planned(data: Data, field: solving.Field, planned: pa.Table | None) -> solving.Mask:
    """(people, actions) which of the field somebody has a planned touch of."""
    found = np.zeros(field.effects.shape, dtype=bool)
    if planned is not None and planned.num_rows:
        names = pc.index_in(planned["customer_id"], value_set=pa.array(data.ids[field.where], pa.string())).to_numpy()
        wanted = pc.binary_join_element_wise(planned["channel"], planned["offer"], ":")
        actions = pc.index_in(wanted, value_set=pa.array(field.actions, pa.string())).to_numpy()
        known = np.isfinite(names.astype(np.float64)) & np.isfinite(actions.astype(np.float64))
        found[names[known].astype(np.int64), actions[known].astype(np.int64)] = True
    return found


def _worth(planned: pa.Table, table: pa.Table) -> float:
    """What these touches are worth by today's table; one that is no candidate any more is worth nothing."""
    found = planned.select(TOUCH).join(table.select([*TOUCH, "value"]), keys=TOUCH, join_type="inner")
    return float(pc.sum(found["value"]).as_py() or 0.0)


def by_action(rows: pa.Table) -> dict[str, int]:
    """How many touches each channel:offer has, by name."""
    actions: Sequence[str] = [f"{c}:{o}" for c, o in zip(rows["channel"].to_pylist(), rows["offer"].to_pylist(), strict=True)]
    return {action: actions.count(action) for action in sorted(set(actions))}
