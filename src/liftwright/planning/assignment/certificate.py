"""The bound that a price list proves, from the candidates, the limits and the prices alone. Shares no code with the solver, on purpose."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.optimize import linear_sum_assignment

Floats = npt.NDArray[np.float64]


def dual_bound(
    candidates: pa.Table, limits: Mapping[str, Any], prices: Mapping[str, Any], *, draws: pa.Table | None = None
) -> float:
    """The upper bound that a price list proves: limits at their prices plus everybody's best choice at those prices.

    Holds for any prices >= 0 (weak duality), so it certifies a plan whatever produced the prices. Options that alone exceed a
    limit can be in no plan and do not count. `draws`: decisions taken by lot; the bound is then that of every plan that carries
    them out: a drawn decision has what it drew, at its value, and pays the prices of nothing else.
    """
    left = candidates["value"].to_numpy() - _charges(candidates, prices)
    may = _can_ever_be_used(candidates, limits)
    at_limits = _at_limits(candidates, limits, prices)
    whose: Mapping[str, list[str]] = {}
    if draws is not None and draws.num_rows:
        is_decided, is_drawn, whose = _decided(candidates, draws)
        at_limits += float(left[is_drawn].sum())
        may &= ~is_decided
    worth = may & (left > 0)
    table = candidates.select(["customer_id", "wave", "channel"]).append_column("left", pa.array(left)).filter(pa.array(worth))
    return at_limits + _best_choices(table, limits, whose, spare=len(pc.unique(candidates["wave"])))


def _at_limits(candidates: pa.Table, limits: Mapping[str, Any], prices: Mapping[str, Any]) -> float:
    parts = [float(prices.get("budget", 0.0)) * float(limits.get("budget") or 0.0)]
    by_wave = prices.get("channel_waves", {})
    for name, most in (limits.get("channel_capacity") or {}).items():
        waves = pc.unique(candidates["wave"]).to_pylist()
        parts += [by_wave.get(name, {}).get(str(wave), 0.0) * (most or 0.0) for wave in waves]
    for kind, listed in (("channel_budget", "channel_budgets"), ("offer_stock", "offers")):
        parts += [prices.get(listed, {}).get(name, 0.0) * (most or 0.0) for name, most in (limits.get(kind) or {}).items()]
    return math.fsum(parts)


def _by_name(column: pa.ChunkedArray, value: Any) -> Floats:
    """value(name) of every row, asked once per distinct name."""
    names = pc.unique(column.combine_chunks())
    table = np.array([value(name) for name in names.to_pylist()] or [0.0], dtype=np.float64)
    return np.asarray(table[pc.index_in(column, value_set=names).to_numpy()], dtype=np.float64)


def _can_ever_be_used(candidates: pa.Table, limits: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    capacity, money, stock = (limits.get(key) or {} for key in ("channel_capacity", "channel_budget", "offer_stock"))

    def most(table: Mapping[str, Any]) -> Any:
        return lambda name: math.inf if table.get(name) is None else float(table[name])

    budget = math.inf if limits.get("budget") is None else float(limits["budget"])
    cost = candidates["cost"].to_numpy()
    may = cost <= np.minimum(budget, _by_name(candidates["channel"], most(money))) + 1e-9
    may &= _by_name(candidates["channel"], most(capacity)) >= 1
    may &= candidates["stock_use"].to_numpy() <= _by_name(candidates["offer"], most(stock)) + 1e-9
    return np.asarray(may, dtype=bool)


def _charges(candidates: pa.Table, prices: Mapping[str, Any]) -> Floats:
    by_wave, budgets, offers = (prices.get(kind, {}) for kind in ("channel_waves", "channel_budgets", "offers"))
    touch = np.zeros(candidates.num_rows)
    waves = candidates["wave"].to_numpy()
    for wave in np.unique(waves):
        mine = waves == wave
        column = candidates["channel"].filter(pa.array(mine))
        touch[mine] = _by_name(column, lambda name, wave=wave: by_wave.get(name, {}).get(str(wave), 0.0))
    rate = float(prices.get("budget", 0.0)) + _by_name(candidates["channel"], lambda name: budgets.get(name, 0.0))
    stock = _by_name(candidates["offer"], lambda name: offers.get(name, 0.0))
    return np.asarray(touch + rate * candidates["cost"].to_numpy() + stock * candidates["stock_use"].to_numpy(), dtype=np.float64)


def _decided(candidates: pa.Table, draws: pa.Table) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], dict[str, list[str]]]:
    """Which candidates belong to a drawn decision, which of them the lot chose, and the channels each person drew."""
    people = pc.unique(draws["customer_id"].combine_chunks())
    some = np.flatnonzero(pc.is_in(candidates["customer_id"], value_set=people).to_numpy())
    said = {(row["customer_id"], row["wave"]): (row["channel"], row["offer"]) for row in draws.to_pylist()}
    is_decided, is_drawn = np.zeros(candidates.num_rows, dtype=bool), np.zeros(candidates.num_rows, dtype=bool)
    names = ["customer_id", "wave", "channel", "offer", *(n for n in ("randomised",) if n in candidates.column_names)]
    for place, row in zip(some.tolist(), candidates.select(names).take(some).to_pylist(), strict=True):
        got = said.get((row["customer_id"], row["wave"]))
        is_decided[place] = got is not None
        is_drawn[place] = got == (row["channel"], row["offer"]) and row.get("randomised", True)
    whose: dict[str, list[str]] = defaultdict(list)
    for (person, _), (channel, _) in said.items():
        if channel is not None:
            whose[person].append(channel)
    return is_decided, is_drawn, whose


def _best_choices(table: pa.Table, limits: Mapping[str, Any], whose: Mapping[str, list[str]], *, spare: int) -> float:
    """Everybody's best choice; `whose`: the channels that people drew, which count against their cap."""
    cap = spare if limits.get("per_person_cap") is None else int(limits["per_person_cap"])
    if limits.get("one_per_channel"):
        options: dict[str, dict[tuple[int, str], float]] = defaultdict(dict)
        best = table.group_by(["customer_id", "wave", "channel"]).aggregate([("left", "max")])
        for row in best.to_pylist():
            if row["channel"] not in whose.get(row["customer_id"], ()):
                options[row["customer_id"]][row["wave"], row["channel"]] = row["left_max"]
        return math.fsum(_matching(entry, cap=cap - len(whose.get(name, ()))) for name, entry in options.items() if entry)
    best = table.group_by(["customer_id", "wave"]).aggregate([("left", "max")])
    names = pc.unique(best["customer_id"].combine_chunks())
    person, worth = pc.index_in(best["customer_id"], value_set=names).to_numpy(), best["left_max"].to_numpy()
    order = np.lexsort((-worth, person))
    first = np.searchsorted(person[order], np.arange(len(names)))
    rank = np.arange(len(order)) - first[person[order]]
    caps = np.array([cap - len(whose.get(name, ())) for name in names.to_pylist()], dtype=np.int64)
    return float(worth[order][rank < caps[person[order]]].sum()) if len(order) else 0.0


def _matching(options: Mapping[tuple[int, str], float], *, cap: int) -> float:
    """Greatest total of a matching of waves to channels with at most `cap` pairs: idle columns take the waves left over."""
    waves = sorted({wave for wave, _ in options})
    channels = sorted({channel for _, channel in options})
    must_idle = max(len(waves) - cap, 0)
    bonus = 2.0 * sum(options.values()) + 1.0
    grid = np.zeros((len(waves), len(channels) + len(waves) + must_idle))
    for (wave, channel), worth in options.items():
        grid[waves.index(wave), channels.index(channel)] = worth
    grid[:, len(channels) + len(waves) :] = bonus
    rows, columns = linear_sum_assignment(grid, maximize=True)
    return float(grid[rows, columns].sum()) - bonus * must_idle
