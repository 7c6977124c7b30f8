"""What a goal leaves open: its words narrow channels, offers and contacts, never widen them."""

from __future__ import annotations

from datetime import timedelta

from fake_bench import OBJECTIVE, bench
from hypothesis import given
from hypothesis import strategies as st

from liftwright.agents import allowed
from liftwright.domain.goal import Constraint, Objective
from liftwright.settings import LimitSettings, Settings


def wanting(*constraints: Constraint, days: int = 14) -> Objective:
    ends_on = OBJECTIVE.starts_on + timedelta(days=days - 1)
    return OBJECTIVE.model_copy(update={"constraints": constraints, "ends_on": ends_on})


def test_channels_follow_the_goal() -> None:
    assert allowed.channels(bench(), wanting()) == ("email", "sms", "push")
    assert allowed.channels(bench(), wanting(Constraint(kind="only_channels", value=("email", "voice")))) == ("email",)
    assert allowed.channels(bench(), wanting(Constraint(kind="exclude_channels", value="email"))) == ("sms", "push")


def test_offers_follow_the_goal_and_no_offer_is_always_open() -> None:
    def names(*constraints: Constraint) -> list[str]:
        return [offer.name for offer in allowed.offers(bench(), wanting(*constraints))]

    assert names() == ["none", "save10"]
    assert names(Constraint(kind="max_discount", value=0.1)) == ["none", "save10"]
    assert names(Constraint(kind="max_discount", value=0.05)) == ["none"]
    assert names(Constraint(kind="no_discount", value="no coupons")) == ["none"]
    seen = bench()
    seen.offers = lambda: []
    assert [offer.name for offer in allowed.offers(seen, wanting())] == ["none"]


@given(days=st.integers(1, 120), weekly=st.integers(0, 7), asked=st.none() | st.integers(0, 9))
def test_contacts_never_exceed_the_weekly_caps(days: int, weekly: int, asked: int | None) -> None:
    settings = Settings(limits=LimitSettings(contacts_per_week=weekly))
    constraints = () if asked is None else (Constraint(kind="max_contacts_per_week", value=asked),)
    objective = wanting(*constraints, days=days)
    most, usual = allowed.most_touches(objective, settings), allowed.usual_touches(objective, settings)
    weeks = -(-days // 7)
    assert most == min(weekly, weekly if asked is None else asked) * weeks
    assert 0 <= usual <= most


@given(days=st.integers(1, 60), in_all=st.integers(1, 9))
def test_contacts_never_exceed_what_the_goal_allows_in_all(days: int, in_all: int) -> None:
    free, bound = wanting(days=days), wanting(Constraint(kind="max_contacts", value=float(in_all)), days=days)
    assert allowed.most_touches(bound, Settings()) == min(in_all, allowed.most_touches(free, Settings()))
    assert allowed.usual_touches(bound, Settings()) <= in_all


def test_the_usual_number_of_contacts_is_one_in_five_days_and_at_least_two() -> None:
    assert allowed.usual_touches(wanting(days=7), Settings()) == 2
    assert allowed.usual_touches(wanting(days=14), Settings()) == 3
    assert allowed.usual_touches(wanting(days=28), Settings()) == 6
