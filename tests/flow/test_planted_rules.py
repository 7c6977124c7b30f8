"""A rule of each severity, planted among the shipped ones: a block stops the plan, a second look is routed to compliance, the rest is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from planted import Planted

import plain_shop
from liftwright.cli import texts
from liftwright.domain.errors import ApprovalError
from liftwright.domain.policy import Severity
from liftwright.flow import deciding, shown, walk
from liftwright.ports import Deps


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Deps]:
    """A furnished shop."""
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home"))
    yield deps
    plain_shop.close(deps)


@pytest.mark.parametrize("severity", ["block", "needs_approval", "warn", "info"])
async def test_each_severity_does_what_it_says(shop: Deps, severity: Severity) -> None:
    deps = replace(shop, library=Planted(severity))
    campaign = await walk.start(plain_shop.GOAL, deps=deps)
    data = shown.plan_json(campaign.campaign_id, deps=deps)
    (found,) = [finding for finding in data["findings"] if finding["rule"] == "PLANTED"]
    assert (found["severity"], found["count"], found["source"], found["fix"]) == (severity, 1, "House rule 7", "Contact nobody.")
    waiting = deps.approvals.pending(campaign.campaign_id)
    if severity == "block":
        assert (data["status"], waiting) == ("blocked", None)
        with pytest.raises(ApprovalError):
            await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=deps)
        assert deps.ledger.counts(campaign.campaign_id)["planned"] == 0
        return
    assert waiting is not None
    assert ("compliance" in waiting.needs) is (severity == "needs_approval")
    assert "[House rule 7] → Contact nobody." in texts.plan(data)


async def test_a_block_that_comes_into_force_after_the_plan_stops_the_launch(shop: Deps) -> None:
    campaign = await walk.start(plain_shop.GOAL, deps=shop)
    later = replace(shop, library=Planted("block"))
    with pytest.raises(ApprovalError, match="LAUNCH-REFUSED"):
        await deciding.decide("approve", campaign.campaign_id, plan_hash=campaign.plan_hash, by="ann", deps=later)
    assert shop.ledger.counts(campaign.campaign_id)["planned"] == 0


async def test_who_was_left_out_is_counted_by_rule_with_its_source(shop: Deps) -> None:
    campaign = await walk.start(plain_shop.GOAL, deps=shop)
    data = shown.plan_json(campaign.campaign_id, deps=shop)
    counted = [finding for finding in data["findings"] if finding["count"] > 1]
    assert counted
    assert all(finding["rule"] and finding["source"] for finding in counted)
    assert not [finding for finding in data["findings"] if "QUIET" in finding["rule"]]
    assert f"{counted[0]['count']:,} x " in texts.plan(data)
