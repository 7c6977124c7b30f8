"""How late orders come in, measured while some are still on their way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.bandit import results, split
from liftwright.planning.bandit_delay import Delays, measured


@given(
    delays=st.lists(st.tuples(st.floats(0, 20), st.floats(0, 30)), max_size=60),
    window=st.integers(1, 20),
    median=st.floats(0.3, 10),
)
def test_the_curve_rises_from_nothing_to_all_whatever_was_seen(
    delays: list[tuple[float, float]], window: int, median: float
) -> None:
    found = measured([d for d, _ in delays], [a for _, a in delays], window_days=window, median_days=median)
    shares = found.share(np.arange(window + 3))
    assert shares[0] == 0.0
    assert shares[window:] == pytest.approx(1.0)
    assert (np.diff(shares) >= -1e-12).all()


def test_without_orders_the_stated_median_is_used() -> None:
    found = measured([], [], window_days=14, median_days=3.0)
    stated = (1 - 0.5 ** (np.arange(15) / 3.0)) / (1 - 0.5 ** (14 / 3.0))
    assert found.share(np.arange(15)) == pytest.approx(stated)
    assert found.orders == 0


def test_young_contacts_do_not_make_orders_look_early() -> None:
    """Orders come evenly over ten days, but only those that are in can be seen: half of all contacts are younger than five days."""
    luck = np.random.default_rng(1)
    ages, delays = luck.uniform(0, 12, 6_000), luck.uniform(0, 10, 6_000)
    seen = delays <= ages
    found = measured(delays[seen], ages[seen], window_days=10)
    assert found.share(np.arange(11)) == pytest.approx(np.arange(11) / 10, abs=0.05)
    assert np.mean(delays[seen] <= 5) > 0.6


def test_a_young_text_is_not_blamed_for_orders_that_are_still_to_come() -> None:
    delays = measured([], [], window_days=60, median_days=3.0)
    old, young = delays.exposure(np.full(10_000, 60.0)), delays.exposure(np.full(10_000, 3.0))
    assert old == pytest.approx(10_000)
    assert young == pytest.approx(5_000, rel=1e-3)
    margins = {"old": np.full(200, 20.0), "young": np.full(100, 20.0)}
    corrected = split(results({"old": old, "young": young}, margins))
    naive = split(results({"old": 10_000.0, "young": 10_000.0}, margins))
    assert corrected["young"] > 0.25
    assert naive["young"] < 0.06


def test_the_median_is_read_off_the_curve() -> None:
    assert Delays(arrived=(0.25, 0.5, 1.0), orders=9).median_days == pytest.approx(2.0)


def test_orders_and_ages_must_belong_together() -> None:
    with pytest.raises(ValueError, match="every order"):
        measured([1.0], [], window_days=7)
