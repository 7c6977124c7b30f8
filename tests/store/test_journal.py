"""The journal: whatever is changed behind its back is found, on both databases and with many writers."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from liftwright.domain.errors import DataError
from liftwright.store import erased
from liftwright.store.engine import migrate, open_engine
from liftwright.store.journal import SqlJournal
from tampered_journal import append, behind_its_back

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def test_entries_come_back_as_they_were_written_in_order_and_by_subject(store):
    written = append(store.journal, 4)
    assert store.journal.entries() == written
    assert store.journal.entries(subject="s1") == written[1::2]
    assert [entry.seq for entry in written] == [1, 2, 3, 4]


def test_a_page_is_newest_first_and_goes_on_before_or_after_a_number(store):
    written = append(store.journal, 7)
    assert store.journal.page() == written[::-1]
    assert store.journal.page(limit=3) == written[:3:-1]
    assert store.journal.page(before=5, limit=3) == written[3:0:-1]
    assert store.journal.page(after=2, limit=3) == written[4:1:-1], "those that follow, not the newest of all"
    assert store.journal.page(before=5, after=2) == written[3:1:-1]
    assert store.journal.page(before=1) == store.journal.page(after=7) == []
    assert store.journal.page(before=10**18) == written[::-1]


def test_a_page_is_of_one_subject_and_of_actions_that_begin_so(store):
    written = [
        store.journal.append(at=NOW, actor="a", action=action, subject=subject, detail={"action": "waiver.asked"})
        for action, subject in (
            ("waiver.asked", "c1"),
            ("waiver.approved", "c2"),
            ("Waiver.asked", "c1"),
            ('w"\\é%', "c1"),
            ("night", "waiver.asked"),
        )
    ]
    assert store.journal.page(action="waiver.") == written[1::-1]
    assert store.journal.page(action="waiver.asked") == written[:1]
    assert store.journal.page(action="waiver.asked", subject="c2") == []
    assert store.journal.page(subject="c1") == [written[3], written[2], written[0]]
    assert store.journal.page(action='w"\\é%') == [written[3]]
    for nothing in ("%", "_aiver", "'; --", '","actor', "\x00", "\ud800"):
        assert store.journal.page(action=nothing) == [], nothing


def test_a_page_with_an_entry_that_is_none_any_more_says_which(store):
    append(store.journal, 3)
    behind_its_back(store.engine, "UPDATE journal SET entry = '{}' WHERE seq = 2")
    with pytest.raises(DataError, match="Entry 2"):
        store.journal.page()
    assert [entry.seq for entry in store.journal.page(after=2)] == [3]


@pytest.mark.parametrize("entry", ["", "null", "[]", "{}", '{"seq":2}', "9" * 5000, '{"a":' * 2000])
def test_an_entry_that_cannot_be_read_is_named_by_whoever_reads_or_follows_it(store, entry):
    append(store.journal, 2)
    behind_its_back(store.engine, "UPDATE journal SET entry = :entry WHERE seq = 2", entry=entry)
    for ask in (
        store.journal.entries,
        lambda: store.journal.entries(subject="s1"),
        store.journal.page,
        lambda: append(store.journal, 1),
    ):
        with pytest.raises(DataError, match=r"Entry 2 .*journal verify") as caught:
            ask()
        assert caught.value.code == "JOURNAL-BROKEN"
        assert "\n" not in str(caught.value)
    assert [each.seq for each in store.journal.entries(subject="s0")] == [1], "what is sound is read all the same"
    assert store.journal.verify() == (False, 2, 2)


def test_entries_are_of_actions_that_begin_so(store):
    for number, action in enumerate(("waiver.asked", "waiver", "waiver.approved", "%", "w_iver.asked")):
        store.journal.append(at=NOW, actor="a", action=action, subject=f"s{number % 2}", detail={"action": "waiver."})
    assert [each.seq for each in store.journal.entries(action="waiver.")] == [1, 3]
    assert [each.seq for each in store.journal.entries(action="waiver.", subject="s1")] == []
    assert store.journal.entries(action="nothing") == []


def test_nobody_erased_comes_back_because_an_entry_about_it_was_spoilt(store):
    store.journal.append(at=NOW, actor="a", action=erased.ACTION, subject=erased.SUBJECT, detail={"who": ["x"], "files": {}})
    assert erased.pseudonyms(store.engine) == {"x"}
    behind_its_back(store.engine, "UPDATE journal SET entry = '[]' WHERE seq = 1")
    with pytest.raises(DataError, match="Entry 1"):
        erased.pseudonyms(store.engine)


def test_each_entry_carries_the_hash_of_the_one_before_and_its_own(store):
    first, second = append(store.journal, 2)
    assert (first.prev_hash, second.prev_hash) == ("0" * 64, first.entry_hash)
    with store.engine.connect() as connection:
        stored = json.loads(connection.execute(text("SELECT entry FROM journal WHERE seq = 2")).scalar_one())
    body = {key: value for key, value in stored.items() if key != "entry_hash"}
    assert hashlib.sha256(rfc8785.dumps(body)).hexdigest() == stored["entry_hash"] == second.entry_hash


def test_times_are_kept_in_utc(store):
    there = NOW.astimezone(timezone(timedelta(hours=9)))
    assert store.journal.append(at=there, actor="a", action="b", subject="c", detail={}).at.isoformat() == NOW.isoformat()


def test_an_untouched_journal_is_sound(store):
    assert store.journal.verify() == (True, 0, None)
    append(store.journal, 5)
    assert store.journal.verify() == (True, 5, None)


@pytest.mark.parametrize(
    "statement", ["UPDATE journal SET entry = '{}' WHERE seq = 1", "DELETE FROM journal WHERE seq = 1", "DELETE FROM journal"]
)
def test_the_database_itself_refuses_change_and_removal(store, statement):
    append(store.journal, 2)
    with pytest.raises(DBAPIError, match="append-only"), store.engine.begin() as connection:
        connection.execute(text(statement))
    assert store.journal.verify() == (True, 2, None)


def test_no_entry_can_be_replaced_by_inserting_over_it(store):
    append(store.journal, 2)
    over = "INSERT OR REPLACE" if store.engine.dialect.name == "sqlite" else "INSERT"
    with pytest.raises(DBAPIError), store.engine.begin() as connection:
        connection.execute(text(f"{over} INTO journal (seq, subject, entry) VALUES (1, 's0', '{{}}')"))
    assert store.journal.verify() == (True, 2, None)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_the_journal_cannot_be_emptied_at_once(store):
    append(store.journal, 2)
    with pytest.raises(DBAPIError, match="append-only"), store.engine.begin() as connection:
        connection.execute(text("TRUNCATE journal"))


def test_a_changed_entry_is_found(store):
    append(store.journal, 5)
    behind_its_back(store.engine, "UPDATE journal SET entry = replace(entry, '2.5', '3.5') WHERE seq = 3")
    assert store.journal.verify() == (False, 5, 3)


def test_a_changed_entry_with_its_hash_made_right_is_found_at_the_next_one(store):
    append(store.journal, 5)
    forged = store.journal.entries()[2].model_dump(mode="json") | {"actor": "mallory", "at": "2026-11-01T00:02:00+00:00"}
    body = {key: value for key, value in forged.items() if key != "entry_hash"}
    forged["entry_hash"] = hashlib.sha256(rfc8785.dumps(body)).hexdigest()
    behind_its_back(store.engine, "UPDATE journal SET entry = :entry WHERE seq = 3", entry=rfc8785.dumps(forged).decode())
    assert store.journal.verify() == (False, 5, 4)


def test_a_removed_entry_is_found(store):
    append(store.journal, 5)
    behind_its_back(store.engine, "DELETE FROM journal WHERE seq = 3")
    assert store.journal.verify() == (False, 4, 3)


def test_a_removed_entry_is_found_when_the_others_close_ranks(store):
    append(store.journal, 5)
    behind_its_back(
        store.engine,
        "DELETE FROM journal WHERE seq = 3",
        "UPDATE journal SET seq = 3 WHERE seq = 4",
        "UPDATE journal SET seq = 4 WHERE seq = 5",
    )
    assert store.journal.verify() == (False, 4, 3)


def test_re_ordered_entries_are_found(store):
    append(store.journal, 5)
    behind_its_back(
        store.engine,
        "UPDATE journal SET seq = 99 WHERE seq = 2",
        "UPDATE journal SET seq = 2 WHERE seq = 4",
        "UPDATE journal SET seq = 4 WHERE seq = 99",
    )
    assert store.journal.verify() == (False, 5, 2)


def test_an_entry_written_in_another_form_is_found(store):
    append(store.journal, 3)
    behind_its_back(store.engine, "UPDATE journal SET entry = replace(entry, ',', ', ') WHERE seq = 2")
    assert store.journal.verify() == (False, 3, 2)


def test_an_entry_hidden_under_another_subject_is_found(store):
    append(store.journal, 3)
    behind_its_back(store.engine, "UPDATE journal SET subject = 'elsewhere' WHERE seq = 2")
    assert store.journal.verify() == (False, 3, 2)


@pytest.mark.parametrize("entry", ["", "null", "[]", "{}", '{"seq":2}', "9" * 5000, '{"seq":2,"seq":2}', '{"a":NaN}'])
def test_an_entry_that_is_none_any_more_is_found(store, entry):
    append(store.journal, 3)
    behind_its_back(store.engine, "UPDATE journal SET entry = :entry WHERE seq = 2", entry=entry)
    assert store.journal.verify() == (False, 3, 2)


@pytest.mark.slow
def test_writers_in_many_processes_make_one_chain(store, second_process):
    processes = [second_process("append", actor=actor, number=40, at=NOW.isoformat()) for actor in ("anna", "bob")]
    for process in processes:
        process.go()
    assert [process.result() for process in processes] == [40, 40]
    assert store.journal.verify() == (True, 80, None)
    assert sorted(entry.actor for entry in store.journal.entries()) == ["anna"] * 40 + ["bob"] * 40


def test_numbers_no_double_can_hold_are_kept_as_text(store):
    detail = {"big": 2**60, "nan": math.nan, "endless": -math.inf, "large": 1e20}
    written = store.journal.append(at=NOW, actor="a", action="b", subject="c", detail=detail)
    assert written.detail == {"big": str(2**60), "nan": "nan", "endless": "-inf", "large": 1e20}
    assert store.journal.verify() == (True, 1, None)


@pytest.fixture(scope="module")
def long_journal(tmp_path_factory, sqlite_template) -> SqlJournal:
    """One journal that every example of a property adds to."""
    engine = open_engine(Path(tmp_path_factory.mktemp("journal")))
    migrate(engine)
    yield SqlJournal(engine)
    engine.dispose()


@given(actor=TEXT, subject=TEXT, detail=st.dictionaries(TEXT, JSON, max_size=4))
def test_whatever_is_written_can_be_read_and_verified(long_journal, actor, subject, detail):
    written = long_journal.append(at=NOW, actor=actor, action="test", subject=subject, detail=detail)
    assert long_journal.entries(subject=written.subject)[-1] == written
    assert long_journal.verify() == (True, written.seq, None)


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory) -> SqlJournal:
    """Ten entries in a database whose triggers were dropped."""
    engine = open_engine(Path(tmp_path_factory.mktemp("unguarded")))
    migrate(engine)
    journal = SqlJournal(engine)
    append(journal, 10)
    behind_its_back(engine)
    yield journal, engine
    engine.dispose()


@given(actions=st.lists(TEXT, min_size=1, max_size=4), wanted=TEXT)
def test_whatever_an_action_is_called_it_is_found_by_its_beginning(long_journal, actions, wanted):
    after = long_journal.verify()[1]
    for action in actions:
        long_journal.append(at=NOW, actor="a", action=action, subject="s", detail={})
    for beginning in (wanted, actions[0], actions[-1][:2]):
        begins = beginning.encode("utf-8", "replace").decode().replace("\x00", "?")
        found = long_journal.page(after=after, action=beginning, limit=100)
        everything = [entry for entry in long_journal.page(after=after, limit=100) if entry.action.startswith(begins)]
        assert found == everything


@given(seq=st.integers(1, 10), place=st.integers(0, 10_000), character=st.characters(codec="ascii", min_codepoint=32))
def test_any_single_character_changed_anywhere_is_found(unguarded, seq, place, character):
    journal, engine = unguarded
    with engine.begin() as connection:
        entry = connection.execute(text("SELECT entry FROM journal WHERE seq = :seq"), {"seq": seq}).scalar_one()
        place %= len(entry)
        forged = entry[:place] + character + entry[place + 1 :]
        connection.execute(text("UPDATE journal SET entry = :entry WHERE seq = :seq"), {"entry": forged, "seq": seq})
    found = journal.verify()
    with engine.begin() as connection:
        connection.execute(text("UPDATE journal SET entry = :entry WHERE seq = :seq"), {"entry": entry, "seq": seq})
    assert found == ((True, 10, None) if forged == entry else (False, 10, seq))
    assert journal.verify() == (True, 10, None)
