"""Prices in words, and that they are what a plan with more money really earns."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest
from tests.planning.test_assignment import market

from liftwright.planning.assignment.saying import drawn, said
from liftwright.planning.assignment.solving import solve

ROWS = pa.table(
    {
        "wave": pa.array([1, 2], pa.int64()),
        "send_on": [dt.date(2026, 12, 3), dt.date(2026, 12, 10)],
        "channel": ["push", "sms"],
        "offer": ["save10", "none"],
        "cost": [0.1, 0.2],
        "stock_use": [1.0, 0.0],
    }
)


def test_every_limit_is_said_in_words() -> None:
    prices = {
        "budget": 1.94,
        "ranges": {"budget": {"step": 1000.0, "more": 1.90, "less": 2.05}},
        "channel_waves": {"push": {"1": 0.211, "2": 0.0}, "sms": {"1": 0.0, "2": 0.0}},
        "channel_budgets": {"sms": 3.0},
        "offers": {"save10": 0.0, "save20": 1.5},
    }
    limits = {
        "budget": 50_000.0,
        "channel_capacity": {"push": 10, "sms": 10},
        "channel_budget": {"sms": 9.0},
        "offer_stock": {"save10": 500, "save20": 5},
    }
    assert said(prices, limits, ROWS) == (
        "One more 1,000 of budget earns about 1,900; 1,000 less would lose about 2,050.",
        "One more unit of money for sms alone earns 3.00.",
        "save10 is not scarce: 1 of 500 are planned.",
        "One more save20 in stock is worth 1.50.",
        "One more push slot is worth 0.21 from 3 Dec.",
        "The last push slot is free from 10 Dec: nobody is waiting.",
        "The last slot of sms is free: nobody is waiting.",
    )


def test_a_budget_that_does_not_bind_earns_nothing_more() -> None:
    assert said({"budget": 0.0}, {"budget": 10.0}, ROWS) == (
        "More budget would earn nothing: it is not what holds the plan back.",
    )
    assert said({}, {}, ROWS.slice(0, 0)) == ()


def test_what_the_lot_costs_is_said() -> None:
    assert drawn(28.0, 1000.0, share=0.05).endswith("that gives up 28 (2.8%).")
    assert drawn(-1.0, 1000.0, share=0.05).endswith("costs nothing expected here.")


def test_the_price_of_the_budget_is_what_a_plan_with_more_or_less_of_it_earns() -> None:
    options = market(3_200, seed=3)
    limits = {"budget": 120.0, "per_person_cap": 2, "channel_capacity": {"email": 500, "sms": 300}}
    found = solve(options, limits, randomised_share=0.05)
    ranges = found.prices["ranges"]["budget"]
    more, less = (solve(options, {**limits, "budget": 120.0 + change}) for change in (ranges["step"], -ranges["step"]))
    here = solve(options, limits)
    assert (more.objective - here.objective) / ranges["step"] == pytest.approx(ranges["more"], rel=0.06)
    assert (here.objective - less.objective) / ranges["step"] == pytest.approx(ranges["less"], rel=0.06)
    assert ranges["more"] <= found.prices["budget"] * 1.001 <= ranges["less"] * 1.01
