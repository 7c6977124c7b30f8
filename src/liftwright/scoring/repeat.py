"""How often people come back and for how much: BG/NBD for the orders, credibility for their value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

from liftwright.scoring.design import Floats

DAY_US = 86_400_000_000
WEEK = 7.0


@dataclass(frozen=True)
class Histories:
    """One row per person who had ordered before a moment; times in days. Several orders of one day count as one.

    `repeats` order days after the first, `recency` days from the first to the last, `age` days since the first, `value` mean margin
    per order day, `spread` variance of the margin around it (NaN with one day).
    """

    ids: Any
    repeats: Floats
    recency: Floats
    age: Floats
    value: Floats
    spread: Floats

    def __len__(self) -> int:
        return len(self.repeats)


def histories(orders: pa.Table, *, at_us: int) -> Histories:
    """What `orders` (customer_id, at in microseconds UTC, margin) say of everybody before the moment `at_us`; sorted by id."""
    at = np.asarray(orders["at"].to_numpy(), dtype=np.int64)
    past = at < at_us
    ids, person = np.unique(np.asarray(orders["customer_id"].to_pylist(), dtype=object)[past], return_inverse=True)
    day = at[past] // DAY_US
    base = int(day.min()) if len(day) else 0
    width = int(day.max()) - base + 1 if len(day) else 1
    key, place = np.unique(person * width + (day - base), return_inverse=True)
    margin = np.bincount(place, weights=orders["margin"].to_numpy()[past], minlength=len(key))
    who, when = key // width, key % width + base
    count = np.bincount(who, minlength=len(ids)).astype(np.float64)
    starts = np.searchsorted(who, np.arange(len(ids)))
    ends = np.searchsorted(who, np.arange(len(ids)), side="right") - 1
    first, last = when[starts].astype(np.float64), when[ends].astype(np.float64)
    value = np.bincount(who, weights=margin, minlength=len(ids)) / np.maximum(count, 1)
    squares = np.bincount(who, weights=(margin - value[who]) ** 2, minlength=len(ids))
    spread = np.where(count > 1, squares / np.maximum(count - 1, 1), np.nan)
    return Histories(ids, count - 1, last - first, np.maximum(at_us / DAY_US - first, last - first), value, spread)


@dataclass(frozen=True)
class Repeat:
    """BG/NBD parameters (time in weeks) and the credibility of a person's own mean margin: own weight n / (n + `prior_orders`)."""

    r: float
    alpha: float
    a: float
    b: float
    mean_value: float
    prior_orders: float

    @classmethod
    def fit(cls, known: Histories) -> Repeat:
        """Maximum likelihood (Fader, Hardie and Lee 2005) from a fixed start; value by Buhlmann's credibility, the form that the
        gamma-gamma model's expectation has too, which margins below zero do not break."""
        x, tx, age = known.repeats, known.recency / WEEK, known.age / WEEK

        def loss(log_parameters: Floats) -> float:
            return -float(_likelihood(np.exp(log_parameters), x, tx, age).mean()) + 1e-4 * float((log_parameters**2).sum())

        found = minimize(loss, np.log([0.5, 8.0, 0.8, 2.5]), method="L-BFGS-B", bounds=[(-6.0, 6.0)] * 4)
        r, alpha, a, b = (float(v) for v in np.exp(found.x))
        return cls(r, alpha, a if abs(a - 1.0) > 1e-4 else 1.0001, b, *_credibility(known))

    def orders(self, known: Histories, *, days: float) -> Floats:
        """Expected order days of each person over the next `days`."""
        x, tx, age, t = known.repeats, known.recency / WEEK, known.age / WEEK, days / WEEK
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        end = alpha + age + t
        series = hyp2f1(r + x, b + x, a + b + x - 1.0, t / end)
        grown = (a + b + x - 1.0) / (a - 1.0) * (1.0 - ((alpha + age) / end) ** (r + x) * series)
        gone = np.where(x > 0, a / (b + np.maximum(x, 1.0) - 1.0) * ((alpha + age) / (alpha + tx)) ** (r + x), 0.0)
        expected: Floats = np.maximum(np.nan_to_num(grown / (1.0 + gone)), 0.0)
        return expected

    def value(self, known: Histories) -> Floats:
        """Expected margin of an order day of each person: their own mean drawn to everybody's."""
        orders = known.repeats + 1.0
        return np.asarray((orders * known.value + self.prior_orders * self.mean_value) / (orders + self.prior_orders))

    def as_json(self) -> dict[str, float]:
        """Plain values."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Mapping[str, float]) -> Repeat:
        """The parameters whose `as_json` this is."""
        return cls(**data)


def _likelihood(parameters: Floats, x: Floats, tx: Floats, age: Floats) -> Floats:
    r, alpha, a, b = parameters
    start = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    start += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    alive = -(r + x) * np.log(alpha + age)
    gone = np.log(a) - np.log(b + np.maximum(x, 1.0) - 1.0) - (r + x) * np.log(alpha + tx)
    return np.asarray(start + np.where(x > 0, np.logaddexp(alive, gone), alive))


def _credibility(known: Histories) -> tuple[float, float]:
    """(mean margin of an order day, how many order days everybody's mean is worth): variance inside people over that between them."""
    orders = known.repeats + 1.0
    mean = float((orders * known.value).sum() / orders.sum())
    several = np.isfinite(known.spread)
    if int(several.sum()) < 30:
        return mean, 3.0
    inside = float((known.spread[several] * known.repeats[several]).sum() / known.repeats[several].sum())
    total = float(((known.value - mean) ** 2 * orders).sum() - (len(orders) - 1) * inside)
    between = total / float(orders.sum() - (orders**2).sum() / orders.sum())
    return mean, float(np.clip(inside / between, 0.1, 100.0)) if between > 0 else 100.0
