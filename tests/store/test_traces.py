"""One person in the lake and the ledger: found whole, erased for good, on both databases, with the journal's chain untouched."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.domain.profile import ERASED, Identifiers
from liftwright.domain.visit import VisitEvent
from liftwright.store.journal import SqlJournal
from liftwright.store.lake import ParquetLake
from liftwright.store.seals import SealFile
from liftwright.store.traces import SqlTraces, salt
from liftwright.store.visits import SqlVisits

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
ANNA = Identifiers(ids=frozenset({"C1", "C9"}), addresses=frozenset({"Anna@x.com", "+15550001"}))


@pytest.fixture
def lake(store: Any, tmp_path: Path) -> ParquetLake:
    return ParquetLake(tmp_path, store.engine)


@pytest.fixture
def traces(store: Any, lake: ParquetLake, tmp_path: Path) -> SqlTraces:
    return SqlTraces(store.engine, lake, tmp_path / "keys")


def _filled(lake: ParquetLake) -> None:
    customers = pa.table({"customer_id": ["C1", "C2", "C9"], "email": ["anna@x.com", "bob@x.com", None]})
    events = pa.table(
        {
            "customer_id": ["C1", "C2", None, "C9"],
            "type": ["visit"] * 4,
            "email": [None, None, " ANNA@x.com ", None],
            "product_id": ["P", "C1", "P", "P"],
        }
    )
    lake.add({"customers": customers, "events": events}, source="first", now=NOW)


def _erase(traces: SqlTraces, who: Identifiers = ANNA) -> Any:
    return traces.erase(who, by="cora", reason="asked", now=NOW)


def test_every_row_with_an_id_or_an_address_is_found_and_nobody_elses(lake: ParquetLake, traces: SqlTraces) -> None:
    _filled(lake)
    found = traces.find(ANNA)
    assert found.pop("sends").num_rows == 0
    rows = [row for table in found.values() for row in table.to_pylist()]
    assert len(rows) == 5
    assert not [row for row in rows if row["customer_id"] == "C2"]  # a product that is called as she is no trace of her


def test_what_was_erased_is_gone_from_disk_and_every_old_digest_still_reads(lake: ParquetLake, traces: SqlTraces) -> None:
    _filled(lake)
    before = lake.snapshot()
    assert before is not None
    old = [file for files in before.files.values() for file in files]
    gone = _erase(traces)
    assert (gone.rows, gone.files) == (5, 2)
    after = lake.snapshot()
    assert after is not None
    assert after.snapshot_id != before.snapshot_id
    for snapshot in (before, after):
        tables = lake.read(snapshot)
        assert tables["customers"]["customer_id"].to_pylist() == tables["events"]["customer_id"].to_pylist() == ["C2"]
    assert not set(old) & set(lake.digests())
    assert [lake.get(digest).num_rows for digest in old] == [1, 1]


def test_one_after_the_other_the_way_from_the_first_digest_leads_to_the_last(lake: ParquetLake, traces: SqlTraces) -> None:
    digest = lake.put(pa.table({"customer_id": ["A", "B", "C"]}))
    for person in "ABC":
        _erase(traces, Identifiers(ids=frozenset({person})))
    assert lake.get(digest).num_rows == 0


@pytest.fixture
def sent(store: Any, make: Any) -> Any:
    """A running campaign with four sends."""
    store.launched(make.sends(store.planned().plan_hash, 4))
    return store


def test_sends_stay_for_the_accounts_under_a_name_that_is_nobodys(sent: Any, traces: SqlTraces) -> None:
    store = sent
    who = store.ledger.sends("c1")["customer_id"].to_pylist()[0]
    before = store.ledger.counts("c1")
    gone = _erase(traces, Identifiers(ids=frozenset({who})))
    rows = store.ledger.sends("c1").to_pylist()
    assert gone.sends == len([row for row in rows if row["customer_id"].startswith(ERASED)]) > 0
    assert not [row for row in rows if row["customer_id"] == who or who in row["idem_key"].split(":")]
    assert store.ledger.counts("c1") == before  # same sums, no duplicates


def test_nothing_is_erased_while_a_message_is_on_its_way(sent: Any, lake: ParquetLake, traces: SqlTraces) -> None:
    (send,) = sent.ledger.lease(now=NOW + timedelta(days=1), worker="w", limit=1)
    lake.add({"customers": pa.table({"customer_id": [send.customer_id]})}, source="x", now=NOW)
    with pytest.raises(DataError, match="PERSON-BUSY"):
        _erase(traces, Identifiers(ids=frozenset({send.customer_id})))
    snapshot = lake.snapshot()
    assert snapshot is not None
    assert lake.read(snapshot)["customers"].num_rows == 1


def test_the_chain_and_its_seals_hold_and_the_journal_names_nobody(
    store: Any, lake: ParquetLake, traces: SqlTraces, tmp_path: Path
) -> None:
    journal = SqlJournal(store.engine, SealFile(tmp_path / "seals", tmp_path / "keys"))
    _filled(lake)
    journal.append(at=NOW, actor="a", action="b", subject="c", detail={"who": traces.pseudonym("C1")})
    journal.seal(at=NOW)
    _erase(traces)
    found = journal.examine()
    assert (found.ok, found.entries) == (True, 2)
    assert not [
        entry for entry in journal.entries() if "C1" in str(entry.detail).split("'") or "anna" in str(entry.detail).lower()
    ]


def test_a_second_time_finds_nothing_more_and_writes_nothing(store: Any, lake: ParquetLake, traces: SqlTraces) -> None:
    _filled(lake)
    _erase(traces)
    snapshot = lake.snapshot()
    again = _erase(traces)
    assert (again.rows, again.files, again.sends) == (0, 0, 0)
    assert (len(store.journal.entries()), lake.snapshot()) == (1, snapshot)


@pytest.mark.parametrize("step", ["put", "remove"])
def test_a_crash_in_between_is_mended_by_doing_it_again(
    store: Any, lake: ParquetLake, traces: SqlTraces, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the entry nothing has changed; after it the old files still have to go."""
    _filled(lake)
    old = set(lake.digests())

    def dies(*given: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(lake, step, dies)
        with pytest.raises(KeyboardInterrupt):
            _erase(traces)
    assert old <= set(lake.digests())
    _erase(traces)
    assert not old & set(lake.digests())
    assert len(store.journal.entries()) == 1


def test_a_tampered_file_is_not_written_anew_as_if_it_were_sound(lake: ParquetLake, traces: SqlTraces) -> None:
    digest = lake.put(pa.table({"customer_id": ["C1", "C2"]}))
    other = lake.put(pa.table({"customer_id": ["C1", "C3"]}))
    lake._path(other).write_bytes(lake._path(digest).read_bytes())
    with pytest.raises(DataError, match="LAKE-TAMPERED"):
        _erase(traces)


def test_who_was_erased_is_known_again_by_id_and_by_address(lake: ParquetLake, traces: SqlTraces) -> None:
    _filled(lake)
    assert traces.are_erased(["C1", None]) == [False, False]
    _erase(traces)
    asked = ["C1", "C9", "C2", "ANNA@X.com ", "bob@x.com", "+15550001", None, f"{ERASED}00"]
    assert traces.are_erased(asked) == [True, True, False, True, False, True, False, True]


@given(st.text(min_size=1, max_size=30))
def test_a_pseudonym_says_nothing_without_the_salt_and_is_the_same_with_it(tmp_path_factory: Any, value: str) -> None:
    keys = [tmp_path_factory.mktemp("keys") for _ in range(2)]
    here, there = (SqlTraces(None, None, each) for each in keys)  # type: ignore[arg-type]
    assert here.pseudonym(value) == here.pseudonym(value) != there.pseudonym(value)


def test_the_salt_is_its_owners_only_and_a_broken_one_is_named(tmp_path: Path) -> None:
    first = salt(tmp_path / "keys")
    assert salt(tmp_path / "keys") == first
    path = tmp_path / "keys" / "people.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(b"short")
    with pytest.raises(DataError, match="PERSON-SALT"):
        salt(tmp_path / "keys")


def test_visits_are_found_and_erased_too(store: Any, traces: SqlTraces) -> None:
    visits = SqlVisits(store.engine)
    for person in ("C1", "C2"):
        visits.saw(person, f"e-{person}", VisitEvent(session="s", type="click", occurred_at=NOW))
        visits.chose({"decision_id": person, "customer_id": person, "chosen": "control"})
    assert traces.find(ANNA)["visits"].num_rows == 2
    _erase(traces)
    assert "visits" not in traces.find(ANNA)
    assert [row["customer_id"] for row in visits.choices()] == ["C2"]
    assert len(visits.events(["C1", "C2"], since=NOW)) == 1
