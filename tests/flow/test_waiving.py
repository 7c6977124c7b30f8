"""A rule that does not count for a while: two people, a reason, an end, never the law's; and every use is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from planted import Planted

import plain_shop
from liftwright.compliance import waivers
from liftwright.domain.errors import ApprovalError, PolicyError
from liftwright.domain.policy import RuleBasis, Severity
from liftwright.flow import deciding, gate, people, shown, waiving, walk
from liftwright.ports import Deps


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Deps]:
    """A furnished shop in which a house rule blocks every plan."""
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home"))
    yield replace(deps, library=Planted("block"))
    plain_shop.close(deps)


def _waived(deps: Deps, rule: str = "PLANTED", *, days: int = 7) -> str:
    asked = waiving.ask(rule, campaign_id=None, reason="stock must go", days=days, by="mia", deps=deps)
    waiving.approve(asked.waiver_id, by="cora", deps=deps)
    return asked.waiver_id


def _later(deps: Deps, **more: int) -> Deps:
    at = deps.now() + timedelta(**more)
    return replace(deps, now=lambda: at)


async def test_a_plan_under_a_waiver_is_asked_names_it_and_is_bound_to_another_hash_of_the_rules(shop: Deps) -> None:
    blocked = await walk.start(plain_shop.GOAL, deps=shop)
    assert blocked.status == "blocked"
    waiver_id = _waived(shop)
    campaign = await walk.again(blocked.campaign_id, deps=_later(shop, minutes=1))
    data = shown.plan_json(campaign.campaign_id, deps=shop)
    assert data["status"] == "awaiting_approval"
    (named,) = [finding for finding in data["findings"] if finding["subject"] == "waived"]
    assert (named["rule"], named["severity"]) == ("PLANTED", "info")
    assert waiver_id in named["source"]
    assert "cora" in named["source"]
    assert data["pins"]["policies"] != shop.library.policies().digest


async def test_a_waiver_taken_back_or_over_stops_the_launch(shop: Deps) -> None:
    waiver_id = _waived(shop)
    campaign = await walk.start(plain_shop.GOAL, deps=_later(shop, minutes=1))
    assert campaign.status == "awaiting_approval"
    waiving.revoke(waiver_id, by="ann", deps=_later(shop, minutes=2))
    with pytest.raises(ApprovalError, match="LAUNCH-REFUSED"):
        await deciding.decide(
            "approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=_later(shop, minutes=3)
        )
    assert shop.ledger.counts(campaign.campaign_id)["planned"] == 0


def test_it_holds_from_the_second_word_to_its_end_and_no_longer(shop: Deps) -> None:
    asked = waiving.ask("PLANTED", campaign_id=None, reason="sale", days=2, by="mia", deps=shop)
    at, digest = shop.now(), shop.library.policies().digest

    def counts(after: timedelta) -> bool:
        return gate.in_force("", at=at + after, deps=shop).digest == digest

    assert counts(timedelta(0)), "asked is not approved"
    waiving.approve(asked.waiver_id, by="cora", deps=_later(shop, hours=1))
    assert [counts(timedelta(hours=hours)) for hours in (0, 1, 47, 48)] == [True, False, False, True]
    waiving.revoke(asked.waiver_id, by="mia", deps=_later(shop, hours=5))
    assert [counts(timedelta(hours=hours)) for hours in (4, 5)] == [False, True]


@pytest.mark.parametrize(
    ("severity", "basis", "is_refused"), [("warn", "law", True), ("block", "platform", True), ("warn", "platform", False)]
)
def test_the_law_s_rules_and_a_platform_s_blocks_are_never_waived(
    shop: Deps, severity: Severity, basis: RuleBasis, is_refused: bool
) -> None:
    deps = replace(shop, library=Planted(severity, basis=basis))
    if not is_refused:
        assert _waived(deps)
        return
    with pytest.raises(PolicyError, match="can never be waived"):
        _waived(deps)
    forged = {
        "waiver_id": "w-1",
        "rule": "PLANTED",
        "scope": "policies",
        "reason": "x",
        "expires_at": "2099-01-01T00:00:00+00:00",
    }
    deps.journal.append(at=deps.now(), actor="mia", action=waivers.ASKED, subject=waivers.HOUSE, detail=forged)
    deps.journal.append(at=deps.now(), actor="eve", action=waivers.APPROVED, subject=waivers.HOUSE, detail={"waiver_id": "w-1"})
    assert gate.in_force("", at=deps.now(), deps=deps).digest == deps.library.policies().digest


@pytest.mark.parametrize(
    ("rule", "reason", "days"),
    [("NO-SUCH", "x", 7), ("PLANTED", " ", 7), ("PLANTED", "x", 0), ("PLANTED", "x", 31), ("TCPA-QUIET", "x", 1)],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(shop: Deps, rule: str, reason: str, days: int) -> None:
    with pytest.raises(PolicyError):
        waiving.ask(rule, campaign_id=None, reason=reason, days=days, by="mia", deps=shop)
    assert waiving.every(deps=shop) == []


def test_nobody_approves_their_own_and_only_compliance_where_there_are_users(shop: Deps) -> None:
    asked = waiving.ask("PLANTED", campaign_id=None, reason="sale", days=2, by="mia", deps=shop)
    with pytest.raises(ApprovalError, match="nobody approves their own"):
        waiving.approve(asked.waiver_id, by=" mia ", deps=shop)
    with pytest.raises(PolicyError, match="no waiver"):
        waiving.approve("w-none", by="cora", deps=shop)
    for name, role in (("ada", "admin"), ("mia", "marketer"), ("leo", "approver"), ("cora", "compliance")):
        people.put(name, roles=[role], is_active=True, by="ada", deps=shop)
    with pytest.raises(ApprovalError, match="Who could: ada, cora"):
        waiving.approve(asked.waiver_id, by="leo", deps=shop)
    assert waiving.approve(asked.waiver_id, by="cora", deps=shop).holds(shop.now())


async def test_a_waiver_of_one_campaign_is_no_other_s(shop: Deps) -> None:
    campaign = await walk.start(plain_shop.GOAL, deps=shop)
    asked = waiving.ask("PLANTED", campaign_id=campaign.campaign_id, reason="sale", days=2, by="mia", deps=shop)
    waiving.approve(asked.waiver_id, by="cora", deps=shop)
    digests = [gate.in_force(name, at=shop.now(), deps=shop).digest for name in (campaign.campaign_id, "", "c-other")]
    full = shop.library.policies().digest
    assert [digest == full for digest in digests] == [False, True, True]
