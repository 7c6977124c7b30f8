"""Bounds that hold however often and however long one looks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from liftwright.measurement.anytime import critical, rate_floor, rise_floor


def test_at_the_planned_size_the_interval_is_about_half_as_wide_again_as_for_one_look() -> None:
    assert critical(1.0) / 1.959964 == pytest.approx(1.55, abs=0.01)
    assert critical(0.05) > 1.3 * critical(1.0)
    assert critical(50.0) > 1.05 * critical(1.0)


@given(share=st.floats(0.01, 50.0), level=st.floats(0.8, 0.99))
def test_a_look_never_needs_less_than_the_ordinary_test(share: float, level: float) -> None:
    assert critical(share, level=level) > beta.ppf(0.5, 1, 1) + 0.7
    assert critical(share, level=0.5 + level / 2) > critical(share, level=level)


def test_nothing_seen_has_no_bound() -> None:
    with pytest.raises(ValueError, match="some information"):
        critical(0.0)


def test_without_an_effect_hardly_any_path_ever_leaves_the_sequence_though_it_is_looked_at_all_the_time() -> None:
    looks, most = 400, 4.0
    shares = np.arange(1, looks + 1) / looks * most
    steps = np.random.default_rng(0).normal(0.0, np.sqrt(most / looks), (4_000, looks)).cumsum(axis=1)
    z = np.abs(steps) / np.sqrt(shares)
    bounds = np.array([critical(share) for share in shares])
    assert 0.0 < (z > bounds).any(axis=1).mean() <= 0.05
    assert (z > 1.959964).any(axis=1).mean() > 0.4


@given(count=st.integers(1, 200), people=st.integers(200, 50_000), suspected=st.floats(0.0005, 0.3))
def test_the_exact_floor_lies_below_the_rate_seen_and_below_the_bound_of_a_single_look(
    count: int, people: int, suspected: float
) -> None:
    floor = rate_floor(count, people, suspected=suspected)
    assert 0.0 <= floor <= count / people
    assert floor <= beta.ppf(0.05, count, people - count + 1) + 1e-9


def test_a_rate_at_its_limit_is_seldom_called_too_high_though_every_hundred_people_are_looked_at() -> None:
    rng = np.random.default_rng(1)
    people = np.arange(100, 8_001, 100)
    seen = rng.binomial(100, 0.01, (600, len(people))).cumsum(axis=1)
    fired = [any(rate_floor(int(c), int(n), suspected=0.02) > 0.01 for c, n in zip(row, people, strict=True)) for row in seen]
    single = beta.ppf(0.05, seen, people - seen + 1) > 0.01
    assert np.mean(fired) <= 0.05
    assert single.any(axis=1).mean() > 0.1


def test_what_the_holdout_does_anyway_is_no_harm() -> None:
    assert rise_floor(300, 10_000, 0, 0, suspected=0.02) > 0.024
    assert rise_floor(300, 10_000, 29, 1_000, suspected=0.02) == 0.0
    assert 0.0 < rise_floor(800, 10_000, 29, 1_000, suspected=0.02) < 0.05
    assert rise_floor(0, 0, 0, 0, suspected=0.02) == 0.0


def test_a_rise_that_is_not_there_is_seldom_found_whenever_one_looks() -> None:
    rng = np.random.default_rng(2)
    many = np.arange(500, 20_001, 500)
    treated, held = (rng.binomial(size, 0.03, (400, len(many))).cumsum(axis=1) for size in (450, 50))
    fired = 0
    for ours, theirs in zip(treated, held, strict=True):
        fired += any(
            rise_floor(int(a), int(0.9 * n), int(b), int(0.1 * n), suspected=0.01, share=n / 20_000) > 0.0
            for a, b, n in zip(ours, theirs, many, strict=True)
            if b >= 25
        )
    assert fired / 400 <= 0.05
