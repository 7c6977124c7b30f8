"""From a candidates table and a plan's limits to a Problem, and back to rows and price lists."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.domain.errors import DataError
from liftwright.planning.assignment.problem import NONE, Bools, Floats, Ints, Problem, Reals

NEEDED = ("customer_id", "wave", "channel", "offer", "value", "cost", "stock_use")
TIE_BREAK = 5e-4
"""Relative size of the per-person nudge that orders people whose values are exactly equal; objectives and bounds use the true values."""
MOST = 150_000_000
"""Greatest number of people x different options."""


@dataclass(frozen=True)
class Listed:
    """A problem and where it came from.

    An option of the problem is a wave, channel and offer; the slot is the wave. source: (options, people), the candidate of each
    person and option, -1 = none. channel: of each option, its position among `channels`; offer: likewise
    among the sorted offers. names: (kind, subject, wave) of
    each limit.
    """

    problem: Problem
    source: np.ndarray[tuple[int, ...], np.dtype[np.int32]]
    channels: tuple[str, ...]
    channel: Ints
    offer: Ints
    names: tuple[tuple[str, str, int], ...]

    def candidates(self, rows: Ints) -> Ints:
        """Positions of rows in the candidates table."""
        return self.source.ravel()[rows].astype(np.int64)

    def without(self, dropped: Sequence[str]) -> Listed:
        """The same without some channels."""
        if not dropped:
            return self
        gone = np.isin(self.channel, [place for place, name in enumerate(self.channels) if name in dropped])
        value = np.where(gone[:, None], -np.inf, self.problem.value)
        return replace(self, problem=replace(self.problem, value=value))

    def prices(self, listed: Mapping[str, Any]) -> Floats:
        """A price list as an array in the order of the limits."""
        return np.array([_price(listed, *name) for name in self.names], dtype=np.float64)


def build(candidates: pa.Table, limits: Mapping[str, Any]) -> Listed:
    """The problem of a candidates table; rows that no limit could ever hold are left out.

    Raises DataError when a column is missing, a number is not finite, or there are too many different options.
    """
    missing = [name for name in NEEDED if name not in candidates.column_names]
    if missing:
        says = f"the candidates lack {', '.join(missing)}."
        raise DataError("PLAN-COLUMNS", says, next_step="Build them with planning.treatments.")
    coded = _coded(candidates)
    value, cost, stock = (_numbers(candidates, name) for name in ("value", "cost", "stock_use"))
    shape = (len(coded.wave), len(coded.people))
    row = coded.option * shape[1] + coded.person
    register = _Register([], [])
    register.enter_all(limits, coded)
    uses = {"touch": np.ones((shape[0], 1))}
    uses |= {name: _grid(coded.option, row, use, shape) for name, use in (("cost", cost), ("stock", stock))}
    kinds = tuple((resource, uses[use]) for resource, use in register.listed())
    keep = _possible(np.array(register.bounds), kinds, coded.option, coded.person)
    grid, source = np.full(shape, -np.inf), np.full(shape, NONE, dtype=np.int32)
    grid.ravel()[row[keep]], source.ravel()[row[keep]] = value[keep], np.flatnonzero(keep)
    cap, waves = limits.get("per_person_cap"), len(coded.waves)
    problem = Problem(
        value=grid,
        slot=coded.wave,
        kinds=kinds,
        limits=np.array(register.bounds, dtype=np.float64),
        cap=min(int(cap), waves) if cap is not None else waves,
        line=coded.channel if limits.get("one_per_channel") and waves > 1 else None,
        nudge=1.0 + TIE_BREAK * (_draws(coded.people) - 0.5),
    )
    return Listed(problem, source, tuple(coded.channels), coded.channel, coded.offer, tuple(register.names))


def price_list(listed: Listed, prices: Floats, *, dropped: tuple[str, ...] = ()) -> dict[str, Any]:
    """What one more unit of a limit is worth, in money.

    budget: per unit of money. channel_waves: {channel: {wave: price of one touch}}; channels: their mean over waves.
    channel_budgets: per unit of that channel's money. offers: per redemption. The dual value is computed from `budget`,
    `channel_waves`, `channel_budgets` and `offers`.
    """
    found: dict[str, Any] = {"budget": 0.0, "channels": {}, "offers": {}, "channel_waves": {}, "channel_budgets": {}}
    found["dropped_channels"] = list(dropped)
    for (kind, subject, wave), price in zip(listed.names, prices.tolist(), strict=True):
        if kind == "budget":
            found["budget"] = price
        elif kind == "channel_capacity":
            found["channel_waves"].setdefault(subject, {})[str(wave)] = price
        elif kind == "channel_budget":
            found["channel_budgets"][subject] = price
        else:
            found["offers"][subject] = price
    found["channels"] = {name: sum(by_wave.values()) / len(by_wave) for name, by_wave in found["channel_waves"].items()}
    return found


def _price(listed: Mapping[str, Any], kind: str, subject: str, wave: int) -> float:
    if kind == "budget":
        return float(listed.get("budget", 0.0))
    if kind == "channel_capacity":
        return float(listed.get("channel_waves", {}).get(subject, {}).get(str(wave), 0.0))
    return float(listed.get("channel_budgets" if kind == "channel_budget" else "offers", {}).get(subject, 0.0))


def _codes(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    """Sorted distinct names and each row's position among them."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    names = np.asarray(coded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names, kind="stable") if len(names) else np.zeros(0, dtype=np.int64)
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    return list(names[order]), rank[coded.indices.to_numpy(zero_copy_only=False)]


