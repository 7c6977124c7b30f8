"""Packed files (gzip, Parquet) without their surprises: a small file that unpacks to a huge one is refused before it fills the memory."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liftwright.domain.errors import DataError

MOST_BYTES = 2_000_000_000
PLAIN_BYTES, MOST_TIMES = 200_000_000, 100
"""What unpacks to more than so many bytes may be at most so many times as large as it was. Real tables get 5 to 30 times larger."""
_ROWS, _FEW_ROWS = 65_536, 1_024
"""Rows looked at together; few where lists and structures hold texts that cannot be counted unread."""


def most_of(data: bytes) -> int:
    """How many bytes a packed file may unpack to."""
    return min(MOST_BYTES, max(PLAIN_BYTES, MOST_TIMES * len(data)))


def gunzipped(data: bytes, *, name: str) -> bytes:
    """The content of a gzip file. Raises DataError when it is none, or unpacks to too much."""
    most = most_of(data)
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            plain = packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError("IMPORT-GZIP", f"{name} cannot be unpacked: {error}.", next_step="Compress the file again.") from error
    if len(plain) > most:
        raise too_much(name, most)
    return plain


def parquet(data: bytes, *, name: str) -> pa.Table:
    """A Parquet file. Raises DataError when it is none, or unpacks to too much.

    One word repeated a thousand million times is a few bytes of Parquet, so texts are counted as they would be in memory before they are.
    """
    try:
        _weigh(data, name=name)
        return pq.read_table(io.BytesIO(data))
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            "IMPORT-PARQUET", f"{name} cannot be read: {error}.", next_step="Write the Parquet file again."
        ) from error


def _weigh(data: bytes, *, name: str) -> None:
    most, taken = most_of(data), 0
    schema = pq.read_schema(io.BytesIO(data))
    texts = [field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_binary(field.type)]
    file = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts)
    packed = sum(file.metadata.row_group(number).total_byte_size for number in range(file.num_row_groups))
    if packed > most:
        raise too_much(name, most)
    rows = _FEW_ROWS if any(pa.types.is_nested(field.type) for field in schema) else _ROWS
    for batch in file.iter_batches(batch_size=rows, use_threads=False):
        taken += sum(_bytes_of(column) for column in batch.columns)
        if taken > most:
            raise too_much(name, most)


def _bytes_of(column: Any) -> int:
    """Bytes of a column in memory, words of a dictionary counted each time they are used."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return int(pc.sum(lengths).as_py() or 0)


def too_much(name: str, most: int) -> DataError:
    """The refusal of what unpacks to more than it may."""
    return DataError(
        "IMPORT-SIZE",
        f"{name} unpacks to more than {most // 1_000_000:,} MB, which is more than a file of its size may.",
        next_step="Split the file, or import it unpacked.",
    )
