"""Pairs of runs: what flipped, what chance explains, and an interval that holds what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from liftwright.evaluation.paired import change, pairs

Sides = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


def sides(found: list[tuple[bool, bool]]) -> tuple[dict[str, bool], dict[str, bool]]:
    return {f"c{n}": a for n, (a, _) in enumerate(found)}, {f"c{n}": b for n, (_, b) in enumerate(found)}


@given(Sides)
def test_every_case_is_counted_once_and_the_p_value_is_the_exact_test_of_the_flips(found: list[tuple[bool, bool]]) -> None:
    before, now = sides(found)
    got = pairs(before, now)
    assert got.cases == len(found)
    assert got.passed_now - got.passed_before == len(got.improved) - len(got.regressed)
    flips = len(got.improved) + len(got.regressed)
    expected = binomtest(len(got.improved), flips).pvalue if flips else 1.0
    assert got.p_value == pytest.approx(expected)


@given(Sides)
def test_the_interval_holds_the_difference_and_turns_around_with_the_sides(found: list[tuple[bool, bool]]) -> None:
    before, now = sides(found)
    there, back = change(before, now), change(now, before)
    assert there is not None
    assert back is not None
    assert -1 <= there.low <= there.mid + 1e-12
    assert there.mid <= there.high + 1e-12
    assert there.high <= 1
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_published_figures_of_newcombe_1998() -> None:
    """Newcombe 1998 (Statistics in Medicine 17, 2635), method 10, on his table of 36, 12, 2 and 0 pairs."""
    before, now = sides([(True, True)] * 36 + [(False, True)] * 12 + [(True, False)] * 2)
    found = change(before, now)
    assert found is not None
    assert (found.low, found.mid, found.high) == pytest.approx((0.0569, 0.2, 0.3404), abs=5e-4)


def test_only_cases_of_both_sides_count() -> None:
    got = pairs({"a": True, "b": False}, {"b": True, "c": False})
    assert (got.cases, got.improved, got.regressed) == (1, ("b",), ())
    assert change({"a": True}, {"b": True}) is None


def test_words_say_when_nothing_can_be_told_apart() -> None:
    before, now = sides([(True, True)] * 57 + [(False, True)] * 5 + [(True, False)] * 2)
    got = pairs(before, now)
    assert got.says == "not distinguishable (p = 0.45)"
    assert pairs(before, before).says == "no case changed"
    before, now = sides([(True, False)] * 9)
    assert pairs(before, now).says.startswith("worse than chance explains")
    assert pairs(now, before).says.startswith("better than chance explains")


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    luck, hits, runs, n = np.random.default_rng(5), 0, 400, 60
    for _ in range(runs):
        was = luck.random(n) < 0.8
        is_now = np.where(luck.random(n) < 0.3, luck.random(n) < 0.8, was)
        found = change(*sides(list(zip(map(bool, was), map(bool, is_now), strict=True))))
        assert found is not None
        hits += found.low <= 0 <= found.high
    assert hits / runs > 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)
