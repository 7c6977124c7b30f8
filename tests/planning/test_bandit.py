"""Shares of the next batch by what each variant has earned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.bandit import VariantResult, exposure, split


def result(orders: int, *, exposed: float = 10_000.0, margin: float = 20.0) -> VariantResult:
    return VariantResult(exposure=exposed, orders=orders, margin_sum=orders * margin, margin_squares=orders * margin**2 * 1.5)


@given(orders=st.lists(st.integers(0, 400), min_size=1, max_size=6), floor=st.floats(0.0, 0.3))
def test_shares_add_up_and_keep_the_floor(orders: list[int], floor: float) -> None:
    shares = split({f"v{i}": result(n) for i, n in enumerate(orders)}, floor=floor, draws=500)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert min(shares.values()) >= min(floor, 1.0 / len(orders)) - 1e-9


def test_a_clear_winner_gets_almost_everything_and_equals_are_split() -> None:
    clear = split({"a": result(150), "b": result(300), "c": result(160)})
    assert clear["b"] > 0.88
    assert clear["a"] >= 0.05
    equal = split({"a": result(200), "b": result(200)})
    assert equal["a"] == pytest.approx(0.5, abs=0.05)


def test_margin_decides_not_the_number_of_orders() -> None:
    shares = split({"cheap": result(300, margin=5.0), "dear": result(200, margin=20.0)})
    assert shares["dear"] > 0.9


def test_nothing_known_yet_means_an_even_split_and_no_variants_no_shares() -> None:
    blank = VariantResult(exposure=0.0, orders=0, margin_sum=0.0, margin_squares=0.0)
    shares = split({"a": blank, "b": blank, "c": blank})
    assert all(share == pytest.approx(1 / 3, abs=0.05) for share in shares.values())
    assert split({}) == {}


def test_a_young_variant_is_not_blamed_for_orders_that_are_still_to_come() -> None:
    old = exposure(np.full(10_000, 60.0), median_delay_days=3.0)
    young = exposure(np.full(10_000, 3.0), median_delay_days=3.0)
    assert old == pytest.approx(10_000, rel=1e-4)
    assert young == pytest.approx(5_000)
    corrected = split({"old": result(200, exposed=old), "young": result(100, exposed=young)})
    naive = split({"old": result(200), "young": result(100)})
    assert corrected["young"] > 0.3
    assert naive["young"] < 0.06


def test_the_same_seed_gives_the_same_split() -> None:
    results = {"a": result(100), "b": result(120)}
    assert split(results, seed=4) == split(results, seed=4)
