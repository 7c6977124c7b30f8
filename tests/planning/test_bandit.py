"""Shares of the next batch by what each variant has earned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.bandit import VariantResult, results, split


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
    equal = split({"a": result(200), "b": result(200)}, draws=40_000)
    assert equal["a"] == pytest.approx(0.5, abs=0.05)


def test_margin_decides_not_the_number_of_orders() -> None:
    shares = split({"cheap": result(300, margin=5.0), "dear": result(200, margin=20.0)})
    assert shares["dear"] > 0.9


def test_nothing_known_yet_means_an_even_split_and_no_variants_no_shares() -> None:
    blank = VariantResult(exposure=0.0, orders=0, margin_sum=0.0, margin_squares=0.0)
    shares = split({"a": blank, "b": blank, "c": blank}, draws=40_000)
    assert all(share == pytest.approx(1 / 3, abs=0.05) for share in shares.values())
    assert split({}) == {}


def test_one_huge_order_does_not_make_a_text_the_favourite() -> None:
    plain = np.full(100, 20.0)
    lucky = np.append(np.full(98, 20.0), [20.0, 5_000.0])
    shares = split(results({"plain": 5_000.0, "lucky": 5_000.0}, {"plain": plain, "lucky": lucky}), draws=20_000)
    assert shares["lucky"] < 0.65
    uncapped = {
        name: VariantResult(exposure=5_000.0, orders=100, margin_sum=float(m.sum()), margin_squares=float((m**2).sum()))
        for name, m in (("plain", plain), ("lucky", lucky))
    }
    assert split(uncapped)["lucky"] > shares["lucky"]


def test_a_few_orders_are_not_capped() -> None:
    found = results({"a": 10.0}, {"a": [1.0, 500.0]})["a"]
    assert (found.orders, found.margin_sum) == (2, 501.0)


def test_the_same_seed_gives_the_same_split() -> None:
    known = {"a": result(100), "b": result(120)}
    assert split(known, seed=4) == split(known, seed=4)
