"""One realised day: touches arrive, people look, click, buy, leave; everything is noted in the event log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liftwright.world import reaction
from liftwright.world.catalogue import by_category
from liftwright.world.draws import normal, uniform
from liftwright.world.events import DAY_US, EventLog
from liftwright.world.parameters import Parameters
from liftwright.world.people import People
from liftwright.world.reaction import State, Touches

HOUR_US = 3_600_000_000
_MINUTE_US = 60_000_000
_NOTHING = np.zeros(0, dtype=np.int64)
NO_TOUCHES = Touches(_NOTHING, _NOTHING, np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class Sends:
    """Touches of a day with what the event log needs: send ids ("" in the history) and times in microseconds."""

    touches: Touches
    ids: np.ndarray
    at: np.ndarray


NO_SENDS = Sends(NO_TOUCHES, np.zeros(0, dtype=object), _NOTHING)


@dataclass(frozen=True)
class Orders:
    """Who bought on one day (numbers), whether a touch caused it, what was paid and earned (major units)."""

    person: np.ndarray
    caused: np.ndarray
    amount: np.ndarray
    margin: np.ndarray


def orders(state: State, people: People, day: int, *, seed: int, parameters: Parameters) -> Orders:
    """Realised orders of one day, drawn with the common random numbers of that day."""
    p, chance = parameters, reaction.today(state, people, day, parameters)
    luck = uniform(seed, "purchase", day, people.count)
    who = np.flatnonzero(luck < chance.total)
    basket = np.exp(p.basket_spread * normal(seed, "basket", day, people.count)[who] - p.basket_spread**2 / 2)
    uses = uniform(seed, "redeem", day, people.count)[who] < p.redeemed
    discount = chance.discount[who] * uses
    gross = people.value[who] * basket
    return Orders(who, luck[who] >= chance.own[who], gross * (1 - discount), gross * (p.margin_rate - discount))


def realised_margin(
    state: State, people: People, by_day: dict[int, Touches], *, first: int, last: int, seed: int, parameters: Parameters
) -> float:
    """Total margin of one realised life from day `first` to `last` under these touches; `state` is kept."""
    life, total = state.copy(), 0.0
    for day in range(first, last + 1):
        if day in by_day:
            reaction.touch(life, people, by_day[day], parameters, chances=uniform(seed, "opt_out", day, people.count))
        total += float(orders(life, people, day, seed=seed, parameters=parameters).margin.sum())
        reaction.overnight(life, parameters)
    return total


def live(
    state: State, people: People, day: int, sends: Sends, *, seed: int, parameters: Parameters, log: EventLog
) -> tuple[np.ndarray, np.ndarray]:
    """Live one day, in place. Returns (person, channel) numbers of those who opted out."""
    moment = _moments(people, day, seed)
    touched_at = np.full(people.count, -1, dtype=np.int64)
    left = np.zeros(0, dtype=bool)
    if len(sends.ids):
        chances = uniform(seed, "opt_out", day, people.count)
        arrived, leaving = reaction.touch(state, people, sends.touches, parameters, chances=chances)
        left = leaving > 0
        _note_messages(people, day, sends, arrived > 0, left, seed=seed, parameters=parameters, log=log)
        got = arrived > 0
        touched_at[sends.touches.person[got]] = sends.at[got]
    _note_visits(people, day, moment, seed=seed, parameters=parameters, log=log)
    _note_orders(state, people, day, moment, touched_at, seed=seed, parameters=parameters, log=log)
    reaction.overnight(state, parameters)
    return sends.touches.person[left], sends.touches.channel[left]


def _moments(people: People, day: int, seed: int) -> np.ndarray:
    """When each person would act on that day, in microseconds since 1970, around the own preferred local hour."""
    local = people.hour + 2.0 * normal(seed, "moment", day, people.count)
    hour = np.mod(local - people.offset_hours(day), 24.0)
    moments: np.ndarray = day * DAY_US + (hour * HOUR_US).astype(np.int64)
    return moments


def _note_messages(
    people: People,
    day: int,
    sends: Sends,
    arrived: np.ndarray,
    left: np.ndarray,
    *,
    seed: int,
    parameters: Parameters,
    log: EventLog,
) -> None:
    touches, channels = sends.touches, tuple(parameters.channels)
    who, channel = touches.person, touches.channel
    end = (day + 1) * DAY_US - 1
    wait = (uniform(seed, "wait", day, people.count)[who] * 90 * _MINUTE_US).astype(np.int64)
    seen_at = np.minimum(sends.at + 2 * _MINUTE_US + wait, end)
    fit = reaction.hour_fit(people, touches, parameters)
    log.add("delivered", who[arrived], sends.at[arrived], channel=channel[arrived], send=sends.ids[arrived])
    is_mail = channel == channels.index("email") if "email" in channels else np.zeros(len(who), dtype=bool)
    looked = uniform(seed, "open", day, people.count)[who] < people.opens[who] * fit
    machine = arrived & is_mail & people.machine[who]
    opened = arrived & is_mail & looked & ~people.machine[who]
    soon = np.minimum(sends.at + _MINUTE_US, end)
    log.add("email_open", who[machine], soon[machine], channel=channel[machine], send=sends.ids[machine])
    log.add("email_open", who[opened], seen_at[opened], channel=channel[opened], send=sends.ids[opened])
    has_link = np.array([traits.starts_after == 0 and name != "voice" for name, traits in parameters.channels.items()])[channel]
    clicked = arrived & has_link & (uniform(seed, "click", day, people.count)[who] < people.clicks[who] * fit)
    later = np.minimum(seen_at + _MINUTE_US, end)
    log.add("click", who[clicked], later[clicked], channel=channel[clicked], send=sends.ids[clicked])
    log.add("visit", who[clicked], later[clicked], channel=channel[clicked])
    log.add("opt_out", who[left], later[left], channel=channel[left], send=sends.ids[left])
    angry = left & (uniform(seed, "complaint", day, people.count)[who] < parameters.complaint_share)
    log.add("complaint", who[angry], later[angry], channel=channel[angry], send=sends.ids[angry])


def _note_visits(people: People, day: int, moment: np.ndarray, *, seed: int, parameters: Parameters, log: EventLog) -> None:
    before = np.where(day < people.lapsed, 8.0, 1.0)
    is_here = people.created <= day
    rate = people.visits * before * is_here * reaction.season(day, parameters)
    who = np.flatnonzero(uniform(seed, "visit", day, people.count) < rate)
    log.add("visit", who, moment[who])
    calls = np.flatnonzero(uniform(seed, "support", day, people.count) < people.support * is_here)
    log.add("support", calls, moment[calls])


def _note_orders(
    state: State,
    people: People,
    day: int,
    moment: np.ndarray,
    touched_at: np.ndarray,
    *,
    seed: int,
    parameters: Parameters,
    log: EventLog,
) -> None:
    bought = orders(state, people, day, seed=seed, parameters=parameters)
    who = bought.person
    after_message = np.where(bought.caused & (touched_at[who] >= 0), touched_at[who] + 20 * _MINUTE_US, 0)
    at = np.minimum(np.maximum(moment[who], after_message), (day + 1) * DAY_US - 1)
    luck = uniform(seed, "product", day, people.count)[who]
    product = np.zeros(len(who), dtype=np.int64)
    for number, places in enumerate(by_category()):
        mine = people.category[who] == number
        product[mine] = places[(luck[mine] * len(places)).astype(np.int64)]
    log.add("purchase", who, at, amount=bought.amount, margin=bought.margin, product=product)
    came = uniform(seed, "browse", day, people.count)[who] < parameters.visit_before_order
    log.add("visit", who[came], np.maximum(at[came] - 5 * _MINUTE_US, day * DAY_US))
