"""Who gets what, where and when: candidates from effects, the certified assignment, the compared population, the forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.allowed import contacts_in_all, named_line
from liftwright.agents.bench import arms, asked, compared, timing
from liftwright.agents.bench.audience import allowed_channels, flight_waves
from liftwright.agents.bench.data import Data
from liftwright.agents.bench.scores import Effects, Scores
from liftwright.agents.bench.values import Eligible
from liftwright.audience import identity
from liftwright.domain.experiment import Experiment
from liftwright.domain.goal import Objective
from liftwright.domain.policy import Finding
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Variant
from liftwright.planning import pacing, postage, treatments, waves
from liftwright.planning.assignment import checking
from liftwright.planning.assignment import solving as assignment

Mask = npt.NDArray[np.bool_]
FATIGUE_PRICE = {
    "email": 0.03,
    "push": 0.03,
    "web": 0.0,
    "display": 0.0,
    "paid_social": 0.0,
    "sms": 0.12,
    "voice": 0.24,
    "direct_mail": 0.06,
}
"""Expected later loss per contact by channel, major units, before recent contacts raise it: opt-outs, and tired answers to what comes next.

Intrusive channels cost more. The level was set on two simulated markets and checked on two others: with a third of it, contacts
that hardly pay crowd out the rest of a person's patience; with more, paying ones are dropped.
"""
DIMINISHING = 0.6
"""What a person's touch in a later wave is worth relative to the wave before: people tire, and whom a first touch moved has moved.

