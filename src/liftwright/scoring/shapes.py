"""Past tests come in many shapes: here the holdout gets its rows and every row the chance of what was done, as far as the log tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

CONTROL = "control"
ALIKE = 1e-3
"""Propensities of one action in one wave that differ by less are one and the same."""
SURE_Z = 3.29
"""Standard errors (p = 0.001) by which the share of listed people may be off the logged chance to be on the list."""
ONCE = 1.5
"""Inverse chances of an arm that add up to less than so many times the rows of the wave are chances of the arm."""
_US = pa.timestamp("us", tz="UTC")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Wave:
    """Rows of one wave: their places, numbers of what each got and of its arm (-1 the control), the logged chance (NaN where none)."""

    rows: Ints
    action: Ints
    arm: Ints
    chance: Floats

    @property
    def control(self) -> npt.NDArray[np.bool_]:
        return self.arm < 0

    def contacted(self) -> float | None:
        """The chance to be contacted at all, when it was the same for everybody; None when the log does not tell."""
        total = 0.0
        for action in np.unique(self.action[~self.control]):
            chances = self.chance[~self.control & (self.action == action)]
            if not np.isfinite(chances).all() or chances.max() - chances.min() > ALIKE:
                return None
            total += float(chances.mean())
        return total if 0.0 < total < 1.0 - ALIKE else None


def complete(treatments: pa.Table, customers: pa.Table | None) -> pa.Table:
    """Treatments whose every row has the propensity of its own action, with the holdout as control rows.

    - Propensities of an arm with several actions: times the share of the action in its arm, as if that had been drawn too.
    - A control without propensity: what the chances of the actions leave.
    - A wave without control, whose chances leave something: everybody who was a customer and is not listed is its control.
    The last two only where the share of people contacted fits the chances, and these are the same for all; else a wave stays as it is.
    """
    if "propensity" not in treatments.column_names or not treatments.num_rows:
        return treatments
    treatments = treatments.filter(pc.and_(pc.is_valid(treatments["customer_id"]), pc.is_valid(treatments["treated_at"])))
    chance = pc.fill_null(treatments["propensity"].cast(pa.float64()), np.nan).to_numpy().copy()
    added: list[pa.Table] = []
    for logged in _waves(treatments, chance):
        chance[logged.rows] = _per_action(logged)
        wave = _Wave(logged.rows, logged.action, logged.arm, chance[logged.rows])
        contacted = wave.contacted()
        if contacted is None:
            continue
        if wave.control.any():
            if _fits(int((~wave.control).sum()), len(wave.rows), contacted):
                chance[wave.rows[wave.control & ~np.isfinite(wave.chance)]] = 1.0 - contacted
        elif customers is not None and not _has_outcomes(treatments):
            added.append(_absent(treatments.take(pa.array(wave.rows)), customers, contacted))
    place = treatments.column_names.index("propensity")
    treatments = treatments.set_column(place, "propensity", pa.array(chance, pa.float64(), from_pandas=True))
    return pa.concat_tables([treatments, *added], promote_options="default") if added else treatments


def _has_outcomes(treatments: pa.Table) -> bool:
    """Whether outcomes come with the treatments, in one wide file: people who are not in it have none."""
    return any(
        name.startswith("outcome_") and treatments[name].null_count < treatments.num_rows for name in treatments.column_names
    )


def _waves(treatments: pa.Table, chance: Floats) -> list[_Wave]:
    """Rows by `wave` where the log has it, else by day (UTC)."""
    if "wave" in treatments.column_names and treatments["wave"].null_count == 0:
        names = _numbers(treatments["wave"].cast(pa.string()))
    else:
        names = treatments["treated_at"].cast(_US).cast(pa.int64()).to_numpy() // 86_400_000_000
    arm = _texts(treatments, "arm", "treated")
    channel, offer = _texts(treatments, "channel", "unknown"), _texts(treatments, "offer", "none")
    is_control = pc.equal(arm, CONTROL)
    action = _numbers(pc.if_else(is_control, None, pc.binary_join_element_wise(channel, offer, ":")))
    arms = _numbers(pc.if_else(is_control, None, arm))
    _, wave_of = np.unique(names, return_inverse=True)
    order = np.argsort(wave_of, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(wave_of[order])) + 1)
    return [_Wave(rows, action[rows], arms[rows], chance[rows]) for rows in groups]


def _texts(table: pa.Table, name: str, missing: str) -> Any:
    if name not in table.column_names:
        return pa.array([missing] * table.num_rows, pa.string())
    return pc.fill_null(table[name].cast(pa.string()), missing)


def _numbers(texts: Any) -> Ints:
    """Place of each text among all in the order of the alphabet; -1 for none."""
    known = pc.unique(texts.drop_null())
    found = pc.index_in(texts, value_set=known.take(pc.sort_indices(known)))
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _per_action(wave: _Wave) -> Floats:
    """The chance of each row's action; where the log has that of an arm with several actions, times the share of the action in it.

    Inverse chances add up to the people who could have got something: about once all of them if the chance is the arm's, and as
    often as it has actions if it is theirs.
    """
    chance = wave.chance.copy()
    for arm in np.unique(wave.arm[~wave.control]):
        mine = (wave.arm == arm) & np.isfinite(chance) & (chance > 0.0)
        kinds, kind, counts = np.unique(wave.action[mine], return_inverse=True, return_counts=True)
        if len(kinds) > 1 and float((1.0 / chance[mine]).sum()) < ONCE * len(wave.rows):
            chance[mine] *= counts[kind] / mine.sum()
    return chance


def _absent(listed: pa.Table, customers: pa.Table, contacted: float) -> pa.Table:
    """Control rows for the customers who are not on the list, at moments spread like those of the list; none where they do not fit."""
    first = pc.min(listed["treated_at"])
    known = customers["customer_id"]
    if "created_at" in customers.column_names:
        created = customers["created_at"].cast(_US)
        known = known.filter(pc.fill_null(pc.less_equal(created, first.cast(_US)), True))
    everybody, on_list = set(known.to_pylist()), set(listed["customer_id"].to_pylist())
    absent = sorted(everybody - on_list - {None})
    if not absent or not _fits(len(on_list), len(absent) + len(on_list), contacted):
        return listed.slice(0, 0)
    moments = listed["treated_at"].take(pc.sort_indices(listed["treated_at"]))
    at = moments.take(pa.array((np.arange(len(absent)) * len(moments)) // len(absent)))
    columns = {
        "customer_id": pa.array(absent, listed["customer_id"].type),
        "treated_at": at,
        "arm": pa.array([CONTROL] * len(absent), pa.string()),
        "propensity": pa.array(np.full(len(absent), 1.0 - contacted)),
    }
    return pa.table(columns)


def _fits(contacted: int, people: int, chance: float) -> bool:
    """Whether so many contacted of so many people are what the chance lets expect."""
    return abs(contacted / people - chance) <= SURE_Z * float(np.sqrt(chance * (1 - chance) / people))
