"""A plan says what it cannot do of a goal, and keeps the limits it can: on a real shop, with the offline model."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import plain_shop
from liftwright.domain.plan import Plan
from liftwright.domain.policy import Finding
from liftwright.flow import shown, walk
from liftwright.ports import Deps


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deps]:
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.furnished(), tmp_path_factory.mktemp("shop") / "home"))
    yield deps
    plain_shop.close(deps)


def planned(goal: str, deps: Deps) -> tuple[Plan, dict[str, Finding]]:
    campaign = asyncio.run(walk.start(goal, deps=deps))
    plan = deps.campaigns.plan(campaign.campaign_id)
    assert plan is not None, campaign.question or campaign.stop_reason
    return plan, {finding.rule: finding for finding in plan.findings}


def test_everything_a_plan_cannot_do_of_a_goal_is_a_finding(shop: Deps) -> None:
    goal = (
        "Sell more red umbrellas over the next six weeks by e-mail, revenue +900%, up to 40% off, max one touch per person, "
        "only if it is raining, left-handed customers excluded"
    )
    plan, found = planned(goal, shop)
    assert (found["GOAL-NOT-UNDERSTOOD"].severity, found["GOAL-NOT-UNDERSTOOD"].subject) == (
        "needs_approval",
        "only if it is raining",
    )
    assert (found["AUDIENCE-UNKNOWN"].severity, found["AUDIENCE-UNKNOWN"].subject) == ("needs_approval", "left-handed customers")
    assert found["PRODUCT-UNKNOWN"].subject == "red umbrellas"
    assert "40% off" in found["DISCOUNT-ABOVE-LIMIT"].says
    assert "at most 20%" in found["DISCOUNT-ABOVE-LIMIT"].says
    assert "+900 %" in found["TARGET-OUT-OF-REACH"].says
    assert plan.objective.product == "red umbrellas"
    told = shown.plan_json(plan.campaign_id, deps=shop)
    assert "only if it is raining" in [a["value"] for a in told["objective"]["assumptions"] if a["field"] == "not_understood"]
    _keeps_contacts(plan, shop, most=1)


def test_a_target_out_of_reach_names_the_nearest_one_in_the_same_unit(shop: Deps) -> None:
    plan, found = planned(
        "Raise orders by 5000 in the next 3 weeks by e-mail, only orders over $80, at most two contacts per person", shop
    )
    says = found["TARGET-OUT-OF-REACH"].says
    nearest = int(says.rpartition("+")[2].split()[0].replace(",", ""))
    assert "+5,000 orders" in says
    assert 0 < nearest < 5000
    assert found["GOAL-LIMIT-NOT-APPLIED"].subject == "minimum_order"
    _keeps_contacts(plan, shop, most=2)
    again, found = planned(f"Raise orders by {nearest // 2} in the next 3 weeks by e-mail", shop)
    assert "TARGET-OUT-OF-REACH" not in found
    assert (again.forecast.probability_of_target or 0) > 0.8


def _keeps_contacts(plan: Plan, deps: Deps, *, most: int) -> None:
    people = deps.lake.get(plan.assignment.digest)["customer_id"].to_pylist()
    assert max(Counter(people).values()) == most
    assert plan.assignment.limits["per_person_cap"] == most
    assert plan.assignment.violations == 0


def test_people_the_data_does_not_know_are_never_reached_by_guess(shop: Deps) -> None:
    campaign = asyncio.run(walk.start("More revenue over the next two weeks by e-mail, only left-handed customers", deps=shop))
    assert campaign.status == "blocked"


def test_a_plain_goal_has_none_of_these_findings(shop: Deps) -> None:
    _, found = planned("More revenue from women's e-mail over the next two weeks, up to 10% off", shop)
    assert not {
        "GOAL-NOT-UNDERSTOOD",
        "PRODUCT-UNKNOWN",
        "DISCOUNT-ABOVE-LIMIT",
        "TARGET-OUT-OF-REACH",
        "AUDIENCE-UNKNOWN",
    } & set(found)


def test_products_that_were_imported_are_known(tmp_path: Path) -> None:
    deps = plain_shop.open_shop(plain_shop.copy_of(plain_shop.furnished(), tmp_path / "home"))
    file = tmp_path / "products.csv"
    file.write_text(
        "product_id,name,category,price\nP1,Rain umbrella red,Accessories,20\nP2,City shoe,Shoes,80\n", encoding="utf-8"
    )
    plain_shop.bring_in({"products": file}, deps)
    assert "PRODUCT-UNKNOWN" not in planned("Sell more red umbrellas over the next two weeks by e-mail", deps)[1]
    assert (
        "None of the 2 products" in planned("Sell more kayaks over the next two weeks by e-mail", deps)[1]["PRODUCT-UNKNOWN"].says
    )
    plain_shop.close(deps)
