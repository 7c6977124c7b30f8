"""Campaigns together: more certain than each alone, and honest about how much they differ."""

from __future__ import annotations

import numpy as np
import pytest

from liftwright.domain.evidence import Estimate
from liftwright.domain.figures import PooledCampaign
from liftwright.measurement.pooling import between, pool, row


def campaigns(mids: list[float], errors: list[float]) -> list[PooledCampaign]:
    return [
        PooledCampaign(campaign_id=f"k{n}", mid=m, error=e, people=100) for n, (m, e) in enumerate(zip(mids, errors, strict=True))
    ]


def test_two_like_campaigns_have_their_mean_and_a_smaller_error() -> None:
    found = pool(campaigns([1.0, 1.2], [0.5, 0.5]))
    assert found.fixed is not None
    assert found.fixed.mid == pytest.approx(1.1)
    assert found.fixed.high - found.fixed.mid == pytest.approx(1.959964 * 0.5 / np.sqrt(2))
    assert found.tau == 0.0


def test_campaigns_that_differ_more_than_chance_widen_what_is_said_of_the_next() -> None:
    found = pool(campaigns([0.0, 2.0, 4.0, 1.0, 3.0], [0.1] * 5))
    assert found.tau == pytest.approx(np.sqrt(np.var([0, 2, 4, 1, 3], ddof=1) - 0.01), rel=1e-3)
    assert found.random is not None
    assert found.fixed is not None
    assert found.random.high - found.random.low > 5 * (found.fixed.high - found.fixed.low)


def test_one_campaign_is_not_pooled_and_says_so() -> None:
    found = pool(campaigns([1.0], [0.5]))
    assert (found.fixed, found.random) == (None, None)
    assert "two measured campaigns" in found.reason


def test_the_error_of_a_campaign_is_the_one_that_no_look_widens() -> None:
    early = Estimate(metric="m", low=-4.0, mid=1.0, high=6.0, error=0.5, p_value=0.0455003, treated=9)
    found = row("k", early)
    assert found is not None
    assert (found.mid, found.error, found.people) == (1.0, 0.5, 9)
    assert row("k", Estimate(metric="m")) is None


def test_the_interval_of_a_next_campaign_covers_the_mean_of_all_with_few_campaigns_too() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(400):
        errors = rng.uniform(0.2, 0.6, 5)
        mids = rng.normal(1.0, 0.4, 5) + rng.normal(0.0, errors)
        found = pool(campaigns(mids.tolist(), errors.tolist()))
        assert found.random is not None
        hits += found.random.low <= 1.0 <= found.random.high
    assert 0.92 <= hits / 400 <= 0.985


def test_the_spread_between_campaigns_is_found() -> None:
    rng = np.random.default_rng(12)
    errors = np.full(400, 0.3)
    assert between(rng.normal(0.0, np.hypot(0.5, 0.3), 400), errors) == pytest.approx(0.25, rel=0.25)
