"""What a slip of the reader would turn around: rates and ranges, contacts over the flight, unknown kinds of people, times that are over."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from liftwright.domain.goal import Brief, Objective, Target
from liftwright.planning.goals.reading import read

TODAY = date(2026, 11, 2)
GOAL = "raise revenue in december, 3k"


def brief(text: str, *, currency: str = "USD") -> Brief:
    return read(text, today=TODAY, currency=currency)


def objective(text: str) -> Objective:
    found = brief(text)
    assert found.objective is not None, found.question
    return found.objective


def limits(text: str) -> dict[str, Any]:
    return {constraint.kind: constraint.value for constraint in objective(text).constraints}


@pytest.mark.parametrize(
    ("words", "most"),
    [
        ("max two touches per person", 2),
        ("Maximum 3 messages per customer in total", 3),
        ("don't contact anybody more than 3 times in total", 3),
        ("contact people at most twice", 2),
        ("everyone gets at most one message", 1),
        ("everyone gets one message", 1),
        ("nobody should get more than 2 e-mails during the campaign", 2),
        ("only once per customer", 1),
        ("contact cap 4 per person", 4),
    ],
)
def test_contacts_over_the_whole_flight(words: str, most: int) -> None:
    assert limits(f"{GOAL}, {words}") == {"max_contacts": float(most)}


def test_contacts_a_week_and_over_the_flight_are_two_limits() -> None:
    found = limits(f"{GOAL}, max 1 message per week and max 3 messages per person in total")
    assert (found["max_contacts_per_week"], found["max_contacts"]) == (1.0, 3.0)
    assert "two different limits" in brief(f"{GOAL}, max 2 touches per person, max 3 touches per person").contradictions[0]


@pytest.mark.parametrize(
    "words",
    ["contact each person more than twice in total", "max 500 emails a day", "no more than 2 emails and 1 sms per person"],
)
def test_what_is_no_cap_per_person_sets_none(words: str) -> None:
    found = objective(f"{GOAL}, {words}")
    assert not found.constraints
    assert str(found.budget) == "3,000.00 USD"


@pytest.mark.parametrize(
    ("words", "kind", "value"),
    [
        ("left-handed customers only", "include_people", "left-handed customers"),
        ("only left-handed customers", "include_people", "left-handed customers"),
        ("left-handed customers excluded", "exclude_people", "left-handed customers"),
        ("except customers in California", "exclude_people", "customers in California"),
        ("exclude anyone with a beard", "exclude_people", "anyone with a beard"),
        ("everyone but VIPs", "exclude_people", "VIPs"),
        ("no emails to our Amazon customers", "exclude_people", "Amazon customers"),
        ("top 20% spenders only", "include_people", "top 20% spenders"),
        ("only customers in GB", "country", "GB"),
        ("Germany", "country", "DE"),
        ("UK + Ireland", "country", ("GB", "IE")),
        ("only germans", "country", "DE"),
        ("not in the US", "exclude_people", "people in the US"),
        ("except France", "exclude_people", "people in France"),
        ("discounts at or below 15%", "max_discount", 0.15),
        ("discount between 5 and 10%", "max_discount", 0.10),
        ("budget must not be spent on sms", "exclude_channels", ("sms",)),
    ],
)
def test_a_limit_keeps_its_sense(words: str, kind: str, value: object) -> None:
    assert limits(f"{GOAL}, {words}") == {kind: value}


def test_a_share_of_customers_or_of_something_else_is_no_target() -> None:
    for words in ("top 20% spenders only", "hold out 20%", "complaints below 0.1%", "our margin is 40%"):
        assert objective(f"{GOAL}, {words}").target is None
    assert objective("our churn is at 6%, get it down by new year, 8k").target is None
    assert objective("sell more coats by half term, in december, 2k").target is None


def test_of_a_range_the_least_is_the_target() -> None:
    assert objective("grow orders by 10-15% in december, 3k").target == Target(value=0.10, unit="percent")
    assert objective("grow orders by between 10 and 15% in december, 3k").target == Target(value=0.10, unit="percent")


@pytest.mark.parametrize("words", ["$100 a day", "daily budget $100", "5 dollars per order", "$9 CPA"])
def test_a_rate_is_not_a_budget(words: str) -> None:
    assert brief(f"grow orders in december, {words}").missing == ("budget",)
    assert str(objective(f"grow orders in december, 4k, {words}").budget) == "4,000.00 USD"


def test_a_number_alone_is_the_budget_only_where_it_can_be_nothing_else() -> None:
    assert str(objective("grow orders by 200, december, 3000").budget) == "3,000.00 USD"
    assert brief("more leads, december, 500").missing == ("budget",)


@pytest.mark.parametrize(
    "text",
    [
        "sell more boots last week, 3k",
        "sell more shoes yesterday with 3k",
        "more orders last month, 2k",
        "more orders in december 2025, 2k",
    ],
)
def test_a_time_that_is_over_is_called_past_not_missing(text: str) -> None:
    found = brief(text)
    assert found.missing == () or "horizon" not in found.contradictions[0].split(":")[1:]
    assert "is in the past" in found.contradictions[0]


@pytest.mark.parametrize(
    "text",
    [
        "sales fell last month. {}",
        "{}, do better than last year",
        "{}, no sms after what happened in october",
        "{}, exclude people who bought last week",
    ],
)
def test_a_time_that_only_tells_what_was_is_no_horizon(text: str) -> None:
    found = objective(text.format("sell more shoes in december with 3k"))
    assert (found.starts_on, found.ends_on) == (date(2026, 12, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("from mid november to early january", "2026-11-15", "2027-01-10"),
        ("in late november", "2026-11-21", "2026-11-30"),
        ("during the first half of december", "2026-12-01", "2026-12-15"),
        ("in the last week of december", "2026-12-25", "2026-12-31"),
        ("in the second week of february", "2027-02-08", "2027-02-14"),
        ("w/c 16 november", "2026-11-16", "2026-11-22"),
        ("in the week of 7 december", "2026-12-07", "2026-12-13"),
        ("- whole of december -", "2026-12-01", "2026-12-31"),
        ("until easter monday", "2026-11-02", "2027-03-29"),
        ("black friday is coming, from now until cyber monday", "2026-11-02", "2026-11-30"),
        ("before Thanksgiving with lapsed customers", "2026-11-02", "2026-11-25"),
    ],
)
def test_times_of_every_kind(words: str, first: str, last: str) -> None:
    found = objective(f"sell more skis {words}, 4k")
    assert (found.starts_on.isoformat(), found.ends_on.isoformat()) == (first, last)


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("acquire 90 new leads in december, 3k", "leads"),
        ("acquire 90 new customers in december, 3k", "new_customers"),
        ("get us more customers in december, 3k", "new_customers"),
        ("sell more coffee subscriptions in december, 3k", "revenue"),
        ("sell more shoes in december, 3k but only if margin stays positive", "revenue"),
        ("sell more shoes in december, 3k, exclude sale items", "revenue"),
        ("lift the average order value from $62 to $68 in december, 3k", "average_order_value"),
    ],
)
def test_the_number_to_move_is_not_the_one_beside_it(text: str, metric: str) -> None:
    assert objective(text).metric == metric


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("grow sales of shoes except sandals in december, 3k", "shoes"),
        ("sell more size 44 shoes in december, 3k", "size 44 shoes"),
        ("christmas lights arent selling, shift as many as poss by 20 dec, 2k", "christmas lights"),
        ("need kettles out the door by 20 dec, 2k", "kettles"),
        ("more orders in december, 2k, €5 off vouchers", None),
        ("more orders from germans in december, 2k", None),
    ],
)
def test_the_product_and_nothing_more(text: str, product: str | None) -> None:
    assert objective(text).product == product
