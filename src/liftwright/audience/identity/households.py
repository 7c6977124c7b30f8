"""Who lives together: the same last name at the same postal address. One printed letter is enough for all of them."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.identity.keys import name_keys

_WHERE = ("last_name", "street", "postal_code")


def with_households(people: pa.Table) -> pa.Table:
    """`people` with `household_id`, a digest; null where last name, street or postal code is missing. No such columns, no change."""
    if not set(_WHERE) <= set(people.column_names):
        return people
    parts = [name_keys(people[name]) for name in _WHERE]
    country = name_keys(people["country"]) if "country" in people.column_names else pa.nulls(people.num_rows, pa.string())
    places = pc.binary_join_element_wise(*parts, pc.fill_null(country, ""), "|").to_pylist()
    ids = [None if place is None else "h-" + hashlib.sha256(place.encode()).hexdigest()[:16] for place in places]
    kept = people.drop_columns(["household_id"]) if "household_id" in people.column_names else people
    return kept.append_column("household_id", pa.array(ids, pa.string()))


def letter_ids(people: pa.Table) -> npt.NDArray[np.object_]:
    """Whom a letter to each of these people reaches: their household, or themselves where none is known."""
    names = people["customer_id"]
    if "household_id" in people.column_names:
        names = pc.coalesce(people["household_id"], names)
    return np.asarray(names.to_pylist(), dtype=object)


def one_per_household(
    people: pa.Table, allowed: npt.NDArray[np.bool_], *, worth: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Who of the allowed gets the household's letter: the one worth most, the first among equals; who lives alone stays.

    `allowed`, `worth` and the answer have one entry per row of `people`.
    """
    if "household_id" not in people.column_names:
        return allowed
    codes = people["household_id"].combine_chunks().dictionary_encode().indices
    rows = np.flatnonzero(allowed & np.asarray(pc.is_valid(codes)))
    rows = rows[np.argsort(-worth[rows], kind="stable")]
    first = np.unique(np.asarray(codes.fill_null(-1))[rows], return_index=True)[1]
    kept = allowed.copy()
    kept[np.delete(rows, first)] = False
    return kept
