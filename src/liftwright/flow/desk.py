"""What whoever serves visitors keeps in memory: the last sheet of scores, and everybody's newest facts, ready to be looked up one by one.

Nothing here is only in memory: another process reads the same from the lake. Whatever changes (data, models, rules, waivers) is seen at the
next visitor, in this process and in every other.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.compliance import momentary, waivers
from liftwright.compliance.facts import lasting_facts
from liftwright.domain.policy import PolicyBundle
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.flow import sheet, untouchable
from liftwright.flow.fresh import Fresh, newest
from liftwright.flow.sheet import Sheet
from liftwright.planning import showcase
from liftwright.ports import Deps

CONTACT_AGE = timedelta(days=31)
RULES_SECONDS = 1.0
"""How long rules read from the disk are used before they are looked at again."""
LEARNER = "next_action"
"""The model that learns from what came of visitors' choices."""
TELLING = ("opt_out", "complaint", "purchase", "click", "visit", "page_view")
"""Events that rules about people ask for."""
_PURCHASE = TELLING.index("purchase")
_KEPT = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_desks: OrderedDict[str, Desk] = OrderedDict()
_lock, _scoring = Lock(), Lock()


class Timelines:
    """Events that rules ask for, found by person without looking at anybody else's."""

    def __init__(self, events: pa.Table | None, people: Sequence[str]) -> None:
        self._kinds, self._channels = np.zeros(0, dtype=np.int8), np.zeros(0, dtype=object)
        self._at, self._starts = np.zeros(0, dtype=np.int64), np.zeros(len(people) + 1, dtype=np.int64)
        self._products = self._channels
        if events is None or not events.num_rows:
            return
        told = events.filter(pc.is_in(events["type"], value_set=pa.array(TELLING)))
        who = pc.index_in(told["customer_id"].cast(pa.string()), value_set=pa.array(people, pa.string()))
        told, who = told.filter(pc.is_valid(who)), who.drop_null()
        place = who.to_numpy()
        order = np.argsort(place, kind="stable")
        self._starts = np.concatenate(([0], np.cumsum(np.bincount(place, minlength=len(people)))))
        self._kinds = pc.index_in(told["type"], value_set=pa.array(TELLING)).to_numpy()[order].astype(np.int8)
        self._at = told["occurred_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()[order]
        self._channels = _column(told, "channel")[order]
        self._products = _column(told, "product_id")[order]

    @cached_property
    def sold(self) -> Counter[str]:
        """How often each product was bought."""
        return Counter(name for name in self._products[self._kinds == _PURCHASE].tolist() if name is not None)

    def bought(self, row: int) -> set[str]:
        """Products that the person at a row bought."""
        mine = slice(int(self._starts[row]), int(self._starts[row + 1]))
        return {name for name in self._products[mine][self._kinds[mine] == _PURCHASE].tolist() if name is not None}

    def of(self, row: int) -> list[momentary.Event]:
        """The events of the person at a row."""
        mine = range(int(self._starts[row]), int(self._starts[row + 1]))
        return [
            momentary.Event(
                TELLING[self._kinds[place]], self._channels[place], _EPOCH + timedelta(microseconds=int(self._at[place]))
            )
            for place in mine
        ]


def _column(events: pa.Table, name: str) -> npt.NDArray[np.object_]:
    """A column of texts; nothing but None where there is none."""
    if name not in events.column_names:
        return np.full(events.num_rows, None, dtype=object)
    return np.asarray(events[name].cast(pa.string()).to_pylist(), dtype=object)


class Desk:
    """One workspace, ready for visitors, as of a stamp. `before` hands on what has not changed since."""

    def __init__(self, stamp: tuple[int, ...], deps: Deps, before: Desk | None) -> None:
        self.stamp = stamp
        self.fresh: Fresh = newest(deps)
        self.learner = deps.models.load(LEARNER)
        self._told = waivers.told(deps.journal.entries(subject=waivers.HOUSE))
        self._rules: tuple[float, PolicyBundle] | None = None
        self._settings = deps.settings
        if before is not None and before.fresh is self.fresh:
            self.__dict__ |= {
                name: before.__dict__[name] for name in ("_lasting", "_timelines", "products") if name in before.__dict__
            }
        self._entry = sheet.newest(deps)
        is_same = before is not None and before._entry is not None and self._entry == before._entry
        self.sheet: Sheet | None = before.sheet if is_same and before is not None else None
        if self.sheet is None and self._entry is not None:
            self.sheet = sheet.read(self._entry, deps)

    @cached_property
    def products(self) -> dict[str, showcase.Product]:
        """What can be shown, by id, with its share of the purchases on record."""
        table = self.fresh.tables.get("products")
        if table is None:
            return {}
        names = table.column_names
        sold = self._timelines.sold
        whole = sum(sold.values()) or 1
        return {
            str(row["product_id"]): showcase.Product(
                product_id=str(row["product_id"]),
                name=str(row.get("name") or row["product_id"]),
                category=str(row.get("category") or ""),
                popularity=sold.get(str(row["product_id"]), 0) / whole,
                in_stock="stock" not in names or row["stock"] is None or row["stock"] > 0,
            )
            for row in table.to_pylist()
        }

    def bought(self, person: str) -> frozenset[str]:
        """Categories somebody has bought before."""
        row = self.fresh.rows.get(person)
        found = self._timelines.bought(row) if row is not None else ()
        return frozenset(self.products[name].category for name in found if name in self.products and self.products[name].category)

    def holds(self, deps: Deps) -> bool:
        """Whether time alone has not made it old: settings are the same and the sheet is young enough."""
        is_young = self._entry is None or deps.now() - self._entry.at <= sheet.LASTS
        return is_young and deps.settings == self._settings

    @cached_property
    def _lasting(self) -> pa.Table:
        """What lasts about everybody, on every channel, in the order of `fresh.people`."""
        people = self.fresh.people
        found = lasting_facts(people, channels=CHANNELS, settings=self._settings, at=_EPOCH)
        return found.combine_chunks()

    @cached_property
    def _timelines(self) -> Timelines:
        return Timelines(self.fresh.events, self.fresh.ids)

    def rules(self, deps: Deps) -> PolicyBundle:
        """The rules in force at this moment."""
        if self._rules is None or time.monotonic() - self._rules[0] > RULES_SECONDS:
            self._rules = (time.monotonic(), deps.library.policies())
        return waivers.without(self._rules[1], waivers.holding(self._told, at=deps.now()))

    def facts(
        self,
        person: str,
        channels: Sequence[Channel],
        *,
        contacts: Sequence[momentary.Contact],
        events: Sequence[momentary.Event],
        at: datetime,
    ) -> list[dict[str, Any]]:
        """Facts of somebody, by their present id, on each of these channels. events: what they did that no import has told yet."""
        row = self.fresh.rows[person]
        return momentary.facts(
            self._lasting.slice(row, 1).to_pylist()[0],
            channels=channels,
            at=at,
            settings=self._settings,
            contacts=contacts,
            events=[*self._timelines.of(row), *events],
            is_held=untouchable.is_out(person, at=at, settings=self._settings),
        )


def at(deps: Deps) -> Desk:
    """The desk as of now. The first visitor after the models changed waits for everybody's scores; others meanwhile find none."""
    home, stamp = str(deps.settings.home.absolute()), deps.visits.stamp()
    kept = _desks.get(home)
    if kept is None or kept.stamp != stamp or not kept.holds(deps):
        with _lock:
            kept = _desks.get(home)
            if kept is None or kept.stamp != stamp or not kept.holds(deps):
                kept = _desks[home] = Desk(stamp, deps, kept)
                _desks.move_to_end(home)
                while len(_desks) > _KEPT:
                    _desks.popitem(last=False)
    if kept.sheet is None and _scoring.acquire(blocking=False):
        try:
            sheet.make(deps)
        finally:
            _scoring.release()
        return at(deps)
    return kept
