"""The assignment problem as arrays: rows, cells of rows, and the shared resources they use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from liftwright.domain.errors import DataError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
NEEDED = ("customer_id", "wave", "channel", "offer", "value", "cost", "stock_use")
TIE_BREAK = 5e-4
"""Relative size of the per-person nudge that orders people whose values are exactly equal; objectives and bounds use the true values."""


@dataclass(frozen=True)
class Problem:
    """Rows sorted by person, wave, channel. `kinds` are (resource of each row, use of each row) pairs; a resource past the last = none.

    A cell is one person x wave, or person x wave x channel when a channel may be used once per person; at most one row of a
    cell is ever worth choosing. `key` is the value with the tie-breaking nudge; the choice uses it, the objective never does.
    """

    source: Ints
    person: Ints
    wave: Ints
    channel: Ints
    value: Floats
    key: Floats
    kinds: tuple[tuple[Ints, Floats], ...]
    limits: Floats
    names: tuple[tuple[str, str, int], ...]
    people: int
    waves: int
    channels: int
    cap: int
    one_per_channel: bool
    cell_starts: Ints
    cell_of: Ints

    def reduced(self, prices: Floats, *, true_values: bool = False) -> Floats:
        """Nudged (or true) value less the price of everything a row uses."""
        left = (self.value if true_values else self.key).copy()
        padded = np.append(prices, 0.0)
        for resource, use in self.kinds:
            left -= padded[resource] * use
        return left

    def usage(self, rows: Ints) -> Floats:
        """What a set of rows uses of every resource."""
        total = np.zeros(len(self.limits) + 1)
        for resource, use in self.kinds:
            total += np.bincount(resource[rows], weights=use[rows], minlength=len(total))
        return total[:-1]

    def subset(self, keep: npt.NDArray[np.bool_], *, limits: Floats | None = None) -> Problem:
        """The same problem on some rows (a row mask), with other limits if given."""
        rows = np.flatnonzero(keep)
        return assemble(
            source=self.source[rows],
            person=self.person[rows],
            wave=self.wave[rows],
            channel=self.channel[rows],
            value=self.value[rows],
            key=self.key[rows],
            kinds=tuple((resource[rows], use[rows]) for resource, use in self.kinds),
            limits=self.limits if limits is None else limits,
            template=self,
        )


@dataclass(frozen=True)
class _Shape:
    names: tuple[tuple[str, str, int], ...]
    people: int
    waves: int
    channels: int
    cap: int
    one_per_channel: bool


def assemble(
    *,
    source: Ints,
    person: Ints,
    wave: Ints,
    channel: Ints,
    value: Floats,
    key: Floats,
    kinds: tuple[tuple[Ints, Floats], ...],
    limits: Floats,
    template: Problem | _Shape,
) -> Problem:
    """A Problem from rows already sorted by person, wave, channel."""
    cell = person * template.waves + wave
    if template.one_per_channel:
        cell = cell * template.channels + channel
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    return Problem(
        source=source,
        person=person,
        wave=wave,
        channel=channel,
        value=value,
        key=key,
        kinds=kinds,
        limits=limits,
        names=template.names,
        people=template.people,
        waves=template.waves,
        channels=template.channels,
        cap=template.cap,
        one_per_channel=template.one_per_channel,
        cell_starts=first,
        cell_of=np.repeat(np.arange(len(first)), np.diff(first, append=len(cell))),
    )


def build(candidates: pa.Table, limits: Mapping[str, Any], *, dropped: Sequence[str] = ()) -> Problem:
    """The problem of a candidates table; rows of `dropped` channels and rows that no limit could ever hold are left out.

    Raises DataError when a column is missing or a number is not finite.
    """
    missing = [name for name in NEEDED if name not in candidates.column_names]
    if missing:
        says = f"the candidates lack {', '.join(missing)}."
        raise DataError("PLAN-COLUMNS", says, next_step="Build them with planning.treatments.")
    people, person = _codes(candidates["customer_id"])
    waves, wave = np.unique(candidates["wave"].to_numpy(), return_inverse=True)
    channels, channel = _codes(candidates["channel"])
    offers, offer = _codes(candidates["offer"])
    value, cost, stock = (_numbers(candidates, name) for name in ("value", "cost", "stock_use"))
    register = _resources(limits, _Coded(waves, channels, offers, wave, channel, offer, cost, stock))
    bounds, kinds = np.array(register.bounds, dtype=np.float64), register.listed()
    keep = _possible(bounds, kinds, channel, channels, dropped)
    variant = _codes(candidates["variant"])[1] if "variant" in candidates.column_names else offer
    order = np.lexsort((-value, variant, offer, channel, wave, person))
    order = order[keep[order]]
    shape = _Shape(
        names=tuple(register.names),
        people=len(people),
        waves=max(len(waves), 1),
        channels=max(len(channels), 1),
        cap=int(limits["per_person_cap"]) if limits.get("per_person_cap") is not None else max(len(waves), 1),
        one_per_channel=bool(limits.get("one_per_channel")),
    )
    nudge = 1.0 + TIE_BREAK * (_draws(people) - 0.5)
    return assemble(
        source=order,
        person=person[order],
        wave=wave[order],
        channel=channel[order],
        value=value[order],
        key=value[order] * nudge[person[order]] if len(people) else value[order],
        kinds=tuple((resource[order], use[order]) for resource, use in kinds),
        limits=bounds,
        template=shape,
    )


def _codes(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    """Sorted distinct names and each row's position among them."""
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.chunk(0) if coded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    names = np.asarray(coded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names, kind="stable") if len(names) else np.zeros(0, dtype=np.int64)
    rank = np.empty(len(names), dtype=np.int64)
    rank[order] = np.arange(len(names))
    return list(names[order]), rank[coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)]


