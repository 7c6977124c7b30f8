"""A link for somebody outside holds for its days, its campaign and its role, while its maker may act; anything else leads nowhere, alike."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from small_shop import Clock

from liftwright.domain.errors import ApprovalError, DataError, GoalError, LiftwrightError
from liftwright.flow import people, sharing, walk
from liftwright.ports import Deps


@pytest.fixture
async def campaign(any_shop: Deps) -> str:
    return (await walk.start("Sell more", deps=any_shop)).campaign_id


def _make(shop: Deps, campaign: str, **changes: Any) -> str:
    given: dict[str, Any] = {"by": "Ann", "days": 7, "role": "viewer", **changes}
    return sharing.make(campaign, deps=shop, **given)[0]


def _is_closed(token: str, shop: Deps, page: str = "report") -> str:
    with pytest.raises(DataError) as refused:
        sharing.opened(token, page=page, deps=shop)
    assert refused.value.code == "SHARE-UNKNOWN"
    return refused.value.says + str(refused.value.next_step)


async def test_a_link_opens_its_campaign_and_the_journal_knows_when_but_not_the_token(any_shop: Deps, campaign: str) -> None:
    token = _make(any_shop, campaign)
    assert len(token) >= 43, "256 bits"
    assert sharing.opened(token, deps=any_shop).campaign_id == campaign
    entries = any_shop.journal.entries(subject=campaign)
    (opened,) = [entry for entry in entries if entry.action == sharing.OPENED]
    digest = hashlib.sha256(token.encode()).hexdigest()
    assert opened.detail == {"link": digest[:12], "page": "report"}
    told = str([entry.model_dump() for entry in entries])
    assert token not in told
    assert digest not in told
    assert any_shop.journal.verify()[0]


async def test_wrong_guessed_expired_and_revoked_links_are_refused_alike(any_shop: Deps, campaign: str, clock: Clock) -> None:
    token, link = sharing.make(campaign, by="Ann", days=7, role="viewer", deps=any_shop)
    other = _make(any_shop, campaign, days=1)
    digest = hashlib.sha256(token.encode()).hexdigest()
    said = {
        _is_closed(wrong, any_shop) for wrong in ("", token[:-1], token.swapcase(), digest, link.link_id, "x" * 5000, "\ud800")
    }
    sharing.revoke(campaign, link.link_id, by="Ann", deps=any_shop)
    said.add(_is_closed(token, any_shop))
    clock.on(hours=23, minutes=59)
    sharing.opened(other, deps=any_shop)
    clock.on(minutes=1)
    said.add(_is_closed(other, any_shop))
    assert len(said) == 1, "nobody learns which tokens ever were one"
    with pytest.raises(DataError, match="no such link"):
        sharing.revoke(campaign, link.link_id, by="Ann", deps=any_shop)


async def test_a_link_ends_with_its_maker_and_comes_back_with_them(any_shop: Deps, campaign: str) -> None:
    strangers = _make(any_shop, campaign, by="Somebody")
    people.put("ada", roles=["admin"], is_active=True, by="ada", deps=any_shop)
    people.put("leo", roles=["marketer"], is_active=True, by="ada", deps=any_shop)
    _is_closed(strangers, any_shop), "who made it is no user"
    token = _make(any_shop, campaign, by="leo")
    sharing.opened(token, deps=any_shop)
    people.put("leo", roles=["marketer"], is_active=False, by="ada", deps=any_shop)
    _is_closed(token, any_shop)
    with pytest.raises(ApprovalError):
        _make(any_shop, campaign, by="leo")
    people.put("leo", roles=["marketer"], is_active=True, by="ada", deps=any_shop)
    sharing.opened(token, deps=any_shop)


async def test_only_an_approver_s_link_reaches_the_review(any_shop: Deps, campaign: str) -> None:
    _is_closed(_make(any_shop, campaign), any_shop, page="review")
    assert sharing.opened(_make(any_shop, campaign, role="approver"), page="review", deps=any_shop).role == "approver"


@pytest.mark.parametrize("wrong", [{"days": 0}, {"days": 91}, {"days": -1}, {"role": "admin"}, {"role": ""}, {"by": "  "}])
async def test_a_link_without_end_role_or_name_is_not_made(any_shop: Deps, campaign: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(LiftwrightError):
        _make(any_shop, campaign, **wrong)
    assert any_shop.sharing.of(campaign) == []


async def test_there_is_no_link_to_a_campaign_that_is_not(any_shop: Deps) -> None:
    with pytest.raises(GoalError):
        _make(any_shop, "c-nosuch")
