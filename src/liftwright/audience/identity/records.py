"""The records that identity resolution works on: one per customer_id that any table names, and their keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.identity import keys
from liftwright.audience.identity.folding import folded

Tables = Mapping[str, pa.Table]
REFERRING = ("events", "treatments", "leads")
"""Tables besides customers that name people."""
_TIMES = {"events": "occurred_at", "leads": "created_at"}
_ANONYMOUS = ("anonymous", "visitor", "guest", "device", "cookie")
"""Values of the column `kind` that say: this id is a browser, not a contact."""


class Person(NamedTuple):
    """What a record says about who stands behind its keys."""

    first: str | None
    last: str | None
    born: str | None
    is_reachable: bool = True
    """Has an e-mail address or telephone number."""


@dataclass(frozen=True)
class Records:
    """`table` in the order of customer_id, each id once.

    `is_customer` per record: whether the customers table has it (others only did something). `country` reads national telephone
    numbers of records that name no country.
    """

    table: pa.Table
    is_customer: np.ndarray[Any, np.dtype[np.bool_]]
    country: str | None

    @cached_property
    def ids(self) -> list[str]:
        """customer_id of every record."""
        found: list[str] = self.table["customer_id"].to_pylist()
        return found

    @cached_property
    def emails(self) -> pa.Array:
        """E-mail keys."""
        return keys.email_keys(self.column("email"))

    @cached_property
    def phones(self) -> pa.Array:
        """Telephone keys."""
        named = pc.coalesce(self.column("country"), pa.scalar(self.country, pa.string()))
        return keys.phone_keys(self.column("phone"), named)

    @cached_property
    def births(self) -> pa.Array:
        """Birth dates as YYYYMMDD."""
        return keys.birth_keys(self.column("birth_date"))

    @cached_property
    def first_names(self) -> pa.Array:
        """Comparable first names."""
        return keys.name_keys(self.column("first_name"))

    @cached_property
    def last_names(self) -> pa.Array:
        """Comparable last names."""
        return keys.name_keys(self.column("last_name"))

    def persons(self, rows: Sequence[int]) -> dict[int, Person]:
        """What these records say about their people."""
        wanted = pa.array(rows, pa.int64())
        columns = [
            column.take(wanted).to_pylist() for column in (self.first_names, self.last_names, self.births, self._reachable)
        ]
        return dict(zip(rows, map(Person, *columns), strict=True))

    @cached_property
    def leading(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Place of every record in the order in which it may give a person its id.

        A known contact before an anonymous id, then the one known longest (earliest created_at), then the smaller customer_id.
        """
        created = self.column("created_at")
        stamps = np.full(self.table.num_rows, np.iinfo(np.int64).max)
        if pa.types.is_timestamp(created.type):
            known = np.asarray(pc.is_valid(created))
            stamps[known] = np.asarray(created.drop_null().cast(pa.timestamp("us")).cast(pa.int64()))
        order = np.lexsort((np.arange(len(stamps)), stamps, ~self._is_contact()))
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order))
        return places

    @cached_property
    def _reachable(self) -> pa.Array:
        return pc.or_(pc.is_valid(self.emails), pc.is_valid(self.phones))

    def _is_contact(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        kinds = self.column("kind")
        if not pa.types.is_string(kinds.type):
            return self.is_customer
        anonymous = np.asarray(pc.is_in(pc.ascii_lower(kinds), value_set=pa.array(_ANONYMOUS)), dtype=bool)
        found: np.ndarray[Any, np.dtype[np.bool_]] = self.is_customer & ~anonymous
        return found

    def column(self, name: str) -> pa.Array:
        """A column as it came in; nulls when the file has none."""
        if name not in self.table.column_names:
            return pa.nulls(self.table.num_rows, pa.string())
        return self.table[name].combine_chunks()


def gather(tables: Tables, *, country: str | None) -> Records:
    """Everybody the tables name. Who only did something is known by the addresses they did it with."""
    customers = tables.get("customers")
    if customers is None:
        customers = pa.table({"customer_id": pa.array([], pa.string())})
    customers = customers.filter(pc.is_valid(customers["customer_id"]))
    new = _newcomers(tables, known=customers["customer_id"].combine_chunks())
    is_new = pa.concat_arrays([pa.repeat(False, customers.num_rows), pa.repeat(True, new.num_rows)])
    table = pa.concat_tables([customers, new], promote_options="default") if new.num_rows else customers
    order = pc.sort_indices(table["customer_id"])
    table = table.take(order)
    ids = table["customer_id"].combine_chunks().dictionary_encode()
    if len(ids.dictionary) == table.num_rows:
        return Records(table, ~np.asarray(is_new.take(order)), country)
    codes = np.asarray(ids.indices)
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    repeated = [_by_content(table, rows) for rows in np.split(np.arange(table.num_rows), starts[1:]) if len(rows) > 1]
    return Records(folded(table, repeated), ~np.asarray(is_new.take(order))[starts], country)


def _by_content(table: pa.Table, rows: np.ndarray[Any, Any]) -> list[int]:
    """Rows of one id in an order that does not depend on how they came in."""
    texts = [repr(row) for row in table.take(pa.array(rows)).to_pylist()]
    return [int(rows[place]) for place in sorted(range(len(rows)), key=texts.__getitem__)]


def _newcomers(tables: Tables, *, known: pa.Array) -> pa.Table:
    seen = [tables[name].select(_identifying(tables[name], name)) for name in REFERRING if _names_people(tables, name)]
    if not seen:
        return pa.table({"customer_id": pa.array([], pa.string())})
    found = pa.concat_tables([table.rename_columns(_renamed(table)) for table in seen], promote_options="permissive")
    ids = found["customer_id"]
    found = found.filter(pc.and_(pc.is_valid(ids), pc.invert(pc.is_in(ids, value_set=known))))
    addresses = [name for name in ("email", "phone") if name in found.column_names]
    if not addresses:
        return pa.table({"customer_id": pc.unique(found["customer_id"])})
    first = found.sort_by([(name, "ascending") for name in ("at", *addresses) if name in found.column_names])
    named = first.group_by("customer_id", use_threads=False).aggregate([(name, "first") for name in addresses])
    return named.rename_columns([name.removesuffix("_first") for name in named.column_names])


def _names_people(tables: Tables, name: str) -> bool:
    return name in tables and "customer_id" in tables[name].column_names


def _identifying(table: pa.Table, name: str) -> list[str]:
    wanted = ("customer_id", "email", "phone", _TIMES.get(name, ""))
    return [column for column in wanted if column in table.column_names]


def _renamed(table: pa.Table) -> list[str]:
    return ["at" if name in _TIMES.values() else name for name in table.column_names]