def _numbers(candidates: pa.Table, name: str) -> Floats:
    numbers = candidates[name].to_numpy().astype(np.float64)
    if not np.isfinite(numbers).all() or (name != "value" and (numbers < 0).any()):
        raise DataError(
            "PLAN-NUMBERS", f"the candidates' {name} holds a number that cannot be used.", next_step="Mend its source."
        )
    return np.asarray(numbers, dtype=np.float64)


@dataclass(frozen=True)
class _Coded:
    """The candidates' columns as positions in sorted lists of names, and their uses."""

    waves: Ints
    channels: list[str]
    offers: list[str]
    wave: Ints
    channel: Ints
    offer: Ints
    cost: Floats
    stock: Floats


@dataclass
class _Register:
    """Collects resources: names (kind, subject, wave), limits, and per kind the resource (-1 = none) and use of every row."""

    names: list[tuple[str, str, int]]
    bounds: list[float]
    kinds: list[tuple[Ints, Floats]]

    def enter(self, kind: str, subject: str, wave: int, bound: Any) -> int:
        if bound is None:
            return -1
        self.names.append((kind, subject, wave))
        self.bounds.append(max(float(bound), 0.0))
        return len(self.names) - 1

    def use(self, table: Ints, index: Any, amount: Floats) -> None:
        if (table >= 0).any():
            self.kinds.append((table[index], amount))

    def listed(self) -> list[tuple[Ints, Floats]]:
        """The kinds with "none" as the position past the last resource."""
        return [(np.where(resource < 0, len(self.names), resource), amount) for resource, amount in self.kinds]


def _resources(limits: Mapping[str, Any], coded: _Coded) -> _Register:
    register = _Register([], [], [])
    capacity, money, held = (limits.get(key) or {} for key in ("channel_capacity", "channel_budget", "offer_stock"))
    budget = np.array([register.enter("budget", "", 0, limits.get("budget"))], dtype=np.int64)
    register.use(budget, np.zeros(len(coded.cost), dtype=np.int64), coded.cost)
    table = np.full((max(len(coded.channels), 1), max(len(coded.waves), 1)), -1, dtype=np.int64)
    for position, name in enumerate(coded.channels):
        for spot, number in enumerate(coded.waves):
            table[position, spot] = register.enter("channel_capacity", name, int(number), capacity.get(name))
    register.use(table, (coded.channel, coded.wave), np.ones(len(coded.cost)))
    for kind, allowed, subjects, code, amount in (
        ("channel_budget", money, coded.channels, coded.channel, coded.cost),
        ("offer_stock", held, coded.offers, coded.offer, coded.stock),
    ):
        found = [register.enter(kind, name, 0, allowed.get(name)) for name in subjects]
        register.use(np.array(found or [-1], dtype=np.int64), code, amount)
    return register


def _possible(
    bounds: Floats, kinds: list[tuple[Ints, Floats]], channel: Ints, channels: list[str], dropped: Sequence[str]
) -> npt.NDArray[np.bool_]:
    keep: npt.NDArray[np.bool_] = np.ones(len(channel), dtype=bool)
    padded = np.append(bounds, np.inf)
    for resource, use in kinds:
        keep &= use <= padded[resource] + 1e-9
    banned = np.array([name in dropped for name in channels] or [False], dtype=bool)
    if len(channel):
        keep &= ~banned[channel]
    return keep


def _draws(people: Sequence[str]) -> Floats:
    numbers = [int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") for name in people]
    return np.array(numbers, dtype=np.float64) / 2.0**64
