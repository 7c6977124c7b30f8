"""One action for each of many people with chances that can be logged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning import contextual


def people(count: int, seed: int = 0) -> np.ndarray:
    return np.column_stack([np.ones(count), np.random.default_rng(seed).standard_normal((count, 2))])


@given(seed=st.integers(0, 50), share=st.floats(0.0, 0.5), closed=st.sets(st.integers(0, 3), max_size=3))
def test_chances_add_up_keep_the_randomised_share_and_never_leave_what_is_feasible(
    seed: int, share: float, closed: set[int]
) -> None:
    feasible = np.ones((20, 4), dtype=bool)
    feasible[:10, list(closed)] = False
    sums = contextual.Sums.empty(actions=4, features=3)
    chance = contextual.chances(sums, people(20), feasible, spread=1.0, share=share, seed=seed, draws=30)
    assert chance.sum(axis=1) == pytest.approx(1.0)
    assert (chance[~feasible] == 0.0).all()
    least = share / feasible.sum(axis=1, keepdims=True) - 1e-12
    assert (chance >= np.where(feasible, least, 0.0)).all()
    chosen = contextual.choose(chance, seed=seed)
    assert feasible[np.arange(20), chosen].all()


def test_actions_are_drawn_as_often_as_their_chances_say() -> None:
    chance = np.tile([0.7, 0.0, 0.25, 0.05], (40_000, 1))
    drawn = np.bincount(contextual.choose(chance, seed=3), minlength=4) / 40_000
    assert drawn == pytest.approx([0.7, 0.0, 0.25, 0.05], abs=0.01)


def test_it_learns_which_action_suits_whom() -> None:
    luck, features = np.random.default_rng(5), people(6_000, 1)
    chosen = luck.integers(0, 2, 6_000)
    worth = np.where(chosen == 1, features[:, 1], -features[:, 1]) + luck.normal(0, 2, 6_000)
    sums = contextual.seen(features, chosen, worth, actions=2)
    asked = np.array([[1.0, 1.5, 0.0], [1.0, -1.5, 0.0]])
    chance = contextual.chances(sums, asked, np.ones((2, 2), dtype=bool), spread=1.0, seed=0)
    assert chance[0, 1] > 0.95
    assert chance[1, 0] > 0.95


def test_what_was_expected_decides_until_rewards_say_otherwise() -> None:
    nothing = contextual.Sums.empty(actions=2, features=1)
    one = np.ones((1, 1))
    feasible = np.ones((1, 2), dtype=bool)
    expected = np.array([[0.0, 1.0]])
    before = contextual.chances(nothing, one, feasible, spread=0.1, seed=0, expected=expected)
    assert before[0, 1] > 0.95
    chosen = np.array([0] * 2_000 + [1] * 2_000)
    rewards = np.where(chosen == 1, -1.0, 0.0) + np.random.default_rng(0).normal(0, 0.1, 4_000)
    sums = contextual.seen(np.ones((4_000, 1)), chosen, rewards, actions=2, expected=np.where(chosen == 1, 1.0, 0.0))
    after = contextual.chances(sums, one, feasible, spread=0.1, seed=0, expected=expected)
    assert after[0, 1] < 0.05


def test_rewards_still_to_come_are_not_held_against_an_action() -> None:
    """Half of the young action's reward is in: with its exposure it is as good as the old one, without it half as good."""
    ones = np.ones((8_000, 1))
    chosen = np.array([0, 1] * 4_000)
    rewards = np.where(chosen == 0, 2.0, 1.0) + np.random.default_rng(0).normal(0, 1.0, 8_000)
    exposure = np.where(chosen == 0, 1.0, 0.5)
    fair = contextual.seen(ones, chosen, rewards, actions=2, exposure=exposure)
    blind = contextual.seen(ones, chosen, rewards, actions=2)
    drawn = [
        contextual.coefficients(sums, spread=5.0, draws=50, generator=np.random.default_rng(0)).mean(axis=0)[:, 0]
        for sums in (fair, blind)
    ]
    assert drawn[0] == pytest.approx([2.0, 2.0], abs=0.15)
    assert drawn[1][1] == pytest.approx(1.0, abs=0.15)


def test_sums_of_two_batches_are_those_of_both_together_and_survive_being_stored() -> None:
    features, chosen = people(200, 2), np.arange(200) % 3
    rewards = np.random.default_rng(1).normal(size=200)
    first = contextual.seen(features[:120], chosen[:120], rewards[:120], actions=3)
    both = first + contextual.seen(features[120:], chosen[120:], rewards[120:], actions=3)
    whole = contextual.seen(features, chosen, rewards, actions=3)
    assert both.gram == pytest.approx(whole.gram)
    again = contextual.from_parameters(contextual.as_parameters(both))
    assert again.moment == pytest.approx(whole.moment)
    assert (again.decisions, again.noise) == pytest.approx((200.0, whole.noise))


def test_a_person_without_a_feasible_action_and_an_unknown_action_are_refused() -> None:
    sums = contextual.Sums.empty(actions=2, features=1)
    with pytest.raises(ValueError, match="feasible"):
        contextual.chances(sums, np.ones((1, 1)), np.zeros((1, 2), dtype=bool), spread=1.0, seed=0)
    with pytest.raises(ValueError, match="among the actions"):
        contextual.seen(np.ones((1, 1)), np.array([2]), np.zeros(1), actions=2)
