"""Servers that fail and workers that die: nothing is lost, and what may arrive twice carries the same id both times."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from small_shop import Clock
from staffed import asked
from told_shop import SECRET, Office, staffed, ways, with_notify

from liftwright.domain.notice import Told
from liftwright.ports import Deps
from post_office import Mailbox, Receiver, mailbox, receiver  # noqa: F401 (fixtures)

pytestmark = pytest.mark.loopback
DRIVER = Path(__file__).parent / "notice_driver.py"


@pytest.fixture
def office(shop: Deps, mailbox: Mailbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Office:  # noqa: F811
    """A shop with staff who have addresses."""
    monkeypatch.setenv("CHAT_SECRET", SECRET)
    return Office(with_notify(staffed(shop), **ways(mailbox.port, receiver.url)), mailbox, receiver)


def _die(office: Office, tmp_path: Path, url: str, point: str, clock: Clock) -> None:
    case = {"home": str(office.deps.settings.home), "url": url, "point": point, "now": clock().isoformat()}
    case |= {"mail_port": office.mailbox.port, "hook_url": office.receiver.url}
    (tmp_path / "case.json").write_text(json.dumps(case))
    command = [sys.executable, str(DRIVER), str(tmp_path / "case.json")]
    paths = [str(DRIVER.parent), str(DRIVER.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"CHAT_SECRET": SECRET, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


async def _after_a_death(office: Office, tmp_path: Path, url: str, point: str, clock: Clock) -> Counter[str]:
    """How often each id arrived, after a worker died at a point and another one came."""
    campaign_id, _ = await asked(office.deps)
    _die(office, tmp_path, url, point, clock)
    office.tell(worker="w2")
    clock.on(minutes=4)
    office.tell(worker="w2")
    clock.on(minutes=2)
    office.tell(worker="w2")
    row = office.deps.approvals.pending(campaign_id)
    assert row
    assert set(office.states(row.approval_id).items()) == {
        (k, "sent") for k in (("leo", "asked"), ("fay", "asked"), ("chat", "asked"))
    }
    ids = [str(message["Message-ID"]) for message in office.mailbox.messages()]
    return Counter([*ids, *(asked["webhook-id"] for asked, _ in office.receiver.asked)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "doubled"),
    [
        ("plan:before", 0),
        ("plan:after", 0),
        ("claim:after", 0),
        ("mail:before", 0),
        ("mail:after", 1),
        ("post:after", 1),
        ("settle:after", 0),
    ],
)
async def test_a_worker_killed_anywhere_loses_nothing_and_doubles_at_most_what_was_on_the_wire(
    office: Office, tmp_path: Path, sqlite_url: str, clock: Clock, point: str, doubled: int
) -> None:
    found = await _after_a_death(office, tmp_path, sqlite_url, point, clock)
    assert len(found) == 3
    assert sum(found.values()) - 3 == doubled


@pytest.mark.slow
async def test_the_same_on_postgres(
    any_shop: Deps,
    database_url: str,
    mailbox: Mailbox,  # noqa: F811
    receiver: Receiver,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    clock: Clock,
) -> None:
    monkeypatch.setenv("CHAT_SECRET", SECRET)
    office = Office(with_notify(staffed(any_shop), **ways(mailbox.port, receiver.url)), mailbox, receiver)
    found = await _after_a_death(office, tmp_path, database_url, "settle:before", clock)
    assert sorted(found.values()) == [1, 1, 2]


async def _waiting(office: Office) -> str:
    campaign_id, _ = await asked(office.deps)
    row = office.deps.approvals.pending(campaign_id)
    assert row
    return row.approval_id


async def test_a_mail_server_that_is_busy_or_away_is_tried_again_later(office: Office, clock: Clock) -> None:
    office.mailbox.refuse = {"leo@shop.example": "450 busy"}
    approval_id = await _waiting(office)
    assert office.tell() == {"notices_sent": 2, "notices_planned": 1}
    clock.on(minutes=4)
    assert office.tell() == {}
    office.mailbox.refuse = {}
    clock.on(minutes=1)
    assert office.tell() == {"notices_sent": 1}
    assert set(office.states(approval_id).values()) == {"sent"}
    assert [to for to, _ in office.mailbox.arrived].count("leo@shop.example") == 1


async def test_what_is_refused_is_failed_at_once_and_what_stays_away_is_failed_in_the_end(office: Office, clock: Clock) -> None:
    office.mailbox.refuse = {"leo@shop.example": "550 no such user leo@shop.example", "fay@shop.example": "450 busy"}
    approval_id = await _waiting(office)
    total: Counter[str] = Counter()
    for _ in range(8):
        total.update(office.tell())
        clock.on(minutes=60)
    assert total == {"notices_sent": 1, "notices_failed": 2, "notices_planned": 4}
    kept = {each.recipient: each for each in office.deps.notices.of(approval_id)}
    assert (kept["leo"].state, kept["leo"].attempts, kept["fay"].state, kept["fay"].attempts) == ("failed", 1, "failed", 5)
    assert "550" in kept["leo"].reason
    assert "@" not in kept["leo"].reason


async def test_a_mail_in_doubt_is_sent_once_more_under_the_same_id_and_then_left_unknown(office: Office, clock: Clock) -> None:
    office.mailbox.data_answers = ["hang up"] * 4
    approval_id = await _waiting(office)
    for _ in range(4):
        office.tell()
        clock.on(minutes=10)
    assert office.states(approval_id)[("leo", "asked")] == "unknown"
    ids = Counter(str(message["Message-ID"]) for message in office.mailbox.messages())
    assert sorted(ids.values()) == [2, 2]


async def test_a_receiver_that_hangs_up_gets_the_same_body_again(office: Office, clock: Clock) -> None:
    office.receiver.answers = [None] * 6
    approval_id = await _waiting(office)
    for _ in range(3):
        office.tell()
        clock.on(minutes=10)
    assert office.states(approval_id)[("chat", "asked")] == "sent"
    assert len(office.receiver.asked) == 7
    assert len({(asked["webhook-id"], body) for asked, body in office.receiver.asked}) == 1


async def test_a_notifier_that_breaks_is_doubt_and_keeps_nobody_else_from_being_told(office: Office) -> None:
    class Broken:
        is_idempotent = False

        def tell(self, telling: Any, *, now: Any) -> Told:
            raise ZeroDivisionError

    working = office.deps.notifiers()
    object.__setattr__(office.deps, "notifiers", lambda: {**working, ("email", ""): Broken()})
    approval_id = await _waiting(office)
    assert office.tell() == {"notices_sent": 1, "notices_planned": 2}
    assert {each.reason for each in office.deps.notices.of(approval_id)} == {"", "the notifier failed: ZeroDivisionError"}
