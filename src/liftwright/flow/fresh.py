"""The newest data, as the hallway needs it between runs: people after identity resolution and their events, under their present ids."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience import identity
from liftwright.domain.campaign import Snapshot
from liftwright.domain.errors import DataError
from liftwright.ports import Deps

KEPT = 3
"""Snapshots whose people stay in memory; a snapshot never changes, so what is kept is never stale."""
NAMING = ("customers", "treatments", "leads", "identity_links")
"""Tables besides events that name people or say who is who."""
_kept: OrderedDict[tuple[str, str], Fresh] = OrderedDict()
_arms: OrderedDict[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = OrderedDict()
_lock = Lock()


class Tables(Mapping[str, pa.Table]):
    """The tables of a snapshot, each read when it is first asked for."""

    def __init__(self, snapshot: Snapshot, deps: Deps) -> None:
        self._snapshot, self._lake = snapshot, deps.lake
        self._read: dict[str, pa.Table] = {}

    def __getitem__(self, name: str) -> pa.Table:
        if name not in self._read:
            only = self._snapshot.model_copy(update={"files": {name: self._snapshot.files[name]}})
            self._read[name] = self._lake.read(only)[name]
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._snapshot.files

    def __iter__(self) -> Iterator[str]:
        return iter(self._snapshot.files)

    def __len__(self) -> int:
        return len(self._snapshot.files)


@dataclass(frozen=True)
class Who:
    """People and their ids, worked out once and handed on from snapshot to snapshot while nobody new comes; see `Fresh`."""

    people: pa.Table
    ids: list[str]
    renamed: dict[str, str]
    rows: dict[str, int]
    present: dict[str, str]

    @classmethod
    def of(cls, people: pa.Table) -> Who:
        """From resolved people; `merged_from` has the ids that were merged into each."""
        ids = [str(customer_id) for customer_id in people["customer_id"].to_pylist()]
        merged = people["merged_from"].to_pylist() if "merged_from" in people.column_names else []
        olds = {old: ids[row] for row, each in enumerate(merged) for old in each or ()}
        renamed = {old: new for old, new in olds.items() if old != new}
        found = {customer_id: row for row, customer_id in enumerate(ids)}
        rows = {**{old: found[new] for old, new in renamed.items()}, **found}
        return cls(people, ids, renamed, rows, {customer_id: ids[row] for customer_id, row in rows.items()})


class Fresh:
    """One snapshot, read once. Ids of people who were merged since are answered under the id they have now.

    `before` is an earlier snapshot of the same workspace: when the new one brings nobody new, its people are not resolved again.
    """

    def __init__(
        self, snapshot: Snapshot, tables: Mapping[str, pa.Table], before: Fresh | None = None, *, country: str | None = None
    ) -> None:
        self.snapshot = snapshot
        self.tables = tables
        self._before = before
        self._country = country

    @cached_property
    def _who(self) -> Who:
        before, self._before = self._before, None
        if before is not None and self._brings_nobody_new(before):
            return before._who
        return Who.of(identity.people(dict(self.tables.items()), country=self._country))

    @property
    def people(self) -> pa.Table:
        """One row per person, sorted by customer_id."""
        return self._who.people

    @property
    def ids(self) -> list[str]:
        """customer_id of every row of `people`."""
        return self._who.ids

    @property
    def rows(self) -> dict[str, int]:
        """Row of a person in `people`, by every id they ever had."""
        return self._who.rows

    @property
    def renamed(self) -> dict[str, str]:
        """Ids that were merged into another, and the id of that person now."""
        return self._who.renamed

    def _brings_nobody_new(self, before: Fresh) -> bool:
        """Snapshots only grow: with the same customers, and events of known people only, everybody is who they were."""
        if (
            any(self.snapshot.files.get(name) != before.snapshot.files.get(name) for name in NAMING)
            or "events" not in self.tables
        ):
            return False
        named = pc.unique(self.tables["events"]["customer_id"]).drop_null()
        unseen = named.filter(pc.invert(pc.is_in(named.cast(pa.string()), value_set=pa.array(before.ids, pa.string()))))
        return all(customer_id in before.rows for customer_id in unseen.to_pylist())

    def ever(self, present_ids: Iterable[str]) -> set[str]:
        """These ids and every other id that these people ever had."""
        now = set(present_ids)
        return now | {old for old, new in self.renamed.items() if new in now}

    def present_id(self, customer_id: str) -> str | None:
        """The id a person has now; None when they are gone."""
        return self._who.present.get(customer_id)

    def some(self, customer_ids: Iterable[str]) -> pa.Table:
        """The rows of these people (by any id they ever had), each person once, sorted by customer_id."""
        wanted = sorted({self.rows[customer_id] for customer_id in customer_ids if customer_id in self.rows})
        return self.people.take(pa.array(wanted, pa.int64()))

    @cached_property
    def events(self) -> pa.Table | None:
        """Events under present ids; None when there are none."""
        events = self.tables.get("events")
        renamed = self.renamed
        if events is None or not renamed:
            return events
        ids = events["customer_id"].to_pylist()
        index = events.column_names.index("customer_id")
        return events.set_column(index, "customer_id", pa.array([renamed.get(i, i) for i in ids], pa.string()))

    def events_of(self, customer_ids: pa.Array, *, until: datetime) -> pa.Table | None:
        """Events of these people up to a moment."""
        events = self.events
        if events is None:
            return None
        mine = events.filter(pc.is_in(events["customer_id"], value_set=customer_ids))
        return mine.filter(pc.less_equal(mine["occurred_at"], pa.scalar(until, mine["occurred_at"].type)))


def newest(deps: Deps) -> Fresh:
    """The latest snapshot; DataError when nothing was imported."""
    snapshot = deps.lake.snapshot()
    if snapshot is None:
        raise DataError(
            "DATA-NONE", "No data has been imported yet.", next_step="Run `liftwright import FILE --as customers` first."
        )
    return of(snapshot, deps)


def pinned(snapshot_id: str, deps: Deps) -> Fresh:
    """One particular snapshot; DataError when it is gone."""
    snapshot = deps.lake.snapshot(snapshot_id)
    if snapshot is None:
        raise DataError("DATA-SNAPSHOT", f"Snapshot {snapshot_id} is gone.", next_step="Restore the workspace's lake.")
    return of(snapshot, deps)


def of(snapshot: Snapshot, deps: Deps) -> Fresh:
    """A snapshot's data, from memory when it was read before."""
    key = (str(deps.settings.home.absolute()), snapshot.snapshot_id)
    with _lock:
        if key not in _kept:
            before = next((kept for (home, _), kept in reversed(_kept.items()) if home == key[0]), None)
            _kept[key] = Fresh(snapshot, Tables(snapshot, deps), before, country=deps.settings.country)
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]


def forget(deps: Deps) -> None:
    """Let go of what is in memory of this workspace: somebody in it was erased."""
    home = str(deps.settings.home.absolute())
    with _lock:
        for kept in (_kept, _arms):
            for key in [each for each in kept if each[0] == home]:
                del kept[key]


def arms(digest: str, deps: Deps) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of the people who may be contacted (every arm but the holdout) and of the holdout of an audience artefact (the lake
    refuses a file that was changed)."""
    key = (str(deps.settings.home.absolute()), digest)
    with _lock:
        if key not in _arms:
            table = deps.lake.get(digest)
            pairs = list(zip(table["customer_id"].to_pylist(), table["arm"].to_pylist(), strict=True))
            _arms[key] = (
                frozenset(customer_id for customer_id, arm in pairs if arm != "holdout"),
                frozenset(customer_id for customer_id, arm in pairs if arm == "holdout"),
            )
            while len(_arms) > KEPT:
                _arms.popitem(last=False)
        return _arms[key]
