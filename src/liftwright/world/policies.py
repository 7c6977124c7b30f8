"""What any policy in the market must honour, and the actions it yields: consent, capacity, stock, budget, contacts per week."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from liftwright.world.events import DAY_US
from liftwright.world.life import HOUR_US
from liftwright.world.parameters import Parameters
from liftwright.world.people import day_number

if TYPE_CHECKING:
    from liftwright.world.market import Market


@dataclass(frozen=True)
class Flight:
    """When and within what a policy may act. `budget` in major units, None without one; `every` days between waves."""

    starts_on: date
    ends_on: date
    budget: float | None = None
    contacts_per_week: int = 3
    max_discount: float = 0.20
    per_person: int | None = None
    every: int = 3

    @property
    def days(self) -> tuple[date, ...]:
        """The days on which waves go out."""
        length = (self.ends_on - self.starts_on).days + 1
        return tuple(self.starts_on + timedelta(days=gone) for gone in range(0, length, self.every))


@dataclass(frozen=True)
class Options:
    """Every (channel, offer) a policy may choose; one entry each."""

    channel: np.ndarray
    discount: np.ndarray
    offer: np.ndarray
    cost: np.ndarray
    channels: tuple[str, ...]

    def number(self, channel: str, offer: str = "none") -> int:
        """The place of one option."""
        return int(np.flatnonzero((self.channel == self.channels.index(channel)) & (self.offer == offer))[0])


def options(parameters: Parameters, *, max_discount: float = 1.0) -> Options:
    """The options of a market, channel by channel, offers from none to the deepest allowed."""
    offers = [("none", 0.0), *((name, discount) for name, discount, _ in parameters.offers if discount <= max_discount)]
    rows = [
        (number, discount, name, float(traits.unit_cost))
        for number, traits in enumerate(parameters.channels.values())
        for name, discount in offers
    ]
    channel, discount, name, cost = zip(*rows, strict=True)
    return Options(
        np.array(channel), np.array(discount), np.array(name, dtype=object), np.array(cost), tuple(parameters.channels)
    )


@dataclass
class Book:
    """Keeps account of what a policy has sent, and accepts no more than the flight allows."""

    market: Market
    flight: Flight
    choices: Options
    spent: float = 0.0
    stock: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = self.market.people.count
        self.stock = {name: int(count * share) for name, _, share in self.market.parameters.offers}
        self.consent = self.market.consent_on(self.flight.starts_on) == "granted"

    def allowed(self, day: date) -> np.ndarray:
        """(people, options) true where consent and the contact caps leave room on that day."""
        number, count = day_number(day), self.market.people.count
        recent, ever = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        for sent_on, who, _, _ in self.rows:
            ever[who] += 1
            if abs(number - sent_on) < 7:
                recent[who] += 1
            if sent_on == number:
                recent[who] = self.flight.contacts_per_week
        free = recent < self.flight.contacts_per_week
        if self.flight.per_person is not None:
            free &= ever < self.flight.per_person
        open_to: np.ndarray = free[:, None] & self.consent[:, self.choices.channel]
        return open_to

    def limits(self) -> dict[str, tuple[np.ndarray, float]]:
        """What is left: name → (which options use it, how much is left today)."""
        limits: dict[str, tuple[np.ndarray, float]] = {}
        for number, (name, traits) in enumerate(self.market.parameters.channels.items()):
            limits[name] = ((self.choices.channel == number).astype(float), float(self.market.capacity(traits.capacity_share)))
        for offer, left in self.stock.items():
            limits[offer] = ((self.choices.offer == offer).astype(float), float(left))
        return limits

    def send(self, day: date, who: np.ndarray, option: np.ndarray, *, hour: np.ndarray | float) -> np.ndarray:
        """Send to `who` (most important first) what is allowed; returns those reached. `hour` is local, one entry each or one for all."""
        open_to = self.allowed(day)[who, option]
        who, option = who[open_to], option[open_to]
        hours = np.broadcast_to(np.asarray(hour, dtype=np.float64), open_to.shape)[open_to]
        keep = np.ones(len(who), dtype=bool)
        for uses, left in self.limits().values():
            keep &= ~(uses[option] > 0) | (np.cumsum(uses[option] * keep) <= left)
        if self.flight.budget is not None:
            keep &= np.cumsum(self.choices.cost[option] * keep) <= self.flight.budget - self.spent
        who, option, hours = who[keep], option[keep], hours[keep]
        self.spent += float(self.choices.cost[option].sum())
        for name in self.stock:
            self.stock[name] -= int((self.choices.offer[option] == name).sum())
        self.rows.append((day_number(day), who, option, hours))
        return who

    def actions(self) -> pa.Table:
        """Everything sent, as the action file's columns."""
        day = np.concatenate([np.full(len(who), day) for day, who, _, _ in self.rows] or [np.zeros(0, dtype=np.int64)])
        who, option, hour = (np.concatenate([row[place] for row in self.rows] or [np.zeros(0)]) for place in (1, 2, 3))
        who, option = who.astype(np.int64), option.astype(np.int64)
        people, local = self.market.people, np.zeros(len(day))
        for number in np.unique(day):
            rows = day == number
            local[rows] = np.mod(hour[rows] - people.offset_hours(int(number))[who[rows]], 24.0)
        at = day.astype(np.int64) * DAY_US + (local * HOUR_US).astype(np.int64)
        names = pa.array(self.choices.channels).take(pa.array(self.choices.channel[option], type=pa.int64()))
        return pa.table(
            {
                "send_id": pa.array([f"S{number:08d}" for number in range(len(day))], type=pa.string()),
                "customer_id": pa.array(people.ids).take(pa.array(who, type=pa.int64())),
                "channel": names,
                "offer": pa.array(self.choices.offer[option], type=pa.string()),
                "discount": self.choices.discount[option].astype(np.float64),
                "send_at": pa.array(at, type=pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            }
        )
