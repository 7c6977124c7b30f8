"""A randomised share: some decisions of a plan are drawn by lot, with known probabilities, so that the next campaign can learn."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from liftwright.planning.assignment.problem import Floats, Ints, Problem
from liftwright.planning.assignment.repair import SLACK, Bools, fill, shed

SIGMAS = 4.0
"""The limits keep this many standard deviations of what a draw may use: fewer than one draw in 10,000 per limit is taken again, and the
probabilities logged are true up to that."""
_ROUNDS, _TRIES = 6, 100
NOTHING = -1


@dataclass(frozen=True)
class Explored:
    """The plan after drawing.

    rows: chosen rows; drawn: which of them the lot chose. chance: of every row of the problem, the probability that the policy
    chooses it. decided, outcome, outcomes: of every decision that was drawn the row the plan had, the row the lot chose (-1 = no
    contact) and how many outcomes were equally likely.
    """

    rows: Ints
    drawn: Bools
    chance: Floats
    decided: Ints
    outcome: Ints
    outcomes: Ints

    def none_chance(self, problem: Problem) -> Floats:
        """Of every drawn decision, the probability of no contact."""
        slots = _slots(problem)
        total = np.bincount(slots, weights=self.chance, minlength=problem.people * problem.waves)
        return np.asarray(np.maximum(1.0 - total[slots[self.decided]], 0.0), dtype=np.float64)


@dataclass(frozen=True)
class _Lottery:
    """What may be drawn, before anything is: it depends on no seed.

    planned: the plan's rows, one decision each. option: the rows each decision may get (its own among them), `count` of them from
    `start`. lone, wide: how many are drawn of the decisions with one option (against no contact), and of the others.
    """

    planned: Ints
    option: Ints
    start: Ints
    count: Ints
    lone: int
    wide: int


def explore(problem: Problem, rows: Ints, prices: Floats, *, share: float, seed: int) -> Explored:
    """Draw by lot until at least `share` of the touches that remain were drawn, within every limit.

    A drawn decision gets each option of that person and wave with the same probability; where there is only one, that or no
    contact. Of each of these two groups a fixed number is drawn, everybody with the same probability e, so a row's probability is
    e / k (k options), 1 - e + e / k for the plan's own choice, and 1 - e / 2 for an only option. The plan makes room beforehand for
    whatever the lot may choose, so no filter follows that would change these numbers. An option takes no part when drawing it could
    use more of a limit than twice `share`, or a channel a second time where each may be used once per person.
    """
    share = min(max(share, 0.0), 1.0)
    if share == 0.0 or not len(rows):
        chance = np.zeros(len(problem.value))
        chance[rows] = 1.0
        none = np.zeros(0, dtype=np.int64)
        return Explored(rows, np.zeros(len(rows), dtype=bool), chance, none, none, none)
    lottery = _with_room(problem, np.sort(rows), prices, share=share)
    spots, outcome = _drawn_within(problem, lottery, seed=seed)
    chosen = outcome[outcome != NOTHING]
    final = np.sort(np.concatenate([np.delete(lottery.planned, spots), chosen]))
    return Explored(
        rows=final,
        drawn=np.isin(final, chosen),
        chance=_chances(problem, lottery),
        decided=lottery.planned[spots],
        outcome=outcome,
        outcomes=np.maximum(lottery.count[spots], 2),
    )


def logged(candidates: pa.Table, problem: Problem, explored: Explored) -> tuple[pa.Table, pa.Table]:
    """The candidates with `randomised` and `propensity`, and one row for every drawn decision, those without a contact included.

    Of the second: customer_id, wave, outcomes (equally likely ones), channel, offer (null = no contact), propensity.
    """
    chance, drawn = np.zeros(candidates.num_rows), np.zeros(candidates.num_rows, dtype=bool)
    chance[problem.source] = explored.chance
    drawn[problem.source[explored.rows[explored.drawn]]] = True
    known = candidates.append_column("randomised", pa.array(drawn)).append_column("propensity", pa.array(chance))
    is_none = explored.outcome == NOTHING
    whose = candidates.take(pa.array(problem.source[explored.decided], pa.int64()))
    what = candidates.take(pa.array(problem.source[explored.outcome], pa.int64(), mask=is_none))
    propensity = np.where(is_none, explored.none_chance(problem), explored.chance[explored.outcome])
    draws = pa.table(
        {
            "customer_id": whose["customer_id"],
            "wave": whose["wave"],
            "outcomes": pa.array(explored.outcomes, pa.int64()),
            "channel": what["channel"],
            "offer": what["offer"],
            "propensity": pa.array(propensity, pa.float64()),
        }
    )
    return known, draws.sort_by([("customer_id", "ascending"), ("wave", "ascending")])


def _slots(problem: Problem) -> Ints:
    return problem.person * problem.waves + problem.wave


def _with_room(problem: Problem, rows: Ints, prices: Floats, *, share: float) -> _Lottery:
    """The plan shrunk, or grown where draws free more than they take, until what it and its draws use fits every limit.

    Where no such plan is found, the plan as it is, each draw against no contact: that never uses more.
    """
    lottery, reserve = _lottery(problem, rows, share=share)
    made = rows
    for _ in range(_ROUNDS):
        room = replace(problem, limits=np.maximum(problem.limits - reserve, 0.0))
        made = fill(room, shed(room, made, prices), prices)
        lottery, needed = _lottery(problem, made, share=share)
        if len(made) and (problem.usage(made) + needed <= problem.limits + SLACK).all():
            return lottery
        reserve = np.maximum(reserve, needed)
    return _spans(problem, rows, np.zeros(len(problem.value), dtype=bool), share=share)


def _lottery(problem: Problem, rows: Ints, *, share: float) -> tuple[_Lottery, Floats]:
    """A plan's lottery and what its draws may use of every limit; scarce options are closed, worst first, until that is little."""
    open_rows = _wide_enough(problem, rows, share=share)
    allowed = min(2.0 * share, 1.0) * problem.limits
    while True:
        lottery = _spans(problem, rows, open_rows, share=share)
        reserve = _reserve(problem, lottery)
        over = np.flatnonzero(reserve > allowed + SLACK)
        if not len(over):
            return lottery, reserve
        worst = int(over[np.argmax(reserve[over] / np.maximum(problem.limits[over], SLACK))])
        live = np.flatnonzero(open_rows)
        closing = open_rows & _scarce(problem, live, np.ones(len(live)), worst)
        if not closing.any():
            return lottery, reserve
        open_rows &= ~closing


