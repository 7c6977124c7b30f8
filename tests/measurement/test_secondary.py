"""Several metrics at once do not find what is not there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.measurement import moments, ratio
from liftwright.measurement.secondary import METRICS, compare, holm, level_each


def world(rng: np.random.Generator, *, people: int = 4_000, factor: float = 1.0) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """An arm that spends `factor` times as much as the other."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("orders", "revenue", "order_margin", "visits")}
    for count, times in ((people, factor), (people // 4, 1.0)):
        orders = rng.poisson(0.2, count).astype(float)
        revenue = orders * rng.lognormal(3.0, 0.5, count) * times
        columns = (orders, revenue, revenue * rng.uniform(0.3, 0.5, count), rng.poisson(0.4, count).astype(float))
        for name, values in zip(found, columns, strict=True):
            found[name].append(values)
    return {name: (parts[0], parts[1]) for name, parts in found.items()}


def test_adjusted_p_values_worked_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == (pytest.approx(0.03), pytest.approx(0.06), pytest.approx(0.06))
    assert holm([]) == ()


@given(p=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=8))
def test_adjusting_keeps_the_order_and_never_lowers(p: list[float]) -> None:
    found = holm(p)
    assert all(after >= before for before, after in zip(p, found, strict=True))
    assert max(found) <= 1.0
    order = sorted(range(len(p)), key=lambda place: p[place])
    assert [found[place] for place in order] == sorted(found)


def test_means_and_ratios_come_with_intervals_that_hold_together() -> None:
    found = compare(world(np.random.default_rng(0), factor=1.5), level=0.95)
    assert [one.metric for one in found] == list(METRICS)
    assert {one.level for one in found} == {level_each(0.95)} == {0.99}
    revenue, orders, *_ = found
    assert revenue.adjusted_p is not None
    assert orders.adjusted_p is not None
    assert revenue.adjusted_p < 0.05 < orders.adjusted_p
    assert found[-1].mid == pytest.approx(0.5 * np.exp(3.0 + 0.125), rel=0.15)


def test_a_column_that_is_not_there_is_left_out() -> None:
    arms = world(np.random.default_rng(1))
    assert [one.metric for one in compare({"orders": arms["orders"]}, level=0.95)] == ["orders"]


def test_without_any_effect_a_report_seldom_finds_one() -> None:
    rng = np.random.default_rng(3)
    found = [compare(world(rng, people=1_200), level=0.95) for _ in range(250)]
    families = np.mean([any((one.adjusted_p or 1.0) < 0.05 for one in each) for each in found])
    alone = np.mean([any((one.p_value or 1.0) < 0.05 for one in each) for each in found])
    assert families <= 0.09
    assert alone > 0.12


def test_a_ratio_nobody_contributes_to_says_so() -> None:
    nothing = moments.arm([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    some = moments.arm([1.0, 2.0, 0.0], [2.0, 3.0, 0.0])
    found = ratio.compare(some, nothing, metric="margin_rate")
    assert (found.mid, found.reason) == (None, "nobody of an arm has anything to divide by")
    assert ratio.rate(nothing) is None
    assert ratio.rate(some).mid == pytest.approx(0.6)  # type: ignore[union-attr]


def test_the_interval_of_a_ratio_covers_the_truth() -> None:
    rng = np.random.default_rng(8)
    hits = 0
    for _ in range(300):
        arm = world(rng, people=2_000)
        found = ratio.rate(moments.arm(arm["order_margin"][0], arm["revenue"][0]))
        assert found is not None
        hits += found.low <= 0.4 <= found.high
    assert 0.92 <= hits / 300 <= 0.98
