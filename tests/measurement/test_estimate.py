"""The effect per person and its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.measurement.estimate import difference, outcomes_in_smaller_arm, total
from liftwright.measurement.freezing import cap_for
from liftwright.measurement.integrity import sample_ratio

VALUES = st.lists(st.floats(-1000, 1000), min_size=2, max_size=50)


def spend(rng: np.random.Generator, people: int, *, chance: float, factor: float = 1.0) -> np.ndarray:
    return (rng.random(people) < chance) * rng.lognormal(3.0, 1.2, people) * factor


def test_a_difference_worked_by_hand() -> None:
    found = difference([10.0, 12.0, 14.0], [1.0, 3.0], metric="margin")
    null = math.sqrt(np.array([10.0, 12.0, 14.0, 1.0, 3.0]).var(ddof=1) * (1 / 3 + 1 / 2))
    half = 1.959964 * math.sqrt((8.0 + 2.0) / 3.0 * (1 / 3 + 1 / 2))
    assert found.mid == pytest.approx(10.0)
    assert (found.low, found.high) == (pytest.approx(10.0 - half), pytest.approx(10.0 + half))
    assert found.p_value == pytest.approx(math.erfc(10.0 / null / math.sqrt(2)))
    assert (found.treated, found.holdout) == (3, 2)


def test_below_zero_the_interval_allows_for_a_holdout_that_varies_more_than_the_treated() -> None:
    even = difference([0.0, 10.0] * 45, [0.0, 10.0] * 5, metric="margin")
    assert even.mid - even.low > 1.1 * (even.high - even.mid)  # type: ignore[operator]


def test_a_few_large_orders_in_a_small_holdout_are_called_neither_harm_nor_win_more_often_than_the_other() -> None:
    rng = np.random.default_rng(30)
    signs = []
    plain = []
    for _ in range(1_500):
        arms = spend(rng, 3_600, chance=0.15), spend(rng, 400, chance=0.15)
        found = difference(*arms, metric="margin")
        signs.append(np.sign(found.mid) * (found.p_value < 0.05))  # type: ignore[operator,arg-type]
        plain.append(found.mid / found.error)  # type: ignore[operator]
    harm, win = np.mean(np.array(signs) < 0), np.mean(np.array(signs) > 0)
    uncorrected = np.mean(np.array(plain) < -1.96)
    assert harm + win <= 0.065
    assert harm < 0.04 < uncorrected + 0.005
    assert abs(harm - win) < 0.02


@given(treated=VALUES, holdout=VALUES, shift=st.floats(-50, 50))
def test_adding_the_same_to_everybody_changes_nothing_and_swapping_arms_turns_the_sign(
    treated: list[float], holdout: list[float], shift: float
) -> None:
    found = difference(treated, holdout, metric="m")
    moved = difference([v + shift for v in treated], [v + shift for v in holdout], metric="m")
    swapped = difference(holdout, treated, metric="m")
    if found.mid is None:
        return
    assert moved.mid == pytest.approx(found.mid, abs=1e-6)
    assert swapped.mid == pytest.approx(-found.mid, abs=1e-9)
    assert found.low <= found.mid <= found.high  # type: ignore[operator]


def test_what_cannot_be_measured_is_said_without_numbers() -> None:
    alone = difference([1.0, 2.0], [1.0], metric="m")
    assert (alone.mid, alone.reason) == (None, "an arm has fewer than two people")
    flat = difference([0.0] * 5, [0.0] * 5, metric="m")
    assert difference([1.0, 1.0], [0.0, 0.0], metric="m").low is None
    assert (flat.low, flat.reason) == (None, "nobody's outcome differs from the others' of their arm")
    assert total(flat, people=5) is None


def test_few_outcomes_are_noted_but_the_numbers_are_given() -> None:
    found = difference([1.0] * 30 + [0.0] * 70, [1.0] * 3 + [0.0] * 97, metric="m")
    assert found.mid == pytest.approx(0.27)
    assert found.reason == "only 3 people with an outcome in the smaller arm, 25 are needed to decide"
    assert outcomes_in_smaller_arm([1, 0, 2], [0, 0, 3]) == 1


def test_a_cap_bounds_what_one_person_can_do_to_the_result() -> None:
    rng = np.random.default_rng(0)
    treated, holdout = spend(rng, 9000, chance=0.05), spend(rng, 1000, chance=0.05)
    holdout[0] = 1e6
    plain, capped = (difference(treated, holdout, metric="m", cap=cap) for cap in (None, 200.0))
    assert plain.mid < -900  # type: ignore[operator]
    assert abs(capped.mid) < 1.0  # type: ignore[arg-type]
    assert "count as 200.00" in capped.method


def test_a_good_covariate_narrows_the_interval_without_moving_the_truth() -> None:
    rng = np.random.default_rng(1)
    before = rng.gamma(2.0, 10.0, 20_000)
    after = before + rng.normal(0, 5.0, 20_000)
    after[:10_000] += 1.0
    plain = difference(after[:10_000], after[10_000:], metric="m")
    adjusted = difference(after[:10_000], after[10_000:], metric="m", covariate=(before[:10_000], before[10_000:]))
    assert (adjusted.high - adjusted.low) < 0.45 * (plain.high - plain.low)  # type: ignore[operator]
    assert adjusted.low < 1.0 < adjusted.high  # type: ignore[operator]
    constant = difference([1.0, 2.0, 4.0], [0.0, 1.0], metric="m", covariate=([5.0, 5.0, 5.0], [5.0, 5.0]))
    assert constant == difference([1.0, 2.0, 4.0], [0.0, 1.0], metric="m")
    with pytest.raises(ValueError, match="one number per person"):
        difference([1.0, 2.0], [0.0, 1.0], metric="m", covariate=([1.0, 2.0, 3.0], [1.0, 2.0]))


def test_a_look_before_the_end_has_a_wider_interval() -> None:
    rng = np.random.default_rng(2)
    arms = rng.normal(1, 1, 500), rng.normal(0, 1, 100)
    final, early = difference(*arms, metric="m"), difference(*arms, metric="m", critical=4.0)
    assert early.high - early.mid == pytest.approx((final.high - final.mid) * 4.0 / 1.959964, rel=0.02)  # type: ignore[operator]
    assert "sequential" in early.method


def test_totals_are_the_effect_times_the_people() -> None:
    found = difference([3.0, 5.0, 7.0], [1.0, 3.0], metric="margin")
    money = total(found, people=1000)
    assert money is not None
    assert (money.low, money.mid, money.high) == (
        pytest.approx(1000 * found.low),
        pytest.approx(3000.0),
        pytest.approx(1000 * found.high),
    )  # type: ignore[operator]


def test_arm_sizes_that_do_not_fit_the_plan_are_found() -> None:
    assert sample_ratio(9000, 1000, 0.1) == pytest.approx(1.0)
    assert sample_ratio(5000, 5000, 0.5) == pytest.approx(1.0)
    assert sample_ratio(5100, 4900, 0.5) == pytest.approx(0.0455, abs=1e-4)
    assert sample_ratio(9200, 800, 0.1) < 1e-9  # type: ignore[operator]
    assert sample_ratio(0, 0, 0.1) is None
    assert sample_ratio(10, 0, 0.0) is None


def test_a_fair_split_is_rarely_called_unfair() -> None:
    held = np.random.default_rng(5).binomial(20_000, 0.1, 2000)
    alarms = sum((sample_ratio(20_000 - int(n), int(n), 0.1) or 0.0) < 0.01 for n in held)
    assert 8 <= alarms <= 36


def test_the_cap_is_a_quantile_of_past_buyers_only() -> None:
    past = np.concatenate([np.zeros(10_000), np.arange(1, 101)])
    assert cap_for(past) == pytest.approx(99.01)
    assert cap_for(past[:10_050]) is None


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.10, 1.0, -0.5])
def test_the_interval_covers_the_truth_with_a_small_holdout_and_skewed_money(effect: float) -> None:
    rng = np.random.default_rng(17)
    hits = false = 0
    runs = 400
    truth = 0.02 * math.exp(3.0 + 1.2**2 / 2) * effect
    for _ in range(runs):
        treated = spend(rng, 18_000, chance=0.02, factor=1.0 + effect)
        found = difference(treated, spend(rng, 2_000, chance=0.02), metric="margin")
        hits += found.low <= truth <= found.high  # type: ignore[operator]
        false += found.p_value < 0.05  # type: ignore[operator]
    assert hits / runs >= 0.93
    if effect == 0.0:
        assert false / runs <= 0.08


def test_with_many_outcomes_each_arm_has_its_own_slope_and_with_few_they_share_one() -> None:
    rng = np.random.default_rng(21)
    before = rng.gamma(2.0, 10.0, 6_000)
    after = np.where(np.arange(6_000) < 4_000, 2.0, 1.0) * before + rng.normal(0.0, 1.0, 6_000)
    sides = (after[:4_000], after[4_000:]), (before[:4_000], before[4_000:])
    many = difference(*sides[0], metric="m", covariate=sides[1])
    few = difference(*(part[:99] for part in sides[0]), metric="m", covariate=tuple(part[:99] for part in sides[1]))
    assert "regression on what people did before" in many.method
    assert "adjusted for what people did before" in few.method
    shared = sum(np.cov(x, y)[0, 1] * (len(x) - 1) for y, x in zip(*sides, strict=True)) / sum(
        x.var(ddof=1) * (len(x) - 1) for x in sides[1]
    )
    spread = [np.var(y - shared * x) for y, x in zip(*sides, strict=True)]
    own = [np.var(y - np.cov(x, y)[0, 1] / x.var(ddof=1) * x) for y, x in zip(*sides, strict=True)]
    assert sum(own) < 0.2 * sum(spread)
    assert many.mid == pytest.approx(before.mean(), abs=0.2)
