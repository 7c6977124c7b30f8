"""The people: hidden traits that decide how they react, and the columns of customers.csv that hint at them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from liftwright.domain.profile import CHANNELS
from liftwright.world.draws import generator
from liftwright.world.names import FIRST, LAST, NORTH_AMERICA, PLACES, STREETS
from liftwright.world.parameters import DEFAULT, Kind, Parameters

CATEGORIES = ("womens", "mens", "kids")
_EPOCH = date(1970, 1, 1)
_HAS_PHONE = np.array([place[0] in NORTH_AMERICA for place in PLACES])
_CONSENT = np.array(["granted", "denied", ""], dtype=object)


@dataclass(frozen=True)
class People:
    """Arrays with one entry per person (rows of `affinity`, `consent`, `works` hold one column per channel).

    `base` orders per day when left alone; `persuasion`, `need`, `irritation` in orders per touch; `created`, `lapsed` are days
    since 1970; `hour` the preferred local hour; `consent` is "granted", "denied" or "" (never asked); `works` whether an address is real;
    `household` the number of the person at whose address and by whose last name they live, mostly their own.
    """

    ids: np.ndarray
    kind: np.ndarray
    base: np.ndarray
    base_before: np.ndarray
    lapsed: np.ndarray
    created: np.ndarray
    persuasion: np.ndarray
    need: np.ndarray
    irritation: np.ndarray
    value: np.ndarray
    hour: np.ndarray
    affinity: np.ndarray
    consent: np.ndarray
    works: np.ndarray
    visits: np.ndarray
    opens: np.ndarray
    clicks: np.ndarray
    support: np.ndarray
    machine: np.ndarray
    category: np.ndarray
    runner: np.ndarray
    place: np.ndarray
    sale_share: np.ndarray
    app: np.ndarray
    age: np.ndarray
    names: tuple[np.ndarray, np.ndarray]
    household: np.ndarray

    @property
    def count(self) -> int:
        """How many people there are."""
        return len(self.ids)

    def base_on(self, day: int) -> np.ndarray:
        """Orders per day when left alone: nothing before a person joined, more before a lost cause lapsed."""
        rate: np.ndarray = np.where(day < self.lapsed, self.base_before, self.base) * (self.created <= day)
        return rate

    def offset_hours(self, day: int) -> np.ndarray:
        """Hours to add to UTC for the local time of each person at noon of that day."""
        offsets: np.ndarray = _zone_offsets(day)[self.place]
        return offsets


def _zone_offsets(day: int) -> np.ndarray:
    noon = datetime.combine(_EPOCH + timedelta(days=int(day)), datetime.min.time(), tzinfo=ZoneInfo("UTC")) + timedelta(hours=12)
    offsets = (noon.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0) for _, _, _, zone, _ in PLACES)
    return np.array([offset.total_seconds() / 3600 for offset in offsets])


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - _EPOCH).days


def draw(*, count: int, seed: int, starts_on: date, parameters: Parameters) -> People:
    """Draw `count` people who are customers on `starts_on`. Same arguments, same people."""
    p, rng = parameters, generator(seed, "people")
    shares = np.array([kind.share for kind in p.kinds])
    kind = rng.choice(len(p.kinds), size=count, p=shares / shares.sum())
    means = {name: np.array([getattr(k, name) for k in p.kinds])[kind] for name in _TRAITS}
    age = np.clip(np.where(kind == _index(p.kinds, "sleeping_dog"), 50, 41) + 13 * rng.standard_normal(count), 15, 88)
    app = rng.random(count) < np.clip(p.app_share - 0.006 * (age - 42), 0.05, 0.95)
    household = _households(p, count=count, seed=seed)
    place = rng.choice(len(PLACES), size=count, p=np.array([place[4] for place in PLACES]))[household]
    affinity, consent, works = _channel_traits(rng, p, seed=seed, age=age, app=app, phone=_HAS_PHONE[place])
    return People(
        ids=np.array([f"C{number:06d}" for number in range(1, count + 1)], dtype=object),
        kind=kind,
        age=age,
        app=app,
        place=place,
        affinity=affinity,
        consent=consent,
        works=works,
        household=household,
        names=(rng.integers(0, len(FIRST), size=count), rng.integers(0, len(LAST), size=count)[household]),
        **_buying(rng, p, means, lost=kind == _index(p.kinds, "lost_cause"), today=day_number(starts_on)),
        **_answering(rng, p, means),
        **_looking(rng, p, means),
    )


_TRAITS = ("orders", "persuasion", "need", "irritation", "visits", "opens", "clicks", "sale_share", "tenure", "support")


def _households(p: Parameters, *, count: int, seed: int) -> np.ndarray:
    """The place of the person each one lives with: their own, or that of the nearest earlier person who lives by themselves."""
    own = np.arange(count)
    if p.household_share == 0:
        return own
    alone = generator(seed, "household").random(count) >= p.household_share
    alone[:1] = True
    heads: np.ndarray = np.maximum.accumulate(np.where(alone, own, 0))
    return heads


def _scatter(rng: np.random.Generator, spread: float, count: int) -> np.ndarray:
    """Log-normal factors with mean 1."""
    factors: np.ndarray = np.exp(spread * rng.standard_normal(count) - spread**2 / 2)
    return factors


def _buying(
    rng: np.random.Generator, p: Parameters, means: dict[str, np.ndarray], *, lost: np.ndarray, today: int
) -> dict[str, np.ndarray]:
    """Since when people are customers, how often they buy when left alone, and for how much."""
    count = len(lost)
    lapsed = np.where(lost, today - rng.integers(*p.lapsed_before, size=count), -1)
    tenure = np.maximum(rng.gamma(2.0, means["tenure"] / 2.0) * 365, 20)
    base = means["orders"] / 14 * _scatter(rng, p.trait_spread, count)
    return {
        "base": base,
        "base_before": np.where(lost, p.lapsed_orders / 14 * _scatter(rng, p.trait_spread, count), base),
        "lapsed": lapsed,
        "created": np.minimum(today - tenure.astype(np.int64), np.where(lost, lapsed - 120, today)),
        "value": p.order_value * _scatter(rng, p.value_spread, count),
    }


def _answering(rng: np.random.Generator, p: Parameters, means: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a touch does to people, and the price trait and running habit that hint at it."""
    count = len(means["orders"])
    price, runner = rng.standard_normal(count), rng.random(count) < p.runner_share
    liking = np.where(runner, p.runner_lift, (1 - p.runner_share * p.runner_lift) / (1 - p.runner_share))
    odds = np.log(means["sale_share"] / (1 - means["sale_share"])) + price + 0.4 * rng.standard_normal(count)
    cheap, dear = (
        np.exp(p.price_spread * price - p.price_spread**2 / 2),
        np.exp(-0.5 * p.price_spread * price - p.price_spread**2 / 8),
    )
    return {
        "persuasion": means["persuasion"] * _scatter(rng, p.trait_spread, count) * liking * dear,
        "need": means["need"] * cheap * liking,
        "irritation": means["irritation"] * _scatter(rng, p.trait_spread, count),
        "runner": runner,
        "sale_share": 1 / (1 + np.exp(-odds)),
    }


