"""Policies a shop might use without this product. They see only what the shop sees and honour the same limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.world.draws import generator
from liftwright.world.events import DAY_US
from liftwright.world.market import Market
from liftwright.world.oracle import oracle
from liftwright.world.people import day_number
from liftwright.world.policies import Book, Flight, options
from liftwright.world.truth import worth

_HOUR = 10.0


@dataclass(frozen=True)
class Seen:
    """What the shop's own records say of each person: days since the last order (9999 = none), orders and visits."""

    recency: np.ndarray
    orders: np.ndarray
    visits: np.ndarray
    bought_later: np.ndarray


def seen(market: Market, *, before: int, label_days: int = 14) -> Seen:
    """Counts from events before day number `before`; `bought_later` whether an order came in the `label_days` after."""
    events = market.events
    person = pc.index_in(events["customer_id"], value_set=pa.array(market.people.ids)).to_numpy()
    day = events["occurred_at"].cast(pa.int64()).to_numpy() // DAY_US
    is_order = pc.equal(events["type"], "purchase").to_numpy()
    is_visit = pc.equal(events["type"], "visit").to_numpy()
    count = market.people.count
    last = np.full(count, before - 9999)
    past = is_order & (day < before)
    np.maximum.at(last, person[past], day[past])
    later = is_order & (day >= before) & (day < before + label_days)
    return Seen(
        recency=before - last,
        orders=np.bincount(person[past & (day >= before - 365)], minlength=count),
        visits=np.bincount(person[is_visit & (day < before) & (day >= before - 60)], minlength=count),
        bought_later=np.bincount(person[later], minlength=count) > 0,
    )


def chance_to_buy(market: Market, flight: Flight) -> np.ndarray:
    """A logistic propensity of an order in 14 days, fitted on the shop's own last weeks; shape (people,)."""
    start = day_number(flight.starts_on)
    past, now = _matrix(seen(market, before=start - 14)), _matrix(seen(market, before=start))
    bought = seen(market, before=start - 14).bought_later.astype(np.float64)
    weights = np.zeros(past.shape[1])
    for _ in range(15):
        chance = 1 / (1 + np.exp(-np.clip(past @ weights, -30, 30)))
        bend = (past * (chance * (1 - chance))[:, None]).T @ past + 1e-3 * np.eye(past.shape[1])
        weights = weights + np.linalg.solve(bend, past.T @ (bought - chance) - 1e-3 * weights)
    scores: np.ndarray = 1 / (1 + np.exp(-np.clip(now @ weights, -30, 30)))
    return scores


def _matrix(known: Seen) -> np.ndarray:
    return np.stack(
        [np.ones(len(known.orders)), np.log1p(np.minimum(known.recency, 400)), np.log1p(known.orders), np.log1p(known.visits)],
        axis=1,
    )


def do_nothing(market: Market, flight: Flight) -> pa.Table:
    """Send nothing."""
    return _book(market, flight).actions()


def blast(market: Market, flight: Flight) -> pa.Table:
    """E-mail to everybody who agreed, and SMS in between, in every wave, no offer."""
    return _blast(market, flight, offer="none")


def blast_with_coupon(market: Market, flight: Flight) -> pa.Table:
    """The same with the 10 % coupon for as long as it lasts, then without."""
    return _blast(market, flight, offer=market.parameters.offers[0][0])


def propensity_with_coupon(market: Market, flight: Flight, *, share: float = 0.25) -> pa.Table:
    """The likeliest buyers get the coupon by e-mail once a week, by SMS where there is no e-mail."""
    book, chance = _book(market, flight), chance_to_buy(market, flight)
    top = np.argsort(-chance, kind="stable")[: int(share * len(chance))]
    for day in flight.days[::2]:
        reached = _send(book, day, top, "email", market.parameters.offers[0][0])
        _send(book, day, np.setdiff1d(top, reached), "sms", market.parameters.offers[0][0])
    return book.actions()


def recent_buyers(market: Market, flight: Flight) -> pa.Table:
    """E-mail once a week to everybody who bought in the last 60 days, the latest first."""
    return _by_recency(market, flight, low=0, high=60, offer="none")


def lapsed_with_coupon(market: Market, flight: Flight) -> pa.Table:
    """Win-back: the coupon once a week by e-mail to everybody whose last order is 60 to 365 days old."""
    return _by_recency(market, flight, low=60, high=365, offer=market.parameters.offers[0][0])


def at_random(market: Market, flight: Flight) -> pa.Table:
    """In every wave a random third of the people get a random option."""
    book = _book(market, flight)
    for day in flight.days:
        rng = generator(market.seed, "arm", day_number(day))
        who = rng.permutation(market.people.count)[: market.people.count // 3]
        book.send(day, who, rng.integers(0, len(book.choices.cost), size=len(who)), hour=_HOUR)
    return book.actions()


BASELINES: dict[str, Callable[[Market, Flight], pa.Table]] = {
    "do_nothing": do_nothing,
    "blast": blast,
    "blast_with_coupon": blast_with_coupon,
    "propensity_with_coupon": propensity_with_coupon,
    "recent_buyers": recent_buyers,
    "lapsed_with_coupon": lapsed_with_coupon,
    "random": at_random,
}


@dataclass(frozen=True)
class Contest:
    """True incremental margin (major units) of the oracle and of each baseline over one flight."""

    oracle: float
    baselines: dict[str, float]

    def share(self, incremental_margin: float) -> float | None:
        """Incremental margin as a share of the oracle's; None when the oracle finds nothing to gain."""
        return incremental_margin / self.oracle if self.oracle > 0 else None

    def as_json(self) -> dict[str, dict[str, float | None]]:
        """The `baselines` field of `demo --json`."""
        return {
            name: {"incremental_margin": round(value, 2), "share_of_oracle": _rounded(self.share(value))}
            for name, value in self.baselines.items()
        }


def contest(market: Market, flight: Flight) -> Contest:
    """Price the oracle and every baseline from the state of the market on the first day of the flight."""

    def priced(policy: Callable[[Market, Flight], pa.Table]) -> float:
        return worth(market, policy(market, flight), starts_on=flight.starts_on, ends_on=flight.ends_on).incremental_margin

    return Contest(oracle=priced(oracle), baselines={name: priced(policy) for name, policy in BASELINES.items()})


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _book(market: Market, flight: Flight) -> Book:
    return Book(market=market, flight=flight, choices=options(market.parameters, max_discount=flight.max_discount))


def _send(book: Book, day: date, who: np.ndarray, channel: str, offer: str) -> np.ndarray:
    if channel not in book.choices.channels:
        return who[:0]
    return book.send(day, who, np.full(len(who), book.choices.number(channel, offer)), hour=_HOUR)


def _blast(market: Market, flight: Flight, *, offer: str) -> pa.Table:
    book = _book(market, flight)
    everyone = generator(market.seed, "arm", 1).permutation(market.people.count)
    for turn, day in enumerate(flight.days):
        channel = "sms" if turn % 2 else "email"
        reached = _send(book, day, everyone, channel, offer)
        if offer != "none":
            _send(book, day, np.setdiff1d(everyone, reached), channel, "none")
    return book.actions()


def _by_recency(market: Market, flight: Flight, *, low: int, high: int, offer: str) -> pa.Table:
    book, known = _book(market, flight), seen(market, before=day_number(flight.starts_on))
    order = np.argsort(known.recency, kind="stable")
    who = order[(known.recency[order] > low) & (known.recency[order] <= high)]
    for day in flight.days[::2]:
        _send(book, day, who, "email", offer)
    return book.actions()
