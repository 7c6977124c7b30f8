"""Response curves learned from days with different spend, and tomorrow's money by channel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.planning import budget_curves, budget_moves
from liftwright.planning.budget_curves import Curve, Day


def days_of(most: float, half: float, sharp: float, spends: list[float], error: float = 1.0) -> list[Day]:
    return [Day(spent=s, margin=most * s**sharp / (s**sharp + half**sharp), error=error) for s in spends]


def curve(most: float = 200.0, half: float = 100.0, sharp: float = 1.0) -> Curve:
    spends = [20.0, 40.0, 70.0, 100.0, 130.0, 160.0, 250.0, 400.0]
    return budget_curves.fit(days_of(most, half, sharp, spends), usual=100.0, expected=most / 2)


def test_a_curve_seen_at_many_spends_is_found_again() -> None:
    found = curve(most=300.0, half=80.0, sharp=1.3)
    asked = np.array([30.0, 100.0, 200.0])
    assert found.margin(asked) == pytest.approx(300 * asked**1.3 / (asked**1.3 + 80**1.3), rel=0.03)
    assert found.marginal(30.0) > found.marginal(200.0) > 0


def test_without_a_day_the_plan_is_believed() -> None:
    assert budget_curves.fit([], usual=50.0, expected=40.0).margin([50.0])[0] == pytest.approx(40.0, rel=0.1)
    with pytest.raises(ValueError, match="above 0"):
        budget_curves.fit([], usual=0.0, expected=1.0)


def test_designed_days_give_each_channel_three_different_spends_and_cost_the_same() -> None:
    usual = [100.0, 100.0, 100.0, 100.0, 100.0, 100.0]
    spends = np.array([budget_curves.designed(usual, day=day) for day in range(3)])
    assert spends.sum(axis=1) == pytest.approx(600.0)
    assert all(len(set(np.round(column, 6))) == 3 for column in spends.T)


@settings(max_examples=40, deadline=None)
@given(
    today=st.lists(st.floats(1.0, 500.0), min_size=1, max_size=6),
    most=st.lists(st.floats(10.0, 900.0), min_size=6, max_size=6),
    least=st.sampled_from([0.0, 1.0, 3.0]),
)
def test_no_move_is_larger_than_allowed_and_no_money_appears(today: list[float], most: list[float], least: float) -> None:
    spends = {f"c{place}": spend for place, spend in enumerate(today)}
    curves = {name: budget_curves.fit([], usual=spends[name], expected=most[place]) for place, name in enumerate(spends)}
    moved = budget_moves.move(curves, spends, least_return=least)
    total = sum(today)
    assert sum(each.after for each in moved) <= total * (1 + 2 * len(today) / budget_moves.STEPS)
    for each in moved:
        slack = total / budget_moves.STEPS
        assert each.after <= each.before * 1.3 + slack
        assert each.after >= min(each.before, max(each.before * 0.7, 0.05 * total)) - slack


def test_money_goes_to_the_channel_where_it_brings_more_and_stops_where_it_brings_less_than_itself() -> None:
    curves = {"rich": curve(most=900.0, half=300.0), "poor": curve(most=50.0)}
    moved = {each.channel: each for each in budget_moves.move(curves, {"rich": 100.0, "poor": 100.0})}
    assert moved["rich"].after == pytest.approx(130.0, abs=1.0)
    assert moved["poor"].after == pytest.approx(70.0, abs=1.0)
    spared = budget_moves.move({"poor": curve(most=50.0)}, {"poor": 100.0}, least_return=1.0)
    assert spared[0].after == pytest.approx(70.0, abs=0.5)
    assert spared[0].marginal < 1.0


def test_the_split_is_the_best_of_all_splits_within_reach() -> None:
    curves = {"a": curve(most=400.0, half=150.0, sharp=1.6), "b": curve(most=250.0), "c": curve(most=300.0, half=60.0)}
    today = {"a": 90.0, "b": 120.0, "c": 90.0}
    moved = budget_moves.move(curves, today)
    best = sum(float(curves[each.channel].margin([each.after])[0]) for each in moved)
    luck = np.random.default_rng(0)
    for _ in range(400):
        tried = np.array(list(today.values())) * luck.uniform(0.7, 1.3, 3)
        tried *= 300.0 / tried.sum()
        if (tried <= np.array(list(today.values())) * 1.3).all() and (tried >= np.array(list(today.values())) * 0.7).all():
            assert sum(float(curves[n].margin([s])[0]) for n, s in zip("abc", tried, strict=True)) <= best + 0.5


def test_every_channel_needs_a_curve() -> None:
    with pytest.raises(ValueError, match="curve"):
        budget_moves.move({}, {"email": 1.0})
