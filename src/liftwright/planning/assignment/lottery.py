"""The lots of a plan: which decisions may be drawn, what each could get, how much of the limits that may use, and a draw."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from liftwright.planning.assignment.problem import NONE, Bools, Floats, Ints, Plan, Problem
from liftwright.planning.assignment.repair import SLACK
from liftwright.planning.assignment.table import Listed

SIGMAS = 3.75
"""The limits keep this many standard deviations of what a draw may use: about one draw in 10,000 per limit is taken again, and the
probabilities logged are true up to that."""
TRIALS = 24
"""How many lots are drawn in trial to see how much their use of the limits varies."""
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Span:
    """The touches of a plan and what else each person could get in that slot.

    planned, own, person: (touches,) row, option and person. option: (widest, touches) options of the slot, -1 = none.
    may: which of them a draw could give, the plan's own always among them.
    """

    planned: Ints
    own: Ints
    person: Ints
    option: Ints
    may: Bools

    def open_to(self, is_open: Bools) -> Bools:
        """`may`, where only some options (a mask) may be drawn besides the plan's own."""
        return np.asarray(self.may & (is_open[self.option] | (self.option == self.own)), dtype=bool)


@dataclass(frozen=True)
class Lottery:
    """What may be drawn, before anything is: it depends on no seed.

    may: of the span. count: (touches,) options. lone, wide: how many are drawn of the decisions with one option (against no
    contact), and of the others.
    """

    span: Span
    may: Bools
    count: Ints
    lone: int
    wide: int


def span_of(listed: Listed, plan: Plan) -> Span:
    """The touches of a plan; the options of a slot by offer, so that a lot dealt in turn takes of every offer alike."""
    problem = listed.problem
    planned = problem.by_person(problem.rows(plan))
    own, person = problem.where(planned)
    sizes = np.bincount(problem.slot, minlength=problem.slots)
    number = np.arange(sizes.max(initial=0))[:, None]
    first = (np.cumsum(sizes) - sizes)[problem.slot[own]]
    order = np.lexsort((listed.channel, listed.offer, problem.slot))
    option = np.where(number < sizes[problem.slot[own]], order[np.minimum(first + number, len(order) - 1)], NONE)
    may = (option != NONE) & np.isfinite(problem.value[option, person])
    if problem.line is not None:
        used = np.zeros((problem.lines, problem.people), dtype=bool)
        used[problem.line[own], person] = True
        may &= np.diff(person, prepend=-1) > 0
        may &= ~used[problem.line[option], person]
    return Span(planned, own, person, option, may | (option == own))


def lottery_of(span: Span, is_open: Bools, *, share: float) -> Lottery:
    """How many decisions are drawn so that `share` of the touches that remain were, and what each may get of the open options."""
    may = span.open_to(is_open)
    count = may.sum(axis=0)
    several, touches = int((count > 1).sum()), len(span.planned)
    wide = math.ceil(share * several - 1e-9)
    short = max(share * touches - wide, 0.0)
    lone = min(2 * math.ceil(short / (1.0 + share) - 1e-9), touches - several)
    return Lottery(span, may, count, lone, wide)


def closed_down(listed: Listed, span: Span, is_open: Bools, *, share: float) -> tuple[Floats, Floats, Bools]:
    """What the draws of a plan may use of every limit, one standard deviation of it, and which options may be drawn.

    Scarce options are closed, worst first, until draws use little of every limit.
    """
    problem = listed.problem
    allowed = min(2.0 * share, 1.0) * problem.limits
    while True:
        lottery = lottery_of(span, is_open, share=share)
        pairs = _pairs(problem, lottery)
        most = np.maximum(_reserve(problem, lottery, pairs)[0], lottery.wide * _expected(problem, pairs))
        over = np.flatnonzero(most > allowed + SLACK)
        closing = np.zeros(problem.options, dtype=bool)
        if len(over):
            worst = int(over[np.argmax(most[over] / np.maximum(problem.limits[over], SLACK))])
            closing = is_open & _scarce(listed, pairs.sum(axis=0) * is_open, worst)
        if not closing.any():
            return *_reserve(problem, lottery, pairs, _varies(problem, lottery)), is_open
        is_open = is_open & ~closing


def _scarce(listed: Listed, weight: Floats, limit: int) -> Bools:
    """The options that use one limit; of the common budget those of the channel that would spend most."""
    resource, use = next(kind for kind in listed.problem.kinds if (kind[0] == limit).any())
    most = use.max(axis=1)
    mine = np.asarray((resource == limit) & (most > 0), dtype=bool)
    if listed.names[limit][0] != "budget":
        return mine
    spend = np.bincount(listed.channel, weights=weight * most * mine)
    return np.asarray(mine & (listed.channel == int(np.argmax(spend))), dtype=bool)


def _pairs(problem: Problem, lottery: Lottery) -> Floats:
    """(own option, option): of the decisions with several options, the share that has the first and, drawn, gets the second."""
    several = lottery.count > 1
    live = lottery.may & several
    _, touch = np.nonzero(live)
    pair = lottery.span.own[touch] * problem.options + lottery.span.option[live]
    weight = np.bincount(pair, weights=1.0 / lottery.count[touch], minlength=problem.options**2)
    return np.asarray(weight.reshape(problem.options, problem.options) / max(int(several.sum()), 1), dtype=np.float64)


def _expected(problem: Problem, pairs: Floats) -> Floats:
    """What one draw uses of every limit on average, where an option uses more for some people than for others at most."""
    total = np.zeros(len(problem.limits) + 1)
    for resource, use in problem.kinds:
        total += np.bincount(resource, weights=pairs.sum(axis=0) * use.max(axis=1), minlength=len(total))
    return total[:-1]


