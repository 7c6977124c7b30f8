"""What is fixed before launch comes from the past alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.experiment import Analysis
from liftwright.measurement.freezing import Past, cap_for, chance_within, choose, explained, freeze


def past(people: int = 20_000, *, seed: int = 0) -> Past:
    rng = np.random.default_rng(seed)
    margin = (rng.random(people) < 0.05) * rng.lognormal(3.0, 1.0, people)
    return Past(margin=margin, is_holdout=np.arange(people) < people // 10, chance=np.full(people, 0.05))


def frozen(expected: float, people: int = 20_000, **changes: float) -> Analysis:
    found = past(people)
    everybody = {"all_margin": found.margin, "all_revenue": found.margin / 0.4}
    covariates = changes or {"prior_value": 0.02, "predicted_spend": 0.05}
    return freeze(found, **everybody, covariates=covariates, expected=expected, days=14, looks=14)


def test_a_plan_states_caps_orders_and_what_it_can_find() -> None:
    found = frozen(5.0)
    assert found.conversions == pytest.approx(0.05 * 2_000)
    assert found.cap > found.stricter_cap > 0
    assert found.revenue_cap == pytest.approx(found.cap / 0.4, rel=1e-4)
    assert (found.covariate, found.explained) == ("predicted_spend", 0.05)
    assert found.opt_out_price == pytest.approx(5.0 * 90 / 14, abs=1e-3)


def test_a_plan_is_measurable_only_where_it_can_find_what_it_expects() -> None:
    assert frozen(5.0).is_measurable
    assert not frozen(0.05).is_measurable
    assert not frozen(5.0, people=0).is_measurable


def test_a_loss_expected_makes_opting_out_no_gain() -> None:
    assert frozen(-1.0).opt_out_price == 0.0


def test_the_covariate_is_the_one_that_explained_most_of_the_past_and_none_where_none_did() -> None:
    assert choose({"a": 0.2, "b": 0.4}) == ("b", 0.4)
    assert choose({"a": 0.0, "b": 0.0005}) == ("", 0.0)
    assert choose({}) == ("", 0.0)


def test_what_a_covariate_explains_is_its_squared_correlation() -> None:
    rng = np.random.default_rng(2)
    before = rng.normal(size=5_000)
    after = before + rng.normal(size=5_000)
    assert explained(after, before) == pytest.approx(np.corrcoef(after, before)[0, 1] ** 2)
    assert explained(after, np.ones(5_000)) == 0.0


def test_few_buyers_set_no_cap() -> None:
    assert cap_for([10.0] * 99) is None


@given(chance=st.floats(0.0, 1.0), days=st.floats(1.0, 90.0))
def test_a_longer_window_never_lowers_a_chance(chance: float, days: float) -> None:
    (found,) = chance_within(np.array([chance]), days=days, of_days=14.0)
    (longer,) = chance_within(np.array([chance]), days=2 * days, of_days=14.0)
    assert 0.0 <= found <= longer <= 1.0
