"""The one true reaction: what touches do to people, free of noise."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.world import people, reaction
from liftwright.world.life import realised_margin
from liftwright.world.parameters import DEFAULT
from liftwright.world.people import day_number
from liftwright.world.reaction import Touches

DAY = date(2026, 3, 2)
FIRST = day_number(DAY)
PEOPLE = people.draw(count=3_000, seed=5, starts_on=DAY, parameters=DEFAULT)


def everyone(*, channel: int = 0, discount: float = 0.0, hour: np.ndarray | None = None) -> Touches:
    n = PEOPLE.count
    return Touches(np.arange(n), np.full(n, channel), np.full(n, discount), PEOPLE.hour if hour is None else hour)


def gain(by_day: dict[int, Touches], *, last: int = FIRST + 24) -> np.ndarray:
    state = reaction.fresh(PEOPLE, DEFAULT)
    treated, _ = reaction.expected_margin(state, PEOPLE, by_day, first=FIRST, last=last, parameters=DEFAULT)
    alone, _ = reaction.expected_margin(state, PEOPLE, {}, first=FIRST, last=last, parameters=DEFAULT)
    return treated - alone


def mean_by_kind(values: np.ndarray) -> dict[str, float]:
    return {kind.name: float(values[PEOPLE.kind == number].mean()) for number, kind in enumerate(DEFAULT.kinds)}


def test_a_message_moves_persuadables_and_costs_sleeping_dogs() -> None:
    means = mean_by_kind(gain({FIRST: everyone()}))
    assert means["persuadable"] > 0.3
    assert means["sleeping_dog"] < -0.3
    assert abs(means["lost_cause"]) < 0.05
    assert abs(means["sure_thing"]) < 0.15


def test_a_coupon_for_sure_things_is_a_subsidy() -> None:
    plain, coupon = mean_by_kind(gain({FIRST: everyone()})), mean_by_kind(gain({FIRST: everyone(discount=0.2)}))
    assert coupon["sure_thing"] < plain["sure_thing"] - 0.3


def test_some_people_need_the_incentive() -> None:
    better = gain({FIRST: everyone(discount=0.1)}) > gain({FIRST: everyone()}) + 0.05
    is_persuadable = PEOPLE.kind == 1
    assert 0.02 < better[is_persuadable].mean() < 0.7
    assert better[PEOPLE.kind == 0].mean() < 0.02


def test_each_further_message_gains_less() -> None:
    days = [FIRST, FIRST + 2, FIRST + 4, FIRST + 6]
    totals = [gain({day: everyone() for day in days[:count]})[PEOPLE.kind == 1].mean() for count in range(5)]
    steps = np.diff(totals)
    assert all(later < earlier for earlier, later in pairwise(steps))


def test_messages_at_a_persons_own_hour_work_better() -> None:
    other = gain({FIRST: everyone(hour=np.mod(PEOPLE.hour + 12, 24))})
    assert gain({FIRST: everyone()})[PEOPLE.kind == 1].mean() > 1.3 * other[PEOPLE.kind == 1].mean()


def test_the_response_is_delayed_but_over_within_the_stated_days() -> None:
    early, whole, later = (gain({FIRST: everyone()}, last=FIRST + days)[PEOPLE.kind == 1].mean() for days in (0, 9, 24))
    assert early < 0.5 * whole
    assert later == pytest.approx(whole, rel=0.02)


def test_direct_mail_takes_days_to_arrive() -> None:
    mail = everyone(channel=tuple(DEFAULT.channels).index("direct_mail"))
    assert np.abs(gain({FIRST: mail}, last=FIRST + 1)[PEOPLE.kind == 1]).mean() < 0.05
    assert gain({FIRST: mail})[PEOPLE.kind == 1].mean() > 0.5


def test_every_kernel_sums_to_one() -> None:
    assert np.allclose(reaction.kernels(DEFAULT).sum(axis=1), 1.0)


def test_two_messages_on_one_day_both_count_once() -> None:
    state = reaction.fresh(PEOPLE, DEFAULT)
    both = Touches(np.array([3, 3]), np.array([0, 2]), np.zeros(2), np.array([10.0, 10.0]))
    arrived, _ = reaction.touch(state, PEOPLE, both, DEFAULT)
    assert arrived.tolist() == PEOPLE.works[3, [0, 2]].astype(float).tolist()
    assert state.fatigue[3] == pytest.approx((np.array([1.0, 0.8]) * arrived).sum())


def test_after_an_opt_out_nothing_arrives_on_that_channel() -> None:
    state = reaction.fresh(PEOPLE, DEFAULT)
    reaction.touch(state, PEOPLE, everyone(), replace(DEFAULT, opt_out_rate=1e9), chances=np.zeros(PEOPLE.count))
    arrived, _ = reaction.touch(state, PEOPLE, everyone(), DEFAULT)
    left = reaction.effects(PEOPLE, everyone(), np.zeros(PEOPLE.count), replace(DEFAULT, opt_out_rate=1e9))[1] > 0
    assert left.all()
    assert arrived.sum() == 0
    assert np.all(state.goodwill[PEOPLE.works[:, 0]] < 1)


def test_expected_and_realised_lives_agree_on_average() -> None:
    state = reaction.fresh(PEOPLE, DEFAULT)
    expected, _ = reaction.expected_margin(state, PEOPLE, {FIRST: everyone()}, first=FIRST, last=FIRST + 13, parameters=DEFAULT)
    lives = [
        realised_margin(state, PEOPLE, {FIRST: everyone()}, first=FIRST, last=FIRST + 13, seed=seed, parameters=DEFAULT)
        for seed in range(60)
    ]
    standard_error = np.std(lives, ddof=1) / np.sqrt(len(lives))
    assert abs(np.mean(lives) - expected.sum()) < 4 * standard_error


@settings(max_examples=40, deadline=None)
@given(
    hour=st.floats(0, 23.99),
    discount=st.floats(0, 0.9),
    channel=st.integers(0, 3),
    days=st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True),
)
def test_order_chances_stay_chances_whatever_is_sent(hour: float, discount: float, channel: int, days: list[int]) -> None:
    state = reaction.fresh(PEOPLE, DEFAULT)
    for day in range(FIRST, FIRST + 10):
        if day - FIRST in days:
            reaction.touch(state, PEOPLE, everyone(channel=channel, discount=discount, hour=np.full(PEOPLE.count, hour)), DEFAULT)
        chance = reaction.today(state, PEOPLE, day, DEFAULT)
        assert np.all((chance.total >= 0) & (chance.total <= 0.5))
        assert np.all((chance.own >= 0) & (chance.own <= 0.5))
        assert np.all((state.reach >= 0) & (state.reach <= 1))
        reaction.overnight(state, DEFAULT)


def test_people_buy_more_before_christmas_and_at_weekends() -> None:
    def at(*when: int) -> float:
        return reaction.season(day_number(date(*when)), DEFAULT)

    assert at(2026, 12, 8) > at(2026, 3, 3)
    assert at(2026, 3, 7) > at(2026, 3, 3) > at(2026, 7, 7)
