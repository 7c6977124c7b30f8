"""Files are read as text, whole, or refused with a reason."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.audience.mapping import unpacking
from liftwright.audience.mapping.files import LONGEST_FIELD, ROW, read
from liftwright.domain.errors import DataError

plain_cells = st.text(
    alphabet=st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufeff"), min_size=1, max_size=12
)


def _rows(data: bytes) -> list[dict[str, str]]:
    return read(data, name="file").table.to_pylist()


def test_values_stay_as_written_with_leading_zeros_and_formulas() -> None:
    assert _rows(b"id,name\n007,=HYPERLINK(1)\n") == [{"id": "007", "name": "=HYPERLINK(1)", ROW: 1}]


@settings(max_examples=20)
@given(st.lists(st.tuples(plain_cells, plain_cells), min_size=1, max_size=8))
def test_any_quoted_csv_comes_back_cell_by_cell(cells: list[tuple[str, str]]) -> None:
    quoted = "a,b\n" + "".join(f'"{x.replace(chr(34), chr(34) * 2)}","{y.replace(chr(34), chr(34) * 2)}"\n' for x, y in cells)
    assert [(row["a"], row["b"]) for row in _rows(quoted.encode())] == cells


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_by_content(mark: str) -> None:
    assert _rows(f"a{mark}b\n1{mark}2\n".encode()) == [{"a": "1", "b": "2", ROW: 1}]


def test_gzip_parquet_and_json_lines_are_recognised_by_content() -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": ["1"], "b": [2.5]}), buffer)
    for data in (gzip.compress(b"a,b\n1,2.5\n"), buffer.getvalue(), b'{"a": "1", "b": 2.5}\n', b'[{"a": "1", "b": 2.5}]'):
        assert _rows(data) == [{"a": "1", "b": "2.5", ROW: 1}]


def test_nested_json_is_kept_as_text() -> None:
    row = _rows(b'{"a": {"z": 1, "b": [true]}}\n')[0]
    assert json.loads(row["a"]) == {"b": [True], "z": "1"}


def test_half_a_character_is_a_question_mark_and_no_name_hides_the_row_numbers() -> None:
    found = read(rb'{"a\ud800": "x\udfff", "b": ["\ud800"], "c": "\ud83d\ude00"}', name="f").table
    assert found.drop_columns([ROW]).to_pylist() == [{"a?": "x?", "b": '["?"]', "c": "😀"}]
    table = read(b"__row,a,__row\n7,8,9\n", name="f").table
    assert table.to_pylist() == [{"__row__2": "7", "a": "8", "__row__3": "9", ROW: 1}]


def test_ragged_rows_are_rejected_and_the_others_keep_their_row_numbers() -> None:
    found = read(b"a,b\n1,2\n3\n4,5\n6,7,8\n", name="file")
    assert found.table[ROW].to_pylist() == [1, 3]
    assert found.rejected.to_pylist() == [
        {"row": 2, "reason": "has 1 fields where the header has 2", "content": "3"},
        {"row": 4, "reason": "has 3 fields where the header has 2", "content": "6,7,8"},
    ]


def test_nul_characters_and_huge_fields_are_rejected_row_by_row() -> None:
    found = read(b"a,b\n1,\x002\n2," + b"x" * (LONGEST_FIELD + 1) + b"\n3,4\n", name="file")
    assert found.table[ROW].to_pylist() == [3]
    assert [reason.split()[2] for reason in found.rejected["reason"].to_pylist()] == ["NUL", "field"]


def test_a_file_that_is_not_utf8_is_read_as_latin_1_and_says_so() -> None:
    found = read(b"name\nJos\xe9\n", name="file")
    assert found.table["name"].to_pylist() == ["José"]
    assert "not UTF-8" in found.notes[0]


def test_utf16_and_a_byte_order_mark_are_understood() -> None:
    assert _rows("a,b\n1,é\n".encode("utf-16"))[0]["b"] == "é"
    assert _rows(b"\xef\xbb\xbfa,b\n1,2\n")[0]["a"] == "1"


def test_names_that_differ_only_in_case_are_kept_apart() -> None:
    found = read(b"a,A,a\n1,2,3\n", name="file")
    assert found.table.column_names == ["a", "A__2", "a__3", ROW]
    assert len(found.notes) == 2


def test_a_header_over_two_lines_is_one_header() -> None:
    assert _rows(b'"a\nb",c\n1,2\n') == [{"a b": "1", "c": "2", ROW: 1}]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "IMPORT-EMPTY"),
        (b"  \n", "IMPORT-EMPTY"),
        (b"a,b\n", "IMPORT-NO-ROWS"),
        (b"\x1f\x8bnot gzip", "IMPORT-GZIP"),
        (b"PAR1 not parquet", "IMPORT-PARQUET"),
        (b"\x00\x01\x00\x02" * 100, "IMPORT-BINARY"),
        (b"[1, 2]", "IMPORT-JSON"),
        (b"{nonsense", "IMPORT-JSON"),
    ],
)
def test_what_is_no_table_is_refused_with_a_code(data: bytes, code: str) -> None:
    with pytest.raises(DataError) as refused:
        read(data, name="file")
    assert refused.value.code == code
    assert refused.value.next_step


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_whatever_end_in_anything_but_a_table_or_a_refusal(data: bytes) -> None:
    try:
        found = read(data, name="file")
    except DataError:
        return
    assert found.table[ROW].null_count == 0


def _packed(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, store_schema=False)
    return out.getvalue()


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "PLAIN_BYTES", 1_000_000)
    word = pa.array(["x" * 10_000])
    same = pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), word)
    lists = pa.array([[{"a": "x" * 1_000}]] * 5_000)
    bombs = {
        "a.csv.gz": gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000),
        "a.parquet": _packed(pa.table({"a": same})),
        "b.parquet": _packed(pa.table({"a": lists})),
        "c.parquet": _packed(pa.table({"a": pa.array([0] * 1_000_000, pa.int64())})),
    }
    for name, data in bombs.items():
        assert len(data) < 30_000, name
        with pytest.raises(DataError) as refusal:
            read(data, name=name)
        assert (refusal.value.code, name in refusal.value.says) == ("IMPORT-SIZE", True), name
    assert read(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000), name="a.csv.gz").table.num_rows == 100_000
    assert read(_packed(pa.table({"a": same.slice(0, 90)})), name="a.parquet").table.num_rows == 90


def test_a_zip_or_a_spreadsheet_is_no_table_of_strange_signs() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("../../evil.csv", "a,b\n1,2\n" * 1_000)
    with pytest.raises(DataError) as refusal:
        read(out.getvalue(), name="a.xlsx")
    assert refusal.value.code == "IMPORT-BINARY"
