"""Daily looks that keep the error they promise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from liftwright.measurement.sequential import Look, bounds_of, spent


def bounds(shares: Sequence[float], *, alpha: float = 0.05) -> tuple[float, ...]:
    """Bounds where error is spent by the information itself."""
    return bounds_of([Look(share, share) for share in shares], alpha=alpha)


def test_the_bounds_of_five_looks_are_the_published_ones() -> None:
    assert bounds([0.2, 0.4, 0.6, 0.8, 1.0]) == pytest.approx((4.8769, 3.3569, 2.6803, 2.2898, 2.0310), abs=2e-4)


def test_one_look_at_the_end_is_the_ordinary_test() -> None:
    assert bounds([1.0])[0] == pytest.approx(1.959964, abs=1e-5)
    assert bounds([1.0], alpha=0.01)[0] == pytest.approx(2.575829, abs=1e-5)


def test_spending_starts_at_nothing_and_ends_at_alpha() -> None:
    assert spent(0.0) == 0.0
    assert spent(1.0) == pytest.approx(0.05)
    assert spent(2.0) == pytest.approx(0.05)


@limits(max_examples=15, deadline=None)
@given(shares=st.lists(st.integers(1, 100), min_size=1, max_size=8, unique=True))
def test_no_look_ever_needs_less_than_the_ordinary_test(shares: list[int]) -> None:
    assert min(bounds(sorted(share / 100 for share in shares))) >= 1.9599


@pytest.mark.parametrize("looks", [2, 5, 14])
def test_evenly_spaced_looks_need_less_the_later_they_are(looks: int) -> None:
    found = bounds([(k + 1) / looks for k in range(looks)])
    assert list(found) == sorted(found, reverse=True)


def test_a_look_after_others_needs_more() -> None:
    assert bounds([0.5, 1.0])[-1] > bounds([1.0])[-1]


@pytest.mark.parametrize("shares", [[], [0.0, 1.0], [0.5, 0.5], [0.6, 0.4]])
def test_shares_of_information_must_rise(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="information must rise"):
        bounds(shares)


def test_twenty_looks_without_an_effect_reject_one_time_in_twenty() -> None:
    shares = np.arange(1, 21) / 20
    steps = np.random.default_rng(0).normal(0, np.sqrt(1 / 20), (20_000, 20)).cumsum(axis=1)
    z = np.abs(steps / np.sqrt(shares))
    assert (z > np.array(bounds(shares.tolist()))).any(axis=1).mean() == pytest.approx(0.05, abs=0.006)
    assert (z > 1.96).any(axis=1).mean() > 0.2