def _reserve(problem: Problem, lottery: Lottery, pairs: Floats, varies: Floats | None = None) -> tuple[Floats, Floats]:
    """How far draws may raise the use of every limit above the plan's: mean and SIGMAS deviations, at most the worst case; and one
    deviation.

    Negative where draws surely free some. The variance is that of a simple random sample, bounded by sampling with replacement, or
    `varies` (of each limit, seen in trials) and the square of one greatest step where that is less. Where an option uses more of a
    limit for some people than for others, draws are taken to use the most and to free the least.
    """
    size = len(problem.limits) + 1
    mean, square, most, freed, freed_square = np.zeros((5, size))
    own, other = np.nonzero(pairs)
    weight = pairs[own, other]
    alone = np.bincount(lottery.span.own[lottery.count == 1], minlength=problem.options).astype(np.float64)
    for resource, use in problem.kinds:
        high, low = use.max(axis=1, initial=0.0).astype(np.float64), use.min(axis=1, initial=np.inf).astype(np.float64)
        is_same = resource[own] == resource[other]
        gain = np.where(own == other, 0.0, high[other] - np.where(is_same, low[own], 0.0))
        loss = np.where(is_same, 0.0, low[own])
        mean += np.bincount(resource[other], weights=gain * weight, minlength=size)
        mean -= np.bincount(resource[own], weights=loss * weight, minlength=size)
        square += np.bincount(resource[other], weights=gain**2 * weight, minlength=size)
        square += np.bincount(resource[own], weights=loss**2 * weight, minlength=size)
        np.maximum.at(most, resource[other], gain)
        freed += np.bincount(resource, weights=low * alone, minlength=size)
        freed_square += np.bincount(resource, weights=low**2 * alone, minlength=size)
    gone, people = lottery.lone // 2, max(float(alone.sum()), 1.0)
    variance = lottery.wide * np.maximum(square - mean**2, 0.0)
    variance += gone * (1.0 - gone / people) * np.maximum(freed_square - freed**2 / people, 0.0) / max(people - 1.0, 1.0)
    if varies is not None:
        variance = np.minimum(variance, np.append(varies, 0.0) + most**2)
    likely = lottery.wide * mean - gone * freed / people + SIGMAS * np.sqrt(variance)
    return np.minimum(likely, lottery.wide * most)[:-1], np.sqrt(variance)[:-1]


def _varies(problem: Problem, lottery: Lottery) -> Floats:
    """The variance of what draws add to the use of every limit, from trials that have nothing to do with the draw to come."""
    generator = np.random.default_rng(0x7121A15)
    added = []
    for _ in range(TRIALS):
        spots, outcome = draw(problem, lottery, generator)
        added.append(problem.usage(outcome[outcome != NONE]) - problem.usage(lottery.span.planned[spots]))
    return np.asarray(np.var(added, axis=0, ddof=1), dtype=np.float64)


def draw(problem: Problem, lottery: Lottery, generator: np.random.Generator) -> tuple[Ints, Ints]:
    """Positions of the decisions drawn and the row each got, -1 = no contact.

    Everybody of a group has the same probability to be drawn, and every option of a drawn decision the same; decisions alike are
    drawn evenly spread and dealt their options in turn from a random start, so that what a draw uses hardly varies.
    """
    span, several = lottery.span, lottery.count > 1
    wide = _evenly(span.own, np.flatnonzero(several), lottery.wide, generator)
    lone = _evenly(span.own, np.flatnonzero(~several), lottery.lone, generator)
    wide = wide[np.lexsort((*np.packbits(lottery.may[:, wide], axis=0), problem.slot[span.own[wide]]))]
    luck = (generator.random() + np.arange(len(wide)) * _GOLDEN) % 1.0
    turn = np.minimum((luck * lottery.count[wide]).astype(np.int64), lottery.count[wide] - 1)
    position = (np.cumsum(lottery.may[:, wide], axis=0) > turn).argmax(axis=0)
    picked = span.option[position, wide] * problem.people + span.person[wide]
    is_gone = (np.arange(len(lone)) + int(generator.integers(0, 2))) % 2 == 0
    return np.concatenate([wide, lone]), np.concatenate([picked, np.where(is_gone, NONE, span.planned[lone])])


def _evenly(own: Ints, spots: Ints, number: int, generator: np.random.Generator) -> Ints:
    """`number` of the spots, each with the same probability, spread evenly over the options of the plan."""
    if not number:
        return spots[:0]
    mixed = generator.permutation(spots)
    mixed = mixed[np.argsort(own[mixed].astype(np.int16), kind="stable")]
    places = (np.arange(number) + generator.random()) * (len(spots) / number)
    return np.asarray(mixed[np.minimum(places.astype(np.int64), len(spots) - 1)], dtype=np.int64)


def chances(problem: Problem, lottery: Lottery) -> tuple[Ints, Floats]:
    """Every row the lottery may choose and its probability."""
    span, several = lottery.span, lottery.count > 1
    wide = lottery.wide / max(int(several.sum()), 1)
    lone = lottery.lone / max(int((~several).sum()), 1)
    place, touch = np.nonzero(lottery.may)
    option = span.option[place, touch]
    chance = np.where(several, wide / lottery.count, lone / 2.0)[touch]
    chance += np.where(option == span.own[touch], np.where(several, 1.0 - wide, 1.0 - lone)[touch], 0.0)
    return option * problem.people + span.person[touch], chance
