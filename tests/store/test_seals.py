"""Seals see what a chain cannot: an end that was cut off, a journal written anew; and they cannot be forged or moved."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from sqlalchemy import text

from liftwright.domain.errors import ConfigError, DataError
from liftwright.store.journal import SEAL_AFTER, SEAL_EVERY, SqlJournal
from liftwright.store.seals import SealFile
from tampered_journal import append, behind_its_back

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def journal(store: Any, tmp_path: Path) -> SqlJournal:
    """Ten entries; the first six are sealed."""
    found = SqlJournal(store.engine, SealFile(tmp_path / "seals", tmp_path / "keys"))
    append(found, 6)
    found.seal(at=NOW)
    append(found, 4)
    return found


def test_an_untouched_journal_is_vouched_for_up_to_its_last_seal(journal: SqlJournal) -> None:
    found = journal.examine()
    assert (found.ok, found.entries, found.seals, found.sealed) == (True, 10, 1, 6)
    made = journal.seal(at=NOW, is_due=False)
    assert made is not None
    assert (made.seq, journal.examine().sealed) == (10, 10)
    assert journal.seal(at=NOW, is_due=False) is None


def test_a_seal_is_due_after_minutes_or_many_entries(journal: SqlJournal) -> None:
    assert journal.seal(at=NOW + SEAL_AFTER - timedelta(seconds=1)) is None
    assert journal.seal(at=NOW + SEAL_AFTER) is not None
    append(journal, SEAL_EVERY)
    assert journal.seal(at=NOW + SEAL_AFTER) is not None


@pytest.mark.parametrize(
    ("statements", "first_bad", "says"),
    [
        (["UPDATE journal SET entry = replace(entry, '2.5', '3.5') WHERE seq = 3"], 3, "Entry 3"),
        (["DELETE FROM journal WHERE seq = 3"], 3, "Entry 3"),
        (
            [
                "UPDATE journal SET seq = 99 WHERE seq = 2",
                "UPDATE journal SET seq = 2 WHERE seq = 4",
                "UPDATE journal SET seq = 4 WHERE seq = 99",
            ],
            2,
            "Entry 2",
        ),
        (
            [
                "UPDATE journal SET seq = seq + 50 WHERE seq > 4",
                "INSERT INTO journal SELECT 5, subject, entry FROM journal WHERE seq = 4",
            ],
            5,
            "Entry 5",
        ),
        (["DELETE FROM journal WHERE seq > 4"], 5, "cut off after entry 4"),
        (["DELETE FROM journal"], 1, "cut off after entry 0"),
    ],
    ids=["edit", "delete", "swap", "insert", "truncate", "empty"],
)
def test_what_was_done_behind_its_back_is_found_and_located(
    journal: SqlJournal, store: Any, statements: list[str], first_bad: int, says: str
) -> None:
    behind_its_back(store.engine, *statements)
    found = journal.examine()
    assert (found.ok, found.first_bad) == (False, first_bad)
    assert says in found.says


def test_an_end_cut_off_after_the_last_seal_is_the_one_thing_not_seen(journal: SqlJournal, store: Any) -> None:
    behind_its_back(store.engine, "DELETE FROM journal WHERE seq > 6")
    assert journal.examine().ok


def test_a_journal_written_anew_from_some_point_differs_from_its_seal(journal: SqlJournal, store: Any) -> None:
    prev, rows = "0" * 64, []
    for entry in journal.entries():
        body = entry.model_dump(mode="json", exclude={"entry_hash"}) | {"at": entry.at.isoformat(), "prev_hash": prev}
        body["actor"] = "mallory" if entry.seq == 5 else body["actor"]
        prev = hashlib.sha256(rfc8785.dumps(body)).hexdigest()
        rows.append({"seq": entry.seq, "entry": rfc8785.dumps(body | {"entry_hash": prev}).decode()})
    behind_its_back(store.engine)
    with store.engine.begin() as connection:
        for row in rows:
            connection.execute(text("UPDATE journal SET entry = :entry WHERE seq = :seq"), row)
    assert journal.verify() == (True, 10, None)
    found = journal.examine()
    assert (found.ok, found.first_bad) == (False, 1)
    assert "written anew between entries 1 and 6" in found.says


def _lines(tmp_path: Path) -> list[bytes]:
    return (tmp_path / "seals" / "journal.jsonl").read_bytes().split(b"\n")[:-1]


def _write(tmp_path: Path, lines: list[bytes]) -> None:
    (tmp_path / "seals" / "journal.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def test_a_seal_cannot_be_changed_taken_from_the_middle_or_forged(journal: SqlJournal, tmp_path: Path) -> None:
    journal.seal(at=NOW, is_due=False)
    first, second = _lines(tmp_path)
    _write(tmp_path, [first.replace(b'"seq":6', b'"seq":5'), second])
    assert (journal.examine().ok, journal.examine().bad_seal) == (False, 1)
    _write(tmp_path, [second])
    assert (journal.examine().ok, journal.examine().bad_seal) == (False, 1)
    forger = SealFile(tmp_path / "forged", tmp_path / "other keys")
    elsewhere = SqlJournal(journal._engine, forger)
    elsewhere.seal(at=NOW, is_due=False)
    (tmp_path / "seals" / "journal.jsonl").write_bytes((tmp_path / "forged" / "journal.jsonl").read_bytes())
    found = journal.examine()
    assert (found.ok, found.bad_seal, found.says) == (
        False,
        1,
        "The seal file was changed: line 1 is not what was sealed (InvalidSignature).",
    )


def test_a_copy_and_a_key_kept_elsewhere_find_what_the_workspace_s_own_hide(
    journal: SqlJournal, store: Any, tmp_path: Path
) -> None:
    public_key, copy = journal.public_key(), tmp_path / "copy"
    copy.mkdir()
    (copy / "journal.jsonl").write_bytes((tmp_path / "seals" / "journal.jsonl").read_bytes())
    for path in [tmp_path / "seals" / "journal.jsonl", *(tmp_path / "keys").iterdir()]:
        path.unlink()
    behind_its_back(store.engine, "DELETE FROM journal WHERE seq > 4")
    journal.seal(at=NOW, is_due=False)
    assert journal.examine().ok, "who holds the disk can make new seals with a new key"
    assert not journal.examine(public_key=public_key).ok
    assert journal.examine(seals=copy, public_key=public_key).first_bad == 5


def test_keys_change_by_the_word_of_the_old_one(journal: SqlJournal, tmp_path: Path) -> None:
    first = journal.public_key()
    journal.change_key(at=NOW)
    journal.seal(at=NOW, is_due=False)
    assert journal.public_key() == first
    found = journal.examine(public_key=first)
    assert (found.ok, found.seals, found.sealed) == (True, 2, 10)
    assert len(_lines(tmp_path)) == 3


def test_the_private_key_is_its_owner_s_only(journal: SqlJournal, tmp_path: Path) -> None:
    assert stat.S_IMODE(os.stat(tmp_path / "keys" / "journal.pem").st_mode) == 0o600


def test_a_line_a_crash_left_unfinished_is_taken_away(journal: SqlJournal, tmp_path: Path) -> None:
    with (tmp_path / "seals" / "journal.jsonl").open("ab") as file:
        file.write(b'{"seq":10,"entry_h')
    assert journal.examine().ok
    assert journal.seal(at=NOW, is_due=False) is not None
    assert [json.loads(line)["seq"] for line in _lines(tmp_path)] == [6, 10]
    assert journal.examine().sealed == 10


def test_what_does_not_hold_is_not_sealed(journal: SqlJournal, store: Any) -> None:
    behind_its_back(store.engine, "UPDATE journal SET entry = replace(entry, 'anna', 'mall') WHERE seq = 8")
    with pytest.raises(DataError, match="JOURNAL-BROKEN"):
        journal.seal(at=NOW, is_due=False)


@pytest.mark.parametrize("content", [b"\n", b"{}\n", b'{"entry_hash":\n', b"[" * 3000 + b"\n", b"\xff\xfe\n"])
def test_a_seal_file_of_rubbish_is_named_and_never_continued(journal: SqlJournal, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "seals" / "journal.jsonl").write_bytes(content)
    assert (journal.examine().ok, journal.examine().bad_seal) == (False, 1)


def test_a_key_that_is_none_is_refused(journal: SqlJournal, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="JOURNAL-KEY"):
        journal.examine(public_key="not hexadecimal")
    (tmp_path / "keys" / "journal.pem").write_text("rubbish")
    with pytest.raises(DataError, match="JOURNAL-SEALS"):
        journal.seal(at=NOW, is_due=False)