def _looking(rng: np.random.Generator, p: Parameters, means: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """When and how often people look at the shop and its messages."""
    count = len(means["orders"])
    return {
        "hour": np.clip(np.where(rng.random(count) < 0.45, 10.0, 18.5) + 1.8 * rng.standard_normal(count), 7, 21),
        "visits": means["visits"] / 30 * _scatter(rng, 0.5, count),
        "opens": np.clip(means["opens"] * _scatter(rng, 0.25, count), 0.01, 0.95),
        "clicks": np.clip(means["clicks"] * _scatter(rng, 0.35, count), 0.001, 0.6),
        "support": means["support"] / 365 * _scatter(rng, 0.5, count),
        "machine": rng.random(count) < p.machine_openers,
        "category": rng.choice(3, size=count, p=(0.48, 0.37, 0.15)),
    }


def _index(kinds: tuple[Kind, ...], name: str) -> int:
    return next((number for number, kind in enumerate(kinds) if kind.name == name), -1)


def _channel_traits(
    people: np.random.Generator, p: Parameters, *, seed: int, age: np.ndarray, app: np.ndarray, phone: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(affinity, consent, works), each (people, channels). The channels of the demo come from the people's own luck, any other from
    its own, so that the people are the same however many channels there are."""
    affinity, consent, works, count = [], [], [], len(age)
    for name, traits in p.channels.items():
        rng = people if name in DEFAULT.channels else generator(seed, "channel", CHANNELS.index(name))
        liking = np.exp(
            p.affinity_spread * rng.standard_normal(count) - p.affinity_spread**2 / 2 - traits.young * (age - 42) / 10
        )
        granted, denied = traits.consent
        chance = rng.random(count)
        answer = np.where(chance < granted, 0, np.where(chance < granted + denied, 1, 2))
        if name == "push":
            liking = liking * np.where(app, p.app_push_lift, 1.0)
            answer = np.where(app, np.where(chance < granted / p.app_share, 0, 1), 2)
        if name in ("sms", "voice"):
            answer = np.where(phone, answer, 2)
        affinity.append(np.clip(liking, 0.2, 3.0))
        consent.append(_CONSENT[answer])
        works.append(rng.random(count) < traits.reachable)
    return np.stack(affinity, axis=1), np.stack(consent, axis=1), np.stack(works, axis=1)


def customers_table(people: People, *, parameters: Parameters, consent: np.ndarray, today: int) -> pa.Table:
    """What the shop knows: the rows of customers.csv. `consent` is (people, channels) as of today; "" becomes null."""
    first = np.array(FIRST, dtype=object)[people.names[0]]
    last = np.array(LAST, dtype=object)[people.names[1]]
    numbers = np.arange(people.count)
    columns: dict[str, object] = {
        "customer_id": people.ids,
        "email": [f"{a}.{b}.{n}@example.com".lower() for a, b, n in zip(first, last, numbers + 1, strict=True)],
        "phone": [_phone(int(number)) if has else None for number, has in zip(numbers, _HAS_PHONE[people.place], strict=True)],
        "first_name": first,
        "last_name": last,
        "birth_date": [_EPOCH + timedelta(days=int(days)) for days in today - people.age * 365.25],
        "country": [PLACES[place][0] for place in people.place],
        "region": [PLACES[place][1] for place in people.place],
        "postal_code": [f"{PLACES[place][2]}{home % 97:02d}" for place, home in zip(people.place, people.household, strict=True)],
        "time_zone": [PLACES[place][3] for place in people.place],
        "created_at": pa.array(people.created * 86_400_000_000, type=pa.int64()).cast(pa.timestamp("us", tz="UTC")),
    }
    if parameters.household_share > 0:
        columns["street"] = [
            f"{home // len(STREETS) % 180 + 1} {STREETS[home % len(STREETS)]} Street" for home in people.household
        ]
    for number, channel in enumerate(parameters.channels):
        columns[f"consent_{channel}"] = [answer or None for answer in consent[:, number]]
    for number, category in enumerate(CATEGORIES):
        columns[category] = (people.category == number).astype(np.int64)
    columns["runner"] = people.runner.astype(np.int64)
    columns["app_user"] = people.app.astype(np.int64)
    columns["sale_share"] = np.round(people.sale_share, 3)
    return pa.table(columns)


def _phone(number: int) -> str | None:
    """A North American number from 555-0100 to 555-0199, which no subscriber has; None when all are used up."""
    area, line = divmod(number, 100)
    return f"+1{200 + area}55501{line:02d}" if area < 790 else None
