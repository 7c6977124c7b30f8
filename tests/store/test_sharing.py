"""Links are found by the digest of their token, taken back once, and the journal names them without it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from liftwright.domain.sharing import SharedLink
from liftwright.store.sharing import SqlSharing


@pytest.fixture
def shared(store: Any, make: Any) -> SqlSharing:
    store.campaigns.create(make.campaign("c1"))
    store.campaigns.create(make.campaign("c2"))
    return SqlSharing(store.engine)


def _link(make: Any, name: str = "l1", campaign_id: str = "c1", **changes: Any) -> SharedLink:
    values = {"link_id": name, "campaign_id": campaign_id, "role": "viewer", "made_by": "ada", "made_at": make.now}
    return SharedLink(**{**values, "expires_at": make.now + timedelta(days=7), **changes})


def test_a_link_is_found_by_its_digest_and_by_nothing_else(shared: SqlSharing, make: Any) -> None:
    link = _link(make)
    shared.add(link, "a" * 64)
    assert shared.find("a" * 64) == link
    for wrong in ("", "a" * 63, "A" * 64, "b" * 64, "l1", "a" * 64 + " ", "' OR 1=1 --"):
        assert shared.find(wrong) is None
    with pytest.raises(IntegrityError):
        shared.add(_link(make, "l2"), "a" * 64)


def test_links_are_listed_for_their_campaign_newest_first(shared: SqlSharing, make: Any) -> None:
    shared.add(_link(make, "old"), "a" * 64)
    shared.add(_link(make, "new", made_at=make.now + timedelta(hours=1)), "b" * 64)
    shared.add(_link(make, "other", "c2"), "c" * 64)
    assert [link.link_id for link in shared.of("c1")] == ["new", "old"]
    assert shared.of("c3") == []


def test_taking_one_back_happens_once_whoever_asks_at_the_same_time(store: Any, shared: SqlSharing, make: Any) -> None:
    shared.add(_link(make), "a" * 64)
    assert not shared.revoke("c2", "l1", by="ann", now=make.now), "only by its own campaign"
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: shared.revoke("c1", "l1", by="ann", now=make.now), range(4)))
    assert sum(done) == 1
    found = shared.find("a" * 64)
    assert found is not None
    assert found.revoked_at == make.now
    entries = store.journal.entries(subject="c1")
    assert [entry.action for entry in entries if entry.action.startswith("share.")] == ["share.made", "share.revoked"]
    assert "a" * 64 not in str([entry.detail for entry in entries])
