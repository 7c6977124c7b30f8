"""What another policy would have brought, and when a log cannot tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.measurement import off_policy


def logged(count: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x, chosen action, its chance, reward: action 1 brings x, action 0 nothing; action 1 is logged more often where x is high."""
    luck = np.random.default_rng(seed)
    x = luck.uniform(0, 1, count)
    chance_of_one = 0.1 + 0.8 * x
    chosen = (luck.random(count) < chance_of_one).astype(np.int64)
    reward = np.where(chosen == 1, x, 0.0) + luck.normal(0, 0.5, count)
    return x, chosen, np.where(chosen == 1, chance_of_one, 1 - chance_of_one), reward


def test_a_policy_is_judged_rightly_although_the_log_preferred_some_people() -> None:
    x, chosen, chance, reward = logged()
    target = (chosen == 1).astype(float)
    model = off_policy.cross_fitted(x[:, None], chosen, reward, actions=2)
    found = off_policy.evaluate(
        reward,
        propensities=chance,
        target=target,
        expected_chosen=model[np.arange(len(x)), chosen],
        expected_target=model[:, 1],
    )
    assert found.snips is not None
    assert found.doubly_robust is not None
    assert found.doubly_robust.low < 0.5 < found.doubly_robust.high
    assert found.snips.mid == pytest.approx(0.5, abs=0.02)
    assert reward[chosen == 1].mean() > 0.58
    assert found.doubly_robust.high - found.doubly_robust.low <= (found.snips.high - found.snips.low) * 1.02
    assert found.gain is not None
    assert found.gain.mid == pytest.approx(found.doubly_robust.mid - reward.mean())


@given(st.integers(0, 30))
def test_the_logging_policy_itself_comes_out_at_the_mean_of_the_log(seed: int) -> None:
    _, _, chance, reward = logged(400, seed)
    found = off_policy.evaluate(reward, propensities=chance, target=chance)
    assert found.snips is not None
    assert found.snips.mid == pytest.approx(reward.mean())
    assert (found.effective, found.max_weight) == pytest.approx((400, 1.0))


@pytest.mark.parametrize("propensities", [None, [0.5, 0.0, 0.5], [0.5, float("nan"), 0.5]])
def test_a_log_without_chances_is_refused(propensities: list[float] | None) -> None:
    found = off_policy.evaluate([1.0, 0.0, 2.0], propensities=propensities, target=[1.0, 1.0, 1.0])
    assert "chance" in found.refusal
    assert (found.snips, found.doubly_robust, found.gain) == (None, None, None)


def test_a_policy_the_log_hardly_ever_followed_is_refused() -> None:
    chance = np.full(10_000, 0.01)
    followed = np.arange(10_000) < 100
    found = off_policy.evaluate(np.ones(10_000), propensities=chance, target=followed.astype(float))
    assert "1.0% of 10,000" in found.refusal
    assert found.effective == pytest.approx(100)


def test_a_choice_that_never_had_a_chance_is_refused() -> None:
    supported = np.ones(100, dtype=bool)
    supported[:3] = False
    found = off_policy.evaluate(np.ones(100), propensities=np.full(100, 0.5), target=np.ones(100), supported=supported)
    assert "3 of 100" in found.refusal


def test_hardly_any_outcome_and_no_decision_at_all_are_refused() -> None:
    reward = np.zeros(1_000)
    reward[:5] = 1.0
    found = off_policy.evaluate(reward, propensities=np.full(1_000, 0.5), target=np.ones(1_000))
    assert "only 5 decisions" in found.refusal
    assert off_policy.evaluate([], propensities=[], target=[]).refusal


def test_looking_every_day_does_not_fool_the_always_valid_interval() -> None:
    luck = np.random.default_rng(2)
    wrong = 0
    for _ in range(200):
        values = luck.exponential(1.0, 2_000) - 1.0
        looks = [off_policy.confidence_sequence(values[:n], planned=2_000) for n in range(200, 2_001, 200)]
        wrong += any(not each.low <= 0.0 <= each.high for each in looks)
    assert wrong <= 10
    assert off_policy.confidence_sequence([1.0]).high == float("inf")


def test_arrays_must_belong_together() -> None:
    with pytest.raises(ValueError, match="one entry"):
        off_policy.evaluate([1.0], propensities=[0.5, 0.5], target=[1.0])
