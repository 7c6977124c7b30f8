"""Expected margin of a person over the next twelve months, with an interval for groups that past windows have shown to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import norm

from liftwright.domain.errors import DataError
from liftwright.domain.evidence import Interval, ModelCard
from liftwright.scoring import boosting
from liftwright.scoring import card as cards
from liftwright.scoring.design import Floats, folds_of
from liftwright.scoring.repeat import DAY_US, Histories, Repeat, histories

Kind = Literal["repeat", "trees"]
HORIZON_DAYS = 365
SHORTEST_DAYS = 60
"""A past window shorter than this shows nothing about a year."""
FEWEST_PEOPLE, TREES_FROM = 200, 2_000
_FOLDS, _GROUPS = 3, 10
_LEAST_ERROR = 0.05
"""Relative error of a group's total that is assumed at least: one past window cannot show how windows differ."""


@dataclass(frozen=True)
class LifetimeModel:
    """`expected` margin per person. `factor` corrects the level, `noise` (variance per unit of margin) and `error` (relative) make intervals."""

    kind: Kind
    repeat: Repeat
    trees: str
    factor: float
    noise: float
    error: float
    horizon_days: int
    window_days: int
    quality: dict[str, float]
    data: dict[str, Any]

    @cached_property
    def version(self) -> str:
        """Digest of the parameters."""
        return cards.version("lifetime", self.parameters())

    def expected(self, orders: pa.Table, *, as_of: datetime) -> dict[str, float]:
        """Expected margin over the horizon of everybody who has ordered before `as_of`; who never ordered is not in it.

        `orders`: customer_id, at (time), margin (major units).
        """
        known = histories(_timed(orders), at_us=_micros(as_of))
        if not len(known):
            return {}
        later = self.repeat.orders(known, days=self.horizon_days) * self.repeat.value(known)
        if self.kind == "trees":
            window = self.repeat.orders(known, days=self.window_days) * self.repeat.value(known)
            longer = later.sum() / window.sum() if window.sum() > 0 else self.horizon_days / self.window_days
            later = _tree_margin(lightgbm.Booster(model_str=self.trees), self.repeat, known, days=self.window_days) * longer
        return dict(zip(known.ids.tolist(), (self.factor * later).tolist(), strict=True))

    def histories(self, orders: pa.Table, *, as_of: datetime) -> Histories:
        """What `orders` say of everybody who has ordered before `as_of`."""
        return histories(_timed(orders), at_us=_micros(as_of))

    def interval(self, expected: Floats, *, level: float = 0.95) -> Interval:
        """The total margin of a group of people from their expected margins; meant for groups of 20 and more."""
        total = float(np.sum(expected))
        spread = float(np.sqrt(self.noise * np.maximum(expected, 0.0).sum() + (self.error * total) ** 2))
        half = float(norm.ppf((1 + level) / 2)) * spread
        return Interval(low=total - half, mid=total, high=total + half, level=level)

    def parameters(self) -> dict[str, Any]:
        """Everything as JSON; `from_parameters` gives back an equal model."""
        names = ("kind", "trees", "factor", "noise", "error", "horizon_days", "window_days", "quality", "data")
        return {"repeat": self.repeat.as_json(), **{name: getattr(self, name) for name in names}}

    def card(self) -> ModelCard:
        """What it is for, what breaks it, how to turn it off."""
        return cards.card_of(
            "lifetime",
            self.version,
            optimises=f"margin per person over the next {self.horizon_days} days ({self.kind}); it says nothing about what a contact changes",
            data=self.data,
            quality={**self.quality, "relative_error_of_groups": self.error},
            breaks_when=(
                "it is read for one person: its interval is for groups",
                "subscriptions or contracts, where people do not come and go unseen",
                "the next year differs from the past window: season, prices, assortment",
            ),
        )


def from_parameters(parameters: Mapping[str, Any]) -> LifetimeModel:
    """The model whose `parameters()` these are."""
    return LifetimeModel(**{**parameters, "repeat": Repeat.from_json(parameters["repeat"])})


