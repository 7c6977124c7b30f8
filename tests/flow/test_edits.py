"""What may be changed on a plan, and how it is read."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import GoalError
from liftwright.domain.goal import Brief, Objective
from liftwright.domain.money import Money
from liftwright.domain.profile import Channel
from liftwright.flow.edits import PATHS, Edits, parse
from liftwright.settings import OfferSettings, Settings

SETTINGS = Settings(offers={"save10": OfferSettings(discount=0.1)})


@pytest.mark.parametrize(
    ("path", "text", "field", "value"),
    [
        ("objective.budget", "2,500", "budget", Money.of(2500, "USD")),
        ("objective.budget", "$99.95", "budget", Money.of("99.95", "USD")),
        ("objective.budget", "100 USD", "budget", Money.of(100, "USD")),
        ("objective.ends_on", "2026-12-31", "ends_on", date(2026, 12, 31)),
        ("limits.touches", "2", "touches", 2),
        ("channels", "email, push", "channels", ("email", "push")),
        ("offers", "none,save10", "offers", ("none", "save10")),
        ("experiment.holdout_share", "20%", "holdout_share", 0.2),
        ("audience.exclude", "recent buyers", "exclude", ("recent buyers",)),
    ],
)
def test_a_value_is_read_into_its_type(path: str, text: str, field: str, value: object) -> None:
    assert getattr(parse({path: text}, settings=SETTINGS), field) == value


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("objective.budget", "a lot"),
        ("objective.budget", "100 EUR"),
        ("objective.budget", "-5"),
        ("objective.ends_on", "soon"),
        ("limits.touches", "0"),
        ("limits.touches", "1.5"),
        ("channels", "pigeon"),
        ("channels", ""),
        ("offers", "save90"),
        ("experiment.holdout_share", "0"),
        ("experiment.holdout_share", "nan"),
        ("experiment.holdout_share", "1"),
        ("audience.exclude", " , "),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_an_example(path: str, text: str) -> None:
    with pytest.raises(GoalError) as caught:
        parse({path: text}, settings=SETTINGS)
    assert caught.value.code == "EDIT-VALUE"
    assert path in caught.value.says


@pytest.mark.parametrize("path", ["plan_hash", "objective.metric", "envelope.max_discount", "pins.seed", ""])
def test_a_path_that_may_not_be_changed_is_refused_and_the_allowed_ones_are_named(path: str) -> None:
    with pytest.raises(GoalError) as caught:
        parse({path: "1"}, settings=SETTINGS)
    assert all(allowed in caught.value.next_step for allowed in PATHS)


def test_an_edit_without_a_change_is_refused() -> None:
    with pytest.raises(GoalError):
        parse({}, settings=SETTINGS)


def test_later_edits_overwrite_earlier_ones_and_exclusions_add_up() -> None:
    first = parse({"limits.touches": 3, "audience.exclude": "a"}, settings=SETTINGS)
    both = first.then(parse({"limits.touches": 1, "audience.exclude": "b"}, settings=SETTINGS))
    assert (both.touches, both.exclude) == (1, ("a", "b"))


@given(
    touches=st.none() | st.integers(1, 30),
    budget=st.none() | st.integers(0, 10**9),
    channels=st.lists(st.sampled_from(["email", "sms", "push"]), unique=True).map(tuple),
    share=st.none() | st.floats(0.01, 0.9),
)
def test_what_edits_say_reads_back_as_the_same_edits(
    touches: int | None, budget: int | None, channels: tuple[Channel, ...], share: float | None
) -> None:
    money = None if budget is None else Money(minor=budget, currency="USD")
    edits = Edits(touches=touches, budget=money, channels=channels, holdout_share=share)
    if edits.overrides():
        assert parse(edits.overrides(), settings=SETTINGS) == edits


def test_an_end_before_the_start_is_refused() -> None:
    objective = Objective(metric="orders", starts_on=date(2026, 11, 2), ends_on=date(2026, 11, 9))
    with pytest.raises(GoalError):
        Edits(ends_on=date(2026, 11, 1)).brief(Brief(objective=objective))
