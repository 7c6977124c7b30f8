"""What a plan expected of its campaign, and what is left of its offers: beside what was measured so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from liftwright.domain.plan import Plan
from liftwright.flow import proof, stock
from liftwright.flow.proof import Figure
from liftwright.ports import Deps


def figures(plan: Plan, *, about: Mapping[str, str], deps: Deps) -> Iterator[Figure]:
    """`forecast.margin` and `forecast.cost` of the whole flight; `stock.OFFER.planned` and `stock.OFFER.left` of offers with a stock."""
    expected, money = plan.forecast.incremental_margin, plan.forecast.cost.currency
    mine = {"plan": plan.plan_hash}
    name = "incremental margin the plan expects by the end"
    yield proof.of_interval("forecast.margin", name, money, expected, method="the plan's forecast", about=mine)
    cost = float(plan.forecast.cost.amount)
    name = "contact cost the plan expects by the end"
    yield proof.kept("forecast.cost", name, money, cost, method="the plan's forecast", about=mine)
    left = stock.left(plan.campaign_id, deps=deps)
    for offer in plan.offers:
        if offer.stock is None or offer.name not in left:
            continue
        yield proof.kept(
            f"stock.{offer.name}.planned",
            f"{offer.name}: stock",
            "redemptions",
            offer.stock,
            method="the plan's stock",
            about=mine,
        )
        method = "stock less what people who got the offer, in any campaign, redeemed since the launch"
        yield proof.kept(
            f"stock.{offer.name}.left", f"{offer.name}: left", "redemptions", left[offer.name], method=method, about=about
        )
