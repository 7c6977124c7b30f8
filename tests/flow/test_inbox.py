"""Putting off is one person's, ends by itself, decides nothing and does not stop the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

import plain_shop
from liftwright.domain.approval import ApprovalRequest
from liftwright.domain.errors import ApprovalError
from liftwright.flow import deciding, inbox
from liftwright.ports import Deps

Waiting = tuple[Deps, ApprovalRequest, list[datetime]]


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    home, campaign = plain_shop.planned()
    clock = [plain_shop.NOW + timedelta(hours=1)]
    deps = plain_shop.open_shop(plain_shop.copy_of(home, tmp_path / "home"), now=lambda: clock[0])
    row = deps.approvals.pending(campaign.campaign_id)
    assert row is not None
    yield deps, row, clock
    plain_shop.close(deps)


@pytest.mark.parametrize(("until", "hours"), [("hour", 1), ("tomorrow", 30)])
def test_it_is_out_of_sight_until_then_for_who_put_it_off_and_for_nobody_else(waiting: Waiting, until: str, hours: int) -> None:
    deps, row, clock = waiting
    moment = inbox.snooze(row.approval_id, until=until, by="Ann", deps=deps)
    assert inbox.put_off(by="Ann", deps=deps) == {row.approval_id: moment.isoformat()}
    assert inbox.put_off(by="Leo", deps=deps) == {}
    assert clock[0] < moment <= clock[0] + timedelta(hours=hours)
    clock[0] = moment
    assert inbox.put_off(by="Ann", deps=deps) == {}


def test_until_new_data_it_comes_back_with_the_next_import(waiting: Waiting) -> None:
    deps, row, _ = waiting
    inbox.snooze(row.approval_id, until="data", by="Ann", deps=deps)
    assert inbox.put_off(by="Ann", deps=deps) == {row.approval_id: "new data"}
    deps.lake.add({"customers": pa.table({"customer_id": ["new"]})}, source="more", now=deps.now())
    assert inbox.put_off(by="Ann", deps=deps) == {}


def test_it_is_brought_back_at_once_and_decides_nothing(waiting: Waiting) -> None:
    deps, row, _ = waiting
    inbox.snooze(row.approval_id, until="tomorrow", by="Ann", deps=deps)
    assert deps.approvals.pending(row.campaign_id) == row
    inbox.snooze(row.approval_id, until="now", by="Ann", deps=deps)
    assert inbox.put_off(by="Ann", deps=deps) == {}


async def test_what_was_decided_comes_newest_first_with_its_reason_and_cannot_be_put_off(waiting: Waiting) -> None:
    deps, row, _ = waiting
    assert inbox.decided(deps=deps) == []
    await deciding.decide("reject", row.campaign_id, plan_hash=row.plan_hash, by="Ann", reason="too many", deps=deps)
    (only,) = inbox.decided(deps=deps)
    assert (only["status"], only["by"], only["reason"], only["campaign_id"]) == ("rejected", "Ann", "too many", row.campaign_id)
    with pytest.raises(ApprovalError, match="does not wait"):
        inbox.snooze(row.approval_id, until="hour", by="Ann", deps=deps)


@pytest.mark.parametrize(
    ("until", "by", "code"), [("never", "Ann", "SNOOZE-UNTIL"), ("", "Ann", "SNOOZE-UNTIL"), ("hour", " ", "SNOOZE-NOTHING")]
)
def test_wrong_words_are_refused(waiting: Waiting, until: str, by: str, code: str) -> None:
    deps, row, _ = waiting
    with pytest.raises(ApprovalError) as refused:
        inbox.snooze(row.approval_id, until=until, by=by, deps=deps)
    assert refused.value.code == code