def orders_of(events: pa.Table, *, margin_rate: float) -> pa.Table:
    """The purchases among events as this model takes them: customer_id, at, margin (amount times `margin_rate` where it is not given)."""
    bought = events.filter(pc.equal(events["type"].cast(pa.string()), "purchase"))
    empty = pa.nulls(bought.num_rows, pa.float64())
    amount, margin = (bought[name].cast(pa.float64()) if name in bought.column_names else empty for name in ("amount", "margin"))
    earned = pc.fill_null(pc.coalesce(margin, pc.multiply(amount, margin_rate)), 0.0)
    return pa.table({"customer_id": bought["customer_id"], "at": bought["occurred_at"], "margin": earned}).drop_null()


def fit(orders: pa.Table, *, as_of: datetime, seed: int, horizon_days: int = HORIZON_DAYS) -> LifetimeModel:
    """Choose between BG/NBD and boosted trees on the last window of the past, calibrate there, fit on all.

    `orders`: customer_id, at (time), margin (major units). Raises DataError with fewer than 200 people in that past or a past
    shorter than 120 days. Same input and seed, same model.
    """
    orders, now = _timed(orders), _micros(as_of)
    days = _window(orders, now, horizon_days)
    cut = now - days * DAY_US
    known = histories(orders, at_us=cut)
    if len(known) < FEWEST_PEOPLE:
        raise _too_little(f"{len(known)} people had ordered {days} days ago")
    actual = _margin_between(orders, known, cut, now)
    past = Repeat.fit(known)
    tried: dict[Kind, Floats] = {"repeat": past.orders(known, days=days) * past.value(known)}
    if len(known) >= TREES_FROM:
        tried["trees"] = _cross_fitted(past, known, actual, days=days, seed=seed)
    kind = _chosen(tried, actual)
    predicted = tried[kind]
    factor = float(actual.sum() / predicted.sum()) if predicted.sum() > 0 and actual.sum() > 0 else 1.0
    drift = _drift(past, known, orders, cut, now)
    trees = _grown(past, known, actual, days=days, seed=seed).model_to_string() if kind == "trees" else ""
    return LifetimeModel(
        kind=kind,
        repeat=Repeat.fit(histories(orders, at_us=now)),
        trees=trees,
        factor=factor,
        noise=_noise(factor * predicted, actual),
        error=_error(factor * predicted, actual, drift) * max(horizon_days / days, 1.0) ** 0.5,
        horizon_days=horizon_days,
        window_days=days,
        quality=_quality(tried, actual, known, days=days),
        data={"people": len(known), "orders": orders.num_rows, "window_days": days},
    )


def _timed(orders: pa.Table) -> pa.Table:
    at = orders["at"]
    if pa.types.is_temporal(at.type):
        kind = pa.timestamp("us", tz="UTC") if getattr(at.type, "tz", None) else pa.timestamp("us")
        at = at.cast(kind).cast(pa.int64())
    return pa.table(
        {"customer_id": orders["customer_id"].cast(pa.string()), "at": at, "margin": orders["margin"].cast(pa.float64())}
    )


def _micros(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000)


