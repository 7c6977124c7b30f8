"""What a plan is expected to cause, and how sure that is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.forecast import chance_of, forecast, nearest_goal, reachable, spread_of


def plan(email: int, sms: int = 0) -> pa.Table:
    count = email + sms
    return pa.table(
        {
            "customer_id": [f"p{i}" for i in range(count)],
            "wave": pa.array([1] * count, pa.int64()),
            "channel": ["email"] * email + ["sms"] * sms,
            "offer": ["none"] * count,
            "value": np.full(count, 0.5),
            "cost": np.full(count, 0.01),
        }
    )


def test_effect_errors_add_up_over_touches_and_noise_over_their_root() -> None:
    assert spread_of(plan(100), effect_se={"email:none": 0.2}, noise_sd=0.0) == pytest.approx(20.0)
    assert spread_of(plan(100), effect_se={}, noise_sd=3.0) == pytest.approx(30.0)
    both = {"email:none": 0.2, "sms:none": 0.2}
    assert spread_of(plan(50, 50), effect_se=both, noise_sd=0.0, correlation=0.0) == pytest.approx(np.hypot(10, 10))
    assert spread_of(plan(50, 50), effect_se=both, noise_sd=0.0, correlation=1.0) == pytest.approx(20.0)


def test_a_forecast_names_its_cost_its_interval_and_the_nearest_likely_goal() -> None:
    found = forecast(plan(100), effect_se={"email:none": 0.2}, noise_sd=0.0, currency="USD", target=80.0, level=0.90)
    assert found.incremental_margin.mid == pytest.approx(50.0)
    assert found.incremental_margin.low == pytest.approx(50.0 - 1.6449 * 20, abs=1e-2)
    assert str(found.cost) == "1.00 USD"
    assert found.probability_of_target == pytest.approx(0.0668, abs=1e-3)
    assert (
        found.note
        == "An incremental margin of 80.00 USD is reached with a chance of 7%. With a chance of 80% this plan reaches 33.17 USD."
    )
    assert forecast(plan(1), effect_se={}, noise_sd=0.0, currency="USD").probability_of_target is None


def test_a_likely_target_needs_no_other_goal_and_a_hopeless_one_is_said_to_be() -> None:
    assert nearest_goal(10.0, mid=50.0, sd=20.0, currency="USD").count(".") == 2
    assert "No gain" in nearest_goal(50.0, mid=5.0, sd=20.0, currency="USD")
    assert "less than 1%" in nearest_goal(500.0, mid=5.0, sd=20.0, currency="USD")


@given(mid=st.floats(-100, 100), sd=st.floats(0.1, 50), chance=st.floats(0.05, 0.95))
def test_the_reachable_goal_is_reached_with_exactly_that_chance(mid: float, sd: float, chance: float) -> None:
    assert chance_of(reachable(mid=mid, sd=sd, chance=chance), mid=mid, sd=sd) == pytest.approx(chance)


def test_an_empty_plan_causes_nothing_for_sure() -> None:
    found = forecast(plan(0), effect_se={}, noise_sd=2.0, currency="USD", target=1.0)
    assert (found.incremental_margin.low, found.incremental_margin.high, found.probability_of_target) == (0.0, 0.0, 0.0)
