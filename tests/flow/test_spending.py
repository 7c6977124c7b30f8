"""What talking to models costs a campaign: counted over every step and revision, bounded, and shown with the plan."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import plain_shop
from liftwright.domain.plan import Plan
from liftwright.flow import deciding, shown, walk
from liftwright.settings import AgentSettings


async def _planned(tmp_path: Path, **agents: Any) -> tuple[Any, Plan]:
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home"), agents=agents)
    campaign = await walk.start(plain_shop.GOAL, deps=deps)
    assert campaign.status == "awaiting_approval"
    return deps, plain_shop.plan_of(deps, campaign.campaign_id)


def _stopped(plan: Plan) -> set[str]:
    """Agents that had no tokens left."""
    return {each.subject for each in plan.findings if each.rule == "AGENT-FALLBACK" and "tokens that were left" in each.says}


async def test_calls_tokens_and_cost_are_shown_and_grow_with_every_revision(tmp_path: Path) -> None:
    deps, plan = await _planned(tmp_path, price="0.01")
    used = shown.show_json(plan.campaign_id, deps=deps)["usage"]
    assert used["calls"] >= 6
    assert used["tokens"] > 1_000
    assert Decimal(used["cost"]) == (Decimal("0.01") * used["tokens"] / 1000).quantize(Decimal("0.0001"))
    assert not _stopped(plan)
    words = {"plan_hash": plan.plan_hash, "by": "ann", "reason": "hold out more"}
    await deciding.decide("edit", plan.campaign_id, changes={"experiment.holdout_share": 0.2}, deps=deps, **words)  # type: ignore[arg-type]
    later = plain_shop.plan_of(deps, plan.campaign_id)
    assert (later.revision, later.usage["tokens"] > used["tokens"]) == (2, True)
    plain_shop.close(deps)


@pytest.mark.parametrize("agents", [{"max_campaign_tokens": 2_000}, {"price": "1", "max_cost": "2"}], ids=["tokens", "money"])
async def test_what_is_used_up_leaves_the_rest_to_the_rules(tmp_path: Path, agents: dict[str, Any]) -> None:
    deps, plan = await _planned(tmp_path, **agents)
    assert "compliance_reviewer" in _stopped(plan)
    assert plan.usage["max_tokens"] == 2_000
    assert plan.assignment.touches > 0  # a plan there is all the same
    plain_shop.close(deps)


def test_the_hash_does_not_depend_on_what_was_spent() -> None:
    deps = plain_shop.open_shop(plain_shop.planned()[0])
    plan = plain_shop.plan_of(deps, plain_shop.planned()[1].campaign_id)
    assert plan.model_copy(update={"usage": {}}).plan_hash == plan.plan_hash
    plain_shop.close(deps)


@pytest.mark.parametrize("wrong", [{"price": -1}, {"max_cost": 0}, {"max_campaign_tokens": 1}])
def test_a_budget_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="greater than"):
        AgentSettings(**wrong)
