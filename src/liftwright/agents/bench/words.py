"""Sentences about a solved flight: what cannot be known, why nothing was planned."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench.audience import allowed_channels
from liftwright.agents.bench.data import Data
from liftwright.agents.bench.scores import Scores
from liftwright.agents.bench.solving import Solved
from liftwright.domain.experiment import Experiment
from liftwright.domain.goal import Objective
from liftwright.planning.assignment import saying

LEVEL_Z = 1.6449
"""Standard errors either side of the middle of a 90 % interval."""


def cannot_know(data: Data, scores: Scores, experiment: Experiment) -> tuple[str, ...]:
    """What the data does not tell and the plan therefore does not claim."""
    said = [] if experiment.is_measurable else [experiment.note]
    effects = scores.effects
    if effects.is_tested and effects.ranked_by not in ("margin",):
        said.append("Who spends more because of a contact: the past test is too noisy on spend to rank people by it.")
    if "consent_email" not in data.people.column_names and "email" in data.channels:
        said.append("Whether people consented to e-mail: the data has no consent column.")
    if "birth_date" not in data.people.column_names:
        said.append("Anyone's age: the data has no birth dates.")
    if "events" not in data.tables:
        said.append("What people do from day to day: no events were imported, so outcomes must come back as a file.")
    if "email" not in data.people.column_names:
        said.append("Addresses: the file has none, so whoever executes must match people by customer_id.")
    if "products" not in data.tables:
        said.append(f"What a sale really earns: the configured margin rate of {data.deps.settings.margin.rate:.0%} is used.")
    return tuple(said)


def why_nothing(data: Data, scores: Scores, objective: Objective, solved: Solved) -> str:
    """Why not a single contact was planned."""
    if not solved.solution.candidates.num_rows:
        return (
            "No contact is expected to bring more margin than it costs under these limits, so doing nothing is the better plan."
            + _how_sure(data, scores, objective)
        )
    cheapest = float(pc.min(solved.solution.candidates["cost"]).as_py())
    budget = objective.budget
    if budget is not None and float(budget.amount) < cheapest:
        return f"The budget of {budget} does not pay for one contact; the cheapest costs {cheapest:.4f}. Nearest reachable: any budget above that."
    return "The limits (capacity, stock or contacts per person) leave no room for a single contact."


def _how_sure(data: Data, scores: Scores, objective: Objective) -> str:
    """Whether the past test shows that contacts do not pay, or is too small to show anything; by the most promising contact."""
    open_to = allowed_channels(data, objective)
    places = [place for place, action in enumerate(data.actions) if action.partition(":")[0] in open_to]
    if not scores.effects.is_tested or not places or data.rows is None:
        return ""
    mean, error = scores.effects.values.mean(axis=0), scores.effects.average_errors
    best = max(places, key=lambda place: float(mean[place]))
    low, high = (float(mean[best] + sign * LEVEL_Z * error[best]) for sign in (-1, 1))
    told = (
        f" Of what the past test tried ({data.rows.num_rows:,} randomised cases), {data.actions[best]} did best:"
        f" {mean[best]:+.3f} margin per person before its cost, 90 % interval {low:+.3f} to {high:+.3f}."
    )
    if high <= 0:
        return told
    return f"{told} The test is too small to tell whether it pays; more people, or a longer history, would tell."


def price_words(solved: Solved) -> tuple[str, ...]:
    """What the randomised share costs and what more of each limit would earn."""
    solution = solved.solution
    share = float(solved.limits.get("randomised_share_min") or 0.0)
    words = saying.said(solution.prices, solved.limits, solution.rows)
    return (saying.drawn(solution.exploration_cost, solution.objective, share=share), *words) if share else words


def actions_of(rows: pa.Table) -> tuple[str, ...]:
    """The channel:offer pairs of assignment rows."""
    return tuple(sorted({f"{c}:{o}" for c, o in zip(rows["channel"].to_pylist(), rows["offer"].to_pylist(), strict=True)}))


def counted(table: pa.Table, column: str) -> dict[str, int]:
    """How many rows per value of a column, by name."""
    return dict(sorted(Counter(table[column].to_pylist()).items()))
