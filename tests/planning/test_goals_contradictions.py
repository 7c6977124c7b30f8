"""Statements that cannot both hold are named, asked about, and never planned with."""

from __future__ import annotations

from datetime import date

import pytest

from liftwright.planning.goals.reading import read

TODAY = date(2026, 11, 2)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("more orders in 2 weeks, 5k. No discounts. Give everyone 20% off.", "discount"),
        ("more orders in 2 weeks, 5k, max 10% discount, give new customers 25% off", "discount"),
        ("more orders in 2 weeks, use e-mail only, and no e-mail please", "channels"),
        ("more orders in 2 weeks, 5k. Email only. Use SMS for everyone.", "channels"),
        ("more orders in 2 weeks, no emails, send them two emails a week", "channels"),
        ("more orders from 1 December 2026 to 15 November 2026, 5k", "horizon"),
        ("more orders until 1 September 2026, 5k", "horizon"),
        ("more orders until yesterday, 5k", "horizon"),
        ("more orders over the next 7 days and over the next 30 days, 5k", "horizon"),
        ("more orders by 1 Dec and by 15 Dec, 5k", "horizon"),
        ("finish by Monday but run for a month, more orders, 5k", "horizon"),
        ("more orders in 2 weeks, a budget of 0 through paid social", "budget"),
        ("more orders in 2 weeks with no budget using TV ads", "budget"),
        ("more orders in 2 weeks, budget is 10k and the budget is 25k", "budget"),
        ("more orders in 2 weeks, no budget limit but spend max 5k", "budget"),
        ("increase and decrease visits in 2 weeks, 5k", "direction"),
        ("increase orders but decrease orders in 2 weeks, 5k", "direction"),
        ("revenue up 10% and revenue up 30% in 2 weeks, 5k", "target"),
        ("increase orders by 500 and by 800 in 2 weeks, 5k", "target"),
        ("reduce churn by 150% in 2 weeks, 5k", "target"),
        ("more orders in 2 weeks, 5k, keep margin above 120%", "margin"),
        ("more orders in 2 weeks, 5k, margin over 35%, margin floor 50%", "margin"),
        ("40% off all coats in 2 weeks, keep the margin above 70%, 5k, more orders", "margin"),
        ("sell more socks in ten days without contacting anyone, 5k", "contact"),
        ("more orders in 2 weeks, 5k, only lapsed customers, exclude everyone who hasn't bought for a year", "people"),
        ("more orders in 2 weeks, 5k, target VIPs only but exclude VIPs", "people"),
        ("win back lapsed customers in 2 weeks, 5k, leave out inactive customers", "people"),
        ("more orders in 2 weeks, 5k, only customers in Germany, exclude all German customers", "country"),
        ("double revenue without increasing sales, 2 weeks, 5k", "metric"),
        ("more orders in 2 weeks, 5k, max 1 email a week, send daily emails", "contacts"),
    ],
)
def test_one_contradiction_is_named_and_asked_about(text: str, field: str) -> None:
    found = read(text, today=TODAY, currency="USD")
    assert [c.partition(":")[0] for c in found.contradictions] == [field]
    assert found.objective is None
    assert found.question is not None
    assert found.contradictions[0] in found.question


@pytest.mark.parametrize(
    "text",
    [
        "more orders in 2 weeks, budget 10k, budget 10,000",
        "more orders next week, from Monday 9 November, 5k",
        "more orders in 2 weeks, 5k, give 20% off, max 20% discount, margin above 35%",
        "win back customers who haven't bought for 6 months over the next 2 weeks, 5k, exclude people who haven't bought for 3 years",
        "more orders by e-mail, no sms, in two weeks",
        "sell more in two weeks without contacting anyone, web only",
        "in December, until Christmas, more orders, 5k",
        "up to 40% off coats, margin above 70%, 2 weeks, 5k, more orders",
        "keep unsubscribes flat while we boost spend 10% in the next 14 days by email",
    ],
)
def test_statements_that_fit_together_are_no_contradiction(text: str) -> None:
    found = read(text, today=TODAY, currency="USD")
    assert found.contradictions == ()
    assert found.objective is not None, found.question


def test_every_contradiction_of_a_goal_is_named() -> None:
    text = "Increase and decrease orders until 1 September 2026, budget 5k and budget 9k, no discounts, 20% off for all"
    found = read(text, today=TODAY, currency="USD")
    assert {c.partition(":")[0] for c in found.contradictions} == {"direction", "horizon", "budget", "discount"}