def _window(orders: pa.Table, now: int, horizon_days: int) -> int:
    """Days of the past that are kept aside: the horizon, or half of what there is when that is less."""
    first = int(np.asarray(orders["at"].to_numpy()).min()) if orders.num_rows else now
    days = min(horizon_days, (now - first) // DAY_US // 2)
    if days < SHORTEST_DAYS:
        raise _too_little(f"orders go back {timedelta(microseconds=now - first).days} days")
    return int(days)


def _too_little(says: str) -> DataError:
    return DataError(
        "LIFETIME-FEW",
        f"{says}; a year's margin cannot be learned from that.",
        next_step=f"Import orders of at least {2 * SHORTEST_DAYS} days and {FEWEST_PEOPLE} people.",
    )


def _margin_between(orders: pa.Table, known: Histories, start: int, end: int) -> Floats:
    """Margin of each known person in [start, end)."""
    at = np.asarray(orders["at"].to_numpy())
    who = np.asarray(orders["customer_id"].to_pylist(), dtype=object)
    place = np.minimum(np.searchsorted(known.ids, who), len(known) - 1)
    inside = (at >= start) & (at < end) & (known.ids[place] == who)
    return np.bincount(place[inside], weights=orders["margin"].to_numpy()[inside], minlength=len(known)).astype(np.float64)


def _inputs(repeat: Repeat, known: Histories, *, days: float) -> Floats:
    orders, value = repeat.orders(known, days=days), repeat.value(known)
    columns = (known.repeats, known.recency, known.age, known.age - known.recency, known.value, orders, value, orders * value)
    return np.column_stack(columns)


def _grown(repeat: Repeat, known: Histories, actual: Floats, *, days: float, seed: int) -> Any:
    return boosting.grow(_inputs(repeat, known, days=days), np.maximum(actual, 0.0), objective="tweedie", seed=seed)


def _tree_margin(booster: Any, repeat: Repeat, known: Histories, *, days: float) -> Floats:
    return np.asarray(booster.predict(_inputs(repeat, known, days=days), num_threads=1), dtype=np.float64)


def _cross_fitted(repeat: Repeat, known: Histories, actual: Floats, *, days: float, seed: int) -> Floats:
    fold = folds_of(known.ids.tolist(), count=_FOLDS, seed=seed)
    x, found = _inputs(repeat, known, days=days), np.zeros(len(known))
    for each in range(_FOLDS):
        rest, mine = fold != each, fold == each
        grown = boosting.grow(x[rest], np.maximum(actual[rest], 0.0), objective="tweedie", seed=seed)
        found[mine] = grown.predict(x[mine], num_threads=1)
    return found


def _chosen(tried: Mapping[Kind, Floats], actual: Floats) -> Kind:
    """The trees only when their squared error is smaller by more than one standard error."""
    if "trees" not in tried:
        return "repeat"
    gain = (actual - tried["repeat"]) ** 2 - (actual - tried["trees"]) ** 2
    return "trees" if gain.mean() > gain.std() / np.sqrt(len(gain)) else "repeat"


def _drift(repeat: Repeat, known: Histories, orders: pa.Table, start: int, end: int) -> float:
    """How far the second half's share of the window's margin lies from what was expected of it, relative to that."""
    value, days = repeat.value(known), (end - start) / DAY_US
    whole, early = (float((repeat.orders(known, days=d) * value).sum()) for d in (days, days / 2))
    late = _margin_between(orders, known, (start + end) // 2, end).sum() / _margin_between(orders, known, start, end).sum()
    return float(abs(late / (1.0 - early / whole) - 1.0)) if np.isfinite(late) and 0 < early < whole else 1.0


def _noise(predicted: Floats, actual: Floats) -> float:
    """Variance of a person's margin per unit of expected margin."""
    return float(((actual - predicted) ** 2).sum() / max(predicted.sum(), 1e-9))


def _error(predicted: Floats, actual: Floats, drift: float) -> float:
    """Relative error of groups beyond chance: of tenths of people by expected margin, and of the level from one half to the other."""
    order = np.argsort(predicted, kind="stable")
    total = np.array([predicted[part].sum() for part in np.array_split(order, _GROUPS)])
    seen = np.array([actual[part].sum() for part in np.array_split(order, _GROUPS)])
    noise = np.array([((actual[part] - predicted[part]) ** 2).sum() for part in np.array_split(order, _GROUPS)])
    beyond = float((((seen - total) ** 2 - noise) / np.maximum(total, 1e-9) ** 2).mean())
    return float(max(np.sqrt(max(beyond, 0.0) + (drift / 2) ** 2), _LEAST_ERROR))


def _quality(tried: Mapping[Kind, Floats], actual: Floats, known: Histories, *, days: float) -> dict[str, float]:
    """Root mean squared error and error of the total on the kept-aside window, of each candidate and of going on as before."""
    before = known.value * (known.repeats + 1.0) / np.maximum(known.age, days) * days
    found: dict[str, float] = {}
    for name, predicted in (*tried.items(), ("going_on_as_before", before)):
        found[f"rmse_{name}"] = float(np.sqrt(((actual - predicted) ** 2).mean()))
        found[f"total_error_{name}"] = float(predicted.sum() / actual.sum() - 1.0) if actual.sum() > 0 else 0.0
    return found
