"""A limit is said the way a marketer would say it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from liftwright.domain.goal import Constraint, ConstraintKind

SAID: dict[str, tuple[Any, str]] = {
    "margin_floor": (0.35, "margin at least 35%"),
    "max_discount": (0.2, "discount at most 20%"),
    "no_discount": (0.0, "no discount"),
    "only_channels": (("email", "sms"), "only by email, sms"),
    "exclude_channels": (("sms",), "not by sms"),
    "include_people": ("loyal customers", "only these people: loyal customers"),
    "exclude_people": ("people it does not move", "leave out: people it does not move"),
    "country": ("GB", "only in GB"),
    "max_contacts_per_week": (2.0, "at most 2 contacts a week per person"),
    "max_contacts": (2.0, "at most 2 contacts per person in all"),
    "channel_budget": (("sms", "500"), "at most 500 on sms"),
    "minimum_order": (80.0, "only orders of at least 80"),
}


@pytest.mark.parametrize("kind", get_args(ConstraintKind))
def test_every_kind_of_limit_has_words(kind: ConstraintKind) -> None:
    value, words = SAID[kind]
    assert Constraint(kind=kind, value=value).says == words


def test_people_with_braces_in_their_words_are_said_as_they_are() -> None:
    assert Constraint(kind="exclude_people", value="the {vip} list").says == "leave out: the {vip} list"
