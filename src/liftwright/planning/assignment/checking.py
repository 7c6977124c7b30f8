"""Verify an assignment from its rows, the candidates and the limits alone. Shares no code with the solver, on purpose."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.optimize import linear_sum_assignment

KEY = ("customer_id", "wave", "channel", "offer", "variant")
TERMS = ("term_margin", "term_cost", "term_incentive", "term_fatigue")
TOLERANCE = 1e-6


def check(
    rows: pa.Table,
    candidates: pa.Table,
    limits: Mapping[str, Any],
    *,
    objective: float | None = None,
    draws: pa.Table | None = None,
) -> list[str]:
    """Every violation as a sentence; an empty list means feasible. `objective`: also recompute it and compare.

    With `propensity` in the candidates, the chances of a person's options must be those of the rows and add up to no more than 1;
    with `draws` (every decision drawn by lot), each must be a real draw that the rows carry out.
    """
    found = [
        *_unknown(rows, candidates),
        *_per_person(rows, limits),
        *_shared(rows, limits),
        *_terms(rows),
        *_chance(rows, limits),
        *_chances(rows, candidates),
        *(_draws(rows, candidates, draws) if draws is not None else ()),
    ]
    if objective is not None:
        total = math.fsum(rows["value"].to_pylist())
        if abs(total - objective) > TOLERANCE * max(1.0, abs(objective)):
            found.append(f"the objective is {total:.6f} by the rows, not {objective:.6f}")
    return found


def _keys(table: pa.Table) -> list[tuple[Any, ...]]:
    names = [name for name in KEY if name in table.column_names]
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def _unknown(rows: pa.Table, candidates: pa.Table) -> Iterable[str]:
    wanted = pc.unique(rows["customer_id"].combine_chunks())
    mine = candidates.filter(pc.is_in(candidates["customer_id"], value_set=wanted))
    numbers = ("value", "cost", "stock_use")
    known = {
        key: values for key, values in zip(_keys(mine), zip(*(mine[n].to_pylist() for n in numbers), strict=True), strict=True)
    }
    for key, values in zip(_keys(rows), zip(*(rows[n].to_pylist() for n in numbers), strict=True), strict=True):
        if key not in known:
            yield f"{key} is not among the candidates"
        elif any(abs(a - b) > TOLERANCE for a, b in zip(values, known[key], strict=True)):
            yield f"{key} has other numbers than the candidate"


def _per_person(rows: pa.Table, limits: Mapping[str, Any]) -> Iterable[str]:
    people = rows["customer_id"].to_pylist()
    for (person, wave), count in Counter(zip(people, rows["wave"].to_pylist(), strict=True)).items():
        if count > 1:
            yield f"{person} gets {count} touches in wave {wave}"
    cap = limits.get("per_person_cap")
    if cap is not None:
        for person, count in Counter(people).items():
            if count > cap:
                yield f"{person} gets {count} touches, more than {cap}"
    if limits.get("one_per_channel"):
        for (person, channel), count in Counter(zip(people, rows["channel"].to_pylist(), strict=True)).items():
            if count > 1:
                yield f"{person} gets {count} touches by {channel}"


def _shared(rows: pa.Table, limits: Mapping[str, Any]) -> Iterable[str]:
    channels, offers = rows["channel"].to_pylist(), rows["offer"].to_pylist()
    costs, stock, waves = rows["cost"].to_pylist(), rows["stock_use"].to_pylist(), rows["wave"].to_pylist()
    budget = limits.get("budget")
    spent = math.fsum(costs)
    if budget is not None and spent > budget + TOLERANCE:
        yield f"the plan spends {spent:.4f}, more than {budget}"
    sends = Counter(zip(channels, waves, strict=True))
    for (channel, wave), count in sends.items():
        most = (limits.get("channel_capacity") or {}).get(channel)
        if most is not None and count > most:
            yield f"{channel} is used {count} times in wave {wave}, more than {most}"
    money: dict[str, list[float]] = defaultdict(list)
    uses: dict[str, list[float]] = defaultdict(list)
    for channel, offer, cost, use in zip(channels, offers, costs, stock, strict=True):
        money[channel].append(cost)
        uses[offer].append(use)
    for kind, parts, says in (("channel_budget", money, "spends"), ("offer_stock", uses, "takes")):
        for name, most in (limits.get(kind) or {}).items():
            if most is not None and math.fsum(parts[name]) > most + TOLERANCE:
                yield f"{name} {says} {math.fsum(parts[name]):.4f}, more than {most}"
    total = Counter(channels)
    for name, least in (limits.get("channel_min_run") or {}).items():
        if least and 0 < total[name] < least:
            yield f"{name} is used {total[name]} times, less than its least run of {least}"


def _terms(rows: pa.Table) -> Iterable[str]:
    if not set(TERMS) <= set(rows.column_names):
        return
    total = np.sum([rows[name].to_numpy() for name in TERMS], axis=0) if rows.num_rows else np.zeros(0)
    wrong = np.abs(total - rows["value"].to_numpy()) > TOLERANCE * np.maximum(1.0, np.abs(total))
    if wrong.any():
        yield f"the terms of {int(wrong.sum())} touches do not add up to their value"


def _chance(rows: pa.Table, limits: Mapping[str, Any]) -> Iterable[str]:
    if not {"randomised", "propensity"} <= set(rows.column_names) or not rows.num_rows:
        return
    chance = rows["propensity"].to_pylist()
    if not all(0.0 < number <= 1.0 for number in chance):
        yield "a propensity lies outside (0, 1]"
    certain = sum(1 for number, drawn in zip(chance, rows["randomised"].to_pylist(), strict=True) if drawn and number >= 1.0)
    if certain:
        yield f"{certain} touches are called randomised but had only one possible outcome"
    least = limits.get("randomised_share_min")
    share = sum(rows["randomised"].to_pylist()) / rows.num_rows
    if least and share < least - TOLERANCE:
        yield f"{share:.4f} of the touches are randomised, less than {least}"


def _chances(rows: pa.Table, candidates: pa.Table) -> Iterable[str]:
    if "propensity" not in rows.column_names or "propensity" not in candidates.column_names:
        return
    known = {key: (chance, drawn) for key, chance, drawn in _with_chance(candidates)}
    wrong = sum(known.get(key, (chance, drawn)) != (chance, drawn) for key, chance, drawn in _with_chance(rows))
    if wrong:
        yield f"{wrong} touches have another probability than the candidate"
    over = sum(total > 1.0 + TOLERANCE for total in _total_chance(candidates).values())
    if over or any(chance < 0.0 for chance, _ in known.values()):
        yield f"the probabilities of the options of {over} decisions are negative or add up to more than 1"


def _draws(rows: pa.Table, candidates: pa.Table, draws: pa.Table) -> Iterable[str]:
    total = _total_chance(candidates)
    got = {
        (row["customer_id"], row["wave"]): row
        for row in rows.select(["customer_id", "wave", "channel", "offer", "randomised"]).to_pylist()
    }
    said = {(row["customer_id"], row["wave"]): row for row in draws.to_pylist()}
    if len(said) < draws.num_rows or {key for key, row in got.items() if row["randomised"]} - set(said):
        yield "a decision is drawn twice, or a touch is called randomised that was never drawn"
    for key, draw in said.items():
        row = got.get(key)
        if draw["channel"] is None:
            if row is not None or abs(total.get(key, 0.0) + draw["propensity"] - 1.0) > TOLERANCE:
                yield f"{key} drew no contact, but has one or another probability of it"
        elif row is None or not row["randomised"] or (row["channel"], row["offer"]) != (draw["channel"], draw["offer"]):
            yield f"{key} drew {draw['channel']}:{draw['offer']} but gets something else"
        if not 0.0 < draw["propensity"] < 1.0 or draw["outcomes"] < 2:
            yield f"{key} was drawn although only one outcome was possible"


def _with_chance(table: pa.Table) -> Iterable[tuple[tuple[Any, ...], float, bool]]:
    return zip(_keys(table), table["propensity"].to_pylist(), table["randomised"].to_pylist(), strict=True)


def _total_chance(candidates: pa.Table) -> dict[tuple[str, int], float]:
    summed = candidates.group_by(["customer_id", "wave"]).aggregate([("propensity", "sum")])
    columns = (summed[name].to_pylist() for name in ("customer_id", "wave", "propensity_sum"))
    return {(person, wave): total for person, wave, total in zip(*columns, strict=True)}


def dual_bound(candidates: pa.Table, limits: Mapping[str, Any], prices: Mapping[str, Any]) -> float:
    """The upper bound that a price list proves: limits at their prices plus everybody's best choice at those prices.

    Holds for any prices >= 0 (weak duality), so it certifies a plan whatever produced the prices. Options that alone exceed a
    limit can be in no plan and do not count.
    """
    candidates = candidates.filter(pa.array(_can_ever_be_used(candidates, limits)))
    waves = sorted(set(candidates["wave"].to_pylist()))
    least_use = {name: most for name, most in (limits.get("channel_capacity") or {}).items() if most is not None}
    at_limits = float(prices.get("budget", 0.0)) * float(limits.get("budget") or 0.0)
    by_wave = prices.get("channel_waves", {})
    at_limits += math.fsum(by_wave.get(name, {}).get(str(wave), 0.0) * most for name, most in least_use.items() for wave in waves)
    for kind, listed in (("channel_budget", "channel_budgets"), ("offer_stock", "offers")):
        at_limits += math.fsum(
            prices.get(listed, {}).get(name, 0.0) * (most or 0.0) for name, most in (limits.get(kind) or {}).items()
        )
    left = candidates["value"].to_numpy() - _charges(candidates, prices)
    table = candidates.select(["customer_id", "wave", "channel"]).append_column("left", pa.array(left)).filter(pa.array(left > 0))
    return at_limits + _best_choices(table, limits, spare=len(waves))


def _can_ever_be_used(candidates: pa.Table, limits: Mapping[str, Any]) -> list[bool]:
    budget = math.inf if limits.get("budget") is None else float(limits["budget"])
    capacity, money, stock = (limits.get(key) or {} for key in ("channel_capacity", "channel_budget", "offer_stock"))

    def most(table: Mapping[str, Any], name: str) -> float:
        return math.inf if table.get(name) is None else float(table[name])

    columns = (candidates[name].to_pylist() for name in ("channel", "offer", "cost", "stock_use"))
    return [
        cost <= min(budget, most(money, channel)) + 1e-9 and most(capacity, channel) >= 1 and use <= most(stock, offer) + 1e-9
        for channel, offer, cost, use in zip(*columns, strict=True)
    ]


def _charges(candidates: pa.Table, prices: Mapping[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    by_wave, budgets = prices.get("channel_waves", {}), prices.get("channel_budgets", {})
    offers, budget = prices.get("offers", {}), float(prices.get("budget", 0.0))
    flat: dict[tuple[str, int], float] = {}
    channels, waves = candidates["channel"].to_pylist(), candidates["wave"].to_pylist()
    for channel, wave in set(zip(channels, waves, strict=True)):
        flat[channel, wave] = by_wave.get(channel, {}).get(str(wave), 0.0)
    touch = np.array([flat[pair] for pair in zip(channels, waves, strict=True)])
    rate = np.array([budget + budgets.get(channel, 0.0) for channel in channels])
    stock = np.array([offers.get(offer, 0.0) for offer in candidates["offer"].to_pylist()])
    total = touch + rate * candidates["cost"].to_numpy() + stock * candidates["stock_use"].to_numpy()
    return np.asarray(total, dtype=np.float64)


def _best_choices(table: pa.Table, limits: Mapping[str, Any], *, spare: int) -> float:
    cap = limits.get("per_person_cap")
    if not limits.get("one_per_channel"):
        best = table.group_by(["customer_id", "wave"]).aggregate([("left", "max")])
        if cap is None:
            return math.fsum(best["left_max"].to_pylist())
        mine: dict[str, list[float]] = defaultdict(list)
        for person, worth in zip(best["customer_id"].to_pylist(), best["left_max"].to_pylist(), strict=True):
            mine[person].append(worth)
        return math.fsum(math.fsum(sorted(values, reverse=True)[:cap]) for values in mine.values())
    options: dict[str, dict[tuple[int, str], float]] = defaultdict(dict)
    best = table.group_by(["customer_id", "wave", "channel"]).aggregate([("left", "max")])
    for row in best.to_pylist():
        options[row["customer_id"]][row["wave"], row["channel"]] = row["left_max"]
    return math.fsum(_matching(entry, cap=spare if cap is None else cap) for entry in options.values())


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
