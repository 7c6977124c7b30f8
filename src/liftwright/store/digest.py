"""What a table *is*, whatever way it is chunked, encoded or written: a canonical form and a digest over it.

Pure: tables in, tables and hex digits out.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.errors import DataError

_FOREIGN_METADATA = (b"pandas", b"ARROW:schema")


def canonical(table: pa.Table) -> pa.Table:
    """The same rows in the types the lake keeps: no dictionaries, plain strings, times in microseconds (UTC where aware).

    Raises DataError LAKE-TYPE naming a column of a type that cannot be kept.
    """
    fields = [pa.field(field.name, _kept_type(field.type, field.name)) for field in table.schema]
    if len({field.name for field in fields}) != len(fields):
        raise DataError("LAKE-COLUMN", "Two columns have the same name.", next_step="Name every column once.")
    metadata = {key: value for key, value in (table.schema.metadata or {}).items() if key not in _FOREIGN_METADATA}
    columns = [_cast(table.column(i), field) for i, field in enumerate(fields)]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, metadata=metadata or None))


def digest_of(table: pa.Table) -> str:
    """`sha256:` and 64 hex digits over a canonical table: its columns, their types, and the values of its rows in order.

    Nulls are told from empty values; -0.0 counts as 0.0 and every NaN as the same one.
    """
    found = hashlib.sha256()
    found.update(f"{table.num_rows}".encode())
    for key, value in sorted((table.schema.metadata or {}).items()):
        _add(found, key)
        _add(found, value)
    for i, field in enumerate(table.schema):
        _add(found, field.name.encode())
        _add(found, str(field.type).encode())
        for chunk in _as_one(table.column(i)):
            _add_values(found, chunk)
    return "sha256:" + found.hexdigest()


def _kept_type(kind: Any, column: str) -> Any:
    if pa.types.is_dictionary(kind):
        return _kept_type(kind.value_type, column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return pa.string()
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or kind == pa.binary_view():
        return pa.binary()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", tz="UTC" if kind.tz else None)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", _kept_type(kind.value_type, column)))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _kept_type(field.type, column)) for field in kind])
    return _kept_plain_type(kind, column)


def _kept_plain_type(kind: Any, column: str) -> Any:
    if pa.types.is_decimal(kind) or kind in (pa.null(), pa.bool_(), pa.date32(), pa.time64("us")):
        return kind
    if pa.types.is_date64(kind):
        return pa.date32()
    if pa.types.is_time(kind):
        return pa.time64("us")
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return kind
    raise DataError(
        "LAKE-TYPE", f"Column '{column}' has the type {kind}, which cannot be kept.", next_step="Turn it into text or numbers."
    )


def _cast(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise DataError(
            "LAKE-TYPE",
            f"Column '{field.name}' cannot be kept as {field.type}: {error}.",
            next_step="Look for times more precise than microseconds or out of range.",
        ) from error


def _as_one(column: pa.ChunkedArray) -> list[pa.Array]:
    """One array, or none when there are no rows."""
    combined = column.combine_chunks()
    if isinstance(combined, pa.ChunkedArray):
        return [pa.concat_arrays(combined.chunks)] if combined.num_chunks else []
    return [combined]


def _add(found: Any, piece: Any) -> None:
    """A piece with its length before it, so that no two sequences of pieces run into the same bytes."""
    view = memoryview(piece).cast("B") if len(piece) else b""
    found.update(len(view).to_bytes(8, "little"))
    found.update(view)


def _add_values(found: Any, values: pa.Array) -> None:
    kind = values.type
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    _add(found, b"" if valid.all() else np.packbits(valid))
    if pa.types.is_null(kind):
        return
    if pa.types.is_struct(kind):
        for i in range(kind.num_fields):
            _add_values(found, pc.struct_field(values, i))
    elif pa.types.is_list(kind):
        _add(found, pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False))
        _add_values(found, values.flatten())
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        _add_text(found, values)
    else:
        _add(found, _numbers(values))


def _add_text(found: Any, values: pa.Array) -> None:
    lengths = pc.binary_length(values).fill_null(0).to_numpy(zero_copy_only=False)
    _add(found, np.ascontiguousarray(lengths, dtype="<i4"))
    present = values.drop_null()
    offsets = (
        np.frombuffer(present.buffers()[1], dtype="<i4", count=len(present) + 1, offset=present.offset * 4)
        if len(present)
        else [0, 0]
    )
    data = present.buffers()[2] if len(present) else None
    _add(found, memoryview(data)[int(offsets[0]) : int(offsets[-1])] if data is not None else b"")


def _numbers(values: pa.Array) -> Any:
    """Fixed-width values as little-endian bytes, zero where null."""
    kind = values.type
    if pa.types.is_decimal(kind):
        return "\n".join(str(value) for value in values.to_pylist()).encode()
    if pa.types.is_date32(kind):
        values = values.cast(pa.int32())
    elif pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        values = values.cast(pa.int64())
    numbers = values.fill_null(False if pa.types.is_boolean(kind) else 0).to_numpy(zero_copy_only=False)
    if pa.types.is_floating(kind):
        numbers = np.where(np.isnan(numbers), np.nan, numbers) + 0.0
    return np.ascontiguousarray(numbers, dtype=numbers.dtype.newbyteorder("<"))
