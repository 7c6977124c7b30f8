"""The oracle: a near-best plan by somebody who knows every true effect. It is a yardstick, never part of the product.

Waves are visited in turn. In each, every option (channel x offer, at the person's own best hour) is priced for every person as the
exact change of the whole flight's expected margin given what was chosen before, less contact cost, plus a price for contacting twice
over later waves; capacity, stock and budget are shared out by prices found by subgradient. A second visit drops what later
choices made worthless. Greedy in the waves, so a lower bound of the true optimum; exact per person within a wave.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from liftwright.world import reaction
from liftwright.world.market import Market
from liftwright.world.people import day_number
from liftwright.world.policies import Book, Flight, Options, options
from liftwright.world.reaction import State, Touches

_ROUNDS = 60


def oracle(market: Market, flight: Flight) -> pa.Table:
    """The oracle's actions for a flight, in the columns of the action file."""
    book = Book(market=market, flight=flight, choices=options(market.parameters, max_discount=flight.max_discount))
    state = market.state_on(flight.starts_on)
    everyone = np.arange(market.people.count)
    days = flight.days
    for turn, day in enumerate(days):
        value = _values(market, state, book, day_number(day), flight)
        value[~book.allowed(day)] = -np.inf
        budget = None if flight.budget is None else flight.budget * (turn + 1) / len(days) - book.spent
        best, gain = _choose(value, book, budget=budget)
        order = np.argsort(-gain, kind="stable")
        who = everyone[order][gain[order] > 0]
        book.send(day, who, best[who], hour=market.people.hour[who])
    _drop_worthless(market, state, book, flight)
    return book.actions()


def _values(market: Market, state: State, book: Book, day: int, flight: Flight) -> np.ndarray:
    """(people, options) expected change of the margin of everything from `day` on, less contact cost."""
    people, p = market.people, market.parameters
    by_day = _touches(market, book)
    first = day_number(flight.starts_on)
    last = day_number(flight.ends_on) + p.delay_days
    now = _morning(state, market, by_day, first=first, day=day)
    later = {number: touches for number, touches in by_day.items() if number >= day}
    alone, _ = reaction.expected_margin(now, people, later, first=day, last=last, parameters=p)
    value = np.empty((people.count, len(book.choices.cost)))
    for number in range(value.shape[1]):
        added = _everyone(market, book.choices, number)
        both = {**later, day: _both(later[day], added) if day in later else added}
        margin, _ = reaction.expected_margin(now, people, both, first=day, last=last, parameters=p)
        value[:, number] = margin - alone - book.choices.cost[number]
    return value


def _morning(state: State, market: Market, by_day: dict[int, Touches], *, first: int, day: int) -> State:
    now = state.copy()
    for number in range(first, day):
        if number in by_day:
            reaction.touch(now, market.people, by_day[number], market.parameters)
        reaction.overnight(now, market.parameters)
    return now


def _everyone(market: Market, choices: Options, number: int) -> Touches:
    count = market.people.count
    return Touches(
        np.arange(count), np.full(count, choices.channel[number]), np.full(count, choices.discount[number]), market.people.hour
    )


def _both(a: Touches, b: Touches) -> Touches:
    return Touches(*(np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("person", "channel", "discount", "hour")))


def _touches(market: Market, book: Book) -> dict[int, Touches]:
    choices, by_day = book.choices, {}
    for day, who, option, hour in book.rows:
        by_day[day] = Touches(who, choices.channel[option], choices.discount[option], hour)
    return by_day


def _choose(value: np.ndarray, book: Book, *, budget: float | None) -> tuple[np.ndarray, np.ndarray]:
    """(best option, its value at the prices) of each person; prices clear capacity, stock and budget."""
    limits = list(book.limits().values())
    if budget is not None:
        limits.append((book.choices.cost, max(budget, 1e-9)))
    uses, left = np.array([use for use, _ in limits]), np.array([amount for _, amount in limits])
    prices = np.zeros(len(limits))
    scale = np.mean(np.abs(value[np.isfinite(value)])) if np.isfinite(value).any() else 0.0
    rows = np.arange(len(value))
    for step in range(_ROUNDS):
        priced = value - prices @ uses
        best = np.argmax(priced, axis=1)
        taken = best[priced[rows, best] > 0]
        used = uses[:, taken].sum(axis=1)
        unit = np.where(uses.max(axis=1) > 0, uses.max(axis=1), 1.0)
        prices = np.maximum(prices + 2 * scale / (1 + 0.15 * step) / unit * np.clip(used / np.maximum(left, 1e-9) - 1, -1, 1), 0)
    priced = value - prices @ uses
    best = np.argmax(priced, axis=1)
    return best, priced[rows, best]


def _drop_worthless(market: Market, state: State, book: Book, flight: Flight) -> None:
    """Take back each touch whose whole-flight value is not positive, latest wave first, in place."""
    p = market.parameters
    first, last = day_number(flight.starts_on), day_number(flight.ends_on) + p.delay_days
    for place in range(len(book.rows) - 1, -1, -1):
        day, who, option, hour = book.rows[place]
        by_day = _touches(market, book)
        kept, _ = reaction.expected_margin(state, market.people, by_day, first=first, last=last, parameters=p)
        del by_day[day]
        without, _ = reaction.expected_margin(state, market.people, by_day, first=first, last=last, parameters=p)
        worth = (kept - without)[who] > book.choices.cost[option]
        book.rows[place] = (day, who[worth], option[worth], hour[worth])
