"""The one true reaction of people to touches. The daily step, the truth and the oracle all run through here.

With `chances` the state is one realised life (opt-outs happen or not); without, it is the expected life: `reach` and
`goodwill` then hold probabilities, and every figure is free of noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from liftwright.world.parameters import Parameters
from liftwright.world.people import People


@dataclass(frozen=True)
class Touches:
    """Messages of one day, one entry each: person and channel numbers, discount (share), local hour of sending."""

    person: np.ndarray
    channel: np.ndarray
    discount: np.ndarray
    hour: np.ndarray

    def take(self, rows: np.ndarray) -> Touches:
        """The touches at these places (or where a mask is true)."""
        return Touches(self.person[rows], self.channel[rows], self.discount[rows], self.hour[rows])


@dataclass
class State:
    """Where everybody stands in the morning. `pull` (people, days) extra orders per day still to come from past touches;
    `reach` (people, channels) whether, or how probably, a message still arrives; `coupon` the discount at hand."""

    pull: np.ndarray
    fatigue: np.ndarray
    reach: np.ndarray
    goodwill: np.ndarray
    coupon: np.ndarray
    coupon_days: np.ndarray

    def copy(self) -> State:
        """An independent copy."""
        return State(**{name: getattr(self, name).copy() for name in self.__dataclass_fields__})


def fresh(people: People, parameters: Parameters) -> State:
    """Nobody touched yet; a channel reaches those whose address works."""
    n = people.count
    return State(
        pull=np.zeros((n, parameters.delay_days)),
        fatigue=np.zeros(n),
        reach=people.works.astype(np.float64),
        goodwill=np.ones(n),
        coupon=np.zeros(n),
        coupon_days=np.zeros(n, dtype=np.int64),
    )


def season(day: int, parameters: Parameters) -> float:
    """Factor on everything people buy and on how they answer: weekend, summer, the weeks before Christmas."""
    on = date(1970, 1, 1) + timedelta(days=day)
    factor = parameters.weekend_lift if on.weekday() >= 5 else 1.0
    if (on.month, on.day) >= (11, 20) and (on.month, on.day) <= (12, 23):
        factor *= parameters.december_lift
    elif on.month in (7, 8):
        factor *= parameters.summer_dip
    return factor


def kernels(parameters: Parameters) -> np.ndarray:
    """Share of a touch's effect on each following day, shape (channels, delay_days); each row sums to 1."""
    rows = []
    for traits in parameters.channels.values():
        row = traits.decay ** np.arange(parameters.delay_days)
        row = np.where(np.arange(parameters.delay_days) < traits.starts_after, 0.0, row)
        rows.append(row / row.sum())
    return np.array(rows)


def hour_fit(people: People, touches: Touches, parameters: Parameters) -> np.ndarray:
    """From `hour_floor` (far from the person's own hour) to 1 (at it)."""
    gap = np.abs(touches.hour - people.hour[touches.person])
    gap = np.minimum(gap, 24 - gap)
    fit: np.ndarray = parameters.hour_floor + (1 - parameters.hour_floor) * np.exp(-0.5 * (gap / parameters.hour_width) ** 2)
    return fit


