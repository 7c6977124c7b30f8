"""Verify an assignment from its rows, the candidates and the limits alone. Shares no code with the solver, on purpose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]

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
    source = _sources(rows, candidates)
    found = [
        *_unknown(rows, source),
        *_per_person(rows, limits),
        *_shared(rows, limits),
        *_terms(rows),
        *_chance(rows, limits),
        *_chances(rows, candidates, source),
        *(_draws(rows, candidates, draws) if draws is not None else ()),
    ]
    if objective is not None:
        total = math.fsum(rows["value"].to_numpy())
        if abs(total - objective) > TOLERANCE * max(1.0, abs(objective)):
            found.append(f"the objective is {total:.6f} by the rows, not {objective:.6f}")
    return found


def _codes(rows: pa.Table, candidates: pa.Table, names: Iterable[str]) -> tuple[Ints, Ints]:
    """One number per distinct key of the candidates, for the rows (-1 = no such candidate) and for the candidates."""
    mine, theirs = np.zeros(rows.num_rows, dtype=np.int64), np.zeros(candidates.num_rows, dtype=np.int64)
    unknown = np.zeros(rows.num_rows, dtype=bool)
    for name in names:
        values = pc.unique(candidates[name].combine_chunks())
        if int(theirs.max(initial=0)) > (1 << 62) // max(len(values), 1):
            both = np.unique(np.concatenate([mine, theirs]), return_inverse=True)[1]
            mine, theirs = both[: len(mine)], both[len(mine) :]
        found = _places(rows[name], values)
        unknown |= found < 0
        mine, theirs = mine * len(values) + found, theirs * len(values) + _places(candidates[name], values)
    return np.where(unknown, -1, mine), theirs


def _places(column: pa.ChunkedArray, values: pa.Array) -> Ints:
    found = pc.fill_null(pc.index_in(column, value_set=values.cast(column.type)), -1)
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _sources(rows: pa.Table, candidates: pa.Table) -> Ints:
    """Of every row, the candidate it is: -1 = there is none with its names, -2 = those have other numbers."""
    names = [name for name in KEY if name in rows.column_names and name in candidates.column_names]
    mine, theirs = _codes(rows, candidates, names)
    some = np.flatnonzero(pc.is_in(pa.array(theirs), value_set=pa.array(np.unique(mine))).to_numpy(zero_copy_only=False))
    some = some[np.argsort(theirs[some], kind="stable")]
    first, after = (np.searchsorted(theirs[some], mine, side=side) for side in ("left", "right"))
    found = np.where(first < after, -2, -1)
    for step in range(int((after - first).max(initial=0))):
        live = np.flatnonzero((found == -2) & (first + step < after))
        place = some[first[live] + step]
        same = np.ones(len(live), dtype=bool)
        for name in ("value", "cost", "stock_use"):
            same &= np.abs(rows[name].to_numpy()[live] - candidates[name].to_numpy()[place]) <= TOLERANCE
        found[live[same]] = place[same]
    return np.asarray(found, dtype=np.int64)


def _unknown(rows: pa.Table, source: Ints) -> Iterable[str]:
    names = [name for name in KEY if name in rows.column_names]
    for wrong, says in ((-1, "is not among the candidates"), (-2, "has other numbers than the candidate")):
        for row in rows.select(names).take(np.flatnonzero(source == wrong)).to_pylist():
            yield f"{tuple(row.values())} {says}"


def _per_person(rows: pa.Table, limits: Mapping[str, Any]) -> Iterable[str]:
    for person, wave, count in _counted(rows, ["customer_id", "wave"], most=1):
        yield f"{person} gets {count} touches in wave {wave}"
    cap = limits.get("per_person_cap")
    if cap is not None:
        for person, count in _counted(rows, ["customer_id"], most=cap):
            yield f"{person} gets {count} touches, more than {cap}"
    if limits.get("one_per_channel"):
        for person, channel, count in _counted(rows, ["customer_id", "channel"], most=1):
            yield f"{person} gets {count} touches by {channel}"


def _counted(rows: pa.Table, names: list[str], *, most: int) -> Iterable[tuple[Any, ...]]:
    """The groups with more than `most` rows, and how many they have."""
    counts = rows.group_by(names).aggregate([([], "count_all")])
    for row in counts.filter(pc.greater(counts["count_all"], most)).select([*names, "count_all"]).to_pylist():
        yield tuple(row.values())


def _shared(rows: pa.Table, limits: Mapping[str, Any]) -> Iterable[str]:
    budget = limits.get("budget")
    spent = math.fsum(rows["cost"].to_numpy())
    if budget is not None and spent > budget + TOLERANCE:
        yield f"the plan spends {spent:.4f}, more than {budget}"
    capacity = limits.get("channel_capacity") or {}
    for row in rows.group_by(["channel", "wave"]).aggregate([([], "count_all")]).to_pylist():
        most = capacity.get(row["channel"])
        if most is not None and row["count_all"] > most:
            yield f"{row['channel']} is used {row['count_all']} times in wave {row['wave']}, more than {most}"
    for kind, group, use, says in (
        ("channel_budget", "channel", "cost", "spends"),
        ("offer_stock", "offer", "stock_use", "takes"),
    ):
        for name, most in (limits.get(kind) or {}).items():
            total = math.fsum(rows.filter(pc.equal(rows[group], name))[use].to_numpy())
            if most is not None and total > most + TOLERANCE:
                yield f"{name} {says} {total:.4f}, more than {most}"
    for name, least in (limits.get("channel_min_run") or {}).items():
        count = pc.sum(pc.equal(rows["channel"], name)).as_py() or 0
        if least and 0 < count < least:
            yield f"{name} is used {count} times, less than its least run of {least}"


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
    chance, drawn = rows["propensity"].to_numpy(), rows["randomised"].to_numpy()
    if not ((chance > 0.0) & (chance <= 1.0)).all():
        yield "a propensity lies outside (0, 1]"
    certain = int((drawn & (chance >= 1.0)).sum())
    if certain:
        yield f"{certain} touches are called randomised but had only one possible outcome"
    least = limits.get("randomised_share_min")
    share = float(drawn.mean())
    if least and share < least - TOLERANCE:
        yield f"{share:.4f} of the touches are randomised, less than {least}"


def _chances(rows: pa.Table, candidates: pa.Table, source: Ints) -> Iterable[str]:
    if "propensity" not in rows.column_names or "propensity" not in candidates.column_names:
        return
    known = source >= 0
    wrong = int((~known).sum())
    differs = np.zeros(int(known.sum()), dtype=bool)
    for name in ("propensity", "randomised"):
        theirs = candidates[name].take(pa.array(source[known]))
        differs |= rows[name].filter(pa.array(known)).to_numpy() != theirs.to_numpy()
    if wrong + differs.any():
        yield f"{wrong + int(differs.sum())} touches have another probability than the candidate"
    total = candidates.group_by(["customer_id", "wave"]).aggregate([("propensity", "sum")])["propensity_sum"].to_numpy()
    over = int((total > 1.0 + TOLERANCE).sum())
    if over or (candidates["propensity"].to_numpy() < 0.0).any():
        yield f"the probabilities of the options of {over} decisions are negative or add up to more than 1"


def _draws(rows: pa.Table, candidates: pa.Table, draws: pa.Table) -> Iterable[str]:
    people = pc.unique(draws["customer_id"].combine_chunks())
    total = _total_chance(candidates.filter(pc.is_in(candidates["customer_id"], value_set=people)))
    some = rows.select(["customer_id", "wave", "channel", "offer", "randomised"])
    some = some.filter(pc.or_(pc.is_in(some["customer_id"], value_set=people), some["randomised"]))
    got = {(row["customer_id"], row["wave"]): row for row in some.to_pylist()}
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


def _total_chance(candidates: pa.Table) -> dict[tuple[str, int], float]:
    summed = candidates.group_by(["customer_id", "wave"]).aggregate([("propensity", "sum")])
    columns = (summed[name].to_pylist() for name in ("customer_id", "wave", "propensity_sum"))
    return {(person, wave): total for person, wave, total in zip(*columns, strict=True)}
