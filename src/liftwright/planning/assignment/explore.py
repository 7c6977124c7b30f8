"""A randomised share: some decisions of a plan are drawn by lot, with known probabilities, so that the next campaign can learn."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from liftwright.planning.assignment.lottery import Lottery, chances, closed_down, draw, lottery_of, span_of
from liftwright.planning.assignment.problem import NONE, Bools, Floats, Ints, Problem
from liftwright.planning.assignment.repair import SLACK
from liftwright.planning.assignment.settling import Settled, settle
from liftwright.planning.assignment.table import Listed

SPARE = 0.75
"""How many standard deviations more room is made than a lot needs, so that a plan that changes a little still fits."""
_ROUNDS, _TRIES = 10, 100


@dataclass(frozen=True)
class Explored:
    """The plan after drawing.

    rows: chosen rows by person; drawn: which of them the lot chose. options, chance: every row that the policy may choose and its
    probability. decided, outcome, outcomes, none_chance: of every decision that was drawn the row the plan had, the row the lot
    chose (-1 = no contact), how many outcomes were equally likely, and the probability of no contact. prices: of the plan that made
    room for the draws.
    """

    rows: Ints
    drawn: Bools
    options: Ints
    chance: Floats
    decided: Ints
    outcome: Ints
    outcomes: Ints
    none_chance: Floats
    prices: Floats


def explore(listed: Listed, found: Settled, *, share: float, seed: int) -> Explored:
    """Draw by lot until at least `share` of the touches that remain were drawn, within every limit.

    A drawn decision gets each option of that person and wave with the same probability; where there is only one, that or no
    contact. Of each of these two groups a fixed number is drawn, everybody with the same probability e, so a row's probability is
    e / k (k options), 1 - e + e / k for the plan's own choice, and 1 - e / 2 for an only option. The plan makes room beforehand for
    whatever the lot may choose, so no filter follows that would change these numbers. An option takes no part when drawing it could
    use more of a limit than twice `share`, or a channel a second time where each may be used once per person.
    """
    problem, share = listed.problem, min(max(share, 0.0), 1.0)
    rows = problem.by_person(problem.rows(found.plan))
    if share == 0.0 or not len(rows):
        none, never = np.zeros(0, dtype=np.int64), np.zeros(len(rows), dtype=bool)
        return Explored(rows, never, rows, np.ones(len(rows)), none, none, none, np.zeros(0), found.prices)
    lottery, prices = with_room(listed, found, share=share)
    spots, outcome = drawn_within(problem, lottery, seed=seed)
    chosen = outcome[outcome != NONE]
    planned = lottery.span.planned
    final = problem.by_person(np.concatenate([np.delete(planned, spots), chosen]))
    options, chance = chances(problem, lottery)
    lone = lottery.lone / max(int((lottery.count == 1).sum()), 1)
    return Explored(
        rows=final,
        drawn=np.isin(final, chosen),
        options=options,
        chance=chance,
        decided=planned[spots],
        outcome=outcome,
        outcomes=np.maximum(lottery.count[spots], 2),
        none_chance=np.where(lottery.count[spots] == 1, lone / 2.0, 0.0),
        prices=prices,
    )


def given(problem: Problem, explored: Explored) -> tuple[Problem, float]:
    """What is left to decide once the draws are carried out, and the value of what was drawn."""
    option, person = problem.where(explored.decided)
    value = problem.value.copy()
    for slot in range(problem.slots):
        value[np.ix_(problem.slot == slot, person[problem.slot[option] == slot])] = -np.inf
    got = explored.outcome[explored.outcome != NONE]
    drawn, whose = problem.where(got)
    if problem.line is not None:
        for line in range(problem.lines):
            value[np.ix_(problem.line == line, whose[problem.line[drawn] == line])] = -np.inf
    cap = np.broadcast_to(np.asarray(problem.cap), problem.people) - np.bincount(whose, minlength=problem.people)
    return replace(problem, value=value, cap=cap, limits=problem.limits - problem.usage(got)), problem.objective(got)


def logged(candidates: pa.Table, listed: Listed, explored: Explored) -> tuple[pa.Table, pa.Table]:
    """The candidates with `randomised` and `propensity`, and one row for every drawn decision, those without a contact included.

    Of the second: customer_id, wave, outcomes (equally likely ones), channel, offer (null = no contact), propensity.
    """
    chance, drawn = np.zeros(candidates.num_rows), np.zeros(candidates.num_rows, dtype=bool)
    chance[listed.candidates(explored.options)] = explored.chance
    drawn[listed.candidates(explored.rows[explored.drawn])] = True
    known = candidates.append_column("randomised", pa.array(drawn)).append_column("propensity", pa.array(chance))
    is_none = explored.outcome == NONE
    got = listed.candidates(np.where(is_none, explored.decided, explored.outcome))
    whose = candidates.select(["customer_id", "wave"]).take(pa.array(listed.candidates(explored.decided)))
    what = candidates.select(["channel", "offer"]).take(pa.array(got, pa.int64(), mask=is_none))
    draws = pa.table(
        {
            "customer_id": whose["customer_id"],
            "wave": whose["wave"],
            "outcomes": pa.array(explored.outcomes, pa.int64()),
            "channel": what["channel"],
            "offer": what["offer"],
            "propensity": pa.array(np.where(is_none, explored.none_chance, chance[got]), pa.float64()),
        }
    )
    return known, draws.sort_by([("customer_id", "ascending"), ("wave", "ascending")])


def with_room(listed: Listed, found: Settled, *, share: float) -> tuple[Lottery, Floats]:
    """The lottery of a plan that leaves room for its draws, and the plan's prices.

    The plan is solved again within what the draws leave, until what it and its draws use fits every limit. Where no such plan is
    found, the plan as it is, each draw against no contact: that never uses more.
    """
    problem = listed.problem
    is_open = np.ones(problem.options, dtype=bool)
    reserve, spare, is_open = closed_down(listed, span_of(listed, found.plan), is_open, share=share)
    reserve, made = reserve + SPARE * spare, found
    for _ in range(_ROUNDS):
        made = settle(replace(problem, limits=np.maximum(problem.limits - reserve, 0.0)), start=made.prices, tries=0)
        span = span_of(listed, made.plan)
        needed, spare, is_open = closed_down(listed, span, is_open, share=share)
        if len(span.planned) and (problem.usage(span.planned) + needed <= problem.limits + SLACK).all():
            return lottery_of(span, is_open, share=share), made.prices
        reserve = np.maximum(reserve, needed + SPARE * spare)
    return lottery_of(span_of(listed, found.plan), np.zeros(problem.options, dtype=bool), share=share), found.prices


def drawn_within(problem: Problem, lottery: Lottery, *, seed: int) -> tuple[Ints, Ints]:
    """Positions of the decisions drawn and what each got; a draw that breaks a limit (next to never) is taken again as a whole."""
    generator = np.random.default_rng([seed, 0x11F7])
    for _ in range(_TRIES):
        spots, outcome = draw(problem, lottery, generator)
        rows = np.concatenate([np.delete(lottery.span.planned, spots), outcome[outcome != NONE]])
        if (problem.usage(rows) <= problem.limits + SLACK).all():
            return spots, outcome
    raise RuntimeError("the randomised share does not fit the limits it was given room in")
