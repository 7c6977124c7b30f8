"""A digest is over content: it sees every value and no encoding."""

from __future__ import annotations

import io
import math
import struct
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.store.digest import canonical, digest_of

TIMES = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2100, 1, 1))
COLUMNS = {
    "text": (pa.string(), st.text(max_size=6)),
    "bytes": (pa.binary(), st.binary(max_size=6)),
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "small": (pa.int8(), st.integers(-128, 127)),
    "number": (pa.float64(), st.floats()),
    "single": (pa.float32(), st.floats(width=32)),
    "yes": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates(date(1900, 1, 1), date(2100, 1, 1))),
    "at": (pa.timestamp("us", tz="UTC"), TIMES.map(lambda at: at.replace(tzinfo=UTC))),
    "local": (pa.timestamp("us"), TIMES),
    "hour": (pa.time64("us"), st.times()),
    "exact": (pa.decimal128(10, 2), st.integers(-(10**6), 10**6).map(lambda cents: Decimal(cents) / 100)),
    "texts": (pa.list_(pa.string()), st.lists(st.none() | st.text(max_size=3), max_size=3)),
    "pair": (
        pa.struct([("a", pa.int64()), ("b", pa.string())]),
        st.fixed_dictionaries({"a": st.none() | st.integers(0, 9), "b": st.text(max_size=2)}),
    ),
    "nothing": (pa.null(), st.none()),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """A few columns of any kept type, nulls among the values."""
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True))
    rows = draw(st.integers(0, 6))
    columns = {}
    for name in names:
        kind, values = COLUMNS[name]
        columns[name] = pa.array(draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), kind)
    return pa.table(columns)


def _digest(table: pa.Table) -> str:
    return digest_of(canonical(table))


@given(tables(), st.integers(0, 6))
def test_chunks_and_slices_do_not_matter(table, cut):
    cut = min(cut, table.num_rows)
    pieces = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    padded = pa.concat_tables([table, table]).combine_chunks().slice(table.num_rows)
    assert _digest(pieces) == _digest(padded) == _digest(table)


@given(tables(), st.sampled_from(["none", "zstd", "snappy"]), st.booleans(), st.integers(1, 3))
def test_the_parquet_writer_does_not_matter(table, compression, dictionary, group):
    kept, file = canonical(table), io.BytesIO()
    pq.write_table(kept, file, compression=compression, use_dictionary=dictionary, row_group_size=group)
    assert digest_of(pq.ParquetFile(file).read()) == digest_of(kept)


@given(tables(), tables())
def test_tables_that_differ_have_other_digests(one, other):
    one, other = canonical(one), canonical(other)
    same = one.schema == other.schema and _bits(one) == _bits(other)
    assert (digest_of(one) == digest_of(other)) is same


def _bits(table: pa.Table) -> list[dict[str, object]]:
    """Rows in which every NaN is alike and 0.0 has no sign."""
    return [{name: _bit(value) for name, value in row.items()} for row in table.to_pylist()]


def _bit(value: object) -> object:
    return struct.pack("d", value + 0.0) if isinstance(value, float) and not math.isnan(value) else str(value)


@given(tables().filter(lambda table: table.num_rows > 0), st.data())
def test_one_value_made_null_is_seen(table, data):
    name = data.draw(st.sampled_from(table.schema.names))
    row = data.draw(st.integers(0, table.num_rows - 1))
    values = table.column(name).to_pylist()
    assume(values[row] is not None)
    values[row] = None
    changed = table.set_column(table.schema.get_field_index(name), name, pa.array(values, table.schema.field(name).type))
    assert _digest(changed) != _digest(table)


def test_the_encoding_of_text_does_not_matter():
    plain = pa.table({"x": pa.array(["a", None, "b", "a"])})
    others = [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
    assert {_digest(pa.table({"x": plain["x"].cast(kind)})) for kind in others} == {_digest(plain)}


def test_the_unit_and_zone_of_a_moment_do_not_matter():
    moments = pa.array([datetime(2026, 11, 1, tzinfo=UTC), None], pa.timestamp("us", tz="UTC"))
    kinds = [pa.timestamp("s", tz="UTC"), pa.timestamp("ns", tz="Asia/Tokyo"), pa.timestamp("ms", tz="+02:00")]
    assert {_digest(pa.table({"x": moments.cast(kind)})) for kind in kinds} == {_digest(pa.table({"x": moments}))}


def test_every_nan_is_alike_and_zero_has_no_sign():
    nan = struct.unpack("d", struct.pack("Q", 0x7FF8000000000001))[0]
    one, other = (pa.table({"x": values}) for values in ([float("nan"), 0.0], [nan, -0.0]))
    assert _digest(one) == _digest(other)
    assert _digest(one) != _digest(pa.table({"x": [None, 0.0]}))


def test_values_do_not_run_into_each_other():
    digests = {
        _digest(pa.table(columns))
        for columns in (
            {"x": ["ab", "c"]},
            {"x": ["a", "bc"]},
            {"x": ["", "abc"]},
            {"x": [None, "abc"]},
            {"x": ["abc", ""]},
            {"y": ["ab", "c"]},
            {"x": ["ab"], "y": ["c"]},
            {"x": [["ab"], ["c"]]},
            {"x": [["ab", "c"], []]},
            {"x": [["ab", "c"], None]},
        )
    }
    assert len(digests) == 10


def test_row_order_column_order_and_type_matter():
    base = pa.table({"x": [1, 2], "y": [1, 2]})
    others = [base.take([1, 0]), base.select(["y", "x"]), base.cast(pa.schema([("x", pa.int32()), ("y", pa.int64())]))]
    assert len({_digest(base), *map(_digest, others)}) == 4


def test_what_the_table_says_about_itself_matters_but_not_what_a_library_added():
    base = pa.table({"x": [1]})
    assert _digest(base.replace_schema_metadata({"pandas": "{}"})) == _digest(base)
    said = [{"window_days": "14"}, {"window_days": "1"}, {"window_day": "s14"}, {"window_days1": "4"}]
    assert len({_digest(base), *(_digest(base.replace_schema_metadata(each)) for each in said)}) == 5


@pytest.mark.parametrize(
    "column",
    [
        pa.array([timedelta(days=1)]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
        pa.array([1], pa.timestamp("ns")),
    ],
)
def test_a_type_that_cannot_be_kept_whole_is_refused_by_column(column):
    with pytest.raises(DataError, match="LAKE-TYPE") as refused:
        canonical(pa.table({"odd": column}))
    assert "odd" in str(refused.value)


def test_a_column_named_twice_is_refused():
    with pytest.raises(DataError, match="LAKE-COLUMN"):
        canonical(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["x", "x"]))


def test_times_of_day_and_narrow_numbers_are_kept():
    table = pa.table({"t": pa.array([time(9, 30)], pa.time32("s")), "f": pa.array([1.5], pa.float16())})
    assert canonical(table).to_pylist() == [{"t": time(9, 30), "f": 1.5}]