def _wide_enough(problem: Problem, rows: Ints, *, share: float) -> Bools:
    """Rows that may be drawn: the scarce ones are taken out, worst first, until the expected draw leaves the limits room."""
    slots = _slots(problem)
    touched = np.zeros(problem.people * problem.waves, dtype=bool)
    touched[slots[rows]] = True
    open_rows = np.asarray(touched[slots], dtype=bool)
    allowed = min(2.0 * share, 1.0) * problem.limits
    while open_rows.any():
        live = np.flatnonzero(open_rows)
        count = np.bincount(slots[live], minlength=len(touched))
        chance = share / count[slots[live]]
        expected = np.zeros(len(problem.limits) + 1)
        for resource, use in problem.kinds:
            expected += np.bincount(resource[live], weights=use[live] * chance, minlength=len(expected))
        over = np.flatnonzero(expected[:-1] - allowed > SLACK)
        if not len(over):
            break
        worst = over[int(np.argmax(expected[over] / np.maximum(problem.limits[over], SLACK)))]
        open_rows &= ~_scarce(problem, live, chance, int(worst))
    return open_rows


def _scarce(problem: Problem, live: Ints, chance: Floats, resource: int) -> Bools:
    """The rows of one limit; of the common budget the rows of the channel that would spend most."""
    users, use = next(kind for kind in problem.kinds if (kind[0] == resource).any())
    mine = np.asarray((users == resource) & (use > 0), dtype=bool)
    if problem.names[resource][0] != "budget" or not len(live):
        return mine
    spend = np.bincount(problem.channel[live], weights=use[live] * chance, minlength=problem.channels)
    return np.asarray(mine & (problem.channel == int(np.argmax(spend))), dtype=bool)


def _spans(problem: Problem, rows: Ints, open_rows: Bools, *, share: float) -> _Lottery:
    """The lottery of a plan: its own rows, and of the others those in `open_rows` that would use no channel twice."""
    slots, planned = _slots(problem), np.sort(rows)
    owner = np.full(problem.people * problem.waves, -1, dtype=np.int64)
    owner[slots[planned]] = np.arange(len(planned))
    may = open_rows & (owner[slots] >= 0)
    if problem.one_per_channel:
        first = np.full(problem.people, -1, dtype=np.int64)
        first[problem.person[planned[::-1]]] = np.arange(len(planned))[::-1]
        used = np.zeros(problem.people * problem.channels, dtype=bool)
        used[problem.person[planned] * problem.channels + problem.channel[planned]] = True
        may &= (owner[slots] == first[problem.person]) & ~used[problem.person * problem.channels + problem.channel]
    may[planned] = True
    option = np.flatnonzero(may)
    option = option[np.argsort(owner[slots[option]], kind="stable")]
    count = np.bincount(owner[slots[option]], minlength=len(planned))
    several = int((count > 1).sum())
    wide = math.ceil(share * several - 1e-9)
    short = max(share * len(planned) - wide, 0.0)
    lone = min(2 * math.ceil(short / (1.0 + share) - 1e-9), len(planned) - several)
    return _Lottery(planned, option, np.cumsum(count) - count, count, lone, wide)


