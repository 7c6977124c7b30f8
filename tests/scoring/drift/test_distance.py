"""Distances and chances agree with scipy's, on which they were not built."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp

from liftwright.scoring.drift import distance

counts = st.lists(st.integers(0, 500), min_size=2, max_size=12).filter(lambda found: sum(found) > 0)


def _shares(found: list[int], parts: int) -> np.ndarray:
    padded = np.array((found + [0] * parts)[:parts], dtype=np.float64) + np.eye(parts)[0]
    return padded / padded.sum()


@given(counts, counts)
@settings(max_examples=60, deadline=None)
def test_the_jensen_shannon_distance_is_scipys(one: list[int], other: list[int]) -> None:
    parts = max(len(one), len(other))
    then, now = _shares(one, parts), _shares(other, parts)
    assert distance.jensen_shannon(then, now) == pytest.approx(float(jensenshannon(then, now, base=2)), abs=1e-7)
    assert distance.jensen_shannon(then, now) == pytest.approx(distance.jensen_shannon(now, then))
    assert distance.jensen_shannon(then, then) < 1e-7


@given(counts, counts)
@settings(max_examples=60, deadline=None)
def test_the_chance_of_unlike_shares_is_pearsons_where_no_part_is_rare(one: list[int], other: list[int]) -> None:
    parts = max(len(one), len(other))
    table = np.stack([np.array((found + [0] * parts)[:parts]) + 20 for found in (one, other)]).astype(np.float64)
    rows = table.sum(axis=1)
    then, now = table / rows[:, None]
    chance = distance.homogeneity(then, now, rows_then=int(rows[0]), rows_now=int(rows[1]))
    assert chance == pytest.approx(chi2_contingency(table, correction=False).pvalue, rel=1e-6, abs=1e-12)


def test_a_part_too_rare_for_the_test_is_put_with_the_other_rare_ones() -> None:
    then, now = np.array([0.5, 0.499, 0.001]), np.array([0.5, 0.499, 0.001])
    assert distance.homogeneity(then, now, rows_then=1_000, rows_now=1_000) == pytest.approx(1.0)
    assert distance.homogeneity(np.array([1.0]), np.array([1.0]), rows_then=100, rows_now=100) == 1.0


def test_the_chance_of_a_largest_distance_is_the_asymptotic_one() -> None:
    draws = np.random.default_rng(1)
    one, other = draws.normal(size=3_000), draws.normal(0.08, 1.0, size=2_000)
    found = ks_2samp(one, other, method="asymp")
    chance = distance.kolmogorov_smirnov(float(found.statistic), rows_then=3_000, rows_now=2_000)
    assert chance == pytest.approx(float(found.pvalue), rel=0.1)


@given(st.integers(50, 5_000), st.integers(50, 5_000))
@settings(max_examples=30, deadline=None)
def test_the_stability_index_of_the_same_shares_is_nothing_and_of_others_the_textbooks(then: int, now: int) -> None:
    shares = np.array([0.1, 0.2, 0.3, 0.4])
    assert distance.stability_index(shares, shares, rows_then=then, rows_now=now) == 0.0
    moved = np.array([0.4, 0.3, 0.2, 0.1])
    textbook = float(((moved - shares) * np.log(moved / shares)).sum())
    found = distance.stability_index(shares, moved, rows_then=10**6, rows_now=10**6)
    assert found == pytest.approx(textbook, rel=1e-3)
