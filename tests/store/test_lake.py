"""The lake: the same rows have the same digest, files never change, snapshots only grow."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from multiprocessing.pool import ThreadPool

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from liftwright.domain.errors import DataError
from liftwright.store.lake import ParquetLake

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def lake(engine, tmp_path) -> ParquetLake:
    return ParquetLake(tmp_path, engine)


def _events(*ids: str, day: int = 1) -> pa.Table:
    at = [datetime(2026, 10, day, i % 24, tzinfo=UTC) for i in range(len(ids))]
    return pa.table({"event_id": ids, "customer_id": [f"p{i}" for i in range(len(ids))], "occurred_at": at})


def _add(lake: ParquetLake, source: str, **tables: pa.Table):
    return lake.add(tables, source=source, now=NOW)


def _read(lake: ParquetLake, name: str) -> list[dict[str, object]]:
    return lake.read(lake.snapshot())[name].to_pylist()


def _file_of(tmp_path, digest: str):
    return next(tmp_path.rglob(f"{digest.removeprefix('sha256:')}.parquet"))


def test_a_table_comes_back_under_its_digest(lake):
    table = _events("a", "b")
    digest = lake.put(table)
    assert lake.get(digest).to_pylist() == table.to_pylist()
    assert lake.put(table) == digest


def test_a_digest_nobody_kept_is_missing(lake):
    for name in ("sha256:" + "0" * 64, "../../etc/passwd", "sha256:../x"):
        with pytest.raises(DataError, match="LAKE-MISSING"):
            lake.get(name)


def test_a_file_with_other_rows_is_found(lake, tmp_path):
    digest = lake.put(_events("a", "b"))
    pq.write_table(_events("a", "c"), _file_of(tmp_path, digest))
    with pytest.raises(DataError, match="LAKE-TAMPERED"):
        lake.get(digest)


def test_a_damaged_file_is_found(lake, tmp_path):
    digest = lake.put(_events("a", "b"))
    path = _file_of(tmp_path, digest)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="LAKE-TAMPERED"):
        lake.get(digest)


def test_a_write_that_breaks_off_leaves_no_file_and_no_snapshot(lake, tmp_path, monkeypatch):
    def _power_cut(*_: object) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(os, "replace", _power_cut)
    with pytest.raises(OSError, match="power cut"):
        _add(lake, "s1", events=_events("a"))
    assert list(tmp_path.rglob("*.parquet")) == list(tmp_path.rglob(".unfinished-*")) == []
    assert lake.snapshot() is None


def test_a_crash_between_file_and_row_does_no_harm(lake):
    digest = lake.put(_events("a"))
    assert lake.snapshot() is None
    assert _add(lake, "s1", events=_events("a")).files == {"events": (digest,)}


def test_a_snapshot_lists_all_files_and_the_older_one_stays_as_it_was(lake):
    first = _add(lake, "s1", events=_events("a"))
    second = _add(lake, "s2", events=_events("b", "c"), customers=pa.table({"customer_id": ["p0"]}))
    assert [len(second.files["events"]), len(second.files["customers"])] == [2, 1]
    assert second.rows == {"events": 3, "customers": 1}
    assert second.sources == ("s1", "s2")
    assert lake.snapshot() == second
    assert lake.snapshot(first.snapshot_id) == first
    assert lake.read(first)["events"]["event_id"].to_pylist() == ["a"]


def test_the_same_source_comes_in_once(lake):
    first = _add(lake, "s1", events=_events("a"))
    second = _add(lake, "s2", events=_events("b"))
    assert _add(lake, "s1", events=_events("a")) == first
    assert lake.snapshot() == second


def test_the_same_source_from_two_threads_at_once_makes_one_snapshot(lake, engine):
    with ThreadPool(2) as pool:
        made = pool.map(lambda _: _add(lake, "s1", events=_events("a")), range(2))
    assert made[0] == made[1]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM snapshots")).scalar() == 1


def test_two_sources_at_once_are_both_in_the_last_snapshot(lake):
    with ThreadPool(2) as pool:
        pool.map(lambda i: _add(lake, f"s{i}", events=_events(f"e{i}")), range(4))
    assert sorted(row["event_id"] for row in _read(lake, "events")) == ["e0", "e1", "e2", "e3"]
    assert sorted(lake.snapshot().sources) == ["s0", "s1", "s2", "s3"]


def test_the_same_imports_give_the_same_snapshot_id_in_any_workspace(lake, engine, tmp_path):
    other = ParquetLake(tmp_path / "other", engine)
    first = _add(lake, "s1", events=_events("a"))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM imports"))
        connection.execute(text("DELETE FROM snapshots"))
    assert other.add({"events": _events("a")}, source="s1", now=NOW + timedelta(days=1)).snapshot_id == first.snapshot_id


def test_empty_tables_are_not_kept_but_the_source_is(lake):
    snapshot = _add(lake, "s1", events=_events())
    assert (snapshot.files, snapshot.sources) == ({}, ("s1",))
    assert lake.read(snapshot) == {}


def test_a_snapshot_that_does_not_exist_is_none(lake):
    assert lake.snapshot() is None
    assert lake.snapshot("nobody") is None


def test_repeated_events_are_read_once_in_the_order_of_time(lake):
    _add(lake, "s1", events=_events("b", "a", "b"))
    _add(lake, "s2", events=_events("a", "c", day=2))
    rows = _read(lake, "events")
    assert [row["event_id"] for row in rows] == ["b", "a", "c"]
    assert rows[1]["occurred_at"].day == 1


def test_the_same_events_in_other_files_are_read_as_the_same_table(lake, engine, tmp_path):
    whole = _events("a", "b", "c", "d")
    _add(lake, "whole", events=whole)
    before = lake.put(lake.read(lake.snapshot())["events"])
    _add(lake, "part", events=whole.slice(2))
    assert lake.put(lake.read(lake.snapshot())["events"]) == before


def test_the_latest_row_of_a_customer_wins_and_silence_keeps_what_was_known(lake):
    first = {"customer_id": ["b", "a", "b"], "email": ["b@old", "a@x", "b@x"], "age": [1, 2, 3]}
    _add(lake, "s1", customers=pa.table(first))
    _add(lake, "s2", customers=pa.table({"customer_id": ["a", "c"], "email": [None, "c@x"], "vip": [True, False]}))
    assert _read(lake, "customers") == [
        {"customer_id": "a", "email": None, "age": 2, "vip": True},
        {"customer_id": "b", "email": "b@x", "age": 3, "vip": None},
        {"customer_id": "c", "email": "c@x", "age": None, "vip": False},
    ]


def test_an_older_file_that_comes_in_again_is_the_latest(lake):
    old, new = (pa.table({"product_id": ["p"], "price": [price]}) for price in (1.0, 2.0))
    for source, table in (("s1", old), ("s2", new), ("s3", old)):
        _add(lake, source, products=table)
    assert _read(lake, "products") == [{"product_id": "p", "price": 1.0}]


def test_treatments_are_the_same_when_all_that_names_them_is(lake):
    rows = {"customer_id": ["a", "a", "a", "b"], "treated_at": [NOW] * 4, "channel": [None, None, "email", None]}
    _add(lake, "s1", treatments=pa.table({**rows, "arm": ["control", "control", "mail", "control"]}))
    assert [(row["customer_id"], row["arm"]) for row in _read(lake, "treatments")] == [
        ("a", "control"),
        ("a", "mail"),
        ("b", "control"),
    ]


def test_rows_without_an_id_are_each_their_own(lake):
    _add(lake, "s1", events=pa.table({"event_id": pa.array([None, None, "a"]), "occurred_at": [NOW] * 3}))
    assert len(_read(lake, "events")) == 3


def test_numbers_widen_over_files(lake):
    _add(lake, "s1", customers=pa.table({"customer_id": ["a"], "age": [1], "note": pa.nulls(1)}))
    _add(lake, "s2", customers=pa.table({"customer_id": ["b"], "age": [1.5], "note": ["x"]}))
    assert _read(lake, "customers") == [
        {"customer_id": "a", "age": 1.0, "note": None},
        {"customer_id": "b", "age": 1.5, "note": "x"},
    ]


def test_a_column_of_another_type_is_refused_before_it_gets_in(lake):
    before = _add(lake, "s1", customers=pa.table({"customer_id": ["a"], "age": [1]}))
    with pytest.raises(DataError, match="LAKE-TYPES") as refused:
        _add(lake, "s2", customers=pa.table({"customer_id": ["b"], "age": ["old"]}))
    assert "age" in str(refused.value)
    assert lake.snapshot() == before


def test_a_table_without_a_known_key_is_read_as_it_came(lake):
    _add(lake, "s1", other=pa.table({"x": [2, 1, 2]}))
    assert [row["x"] for row in _read(lake, "other")] == [2, 1, 2]


def test_what_a_file_says_about_itself_is_kept(lake):
    table = pa.table({"customer_id": ["a"], "treated_at": [NOW]}).replace_schema_metadata({"window_days": "14"})
    _add(lake, "s1", treatments=table)
    assert lake.read(lake.snapshot())["treatments"].schema.metadata[b"window_days"] == b"14"


@pytest.mark.slow
def test_a_month_of_daily_files_over_300_000_events_stays_fast(lake):
    import time

    began = time.process_time()
    for day in range(28):
        number = 11_000
        ids = pc.binary_join_element_wise(f"d{day}", pa.array(range(number)).cast(pa.string()), "-")
        at = pa.array([datetime(2026, 10, 1 + day, tzinfo=UTC) + timedelta(seconds=i) for i in range(number)])
        _add(lake, f"s{day}", events=pa.table({"event_id": ids, "customer_id": ids, "occurred_at": at}))
    assert lake.read(lake.snapshot())["events"].num_rows == 308_000
    assert time.process_time() - began < 10
