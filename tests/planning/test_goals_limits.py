"""Limits the reader hears in one statement: margin, discounts, channels, contacts, people, countries."""

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


@pytest.mark.parametrize(
    ("words", "kind", "value"),
    [
        ("don't go under 40 points of margin", "margin_floor", 0.40),
        ("margin floor 33 percent", "margin_floor", 0.33),
        ("margin must not fall below 28 percent", "margin_floor", 0.28),
        ("at least 30% margin", "margin_floor", 0.30),
        ("marign > 30%", "margin_floor", 0.30),
        ("max 10 % off", "max_discount", 0.10),
        ("nothing deeper than 15% discount", "max_discount", 0.15),
        ("no discounts over 10%", "max_discount", 0.10),
        ("the discount limit is 25%", "max_discount", 0.25),
        ("no discounts", "no_discount", 0.0),
        ("please do not discount at all", "no_discount", 0.0),
        ("no SMS and no phone calls", "exclude_channels", ("sms", "voice")),
        ("don't call anyone", "exclude_channels", ("voice",)),
        ("via push and web", "only_channels", ("push", "web")),
        ("e-mail only", "only_channels", ("email",)),
        ("facebook ads", "only_channels", ("paid_social",)),
        ("at most two messages a week", "max_contacts_per_week", 2.0),
        ("don't bug folks more than twice a week", "max_contacts_per_week", 2.0),
        ("max one message a fortnight", "max_contacts_per_week", 0.5),
        ("exclude VIPs", "exclude_people", "VIPs"),
        ("no minors", "exclude_people", "minors"),
        ("nobody under 18", "exclude_people", "people under 18"),
        ("leave out people who bought in the last 30 days", "exclude_people", "people who bought in the last 30 days"),
        ("dont email anyone who just bought", "exclude_people", "anyone who just bought"),
        ("only lapsed customers", "include_people", "lapsed customers"),
        ("women only", "include_people", "women"),
        ("in Germany", "country", "DE"),
        ("only people in the UK", "country", "GB"),
        ("in Germany and Austria", "country", ("DE", "AT")),
        ("only on orders over $50", "minimum_order", 50.0),
    ],
)
def test_a_limit_is_read_once_and_nothing_else(words: str, kind: str, value: object) -> None:
    found = objective(f"more orders over the next 3 weeks, budget 5k, {words}")
    assert [(c.kind, c.value) for c in found.constraints] == [(kind, value)]
    assert found.target is None
    assert found.product is None
    assert found.days == 21


def test_a_limit_keeps_the_words_it_came_from() -> None:
    said = "More orders in 3 weeks, 5k. DON'T go under 40 pts margin, and No SMS please."
    for constraint in objective(said).constraints:
        assert constraint.quote
        assert constraint.quote in said


def test_several_people_in_one_breath_are_several_limits() -> None:
    found = objective("visits up in two weeks by email, don't contact minors, VIPs or employees")
    assert [c.value for c in found.constraints if c.kind == "exclude_people"] == ["minors", "VIPs", "employees"]


def test_women_in_a_country_are_people_and_a_country() -> None:
    assert limits("sell more hats to women in Norway only, 2 weeks, 3k") == {"include_people": "women", "country": "NO"}


def test_an_amount_for_one_channel_stands_beside_the_budget() -> None:
    found = objective("sell more shoes in december, budget 10k and at most 2k of it on sms")
    assert found.budget is not None
    assert found.budget.minor == 1_000_000
    assert [(c.kind, c.value) for c in found.constraints] == [("channel_budget", ("sms", "2000.00"))]


def test_a_channel_as_the_place_of_a_visit_is_no_limit() -> None:
    assert limits("more web shop visits and push the new bags, 2 weeks, 1k") == {}