Set on the same markets, where about this makes the predicted value of three waves in two weeks agree with the true one.
"""
LIKELY_Z = 0.6
"""How far above zero an effect must be, in standard errors, where people are ranked: one-sided 73 %. The best of many unsure options looks
better than it is (Smith & Winkler 2006). Set on three simulated markets, where none and 1.0 earned 1.2 % less (ADR 18)."""
SURE_Z = 1.2816
"""One-sided 90 %: how sure an effect must be when the goal asks to leave out people it does not move."""


@dataclass(frozen=True)
class Solved:
    """A solved flight: the solution (chosen rows, all options the solver saw, what was drawn), limits, and the people table with arms.

    `letters`: what a letter is worth to each person (`postage.table`), people of both arms; None where no letter competes. `late`:
    channels whose lead time is too long for every wave. `findings`: what stands in the way of an arm on request.
    """

    solution: assignment.Solution
    limits: dict[str, Any]
    people: pa.Table
    violations: tuple[str, ...]
    selected: int
    letters: pa.Table | None = None
    late: tuple[Channel, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Field:
    """What competes for whom: people (places among `data.ids`), actions that can be sent, their effects (people, actions) and whether these
    are sure enough to compete, who may be contacted by channel, waves and economics; `late` channels could be landed in no wave and
    compete for nobody. What the lot gives an arm on request need not be likely to help."""

    where: npt.NDArray[np.int64]
    actions: list[str]
    effects: npt.NDArray[np.float64]
    likely: Mask
    allowed: dict[str, Mask]
    waves: tuple[waves.Wave, ...]
    economics: treatments.Economics
    late: tuple[Channel, ...]


def solve(
    data: Data,
    scores: Scores,
    objective: Objective,
    found: Eligible,
    experiment: Experiment,
    variants: Sequence[Variant],
    *,
    channels: Sequence[str],
    offers: Sequence[str],
    touches: int,
) -> Solved:
    """Solve for the treated arm; the same prices say who in the holdout would have been chosen."""
    most = contacts_in_all(objective)
    touches = touches if most is None else min(touches, most)
    drawn = arms.drawn(data, scores, found.digest, experiment)
    ids, where, flight = drawn.ids, drawn.where, flight_waves(data, objective, touches=touches)
    field = field_of(
        data, scores, objective, where, variants, channels=channels, offers=offers, flight=flight, sure=found.needs_effect
    )
    field = replace(field, allowed=arms.touchable(data, where, field.allowed, experiment))
    table, letters = candidates_of(data, field, variants)
    treated = table.filter(pc.is_in(table["customer_id"], pa.array(ids[drawn.of("treated")], pa.string())))
    limits = _limits(data, objective, touches=touches)
    beside = _asked(data, field, variants, drawn, experiment, limits)
    share = data.deps.settings.limits.randomised_share
    solution = beside.joined(assignment.solve(treated, beside.left_of(limits), seed=data.seed, randomised_share=share))
    solution = replace(solution, rows=spread(data, solution.rows, flight))
    violations = tuple(checking.check(solution.rows, solution.candidates, limits, draws=solution.draws))
    would = assignment.would_get(table, solution.prices, limits)
    chosen = set(solution.rows["customer_id"].to_pylist())
    people = compared.people(data, scores, drawn, would=would, candidates=table)
    return Solved(solution, limits, people, violations, len(chosen), letters, field.late, beside.findings)


def _asked(
    data: Data,
    field: Field,
    variants: Sequence[Variant],
    drawn: arms.Drawn,
    experiment: Experiment,
    limits: Mapping[str, Any],
) -> asked.Asked:
    """What the people of the arms on request get: one touch at most, in the first wave, paying or not."""
    allowed = {
        channel: may & np.isin(drawn.arm, [each.arm for each in experiment.arms]) for channel, may in field.allowed.items()
    }
    options = _touches(data, replace(field, waves=field.waves[:1]), variants, allowed=allowed, only_paying=False)
    return asked.touches(data, options, drawn, experiment, offered=field.actions, limits=limits)


def spread(data: Data, rows: pa.Table, flight: Sequence[waves.Wave]) -> pa.Table:
    """Days of sending within each wave, so that no channel carries more on a day than it can; the best touches go first."""
    per_day: dict[str, int | None] = {channel: found.capacity_per_day for channel, found in data.deps.settings.channels.items()}
    return pacing.spread(rows, waves=flight, capacity_per_day=per_day)


def field_of(
    data: Data,
    scores: Scores,
    objective: Objective,
    where: npt.NDArray[np.int64],
    variants: Sequence[Variant],
    *,
    channels: Sequence[str],
    offers: Sequence[str],
    flight: Sequence[waves.Wave],
    sure: bool = False,
) -> Field:
    """What competes for the people at `where` in the waves of a flight. sure: the goal asks to leave out people whom it does not move."""
    economics = economics_of(data, scores, objective, where)
    named = [channel for channel in allowed_channels(data, objective) if channel in channels]
    may = [c for c in named if not flight or treatments.open_waves(flight, lead_days=economics.lead_days.get(c, 0))]
    worded = _shares(variants)
    columns = [i for i, a in enumerate(data.actions) if a in worded and _is_open(a, may, offers, objective, data)]
    place = np.ix_(where, np.array(columns, dtype=np.int64))
    effects = scores.effects.values[place]
    likely = is_likely(effects, scores.effects.errors[place], least=least_z(scores.effects, sure=sure))
    return Field(
        where=where,
        actions=[data.actions[i] for i in columns],
        effects=np.where(likely, effects, -np.inf) if sure else effects,
        likely=likely,
        allowed={channel: data.allowed[channel][where] for channel in may},
        waves=tuple(flight),
        economics=economics,
        late=tuple(channel for channel in named if channel not in may),
    )


def least_z(effects: Effects, *, sure: bool) -> float:
    """How many standard errors above zero an effect must be to compete; 0 where any may that pays."""
    if sure:
        return SURE_Z
    return LIKELY_Z if effects.ranked_by else 0.0


def is_likely(effects: npt.NDArray[np.float64], errors: npt.NDArray[np.float64], *, least: float) -> Mask:
    """Which effects are `least` standard errors above zero; all where `least` is 0."""
    return np.asarray(effects > least * errors) if least > 0.0 else np.ones(effects.shape, dtype=bool)


def candidates_of(data: Data, field: Field, variants: Sequence[Variant]) -> tuple[pa.Table, pa.Table | None]:
    """Every touch worth considering, one letter per household, and what a letter is worth to each person."""
    ids, allowed = [str(customer) for customer in data.ids[field.where]], dict(field.allowed)
    letters = postage.weigh(
        effects=field.effects, likely=field.likely, actions=field.actions, allowed=allowed, economics=field.economics
    )
    weighed = None
    if letters is not None:
        people = data.people.take(pa.array(field.where))
        allowed[postage.LETTER] = identity.one_per_household(people, allowed[postage.LETTER], worth=letters.rank)
        weighed = postage.table(ids, letters, allowed[postage.LETTER])
    return _touches(data, field, variants, allowed=allowed), weighed


def _touches(
    data: Data, field: Field, variants: Sequence[Variant], *, allowed: Mapping[str, Mask], only_paying: bool = True
) -> pa.Table:
    return treatments.candidates(
        customer_ids=[str(customer) for customer in data.ids[field.where]],
        effects=np.where(field.likely, field.effects, -np.inf) if only_paying else field.effects,
        actions=field.actions,
        allowed=allowed,
        waves=field.waves,
        economics=field.economics,
        variants=_shares(variants),
        hours=timing.local_hours(data, field.where, channels=list(allowed), waves=field.waves),
        seed=data.seed,
        only_paying=only_paying,
    )


def _is_open(action: str, channels: Sequence[str], offers: Sequence[str], objective: Objective, data: Data) -> bool:
    channel, offer = treatments.action_parts(action)
    if channel not in channels or offer not in offers:
        return False
    line = named_line(objective.product, [o.name for o in data.offers if o.discount == 0])
    if line is not None and offer != line:
        return False
    discount = next((o.discount for o in data.offers if o.name == offer), 0.0)
    limit = objective.constraint("max_discount")
    most = min(
        data.deps.settings.limits.max_discount, float(limit.value) if limit and isinstance(limit.value, int | float) else 1.0
    )
    return discount <= most and not (objective.constraint("no_discount") and discount > 0)


def economics_of(data: Data, scores: Scores, objective: Objective, where: npt.NDArray[np.int64]) -> treatments.Economics:
    """What contacts cost and orders earn for the people at `where`."""
    settings = data.deps.settings
    floor = objective.constraint("margin_floor")
    asked = float(floor.value) if floor and isinstance(floor.value, int | float) else 0.0
    return treatments.Economics(
        unit_cost={channel: settings.unit_cost(channel) for channel in data.channels},
        buy_chance=scores.buy_chance[where],
        order_revenue=scores.order_revenue[where],
        margin_rate=np.full(len(where), settings.margin.rate),
        recent_contacts=data.feature("contacts_30")[where],
        discounts={offer.name: offer.discount for offer in data.offers},
        redeemed=scores.redeemed,
        stocked=frozenset(offer.name for offer in data.offers if offer.stock is not None),
        lead_days={channel: settings.channels[channel].lead_days for channel in data.channels},
        fatigue_price=FATIGUE_PRICE,
        diminishing=DIMINISHING,
        margin_floor=max(asked, settings.margin.floor) or None,
    )


def _shares(variants: Sequence[Variant]) -> dict[str, dict[str, float]]:
    shares: dict[str, dict[str, float]] = {}
    for variant in variants:
        shares.setdefault(f"{variant.channel}:{variant.offer}", {})[variant.variant_id] = 1.0
    return shares


def _limits(data: Data, objective: Objective, *, touches: int) -> dict[str, Any]:
    settings = data.deps.settings
    days = min((wave.days for wave in flight_waves(data, objective, touches=touches)), default=1)
    capacity = {
        channel: int(found.capacity_per_day * days)
        for channel, found in settings.channels.items()
        if found.capacity_per_day is not None and channel in data.channels
    }
    budgets = {
        str(constraint.value[0]): float(constraint.value[1])
        for constraint in objective.constraints
        if constraint.kind == "channel_budget" and isinstance(constraint.value, tuple) and len(constraint.value) == 2
    }
    return {
        "budget": float(objective.budget.amount) if objective.budget is not None else None,
        "channel_capacity": capacity,
        "channel_budget": budgets,
        "offer_stock": {offer.name: offer.stock for offer in data.offers if offer.stock is not None},
        "per_person_cap": touches,
        "one_per_channel": False,
        "channel_min_run": {
            channel: found.least_run
            for channel, found in settings.channels.items()
            if found.least_run and channel in data.channels
        },
        "randomised_share_min": settings.limits.randomised_share,
    }