def _reserve(problem: Problem, lottery: _Lottery) -> Floats:
    """How far draws may raise the use of every limit above the plan's: mean and SIGMAS deviations, at most the worst case.

    Negative where draws surely free some. The variance is that of a simple random sample, bounded by sampling with replacement.
    """
    size = len(problem.limits) + 1
    mean, square, most = np.zeros(size), np.zeros(size), np.zeros(size)
    several = lottery.count > 1
    pair = np.repeat(several, lottery.count)
    own = np.repeat(lottery.planned, lottery.count)[pair]
    other, weight = lottery.option[pair], np.repeat(1.0 / lottery.count, lottery.count)[pair] / max(int(several.sum()), 1)
    alone = lottery.planned[~several]
    freed, freed_square = np.zeros(size), np.zeros(size)
    for resource, use in problem.kinds:
        is_same = resource[own] == resource[other]
        gain = use[other] - np.where(is_same, use[own], 0.0)
        loss = np.where(is_same, 0.0, use[own])
        mean += np.bincount(resource[other], weights=gain * weight, minlength=size)
        mean -= np.bincount(resource[own], weights=loss * weight, minlength=size)
        square += np.bincount(resource[other], weights=gain**2 * weight, minlength=size)
        square += np.bincount(resource[own], weights=loss**2 * weight, minlength=size)
        np.maximum.at(most, resource[other], gain)
        freed += np.bincount(resource[alone], weights=use[alone], minlength=size)
        freed_square += np.bincount(resource[alone], weights=use[alone] ** 2, minlength=size)
    gone, people = lottery.lone // 2, max(len(alone), 1)
    variance = lottery.wide * np.maximum(square - mean**2, 0.0)
    variance += gone * (1.0 - gone / people) * np.maximum(freed_square - freed**2 / people, 0.0) / max(people - 1, 1)
    likely = lottery.wide * mean - gone * freed / people + SIGMAS * np.sqrt(variance)
    return np.asarray(np.minimum(likely, lottery.wide * most)[:-1], dtype=np.float64)


def _drawn_within(problem: Problem, lottery: _Lottery, *, seed: int) -> tuple[Ints, Ints]:
    """Positions of the decisions drawn and what each got; a draw that breaks a limit (next to never) is taken again as a whole."""
    generator = np.random.default_rng([seed, 0x11F7])
    for _ in range(_TRIES):
        spots, outcome = _draw(lottery, generator)
        rows = np.concatenate([np.delete(lottery.planned, spots), outcome[outcome != NOTHING]])
        if (problem.usage(rows) <= problem.limits + SLACK).all():
            return spots, outcome
    raise RuntimeError("the randomised share does not fit the limits it was given room in")


def _draw(lottery: _Lottery, generator: np.random.Generator) -> tuple[Ints, Ints]:
    several = lottery.count > 1
    wide = generator.permutation(np.flatnonzero(several))[: lottery.wide]
    lone = generator.permutation(np.flatnonzero(~several))[: lottery.lone]
    luck = (generator.random(len(wide)) * lottery.count[wide]).astype(np.int64)
    picked = lottery.option[lottery.start[wide] + np.minimum(luck, lottery.count[wide] - 1)]
    gone = (lottery.lone + int(generator.integers(0, 2))) // 2
    kept = np.where(np.arange(len(lone)) < gone, NOTHING, lottery.planned[lone])
    return np.concatenate([wide, lone]), np.concatenate([picked, kept])


def _chances(problem: Problem, lottery: _Lottery) -> Floats:
    """The probability of every row of the problem under the lottery."""
    several = lottery.count > 1
    wide = lottery.wide / max(int(several.sum()), 1)
    lone = lottery.lone / max(int((~several).sum()), 1)
    chance = np.zeros(len(problem.value))
    chance[lottery.option] = np.repeat(np.where(several, wide / lottery.count, lone / 2.0), lottery.count)
    chance[lottery.planned] += np.where(several, 1.0 - wide, 1.0 - lone)
    return chance
