"""Many files of one table become the table: columns unioned, one row per key, a stable order. Pure: tables in, table out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.errors import DataError

KEYS: dict[str, tuple[str, ...]] = {
    "customers": ("customer_id",),
    "products": ("product_id",),
    "prices": ("product_id", "valid_from"),
    "leads": ("lead_id",),
    "evidence": ("evidence_id",),
    "documents": ("document_id",),
    "events": ("event_id",),
    "identity_links": ("left_id", "right_id"),
    "treatments": ("customer_id", "treated_at", "channel", "wave"),
}
"""What makes two rows the same row. Key columns that no file has are left out; a row without the first of its key is itself only."""
FACTS = frozenset({"events", "treatments"})
"""Things that happened: the first row of a key stays. In the other tables the latest row wins."""
_ORDER: dict[str, tuple[str, ...]] = {"events": ("occurred_at", "event_id"), "treatments": ("treated_at", "customer_id")}


def merged(name: str, files: Sequence[pa.Table]) -> pa.Table:
    """One table out of its files, in the order they came in.

    The latest row wins column by column: a file that does not have a column says nothing about it, a null in it does.
    """
    schema = unified(name, [file.schema for file in files])
    table = pa.concat_tables([_widened(file, schema) for file in files])
    keys = [key for key in KEYS.get(name, ()) if key in schema.names]
    if not keys:
        return table
    codes = _codes(table, keys)
    table = _first_of_each(table, codes) if name in FACTS else _latest_of_each(table, codes, files)
    order = [key for key in _ORDER.get(name, keys) if key in schema.names]
    return _sorted(table, order)


def unified(name: str, schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The union of columns, with the widest number type; DataError LAKE-TYPES when two files cannot be brought together."""
    try:
        schema = pa.unify_schemas(list(schemas), promote_options="permissive")
    except pa.ArrowException as error:
        raise DataError(
            "LAKE-TYPES",
            f"A column of '{name}' has another type than in the files before it: {error}.",
            next_step="Mend the column, or leave it out, and import the file again.",
        ) from error
    metadata: dict[bytes, bytes] = {}
    for each in schemas:
        metadata |= each.metadata or {}
    metadata.pop(b"ARROW:schema", None)
    return schema.with_metadata(metadata or None)


def _widened(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table.column(field.name).cast(field.type) if field.name in table.schema.names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _codes(table: pa.Table, keys: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A number per row, equal where the keys are (null equals null); rows without the first key get one of their own."""
    codes = np.zeros(table.num_rows, dtype=np.int64)
    for key in keys:
        encoded = table.column(key).combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
        found = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        codes = codes * (len(encoded.dictionary) + 1) + found + 1
        if len(keys) > 1:
            codes = np.unique(codes, return_inverse=True)[1]
    nameless = np.flatnonzero(table.column(keys[0]).is_null().to_numpy())
    codes[nameless] = -1 - nameless
    return codes


def _first_of_each(table: pa.Table, codes: np.ndarray[Any, np.dtype[np.int64]]) -> pa.Table:
    first = np.sort(np.unique(codes, return_index=True)[1])
    return table if len(first) == table.num_rows else table.take(pa.array(first))


def _latest_of_each(table: pa.Table, codes: np.ndarray[Any, np.dtype[np.int64]], files: Sequence[pa.Table]) -> pa.Table:
    """For each key and column, the last row among the files that have the column."""
    distinct, code = np.unique(codes, return_inverse=True)
    starts = np.concatenate([[0], np.cumsum([file.num_rows for file in files])])
    rows_by_files: dict[tuple[bool, ...], pa.Array] = {}
    columns = []
    for field in table.schema:
        speaks = tuple(field.name in file.schema.names for file in files)
        if speaks not in rows_by_files:
            last = np.full(len(distinct), -1, dtype=np.int64)
            for i in np.flatnonzero(speaks):
                last[code[starts[i] : starts[i + 1]]] = np.arange(starts[i], starts[i + 1])
            rows_by_files[speaks] = pa.array(last, mask=last < 0)
        columns.append(table.column(field.name).take(rows_by_files[speaks]))
    return pa.Table.from_arrays(columns, schema=table.schema)


def _sorted(table: pa.Table, order: Sequence[str]) -> pa.Table:
    if not order:
        return table
    return table.take(pc.sort_indices(table, sort_keys=[(key, "ascending") for key in order]))
