"""The correction for skewness is monotone, can be undone, and does what the skewness asks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.measurement.estimate import difference
from liftwright.measurement.skew import MOST, bent, straightened

Z = st.floats(-8.0, 8.0)
SKEWNESS = st.floats(-3.0, 3.0)


@given(z=Z, skewness=SKEWNESS)
def test_what_is_bent_can_be_straightened(z: float, skewness: float) -> None:
    assert straightened(bent(z, skewness), skewness) == pytest.approx(z, abs=1e-6)


@given(z=Z, further=st.floats(0.01, 3.0), skewness=SKEWNESS)
def test_a_larger_effect_is_never_less_significant(z: float, further: float, skewness: float) -> None:
    assert straightened(z + further, skewness) >= straightened(z, skewness)


def test_without_skewness_nothing_changes_and_beyond_the_limit_it_is_taken_for_the_limit() -> None:
    assert straightened(2.5, 0.0) == bent(2.5, 0.0) == 2.5
    assert straightened(2.5, 9.0) == straightened(2.5, MOST)


def test_a_long_tail_to_the_right_asks_for_more_on_that_side_and_for_less_on_the_other() -> None:
    assert straightened(2.5, 0.3) < 2.5
    assert straightened(-2.5, 0.3) < -2.5
    assert straightened(2.5, 0.3) == pytest.approx(2.5 - 0.3 * (2.5**2 - 1) / 6, abs=0.05)


def test_the_tails_of_a_skewed_mean_have_their_size_back() -> None:
    draws = np.random.default_rng(0).gamma(30.0, 1.0, 200_000)
    z = (draws - 30.0) / np.sqrt(30.0)
    corrected = np.array([straightened(float(value), 2.0 / np.sqrt(30.0)) for value in z])
    assert np.mean(z > 1.96) > 0.03 > np.mean(corrected > 1.96) > 0.022
    assert np.mean(z < -1.96) < 0.017
    assert 0.022 < np.mean(corrected < -1.96) < 0.028


@pytest.mark.parametrize("critical", [2.0, 6.0, 8.0, 10.0, 40.0])
def test_an_interval_is_found_however_far_out_a_small_skewed_holdout_puts_it(critical: float) -> None:
    treated, holdout = np.zeros(127), np.zeros(33)
    treated[:110], holdout[:26] = 36.0 + 0.4 * (np.arange(110) % 7), 2.0 + 0.4 * (np.arange(26) % 7)
    found = difference(treated, holdout, metric="margin", critical=critical)
    assert found.low is not None
    assert found.high is not None
    assert found.low < float(treated.mean() - holdout.mean()) < found.high
