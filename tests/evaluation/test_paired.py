"""Pairs of runs: what flipped, what chance explains, and an interval that is wrong as seldom as it says, whatever is resampled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test

from liftwright.evaluation.paired import FEWEST_UNITS, Difference, differences, interval, pairs, sign_flips

Sides = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
Scores = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=FEWEST_UNITS, max_size=40)
MARGIN = 0.02


def difference(found: list[tuple[float, float]], clusters: list[str] | None = None, *, draws: int = 1000) -> Difference:
    """One metric's difference."""
    was, now = np.array(found, dtype=float).T
    (one,) = differences(was[:, None], now[:, None], clusters, seed=7, draws=draws)
    return one


@given(Sides)
def test_every_case_is_counted_once_by_how_it_flipped(found: list[tuple[bool, bool]]) -> None:
    before, now = ({f"c{n}": pair[side] for n, pair in enumerate(found)} for side in (0, 1))
    got = pairs(before, now)
    assert got.cases == len(found)
    assert got.passed_now - got.passed_before == len(got.improved) - len(got.regressed)


def test_only_cases_of_both_sides_count() -> None:
    got = pairs({"a": True, "b": False}, {"b": True, "c": False})
    assert (got.cases, got.improved, got.regressed) == (1, ("b",), ())


@given(Sides)
def test_for_passes_and_failures_the_p_value_is_the_exact_test_of_mcnemar(found: list[tuple[bool, bool]]) -> None:
    gained, lost = (sum(pair == flip for pair in found) for flip in ((False, True), (True, False)))
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert difference([(float(a), float(b)) for a, b in found]).p_value == pytest.approx(expected)


@given(st.lists(st.floats(-1, 1).filter(lambda value: abs(value) > 1e-6), min_size=2, max_size=9))
def test_for_scores_between_the_p_value_is_that_of_every_way_to_turn_the_signs(sums: list[float]) -> None:
    expected = permutation_test(
        (np.array(sums), np.zeros(len(sums))),
        lambda a, b: abs(float(np.sum(a - b))),
        permutation_type="samples",
        alternative="greater",
    ).pvalue
    assert sign_flips(np.array(sums), seed=7, draws=1000) == pytest.approx(expected, abs=0.01)


def test_with_many_units_drawn_signs_say_the_same_as_the_normal_limit() -> None:
    sums = np.random.default_rng(3).normal(0.15, 1, size=200)
    z = abs(sums.sum()) / math.sqrt((sums**2).sum())
    assert sign_flips(sums, seed=7, draws=10_000) == pytest.approx(math.erfc(z / math.sqrt(2)), abs=0.015)


@given(Scores)
def test_the_interval_holds_the_difference_and_turns_around_with_the_sides(found: list[tuple[float, float]]) -> None:
    there, back = difference(found), difference([(b, a) for a, b in found])
    assert -1 - 1e-9 <= there.low <= there.mid + 1e-9
    assert there.mid - 1e-9 <= there.high <= 1 + 1e-9
    assert there.mid == pytest.approx(there.now - there.before)
    assert (there.low, there.high, there.p_value) == pytest.approx((-back.high, -back.low, back.p_value), abs=1e-9)


@given(Scores, st.floats(0.001, 0.3))
def test_a_verdict_says_what_its_interval_says_and_only_an_open_one_asks_for_more(
    found: list[tuple[float, float]], margin: float
) -> None:
    got = difference(found)
    said = got.outcome(margin)
    assert (said == "better") == (got.low > 0)
    assert (said == "worse") == (got.low <= -margin and got.high < 0)
    assert (said == "inconclusive") == (got.low <= -margin and got.high >= 0)
    assert (got.more_cases(margin) > 0) == (said == "inconclusive")


def test_the_same_seed_says_the_same_and_draws_agree_with_theory() -> None:
    luck = np.random.default_rng(11)
    found = [(float(a), float(b)) for a, b in luck.random((80, 2))]
    assert difference(found) == difference(found)
    gaps = np.array([b - a for a, b in found])
    assert difference(found, draws=20_000).error == pytest.approx(gaps.std(ddof=1) / math.sqrt(80), rel=0.02)


