"""When one more role must sign, and when another may stand in because nobody answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from staffed import approve, asked, house_of, planned

from liftwright.domain.errors import ApprovalError
from liftwright.flow import people, signing
from liftwright.ports import Deps


@pytest.fixture
def house(any_shop: Deps) -> Deps:
    """A shop with staff, where every plan needs two people."""
    return house_of(any_shop)


async def test_an_escalated_approval_needs_the_role_it_was_escalated_to(house: Deps) -> None:
    campaign_id, plan_hash = await asked(house)
    row = house.approvals.pending(campaign_id)
    leo, ines = house.users.get("leo"), house.users.get("ines")
    assert row
    assert leo
    assert ines
    for by, to, reason in ((leo, "king", "why"), (leo, "finance", "why"), (leo, "compliance", "  "), (ines, "compliance", "why")):
        with pytest.raises(ApprovalError):
            signing.escalate(row, by=by, to=to, reason=reason, deps=house)
    assert signing.escalate(row, by=leo, to="compliance", reason="a new claim", deps=house) == (*row.needs, "compliance")
    await approve(house, campaign_id, plan_hash, "leo")
    assert await approve(house, campaign_id, plan_hash, "fay") == "awaiting_approval"
    assert signing.missing(row, deps=house) == ("compliance",)
    assert await approve(house, campaign_id, plan_hash, "cora") == "running"
    other, other_hash = await asked(house)
    await approve(house, other, other_hash, "leo")
    assert await approve(house, other, other_hash, "fay") == "running", "another approval is not escalated"


@pytest.mark.parametrize(("hours", "status"), [(23.9, "refused"), (24.0, "running")])
async def test_when_nobody_answers_for_a_day_the_next_role_may_sign(house: Deps, hours: float, status: str) -> None:
    """Leo stands for the marketing lead, who may then sign for finance; two people are still needed."""
    people.put("lou", roles=["approver"], is_active=True, by="ada", deps=house)
    people.put("fay", roles=["finance"], is_active=False, by="ada", deps=house)
    campaign_id, plan_hash = await asked(house, by="ada")
    people.put("mia", roles=["marketer"], is_active=True, by="ada", deps=house)
    later = replace(house, now=lambda: house.now() + timedelta(hours=hours))
    assert await approve(later, campaign_id, plan_hash, "leo") == "awaiting_approval"
    assert await approve(later, campaign_id, plan_hash, "lou") == ("running" if status == "running" else "awaiting_approval")
    assert (planned(house, campaign_id) > 0) == (status == "running")
