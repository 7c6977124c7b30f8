"""Importing a file: into the lake once, with what could not be kept put aside."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_shop

from liftwright.domain.errors import DataError
from liftwright.domain.learning import Found, MemoryKind
from liftwright.flow.intake import ImportResult, import_file
from liftwright.ports import Deps

ORDERS = """customer_id,type,occurred_at,amount
A,purchase,2026-10-01T10:00:00Z,10.00
B,purchase,2026-10-02T10:00:00Z,not money
C,purchase,2027-10-02T10:00:00Z,5
D,visit
A,visit,2026-10-03T10:00:00Z,
"""


@pytest.fixture
def empty_shop(tmp_path: Path, sqlite_url: str) -> Iterator[Deps]:
    """A workspace with nothing in it."""
    deps = small_shop.open_shop(tmp_path, now=small_shop.Clock())
    yield deps
    small_shop.close(deps)


class _Remembering:
    """A memory that writes down what it is told."""

    def __init__(self, said: list[tuple[str, str, str, dict[str, str]]]) -> None:
        self.said = said

    def remember(self, kind: MemoryKind, item_id: str, text: str, metadata: Mapping[str, str]) -> None:
        self.said.append((kind, item_id, text, dict(metadata)))

    def search(self, kind: MemoryKind, query: str, *, limit: int = 5) -> list[Found]:
        return []


def _file(directory: Path, name: str, content: str | bytes) -> Path:
    path = directory / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _import(path: Path, declared: str, deps: Deps) -> ImportResult:
    return import_file(path, declared=declared, deps=deps)


def _events(deps: Deps) -> pa.Table:
    snapshot = deps.lake.snapshot()
    assert snapshot is not None
    return deps.lake.read(snapshot)["events"]


def test_good_rows_reach_the_lake_and_bad_ones_a_file_with_reasons(empty_shop: Deps, tmp_path: Path) -> None:
    result = _import(_file(tmp_path, "orders.csv", ORDERS), "events", empty_shop)
    assert result.tables == {"events": 2}
    assert result.quarantined == 3
    assert result.quarantine_path is not None
    aside = pq.read_table(result.quarantine_path).to_pylist()
    assert [row["row"] for row in aside] == [2, 3, 4]
    assert "is no amount" in aside[0]["reason"]
    assert "later than now" in aside[1]["reason"]
    assert "fields where the header has" in aside[2]["reason"]
    assert sum(result.reasons.values()) == 3
    assert _events(empty_shop).num_rows == 2
    assert ("amount", "amount", "same name") in result.shown


def test_importing_the_same_file_again_changes_nothing(empty_shop: Deps, tmp_path: Path) -> None:
    path = _file(tmp_path, "orders.csv", ORDERS)
    first = _import(path, "events", empty_shop)
    second = _import(path, "events", empty_shop)
    assert (first.already, second.already) == (False, True)
    assert second.snapshot_id == first.snapshot_id
    assert second.tables == first.tables
    assert _events(empty_shop).num_rows == 2


def test_the_same_rows_in_another_file_add_nothing(empty_shop: Deps, tmp_path: Path) -> None:
    _import(_file(tmp_path, "a.csv", ORDERS), "events", empty_shop)
    more = ORDERS + "E,visit,2026-10-04T10:00:00Z,\n"
    assert not _import(_file(tmp_path, "b.csv", more), "events", empty_shop).already
    assert _events(empty_shop).num_rows == 3


def test_a_dry_run_shows_everything_and_writes_nothing(empty_shop: Deps, tmp_path: Path) -> None:
    result = import_file(_file(tmp_path, "orders.csv", ORDERS), declared="events", dry_run=True, deps=empty_shop)
    assert (result.tables, result.quarantined, result.dry_run) == ({"events": 2}, 3, True)
    assert (result.snapshot_id, result.quarantine_path) == (None, None)
    assert empty_shop.lake.snapshot() is None
    assert not (empty_shop.settings.home / "quarantine").exists()


def test_gzip_parquet_and_json_lines_give_the_same_table(empty_shop: Deps, tmp_path: Path) -> None:
    csv = "customer_id,age\n007,41\n008,17\n"
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table({"customer_id": ["007", "008"], "age": [41, 17]}), buffer)
    lines = "\n".join(json.dumps({"customer_id": name, "age": age}) for name, age in (("007", 41), ("008", 17)))
    files = [
        _file(tmp_path, "a.csv.gz", gzip.compress(csv.encode())),
        _file(tmp_path, "b.parquet", buffer.getvalue().to_pybytes()),
        _file(tmp_path, "c.jsonl", lines),
    ]
    for path in files:
        _import(path, "customers", empty_shop)
        snapshot = empty_shop.lake.snapshot()
        assert snapshot is not None
        rows = empty_shop.lake.read(snapshot)["customers"].select(["customer_id", "age"]).to_pylist()
        assert rows == [{"customer_id": "007", "age": 41.0}, {"customer_id": "008", "age": 17.0}]


def test_a_map_file_decides(empty_shop: Deps, tmp_path: Path) -> None:
    path = _file(tmp_path, "people.csv", "a,b\nx,1\ny,2\n")
    with pytest.raises(DataError, match="IMPORT-COLUMNS"):
        _import(path, "customers", empty_shop)
    result = import_file(path, declared="customers", mapping={"columns": {"customer_id": "a"}}, deps=empty_shop)
    assert result.tables == {"customers": 2}
    assert ("customer_id", "a", "your map says so") in result.shown


def test_a_past_test_in_one_wide_file_becomes_two_tables(empty_shop: Deps, tmp_path: Path) -> None:
    rows = [f"{n % 12},{n * 7 % 5},{('Blue E-Mail', 'No E-Mail')[n * 13 % 29 % 2]},{n % 2},{n % 3}" for n in range(300)]
    path = _file(tmp_path, "test.csv", "recency,size,segment,visit,spend\n" + "\n".join(rows) + "\n")
    result = _import(path, "treatments", empty_shop)
    assert result.tables == {"customers": 300, "treatments": 300}
    assert any("row-000001" in note for note in result.notes)


def test_documents_are_kept_and_remembered(empty_shop: Deps, tmp_path: Path) -> None:
    said: list[tuple[str, str, str, dict[str, str]]] = []
    deps = dataclasses.replace(empty_shop, memory=_Remembering(said))
    result = _import(_file(tmp_path, "Brand voice.md", "# How we speak\n\nPlainly."), "documents", deps)
    assert result.tables == {"documents": 1}
    assert said == [("documents", "brand-voice", "# How we speak\n\nPlainly.", {"title": "How we speak"})]
    lines = '{"document_id": "d1", "title": "T", "text": "Hello"}\n{"document_id": "d2", "text": "There"}\n'
    assert _import(_file(tmp_path, "docs.jsonl", lines), "documents", deps).tables == {"documents": 2}
    assert [(item, metadata["title"]) for _, item, _, metadata in said[1:]] == [("d1", "T"), ("d2", "d2")]


def test_a_pdf_that_is_none_is_refused_with_a_reason(empty_shop: Deps, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="IMPORT-PDF"):
        _import(_file(tmp_path, "x.pdf", b"%PDF-1.4 broken"), "documents", empty_shop)


def test_outcomes_that_name_a_send_find_their_customer(shop: Deps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sends = pa.table({"send_id": ["s1", "s2"], "customer_id": ["P1", "P2"]})
    monkeypatch.setattr(shop.ledger, "sends", lambda *_args, **_kept: sends)
    text = "send_id,type,occurred_at\ns2,visit,2026-10-03T10:00:00Z\nunknown,visit,2026-10-03T11:00:00Z\n"
    result = _import(_file(tmp_path, "back.csv", text), "events", shop)
    mine = {row["send_id"]: row["customer_id"] for row in _events(shop).to_pylist() if row.get("send_id")}
    assert mine == {"s2": "P2", "unknown": None}
    assert any("never made" in note for note in result.notes)


@pytest.mark.parametrize(
    ("name", "content", "declared", "code"),
    [
        ("empty.csv", "", "customers", "IMPORT-EMPTY"),
        ("header.csv", "customer_id,email\n", "customers", "IMPORT-NO-ROWS"),
        ("all_ragged.csv", "customer_id,email\nA\nB\n", "customers", "IMPORT-NOTHING"),
        ("x.csv", "customer_id\nA\n", "clients", "IMPORT-TABLE"),
        ("blank.txt", "  \n", "documents", "IMPORT-EMPTY"),
    ],
)
def test_what_cannot_be_imported_is_refused_with_a_code(
    empty_shop: Deps, tmp_path: Path, name: str, content: str, declared: str, code: str
) -> None:
    with pytest.raises(DataError) as refused:
        _import(_file(tmp_path, name, content), declared, empty_shop)
    assert refused.value.code == code
    assert refused.value.next_step
    assert empty_shop.lake.snapshot() is None


def test_a_file_that_is_not_there_is_a_data_error(empty_shop: Deps, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="IMPORT-FILE"):
        _import(tmp_path / "nothing.csv", "events", empty_shop)
