"""Rows of a past randomised test to the tables treatments and, from a wide file, customers."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.mapping.arms import BALANCE_LIMIT, CONTROL, Arms, largest_difference
from liftwright.audience.mapping.columns import spec_of
from liftwright.audience.mapping.files import ROW
from liftwright.audience.mapping.recognition import Mapping

OUTCOME_WINDOW_DAYS = 14
"""How long after a treatment its outcomes are counted where a file does not say."""


def build(typed: pa.Table, mapping: Mapping, *, now: datetime) -> tuple[dict[str, pa.Table], list[str]]:
    """Treatments with `arm` ('control' or a name), `channel`, `offer`, `discount`, `propensity` of the arm taken; customers when wide."""
    notes: list[str] = []
    assert mapping.arms is not None
    table = _with_people(typed, notes=notes)
    table = _with_times(table, now=now, notes=notes)
    table = _with_arms(table, mapping.arms, notes=notes)
    tables: dict[str, pa.Table] = {}
    is_chance = True
    if mapping.people is not None:
        people = ["customer_id", *mapping.people.columns, *mapping.people.refusals, *mapping.people.extras]
        people = list(dict.fromkeys(name for name in people if name in table.column_names))
        tables["customers"] = _one_row_each(table.select([ROW, *people]))
        is_chance = "propensity" in table.column_names or _balance(table, list(mapping.people.extras), notes=notes)
    table = _with_propensity(table, is_chance=is_chance, notes=notes)
    own = [name for name in table.column_names if name in spec_of("treatments").columns or name in mapping.extras]
    tables["treatments"] = table.select([name for name in own if name not in ("treated",)])
    return tables, notes


def _with_people(table: pa.Table, *, notes: list[str]) -> pa.Table:
    if "customer_id" in table.column_names:
        return table
    width = max(6, len(str(table.num_rows)))
    ids = [f"row-{number:0{width}d}" for number in table[ROW].to_pylist()]
    notes.append("No column names the customer; each row is a person of its own: row-000001 and so on, by the row in the file.")
    return table.append_column("customer_id", pa.array(ids, pa.string()))


def _with_times(table: pa.Table, *, now: datetime, notes: list[str]) -> pa.Table:
    if "treated_at" in table.column_names:
        return table
    at = (now - timedelta(days=OUTCOME_WINDOW_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    notes.append(
        f"No column says when people were treated; {at:%Y-%m-%d} is assumed, {OUTCOME_WINDOW_DAYS} days (the outcome window) before now."
    )
    return table.append_column("treated_at", pa.array([at] * table.num_rows, pa.timestamp("us", tz="UTC")))


def _with_arms(table: pa.Table, arms: Arms, *, notes: list[str]) -> pa.Table:
    """Name the control, and fill channel and offer from the words of the arm where no column gives them."""
    values = table["arm"].to_pylist()
    levels = {level.value: level for level in arms.levels}
    if not arms.has_control:
        notes.append(
            f"No value of '{arms.column}' reads as a control, so no effect against doing nothing can be learned from it."
        )
    table = _put(table, "arm", pa.array([levels[value].name for value in values], pa.string()))
    if "channel" not in table.column_names:
        table = _put(table, "channel", pa.array([levels[value].channel for value in values], pa.string()))
        unclear = sorted(level.value for level in arms.levels if level.channel is None and not level.is_control)
        if unclear:
            shown = ", ".join(unclear[:5]) + (f" and {len(unclear) - 5} more" if len(unclear) > 5 else "")
            notes.append(f"The channel of the arms {shown} is not known; add a channel column or rename the arms.")
    if "offer" not in table.column_names:
        table = _put(table, "offer", pa.array([None if levels[v].is_control else levels[v].offer for v in values], pa.string()))
    if "discount" not in table.column_names:
        table = _put(table, "discount", pa.array(np.zeros(table.num_rows)))
    return table


def _put(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, column)
    return table.append_column(name, column)


def _one_row_each(people: pa.Table) -> pa.Table:
    last = people.group_by("customer_id", use_threads=False).aggregate([(ROW, "max")])[f"{ROW}_max"]
    kept = people.filter(pc.is_in(people[ROW], value_set=last.combine_chunks()))
    return kept.drop_columns([ROW]).sort_by("customer_id")


def _balance(table: pa.Table, features: list[str], *, notes: list[str]) -> bool:
    arm = np.asarray(table["arm"].to_pylist(), dtype=object)
    arms = {name: arm == name for name in sorted(set(arm)) if name != CONTROL}
    worst, where, is_chance = largest_difference(table.select(features), arm == CONTROL, arms)
    if not where:
        return True
    if is_chance:
        notes.append(f"Features are balanced between the arms: the largest standardised difference is {worst:.3f} ({where}).")
    else:
        notes.append(
            f"This does not look randomised: the largest standardised difference is {worst:.3f} ({where}), more than {BALANCE_LIMIT}. "
            "Propensities stay empty and no effect is learned from it."
        )
    return is_chance


def _with_propensity(table: pa.Table, *, is_chance: bool, notes: list[str]) -> pa.Table:
    if "propensity" in table.column_names:
        return table
    if not is_chance:
        return table.append_column("propensity", pa.nulls(table.num_rows, pa.float64()))
    wave = table["wave"].to_pylist() if "wave" in table.column_names else table["treated_at"].cast(pa.date32()).to_pylist()
    actions = zip(wave, *(table[name].to_pylist() for name in ("arm", "channel", "offer")), strict=True)
    _, wave_of = np.unique([str(w) for w in wave], return_inverse=True)
    _, cell_of = np.unique(["\x1f".join(map(str, action)) for action in actions], return_inverse=True)
    share = np.bincount(cell_of)[cell_of] / np.bincount(wave_of)[wave_of]
    notes.append("No column gives the propensity; the share of each arm in its wave is used, as if chance alone decided.")
    return table.append_column("propensity", pa.array(share, pa.float64()))
