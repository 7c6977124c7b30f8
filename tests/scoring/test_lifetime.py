"""What people will bring next year: close on simulated customers, better than going on as before, intervals that hold for groups."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.scoring import lifetime, repeat

START = datetime(2024, 1, 1, tzinfo=UTC)
TODAY = START + timedelta(days=730)


def _shop(people: int = 3000, *, seed: int = 0, days: int = 1095) -> pa.Table:
    """Orders of people who come at their own rate until they are gone for good (BG/NBD), each with a value of their own."""
    rng = np.random.default_rng(seed)
    who, at, margin = [], [], []
    for person in range(people):
        rate, stays, value = rng.gamma(0.8, 1 / 60), rng.beta(0.8, 2.5), rng.gamma(4.0, 5.0)
        when = float(rng.uniform(0, 500))
        while when < days:
            who.append(f"P{person:05d}")
            at.append(START + timedelta(days=when))
            margin.append(value * float(rng.uniform(0.5, 1.5)))
            if rng.random() < stays:
                break
            when += 1.0 + float(rng.exponential(1 / rate))
    return pa.table({"customer_id": who, "at": pa.array(at, pa.timestamp("us", tz="UTC")), "margin": margin})


def _split(orders: pa.Table) -> tuple[pa.Table, dict[str, float]]:
    is_past = np.array([at < TODAY for at in orders["at"].to_pylist()])
    later: dict[str, float] = {}
    for row in orders.filter(pa.array(~is_past)).to_pylist():
        later[row["customer_id"]] = later.get(row["customer_id"], 0.0) + row["margin"]
    return orders.filter(pa.array(is_past)), later


def test_next_years_margin_is_expected_within_its_interval_and_better_than_going_on_as_before() -> None:
    past, later = _split(_shop())
    model = lifetime.fit(past, as_of=TODAY, seed=0)
    expected = model.expected(past, as_of=TODAY)
    true = np.array([later.get(person, 0.0) for person in expected])
    mine = np.array(list(expected.values()))
    known = repeat.histories(lifetime._timed(past), at_us=lifetime._micros(TODAY))
    before = known.value * (known.repeats + 1) / known.age * 365
    assert mine.sum() == pytest.approx(true.sum(), rel=0.15)
    assert np.sqrt(((mine - true) ** 2).mean()) < 0.85 * np.sqrt(((before - true) ** 2).mean())
    assert model.quality["rmse_repeat"] < model.quality["rmse_going_on_as_before"]
    inside = 0
    for group in np.array_split(np.argsort(mine), 10):
        interval = model.interval(mine[group])
        inside += interval.low <= true[group].sum() <= interval.high
    assert inside >= 9


def test_the_same_orders_in_any_order_give_the_same_model_and_it_comes_back_from_json() -> None:
    past, _ = _split(_shop(800))
    one = lifetime.fit(past, as_of=TODAY, seed=1)
    two = lifetime.fit(past.take(pa.array(np.random.default_rng(0).permutation(past.num_rows))), as_of=TODAY, seed=1)
    again = lifetime.from_parameters(json.loads(json.dumps(one.parameters())))
    assert again.version == one.version
    assert again.expected(past, as_of=TODAY) == one.expected(past, as_of=TODAY)
    assert two.factor == pytest.approx(one.factor)
    assert "interval is for groups" in " ".join(one.card().breaks_when)


def test_bgnbd_finds_the_parameters_that_made_the_orders() -> None:
    rng = np.random.default_rng(5)
    people, weeks = 6000, 80.0
    counts, recency = np.zeros(people), np.zeros(people)
    for person in range(people):
        rate, leaves, now = rng.gamma(0.6, 1 / 6.0), rng.beta(0.8, 2.4), 0.0
        while rng.random() >= (leaves if now else 0.0):
            now += float(rng.exponential(1 / rate))
            if now > weeks:
                break
            counts[person], recency[person] = counts[person] + 1, 7 * now
    flat = np.full(people, 10.0)
    known = repeat.Histories(np.arange(people), counts, recency, np.full(people, 7 * weeks), flat, np.full(people, np.nan))
    found = repeat.Repeat.fit(known)
    assert found.r / found.alpha == pytest.approx(0.6 / 6.0, rel=0.15)
    assert found.a / (found.a + found.b) == pytest.approx(0.25, abs=0.05)
    assert found.mean_value == pytest.approx(10.0)


@given(st.integers(0, 40), st.floats(0, 300), st.floats(1, 700), st.floats(1, 700))
def test_more_time_never_brings_fewer_orders(repeats: int, recency: float, rest: float, days: float) -> None:
    one = np.array([float(repeats)])
    known = repeat.Histories(np.array(["a"]), one, np.array([recency if repeats else 0.0]), np.array([recency + rest]), one, one)
    for a in (0.5, 1.0001, 3.0):
        model = repeat.Repeat(r=0.3, alpha=6.0, a=a, b=2.5, mean_value=1.0, prior_orders=3.0)
        soon, later = model.orders(known, days=days), model.orders(known, days=2 * days)
        assert 0 <= soon[0] <= later[0] * (1 + 1e-9) + 1e-9
        assert np.isfinite(later).all()


def test_two_orders_of_one_day_are_one_visit_and_the_present_is_not_the_past() -> None:
    at = [START, START + timedelta(hours=3), START + timedelta(days=10), START + timedelta(days=20)]
    orders = pa.table(
        {"customer_id": ["a"] * 4, "at": pa.array(at, pa.timestamp("us", tz="UTC")), "margin": [1.0, 2.0, 5.0, 9.0]}
    )
    known = repeat.histories(lifetime._timed(orders), at_us=lifetime._micros(at[-1]))
    assert (known.repeats[0], known.recency[0], known.age[0], known.value[0]) == (1.0, 10.0, 20.0, 4.0)


@pytest.mark.parametrize("orders", [_shop(50), _shop(0), _shop(400, days=100)])
def test_too_little_past_is_refused_with_a_next_step(orders: pa.Table) -> None:
    if not orders.num_rows:
        orders = _shop(50).slice(0, 0)
    with pytest.raises(DataError) as refused:
        lifetime.fit(orders, as_of=START + timedelta(days=110), seed=0)
    assert refused.value.code == "LIFETIME-FEW"


def test_losses_and_returns_do_not_break_it() -> None:
    past, _ = _split(_shop(600))
    signs = np.where(np.arange(past.num_rows) % 5 == 0, -1.0, 1.0)
    model = lifetime.fit(past.set_column(2, "margin", pa.array(past["margin"].to_numpy() * signs)), as_of=TODAY, seed=0)
    assert np.isfinite(list(model.expected(past, as_of=TODAY).values())).all()
