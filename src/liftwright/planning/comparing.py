"""Two versions of one flight, decision by decision: what differs, in words.

A decision is one person in one wave: an option, or no contact. It holds the person's arm, what was chosen with which probability,
and every option they had with the terms of its value. Numbers are compared exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from liftwright.planning.treatments import TERMS

BALANCE = 1e-9
"""Terms add up to their value within this, relative to a value above 1."""
_OPTION = ("channel", "offer", "variant")
_SIDES = ("planned", "replayed")
Row = dict[str, Any]
Decision = tuple[str, int]


@dataclass(frozen=True)
class Flight:
    """The tables of a solved flight: `people` (customer_id, arm, …), chosen `rows`, `candidates` (all options), `draws` by lot."""

    people: pa.Table
    rows: pa.Table
    candidates: pa.Table
    draws: pa.Table

    def tables(self) -> dict[str, pa.Table]:
        """By name, in the order in which differences are told."""
        return {"chosen": self.rows, "person": self.people, "draw": self.draws, "option": self.candidates}


@dataclass(frozen=True)
class Compared:
    """decisions: how many were compared; differing: how many are not the same in everything; says: the first of those, in words."""

    decisions: int
    differing: int
    says: tuple[str, ...]


def compare(planned: Flight, replayed: Flight, *, shown: int = 10) -> Compared:
    """Every decision of two flights over the same people, and what differs in the first `shown` of those that do."""
    waves = sorted(set(planned.candidates["wave"].unique().to_pylist()) | set(replayed.candidates["wave"].unique().to_pylist()))
    people = set(planned.people["customer_id"].to_pylist()) | set(replayed.people["customer_id"].to_pylist())
    differing: dict[Decision, dict[str, tuple[list[Row], list[Row]]]] = defaultdict(dict)
    for name, first in planned.tables().items():
        for key, sides in _differences(first, replayed.tables()[name], waves).items():
            differing[key][name] = sides
    says = tuple(f"{person}, wave {wave}: {_words(differing[person, wave])}" for person, wave in sorted(differing)[:shown])
    return Compared(len(people) * len(waves), len(differing), says)


def unbalanced(candidates: pa.Table) -> int:
    """Options whose terms do not add up to the value the solver used."""
    value = candidates["value"].to_numpy()
    total = np.sum([candidates[name].to_numpy() for name in TERMS], axis=0)
    return int((~(np.abs(total - value) <= BALANCE * np.maximum(1.0, np.abs(value)))).sum())


def _differences(first: pa.Table, second: pa.Table, waves: list[int]) -> dict[Decision, tuple[list[Row], list[Row]]]:
    """Rows that only one of two tables has, by decision; a row of a person without a wave belongs to each of their decisions."""
    if first.equals(second):
        return {}
    names = [name for name in first.column_names if name in second.column_names]
    sides = (_only_in(first.select(names), second.select(names)), _only_in(second.select(names), first.select(names)))
    found: dict[Decision, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate(sides):
        for row in rows:
            for wave in [row["wave"]] if "wave" in row else waves:
                found[row["customer_id"], wave][side].append(row)
    return found


def _only_in(first: pa.Table, second: pa.Table) -> list[Row]:
    with duckdb.connect() as connection:
        connection.register("first", first)
        connection.register("second", second)
        rows: list[Row] = connection.sql("SELECT * FROM first EXCEPT ALL SELECT * FROM second").to_arrow_table().to_pylist()
    return rows


def _words(differing: Mapping[str, tuple[list[Row], list[Row]]]) -> str:
    """What is told of one decision: the choice, else the person, else the lot, else its options."""
    for name in ("chosen", "person", "draw", "option"):
        if name in differing:
            return f"{name}: " + "; ".join(_told(*differing[name]))
    raise ValueError("nothing differs")


def _told(planned: list[Row], replayed: list[Row]) -> Iterator[str]:
    before, after = ({_option(row): row for row in rows} for rows in (planned, replayed))
    if len(before) == len(after) == 1 and set(before) != set(after):
        yield f"{next(iter(before))} → {next(iter(after))}"
        return
    for option in sorted(set(before) | set(after)):
        if option in before and option in after:
            yield f"{option}: {_changed(before[option], after[option])}".removeprefix(": ")
        else:
            yield f"{option} only {_SIDES[option in after]}".strip()


def _option(row: Row) -> str:
    """The option of a row; no contact where the lot gave none; nothing for a row about the person."""
    if "channel" not in row:
        return ""
    return ":".join(str(row[name]) for name in _OPTION if row.get(name) is not None) or "no contact"


def _changed(before: Row, after: Row) -> str:
    return ", ".join(f"{name} {before[name]} → {after[name]}" for name in before if before[name] != after[name])