def _numbers(candidates: pa.Table, name: str) -> Floats:
    numbers = candidates[name].to_numpy().astype(np.float64)
    if not np.isfinite(numbers).all() or (name != "value" and (numbers < 0).any()):
        raise DataError(
            "PLAN-NUMBERS", f"the candidates' {name} holds a number that cannot be used.", next_step="Mend its source."
        )
    return np.asarray(numbers, dtype=np.float64)


@dataclass(frozen=True)
class _Coded:
    """Sorted names, each candidate's person and option, and each option's wave, channel and offer as positions among the names."""

    people: list[str]
    waves: list[int]
    channels: list[str]
    offers: list[str]
    person: Ints
    option: Ints
    wave: Ints
    channel: Ints
    offer: Ints


def _coded(candidates: pa.Table) -> _Coded:
    people, person = _codes(candidates["customer_id"])
    channels, channel = _codes(candidates["channel"])
    offers, offer = _codes(candidates["offer"])
    waves, wave = np.unique(candidates["wave"].to_numpy(), return_inverse=True)
    codes, option = np.unique((wave * len(channels) + channel) * len(offers) + offer, return_inverse=True)
    _refuse_too_many(len(codes), len(people))
    place = option * len(people) + person
    if np.bincount(place).max(initial=0) > 1:
        number = _number(candidates, place)
        most = int(number.max()) + 1
        both, option = np.unique(option * most + number, return_inverse=True)
        codes = codes[both // most]
        _refuse_too_many(len(codes), len(people))
    of_wave, pair = np.divmod(codes, max(len(channels) * len(offers), 1))
    of_channel, of_offer = np.divmod(pair, max(len(offers), 1))
    return _Coded(people, waves.tolist(), channels, offers, person, option, of_wave, of_channel, of_offer)


def _refuse_too_many(options: int, people: int) -> None:
    if options * people > MOST:
        says = f"{people:,} people with {options:,} different options are more than can be weighed at once."
        raise DataError("PLAN-OPTIONS", says, next_step="Use fewer different waves, channels or offers.")


def _number(candidates: pa.Table, place: Ints) -> Ints:
    """Of each candidate, its number among those of the same person, wave, channel and offer (variants)."""
    variant = _codes(candidates["variant"])[1] if "variant" in candidates.column_names else place
    order = np.lexsort((-candidates["value"].to_numpy(), variant, place))
    first = np.flatnonzero(np.diff(place[order], prepend=-1))
    number = np.empty(len(place), dtype=np.int64)
    number[order] = np.arange(len(place)) - np.repeat(first, np.diff(first, append=len(place)))
    return number


def _grid(option: Ints, row: Ints, use: Floats, shape: tuple[int, int]) -> Reals:
    """What each option uses: one column where it is the same for everybody."""
    same = np.zeros((shape[0], 1))
    same[option, 0] = use
    if (same[option, 0] == use).all():
        return same
    grid = np.zeros(shape)
    grid.ravel()[row] = use
    return grid


@dataclass
class _Register:
    """Collects limits: names (kind, subject, wave) and bounds, and per kind the limit of every option (-1 = none) and what is used."""

    names: list[tuple[str, str, int]]
    bounds: list[float]

    def __post_init__(self) -> None:
        self.kinds: list[tuple[Ints, str]] = []

    def enter(self, kind: str, subject: str, wave: int, bound: Any) -> int:
        if bound is None:
            return NONE
        self.names.append((kind, subject, wave))
        self.bounds.append(max(float(bound), 0.0))
        return len(self.names) - 1

    def enter_all(self, limits: Mapping[str, Any], coded: _Coded) -> None:
        capacity, money, held = (limits.get(key) or {} for key in ("channel_capacity", "channel_budget", "offer_stock"))
        budget = self.enter("budget", "", 0, limits.get("budget"))
        by_wave = [
            [self.enter("channel_capacity", name, number, capacity.get(name)) for number in coded.waves]
            for name in coded.channels
        ]
        by_channel = [self.enter("channel_budget", name, 0, money.get(name)) for name in coded.channels]
        by_offer = [self.enter("offer_stock", name, 0, held.get(name)) for name in coded.offers]
        if len(coded.wave):
            self.kinds = [
                (np.full(len(coded.wave), budget), "cost"),
                (np.array(by_wave)[coded.channel, coded.wave], "touch"),
                (np.array(by_channel)[coded.channel], "cost"),
                (np.array(by_offer)[coded.offer], "stock"),
            ]

    def listed(self) -> list[tuple[Ints, str]]:
        """The kinds that are limited, with "none" as the position past the last limit."""
        return [(np.where(of < 0, len(self.names), of), use) for of, use in self.kinds if (of >= 0).any()]


def _possible(bounds: Floats, kinds: tuple[tuple[Ints, Reals], ...], option: Ints, person: Ints) -> Bools:
    keep: Bools = np.ones(len(option), dtype=bool)
    padded = np.append(bounds, np.inf)
    for resource, use in kinds:
        keep &= (use[option, 0] if use.shape[1] == 1 else use[option, person]) <= padded[resource[option]] + 1e-9
    return keep


def _draws(people: Sequence[str]) -> Floats:
    numbers = [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") for name in people]
    return np.array(numbers, dtype=np.float64) / 2.0**64
