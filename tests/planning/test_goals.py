"""What the reader hears in one statement: metric, product, target, horizon, budget, and what is missing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from liftwright.domain.goal import Brief, Objective
from liftwright.planning.goals.reading import read

TODAY = date(2026, 11, 2)
"""A Monday."""


def brief(text: str, *, today: date = TODAY, currency: str = "USD") -> Brief:
    return read(text, today=today, currency=currency)


def objective(text: str, *, today: date = TODAY, currency: str = "USD") -> Objective:
    found = brief(text, today=today, currency=currency)
    assert found.objective is not None, found.question
    return found.objective


def limits(text: str, **kinds: Any) -> dict[str, Any]:
    return {c.kind: c.value for c in objective(text, **kinds).constraints}


def test_the_goal_of_the_demo_is_complete_without_a_question() -> None:
    found = objective("I want to sell more shoes over the next 14 days, 30k budget, keep margin above 35%")
    assert (found.metric, found.direction, found.product, found.target) == ("revenue", "increase", "shoes", None)
    assert (found.starts_on, found.ends_on, found.days) == (date(2026, 11, 2), date(2026, 11, 15), 14)
    assert found.budget is not None
    assert found.budget.as_json() == {"amount": "30000.00", "currency": "USD"}
    assert [(c.kind, c.value, c.quote) for c in found.constraints] == [("margin_floor", 0.35, "keep margin above 35%")]


def test_a_goal_for_an_owned_channel_alone_needs_no_budget() -> None:
    said = "Raise spend with our women's e-mail over the next two weeks, and leave out people it does not move"
    found = brief(said)
    assert found.question is None
    assert found.objective is not None
    assert (found.objective.metric, found.objective.product, found.objective.budget) == ("revenue", "women's", None)
    assert [(c.kind, c.value) for c in found.objective.constraints] == [
        ("only_channels", ("email",)),
        ("exclude_people", "people it does not move"),
    ]
    assert "budget" in {assumption.field for assumption in found.assumptions}


@pytest.mark.parametrize(
    ("words", "metric", "direction"),
    [
        ("grow turnover", "revenue", "increase"),
        ("sell more hats", "revenue", "increase"),
        ("sell 300 hats", "orders", "increase"),
        ("lift conversions", "orders", "increase"),
        ("more traffic", "visits", "increase"),
        ("raise the average basket", "average_order_value", "increase"),
        ("get people to buy again", "repeat_rate", "increase"),
        ("acquire customers", "new_customers", "increase"),
        ("win back lapsed customers", "reactivated_customers", "increase"),
        ("reduce churn", "churn_rate", "decrease"),
        ("improve churn", "churn_rate", "decrease"),
        ("generate leads", "leads", "increase"),
        ("more newsletter sign-ups", "subscriptions", "increase"),
        ("fewer unsubscribes", "opt_outs", "decrease"),
        ("increase profit", "margin", "increase"),
        ("maximise incremental margin", "incremental_margin", "increase"),
        ("keep churn flat", "churn_rate", "hold"),
        ("lower sales", "revenue", "decrease"),
        ("sales of jeans are down, turn it around", "revenue", "increase"),
    ],
)
def test_the_metric_and_its_direction_are_read(words: str, metric: str, direction: str) -> None:
    found = objective(f"{words}, in the next 3 weeks, budget 5k")
    assert (found.metric, found.direction) == (metric, direction)


@pytest.mark.parametrize(
    ("words", "product"),
    [
        ("sell more winter jackets", "winter jackets"),
        ("push the new hoodie line", "hoodie line"),
        ("increase shoe sales", "shoe"),
        ("more revenue from shoes and bags", "shoes and bags"),
        ("get rid of the leftover sun cream", "sun cream"),
        ("our spring collection isn't moving", "spring collection"),
        ("SELL MORE SNEAKERS", "sneakers"),
        ("boost our garden gnomes", "garden gnomes"),
        ("more orders", None),
        ("sales up in the whole shop", None),
        ("drive visits to our stores", None),
    ],
)
def test_the_product_is_read_in_the_marketers_words(words: str, product: str | None) -> None:
    assert objective(f"{words} over the next 10 days with 2k").product == product


@pytest.mark.parametrize(
    ("words", "value", "unit", "is_level"),
    [
        ("increase revenue by 10%", 0.10, "percent", False),
        ("revenue +12,5 %", 0.125, "percent", False),
        ("reduce churn by 2 percentage points", 0.02, "points", False),
        ("500 more orders", 500, "absolute", False),
        ("grow orders to 5,000", 5000, "absolute", True),
        ("grow the repeat purchase rate from 20% to 25%", 0.25, "percent", True),
        ("AOV up by $5", 5, "money", False),
        ("AOV from $60 to $66", 66, "money", True),
        ("double visits", 1.0, "percent", False),
        ("triple leads", 2.0, "percent", False),
        ("cut unsubscribes by a quarter", 0.25, "percent", False),
        ("get revenue to $200k", 200_000, "money", True),
        ("bump orders by, say, 250", 250, "absolute", False),
    ],
)
def test_the_target_says_how_far_and_whether_it_is_a_level(words: str, value: float, unit: str, is_level: bool) -> None:
    found = objective(f"{words} in the next 3 weeks, budget 5k").target
    assert found is not None
    assert (found.value, found.unit, found.is_level) == (pytest.approx(value), unit, is_level)


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("over the next 14 days", (11, 2), (11, 15)),
        ("for two weeks", (11, 2), (11, 15)),
        ("in the next fortnight", (11, 2), (11, 15)),
        ("next week", (11, 9), (11, 15)),
        ("this week", (11, 2), (11, 8)),
        ("next weekend", (11, 14), (11, 15)),
        ("this month", (11, 2), (11, 30)),
        ("in December", (12, 1), (12, 31)),
        ("in Q4", (11, 2), (12, 31)),
        ("by Black Friday", (11, 2), (11, 27)),
        ("before Christmas", (11, 2), (12, 24)),
        ("by Christmas", (11, 2), (12, 25)),
        ("until 24 Dec", (11, 2), (12, 24)),
        ("until 24.12.", (11, 2), (12, 24)),
        ("by Dec 24th", (11, 2), (12, 24)),
        ("by the end of the year", (11, 2), (12, 31)),
        ("before the end of November", (11, 2), (11, 30)),
        ("by Friday", (11, 2), (11, 6)),
        ("by next Friday", (11, 2), (11, 13)),
        ("from 9 to 20 November", (11, 9), (11, 20)),
        ("between 9 November and 1 December", (11, 9), (12, 1)),
        ("01.12.-15.12.", (12, 1), (12, 15)),
        ("from 2026-11-10 to 2026-11-12", (11, 10), (11, 12)),
        ("starting 9 November for 3 weeks", (11, 9), (11, 29)),
        ("over the next month", (11, 2), (12, 1)),
        ("by October 31 or rather, no wait, until Dec 1", (11, 2), (12, 1)),
    ],
)
def test_the_horizon_is_read(words: str, first: tuple[int, int], last: tuple[int, int]) -> None:
    found = objective(f"more orders {words}, budget 5k")
    assert (found.starts_on, found.ends_on) == (date(2026, *first), date(2026, *last))


def test_dates_without_a_year_are_the_next_ones() -> None:
    found = objective("more orders in Q1, 5k")
    assert (found.starts_on, found.ends_on) == (date(2027, 1, 1), date(2027, 3, 31))
    assert objective("more orders by easter, 5k").ends_on == date(2027, 3, 28)


def test_what_people_did_in_the_past_is_no_horizon() -> None:
    found = brief("More orders from people who bought in the last 30 days, budget 5k")
    assert found.missing == ("horizon",)


@pytest.mark.parametrize(
    ("words", "amount", "currency"),
    [
        ("30k budget", "30000.00", "USD"),
        ("budget $30,000", "30000.00", "USD"),
        ("€ 5.000,-", "5000.00", "EUR"),
        ("budget 2.5 mio", "2500000.00", "USD"),
        ("no more than 800 bucks", "800.00", "USD"),
        ("got like 15 grand", "15000.00", "USD"),
        ("thirty thousand dollars", "30000.00", "USD"),
        ("two and a half thousand dollars", "2500.00", "USD"),
        ("budget 9.999,50 €", "9999.50", "EUR"),
        ("we have 18,000.00 USD", "18000.00", "USD"),
        ("budget CHF 15'000", "15000.00", "CHF"),
        ("budget 12 500 EUR", "12500.00", "EUR"),
        ("£4k left", "4000.00", "GBP"),
        ("a budget between 10k and 20k", "20000.00", "USD"),
        ("we got 5000 to burn", "5000.00", "USD"),
    ],
)
def test_the_budget_is_read_with_its_currency(words: str, amount: str, currency: str) -> None:
    found = objective(f"more orders over the next 10 days, {words}").budget
    assert found is not None
    assert found.as_json() == {"amount": amount, "currency": currency}


def test_a_budget_without_a_currency_is_in_the_workspaces_and_says_so() -> None:
    found = brief("more orders in two weeks, 30k", currency="EUR")
    assert found.objective is not None
    assert found.objective.budget is not None
    assert found.objective.budget.currency == "EUR"
    assert any(a.field == "budget" and "EUR" in a.because for a in found.assumptions)
    dollars = objective("more orders in two weeks, $30k", currency="AUD").budget
    assert dollars is not None
    assert dollars.currency == "AUD"


@pytest.mark.parametrize("words", ["budget doesn't matter", "whatever pays for itself", "no budget limit", "no budget needed"])
def test_a_goal_may_say_that_no_budget_is_set(words: str) -> None:
    found = objective(f"more orders in two weeks, {words}")
    assert found.budget is None
    assert found.constraints == ()


def test_no_money_at_all_leaves_the_owned_channels() -> None:
    found = limits("no budget. increase orders in two weeks")
    assert found == {"exclude_channels": ("sms", "direct_mail", "voice", "paid_social", "display")}


def test_what_was_not_said_stays_empty() -> None:
    found = objective("more orders by Friday, 500 dollars")
    assert (found.target, found.product, found.constraints) == (None, None, ())


def test_defaults_are_stated_as_assumptions() -> None:
    found = brief("sell more hats until Friday, 500 dollars")
    fields = {assumption.field for assumption in found.assumptions}
    assert fields == {"starts_on", "metric"}
    assert all(assumption.because for assumption in found.assumptions)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("I want to sell more shoes", ("horizon", "budget")),
        ("Help us grow", ("metric", "horizon", "budget")),
        ("more orders next month via sms", ("budget",)),
        ("email our VIPs next week", ("metric",)),
        ("reduce churn with e-mail", ("horizon",)),
        ("", ("metric", "horizon", "budget")),
        ("?!", ("metric", "horizon", "budget")),
    ],
)
def test_missing_essentials_are_named_and_asked_for(text: str, missing: tuple[str, ...]) -> None:
    found = brief(text)
    assert found.objective is None
    assert found.missing == missing
    assert found.question is not None
    assert found.question.endswith("?")


def test_the_summary_says_what_was_understood() -> None:
    found = brief("Increase revenue from running shoes by 10% until 30 November with $50,000, margin at least 40%")
    assert found.summary == (
        "Increase the revenue of running shoes by 10 % from 02 Nov 2026 to 30 Nov 2026; spending at most 50,000.00 USD; margin at least 40 %."
    )
