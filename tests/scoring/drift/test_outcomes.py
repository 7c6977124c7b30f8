"""What came of the scores: alarms that hold under daily looking, and figures for the eye."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from liftwright.scoring import drift
from liftwright.scoring.drift import outcomes

DAYS, DAILY = 60, 1_000


def _world(seed: int, odds: float, days: int = DAYS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    chance = draws.beta(2, 40, days * DAILY)
    happened = draws.random(days * DAILY) < expit(logit(chance) + np.log(odds))
    return np.repeat(np.arange(days), DAILY), chance, happened


def test_odds_that_are_off_are_found_and_right_ones_are_left_alone() -> None:
    off = [drift.observed_over_expected(drift.of_chances(*_world(seed, 1.3))) for seed in range(20)]
    right = [drift.observed_over_expected(drift.of_chances(*_world(100 + seed, 1.0))) for seed in range(20)]
    assert all(signal.level == "alarm" and signal.measures["days"] < 20 for signal in off)
    assert sum(signal.is_beyond for signal in right) <= 2


def test_the_alarm_is_of_its_day_and_says_what_it_was_judged_on() -> None:
    day, chance, happened = _world(1, 1.5)
    signal = drift.observed_over_expected(drift.of_chances(day, chance, happened), subject="orders")
    first = day < signal.measures["days"]
    assert signal.measures["observed"] == happened[first].sum()
    assert signal.measures["expected"] == pytest.approx(chance[first].sum())
    assert signal.value > signal.bound > 1
    assert "orders" in signal.says


def test_few_outcomes_and_none_at_all_are_no_alarm() -> None:
    few = drift.Batches([9.0], [1.0], [1.0], 100)
    assert drift.observed_over_expected(few).level == "ok"
    assert drift.observed_over_expected(drift.Batches([], [], [], 0)).level == "ok"


def test_a_difference_that_is_sure_but_small_does_not_matter() -> None:
    large = drift.Batches([103_000.0], [100_000.0], [100_000.0], 10**7)
    assert abs(103_000 - 100_000) > outcomes.half_width(100_000.0)
    assert drift.observed_over_expected(large).level == "ok"


def test_the_bound_is_left_by_a_right_model_as_rarely_as_it_says() -> None:
    draws = np.random.default_rng(5)
    sums = np.cumsum(draws.normal(0, 5.0, (2_000, 200)), axis=1)
    widths = np.array([outcomes.half_width(25.0 * (look + 1)) for look in range(200)])
    assert (np.abs(sums) > widths).any(axis=1).mean() < outcomes.ALPHA


@given(st.floats(1.0, 1e6), st.floats(1.01, 10.0))
@settings(max_examples=50, deadline=None)
def test_the_bound_grows_with_the_variance_but_more_slowly(variance: float, times: float) -> None:
    one, more = outcomes.half_width(variance), outcomes.half_width(variance * times)
    assert one < more < one * times


def test_slope_and_error_are_shown_from_seven_days_on() -> None:
    assert drift.display(*_world(3, 1.0, days=6)) == []
    shown = {signal.subject: signal for signal in drift.display(*_world(3, 1.0, days=14))}
    assert shown["slope"].value == pytest.approx(1.0, abs=4 * shown["slope"].measures["standard_error"])
    assert not any(signal.is_beyond for signal in shown.values())
    off = {signal.subject: signal for signal in drift.display(*_world(4, 2.0, days=14))}
    assert off["error"].value > off["error"].bound
    assert shown["error"].value < 1.5 * shown["error"].bound
