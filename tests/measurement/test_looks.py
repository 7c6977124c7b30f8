"""How much a look may spend and what it needs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from liftwright.measurement import looks, sequential
from liftwright.measurement.sequential import Look


def test_a_look_spends_by_orders_seen_but_never_ahead_of_the_window() -> None:
    slow = looks.look(conversions=20, planned=200, elapsed=0.5, has_ended=False)
    fast = looks.look(conversions=180, planned=200, elapsed=0.5, has_ended=False)
    last = looks.look(conversions=90, planned=200, elapsed=1.0, has_ended=True)
    assert (slow.information, slow.spending) == (0.1, 0.1)
    assert (fast.information, fast.spending) == (0.9, 0.5)
    assert (last.information, last.spending) == (0.45, 1.0)


def test_a_plan_that_states_no_orders_spends_by_days() -> None:
    assert looks.look(conversions=7, planned=None, elapsed=0.25, has_ended=False) == Look(0.25, 0.25)
    assert looks.look(conversions=7, planned=0.0, elapsed=0.25, has_ended=False) == Look(0.25, 0.25)


def test_orders_are_counted_at_the_rate_of_both_arms() -> None:
    assert looks.conversions((90, 10), (900, 100)) == pytest.approx(10.0)
    assert looks.conversions((190, 10), (900, 100)) == pytest.approx(20.0)
    assert looks.conversions((0, 0), (0, 0)) == 0.0


def test_the_only_look_at_the_end_is_the_ordinary_test_and_nothing_seen_decides_nothing() -> None:
    end = Look(1.1, 1.0)
    assert looks.critical(end, [], level=0.95) is None
    assert looks.critical(Look(0.0, 0.0), [], level=0.95) == sequential.FURTHEST
    assert looks.anytime_critical(Look(0.0, 0.0), level=0.95) is None


def test_a_look_that_saw_no_more_than_the_last_is_the_same_look() -> None:
    past = [Look(0.2, 0.2), Look(0.4, 0.4)]
    again = looks.critical(Look(0.4, 0.4), past, level=0.95)
    assert again == pytest.approx(looks.critical(Look(0.4, 0.4), past[:1], level=0.95))


def test_the_unit_of_information_does_not_matter() -> None:
    plain = sequential.bounds_of([Look(0.3, 0.3), Look(0.7, 0.7), Look(1.0, 1.0)])
    scaled = sequential.bounds_of([Look(60.0, 0.3), Look(140.0, 0.7), Look(200.0, 1.0)])
    assert scaled == pytest.approx(plain, abs=1e-6)


@limits(max_examples=20, deadline=None)
@given(counts=st.lists(st.integers(0, 40), min_size=2, max_size=8))
def test_any_history_of_counts_has_a_bound_and_the_last_is_at_least_the_ordinary_one(counts: list[int]) -> None:
    past: list[Look] = []
    for number, seen in enumerate(np.cumsum(counts).tolist()):
        last = number == len(counts) - 1
        now = looks.look(conversions=seen, planned=100, elapsed=(number + 1) / len(counts), has_ended=last)
        found = looks.critical(now, past, level=0.95)
        assert found is None or 1.9599 <= found <= sequential.FURTHEST
        past.append(now)


def test_uneven_information_keeps_the_error_it_promises() -> None:
    """Orders come in bursts; error is spent by the share seen, never ahead of time; the rest at the end."""
    rng = np.random.default_rng(5)
    runs, count = 800, 6
    gains = rng.gamma(0.5, 1.0, (runs, count)) + 0.02
    information = gains.cumsum(axis=1) / gains.sum(axis=1, keepdims=True) * rng.uniform(0.6, 1.5, (runs, 1))
    steps = rng.normal(0.0, np.sqrt(np.diff(information, axis=1, prepend=0.0))).cumsum(axis=1)
    crossed = 0
    for shares, score in zip(information, steps, strict=True):
        ends = [min(float(share), (k + 1) / count) if k < count - 1 else 1.0 for k, share in enumerate(shares)]
        bounds = sequential.bounds_of([Look(float(share), end) for share, end in zip(shares, ends, strict=True)])
        crossed += bool((np.abs(score) / np.sqrt(shares) > np.array(bounds)).any())
    assert 0.03 <= crossed / runs <= 0.07
