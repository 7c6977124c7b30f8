"""A shop with staff, where every plan needs two people."""

from __future__ import annotations

from dataclasses import replace

from liftwright.domain.policy import PolicyBundle
from liftwright.flow import deciding, people, walk
from liftwright.library import DiskLibrary
from liftwright.ports import Deps

STAFF = {
    "ada": ("admin",),
    "mia": ("marketer", "finance"),
    "leo": ("approver",),
    "fay": ("finance",),
    "cora": ("compliance",),
    "ines": ("analyst",),
}


class Strict(DiskLibrary):
    """The shipped rules, with every plan high risk: a marketing lead and finance, two people."""

    def policies(self) -> PolicyBundle:
        """See the class."""
        bundle = super().policies()
        line = {"name": "spend", "fact": "spend", "at_least": 0, "risk": "high", "roles": ["marketing_lead", "finance"]}
        approval = {**bundle.autonomy["approval"], "when": [line]}
        return bundle.model_copy(update={"autonomy": {**bundle.autonomy, "approval": approval}})


def house_of(shop: Deps) -> Deps:
    """The shop with its staff."""
    deps = replace(shop, library=Strict())
    for name, roles in STAFF.items():
        people.put(name, roles=roles, is_active=True, by="ada", deps=deps)
    return deps


async def asked(house: Deps, by: str = "mia") -> tuple[str, str]:
    """Ask a goal; its campaign and the hash that waits."""
    campaign = await walk.start("Sell more", deps=house, by=by)
    assert campaign.plan_hash is not None
    return campaign.campaign_id, campaign.plan_hash


async def approve(house: Deps, campaign_id: str, plan_hash: str, by: str) -> str:
    """Approve as somebody; the campaign's status after it."""
    return (await deciding.decide("approve", campaign_id, plan_hash=plan_hash, by=by, deps=house)).status


def planned(house: Deps, campaign_id: str) -> int:
    """How many sends the ledger holds."""
    return house.ledger.counts(campaign_id)["planned"]