def test_a_cluster_is_one_unit_however_often_its_cases_are_repeated() -> None:
    few = [(0.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0)] * 5
    many = [pair for pair in few for _ in range(20)]
    clusters = [f"k{number:02d}" for number in range(20) for _ in range(20)]
    alone, clustered = difference(few), difference(many, clusters)
    assert (clustered.units, clustered.cases) == (20, 400)
    assert (clustered.low, clustered.high, clustered.p_value) == pytest.approx((alone.low, alone.high, alone.p_value))
    assert difference(many).high - difference(many).low < (alone.high - alone.low) / 3, "what ignoring clusters would claim"


@pytest.mark.parametrize("count", range(1, FEWEST_UNITS))
def test_fewer_cases_than_any_test_could_tell_apart_decide_nothing(count: int) -> None:
    got = difference([(0.0, 1.0)] * count)
    assert got.outcome(MARGIN) == "inconclusive"
    assert got.p_value > 0.05
    assert difference([(1.0, 1.0)] * count).outcome(MARGIN) == "inconclusive"


def test_as_many_more_cases_as_it_asks_for_settle_it_about_four_times_in_five() -> None:
    luck = np.random.default_rng(5)
    first = difference([(0.0, 1.0)] * 8 + [(1.0, 0.0)] * 3 + [(1.0, 1.0)] * 49)
    assert first.outcome(MARGIN) == "inconclusive"
    whole, rates = first.cases + first.more_cases(MARGIN), [3 / 60, 49 / 60, 8 / 60]
    drawn = luck.choice([-1.0, 0.0, 1.0], p=rates, size=(whole, 400))
    low, _, _ = interval(drawn, np.arange(whole), seed=7, draws=1000)
    assert 0.7 < (low > -MARGIN).mean() < 0.9


def a_against_a(cases: int, clusters: int | None, luck: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Differences of 4,000 pairs of runs of the same version; in clusters the two fare differently, and which one fares better is luck."""
    runs = 4000
    if clusters is None:
        return (luck.random((cases, runs)) < 0.8).astype(float) - (luck.random((cases, runs)) < 0.8), np.arange(cases)
    groups = np.repeat(np.arange(clusters), cases // clusters)
    better, worse = 0.8 + 0.2 * luck.random((clusters, runs)), 0.8 - 0.4 * luck.random((clusters, runs))
    turned = luck.random((clusters, runs)) < 0.5
    one, two = np.where(turned, better, worse)[groups], np.where(turned, worse, better)[groups]
    return (luck.random(one.shape) < two).astype(float) - (luck.random(one.shape) < one), groups


@pytest.mark.parametrize(("cases", "clusters"), [(60, None), (200, None), (100, 10), (200, 20), (400, 40)])
def test_comparisons_of_a_version_with_itself_raise_as_many_alarms_as_they_may(cases: int, clusters: int | None) -> None:
    values, groups = a_against_a(cases, clusters, np.random.default_rng(1))
    low, high, _ = interval(values, groups, seed=7, draws=2000)
    alarms = (low > 0) | ((high < 0) & (low <= -MARGIN))
    assert 0.035 <= alarms.mean() <= 0.065


def test_cases_of_clusters_taken_as_independent_would_raise_far_too_many() -> None:
    values, _ = a_against_a(200, 20, np.random.default_rng(1))
    low, high, _ = interval(values, np.arange(200), seed=7, draws=2000)
    assert ((low > 0) | (high < 0)).mean() > 0.15


def test_a_true_gain_of_ten_points_is_nearly_always_found_in_two_hundred_cases() -> None:
    luck = np.random.default_rng(2)
    was = luck.random((200, 500)) < 0.8
    now = was | (luck.random((200, 500)) < 0.5)
    low, _, _ = interval(now.astype(float) - was, np.arange(200), seed=7, draws=1000)
    assert (low > 0).mean() > 0.95