def effects(people: People, touches: Touches, fatigue: np.ndarray, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
    """(extra orders, chance of an opt-out) of each touch for people as tired as `fatigue` (one entry per touch)."""
    p, who = parameters, touches.person
    strength = np.array([traits.strength for traits in p.channels.values()])[touches.channel]
    intrusion = np.array([traits.intrusion for traits in p.channels.values()])[touches.channel]
    pull = 2 * touches.discount / (touches.discount + p.pull_half)
    gain = (people.persuasion[who] + people.need[who] * pull) * strength * people.affinity[who, touches.channel]
    gain = gain * hour_fit(people, touches, p) * np.exp(-fatigue / p.patience)
    loss = people.irritation[who] * intrusion * (1 + p.wear * fatigue)
    return gain - loss, np.clip(p.opt_out_rate * loss, 0, 0.5)


def touch(
    state: State, people: People, touches: Touches, parameters: Parameters, *, chances: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Let touches of one day work on `state`, in place. Returns (arrived, opted_out), one entry per touch.

    `chances` (people,) uniform numbers decide opt-outs; without them both results are probabilities.
    """
    arrived = np.zeros(len(touches.person))
    left = np.zeros(len(touches.person))
    for rows in _one_each(touches.person):
        part = touches.take(rows)
        arrived[rows], left[rows] = _touch_once(state, people, part, parameters, chances)
    return arrived, left


def _one_each(person: np.ndarray) -> list[np.ndarray]:
    """Places of touches in rounds, so that nobody is in a round twice."""
    rounds, rest = [], np.arange(len(person))
    while len(rest):
        _, first = np.unique(person[rest], return_index=True)
        first = np.sort(first)
        rounds.append(rest[first])
        rest = np.delete(rest, first)
    return rounds


def _touch_once(
    state: State, people: People, touches: Touches, p: Parameters, chances: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    who, channel = touches.person, touches.channel
    reach = state.reach[who, channel]
    extra, leaving = effects(people, touches, state.fatigue[who], p)
    state.pull[who] += (extra * reach)[:, None] * kernels(p)[channel]
    intrusion = np.array([traits.intrusion for traits in p.channels.values()])[channel]
    state.fatigue[who] += intrusion * reach
    given = touches.discount * reach
    better = given > state.coupon[who]
    state.coupon[who[better]] = given[better]
    renewed = (given > 0) & (given >= state.coupon[who])
    state.coupon_days[who[renewed]] = p.coupon_days
    left = leaving * reach if chances is None else ((chances[who] < leaving) & (reach > 0)).astype(np.float64)
    state.reach[who, channel] = np.maximum(reach - left, 0.0) if chances is None else reach * (1 - left)
    state.goodwill[who] *= 1 - p.goodwill_loss * left
    return reach, left


@dataclass(frozen=True)
class Today:
    """Chance of an order today for each person: `own` would come anyway, `total` includes what touches add or take away."""

    own: np.ndarray
    total: np.ndarray
    discount: np.ndarray

    def margin(self, people: People, parameters: Parameters) -> np.ndarray:
        """Expected margin of each person today, after the discount given, major units."""
        expected: np.ndarray = self.total * people.value * (parameters.margin_rate - self.discount * parameters.redeemed)
        return expected


def today(state: State, people: People, day: int, parameters: Parameters) -> Today:
    """Order chances of one day. Irritation never takes more than `1 - order_floor` of the base rate."""
    factor = season(day, parameters)
    base = people.base_on(day)
    own = base * state.goodwill
    total = np.maximum(own + state.pull[:, 0] * (people.created <= day), parameters.order_floor * base)
    return Today(
        own=np.minimum(own * factor, 0.5),
        total=np.minimum(total * factor, 0.5),
        discount=np.where(state.coupon_days > 0, state.coupon, 0.0),
    )


def overnight(state: State, parameters: Parameters) -> None:
    """Let a night pass, in place: the response moves on a day, fatigue and coupons run down."""
    state.pull[:, :-1] = state.pull[:, 1:]
    state.pull[:, -1] = 0.0
    state.fatigue *= parameters.fatigue_kept
    state.coupon_days = np.maximum(state.coupon_days - 1, 0)
    state.coupon = np.where(state.coupon_days > 0, state.coupon, 0.0)


def expected_margin(
    state: State, people: People, by_day: dict[int, Touches], *, first: int, last: int, parameters: Parameters
) -> tuple[np.ndarray, np.ndarray]:
    """(margin, opt-outs) expected of each person from day `first` to `last`, both included, under these touches. `state` is kept."""
    life = state.copy()
    margin, leaving = np.zeros(people.count), np.zeros(people.count)
    for day in range(first, last + 1):
        if day in by_day:
            _, left = touch(life, people, by_day[day], parameters)
            np.add.at(leaving, by_day[day].person, left)
        margin += today(life, people, day, parameters).margin(people, parameters)
        overnight(life, parameters)
    return margin, leaving
