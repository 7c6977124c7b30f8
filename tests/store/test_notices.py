"""Notices: written once whoever plans them, held by one worker at a time, told again only where a worker died or asked for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from liftwright.domain.notice import Notice
from liftwright.store.notices import SqlNotices

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def notices(store: Any) -> SqlNotices:
    """The outbox, beside an approval that waits."""
    store.asked()
    return SqlNotices(store.engine)


def notice(recipient: str = "leo", **changes: Any) -> Notice:
    """That the approval waits, for one receiver."""
    given = {"approval_id": "c1-a1", "plan_hash": "sha256:0", "kind": "asked", "way": "email", "planned_at": NOW, "due_at": NOW}
    return Notice(**{**given, "recipient": recipient, **changes})


def test_the_same_thing_is_written_down_once_and_another_thing_beside_it(notices: SqlNotices) -> None:
    assert notices.plan([]) == 0
    assert notices.plan([notice(), notice()]) == 1
    later = NOW + timedelta(hours=1)
    assert notices.plan([notice(planned_at=later, due_at=later), notice("fay")]) == 1
    different = [
        notice(kind="reminder"),
        notice(kind="escalated", role="compliance"),
        notice(kind="escalated", role="finance"),
        notice(way="webhook"),
        notice(plan_hash="sha256:1"),
    ]
    assert notices.plan(different) == 5
    assert len({each.notice_id for each in notices.of("c1-a1")}) == 7
    assert [each.planned_at for each in notices.of("c1-a1")] == [NOW] * 7, "the first writing stays"
    assert notices.of("another") == []


def test_several_who_plan_the_same_at_once_write_it_once(notices: SqlNotices) -> None:
    wanted = [notice(f"u{number}") for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda _: notices.plan(wanted), range(8)))
    assert sum(written) == len(notices.of("c1-a1")) == 20


def test_each_is_held_by_one_worker_and_only_that_one_says_how_it_ended(notices: SqlNotices) -> None:
    notices.plan([notice("leo"), notice("fay", due_at=NOW + timedelta(minutes=1))])
    held = notices.claim(now=NOW, worker="w1")
    assert held is not None
    assert (held.recipient, held.state, held.attempts) == ("leo", "sending", 1)
    assert notices.claim(now=NOW, worker="w2") is None, "the other is not due yet"
    assert not notices.settle(held.notice_id, "sent", now=NOW, worker="w2")
    assert notices.settle(held.notice_id, "sent", now=NOW, worker="w1")
    assert not notices.settle(held.notice_id, "failed", now=NOW, worker="w1"), "it ended already"
    assert not notices.settle("n-none", "sent", now=NOW, worker="w1")
    (found,) = [each for each in notices.of("c1-a1") if each.recipient == "leo"]
    assert (found.state, found.sent_at) == ("sent", NOW)


def test_what_a_dead_worker_held_is_due_again_and_the_dead_one_cannot_settle_it(notices: SqlNotices) -> None:
    notices.plan([notice()])
    first = notices.claim(now=NOW, worker="w1", seconds=60)
    assert first is not None
    assert notices.claim(now=NOW + timedelta(seconds=59), worker="w2", seconds=60) is None
    second = notices.claim(now=NOW + timedelta(seconds=60), worker="w2", seconds=60)
    assert second is not None
    assert (second.notice_id, second.attempts) == (first.notice_id, 2)
    assert not notices.settle(first.notice_id, "sent", now=NOW, worker="w1")
    assert notices.settle(first.notice_id, "sent", now=NOW, worker="w2")
    assert notices.claim(now=NOW + timedelta(days=1), worker="w3") is None


def test_what_is_tried_again_waits_for_its_new_time(notices: SqlNotices) -> None:
    notices.plan([notice()])
    held = notices.claim(now=NOW, worker="w1")
    assert held is not None
    with pytest.raises(ValueError, match="no new time"):
        notices.settle(held.notice_id, "planned", now=NOW, worker="w1")
    later = NOW + timedelta(minutes=5)
    assert notices.settle(held.notice_id, "planned", now=NOW, worker="w1", reason="450 busy", due_at=later)
    assert notices.of("c1-a1")[0].reason == "450 busy"
    assert notices.claim(now=later - timedelta(seconds=1), worker="w1") is None
    again = notices.claim(now=later, worker="w1")
    assert again is not None
    assert again.attempts == 2


def test_many_workers_share_what_is_due_and_nobody_gets_what_another_has(notices: SqlNotices) -> None:
    notices.plan([notice(f"u{number:02d}") for number in range(24)])

    def work(worker: str) -> list[str]:
        mine = []
        while (held := notices.claim(now=NOW, worker=worker)) is not None:
            assert notices.settle(held.notice_id, "sent", now=NOW, worker=worker)
            mine.append(held.recipient)
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [name for mine in pool.map(work, ["w1", "w2", "w3", "w4"]) for name in mine]
    assert sorted(taken) == [f"u{number:02d}" for number in range(24)]
    assert all(each.attempts == 1 for each in notices.of("c1-a1"))
