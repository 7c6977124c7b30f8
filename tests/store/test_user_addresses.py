"""A user's address: changed, kept and taken away; the journal, which forgets nothing, never names it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from liftwright.store.users import SqlUsers

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


def test_an_address_stays_until_another_or_none_is_given_and_the_journal_does_not_name_it(store: Any) -> None:
    users = SqlUsers(store.engine)
    found = []
    for email in (None, "leo@shop.example", None, "leo@other.example", ""):
        users.put("leo", roles=["approver"], is_active=True, by="ada", now=NOW, email=email)
        user = users.get("leo")
        assert user is not None
        found.append(user.email)
    assert found == [None, "leo@shop.example", "leo@shop.example", "leo@other.example", None]
    entries = store.journal.entries(subject="leo")
    assert [entry.detail.get("has_email") for entry in entries] == [None, True, None, True, False]
    assert not any("example" in entry.model_dump_json() for entry in entries)
