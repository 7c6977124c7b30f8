"""Orders soon after a contact say more about its effect than late ones, where that can be told, and never more than is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from liftwright.scoring import history, uplift
from liftwright.scoring.uplift import fitting, ridge, spread

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
HOURS = np.array(history.DELAY_HOURS)
SPANS = len(HOURS) - 1
OWN = np.diff(HOURS) / HOURS[-1] * 0.05
"""Orders of people left alone: five in a hundred within two weeks, at any hour alike."""
PROMPT = np.concatenate([[0.6, 0.1, 0.1], np.full(5, 0.04), np.zeros(SPANS - 8)])
LATE = np.concatenate([np.zeros(7), [0.3, 0.25, 0.2, 0.15, 0.1], np.zeros(SPANS - 12)])
NAMES = ("taste", "noise")


ACTIONS = np.array(["control", "email:none", "direct_mail:none"])


def _counts(rng: np.random.Generator, effect: np.ndarray, shares: np.ndarray, own: np.ndarray = OWN) -> np.ndarray:
    return rng.poisson(np.maximum(own + effect[:, None] * shares, 0.0)).astype(np.float64)


def _lists(counts: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(counts.ravel(), pa.float32()), SPANS)


def _table(
    action: np.ndarray, propensity: np.ndarray, counts: np.ndarray, at: list[datetime], **features: np.ndarray
) -> pa.Table:
    return pa.table(
        {
            "customer_id": [f"C{n:06d}" for n in range(len(action))],
            "at": pa.array(at, history.STAMP),
            "action": action,
            "propensity": propensity,
            "y_orders": counts.sum(axis=1),
            **features,
            history.DELAYED: _lists(counts),
        }
    )


def _rows(
    people: int = 20_000,
    *,
    seed: int = 1,
    average: float = 0.02,
    later: float = 0.0,
    stamped_apart: bool = False,
    control: float = 1 / 3,
) -> pa.Table:
    """Effects grow with `taste`. E-mails work at once, letters after three days; `later`: share of the effect that only came sooner."""
    rng = np.random.default_rng(seed)
    taste, noise = rng.standard_normal(people), rng.standard_normal(people)
    chances = np.array([control, (1 - control) / 2, (1 - control) / 2])
    drawn = rng.choice(3, people, p=chances)
    effect = np.where(drawn == 0, 0.0, np.maximum(average * (1 + taste), 0.0))
    shares = np.where((drawn == 1)[:, None], PROMPT, LATE)
    counts = _counts(rng, effect, shares - later * OWN / OWN.sum())
    at = [START - timedelta(hours=9 if stamped_apart and arm == 0 else 0) for arm in drawn]
    return _table(ACTIONS[drawn], chances[drawn], counts, at, taste=taste, noise=noise)


def _fit(rows: pa.Table) -> uplift.UpliftModel:
    return uplift.fit(rows, outcome="orders", feature_names=NAMES, seed=3)


def _weighed(rows: pa.Table) -> tuple[spread.Weighed | None, Callable[[np.ndarray], np.ndarray]]:
    """What is weighed, and the ridge's effect of an e-mail by taste."""
    rows, data, scale, layout, cap = fitting.prepared(rows, outcome="orders", feature_names=NAMES, seed=3)
    found = fitting.weigh(rows, data, layout, cap=cap)
    slopes = layout.stack("email:none") @ ridge.learn(data, layout, fitting.target_of(found, data)).solution.coefficients
    return found, lambda taste: slopes[0] + scale.apply(pa.table({"taste": taste, "noise": 0 * taste})) @ slopes[1:]


def _error(rows: pa.Table) -> float:
    """Root mean squared error of the effect of an e-mail on people it helps."""
    taste = np.linspace(-1, 2, 31)
    return float(np.sqrt(np.mean((_weighed(rows)[1](taste) - 0.02 * (1 + taste)) ** 2)))


def test_each_channel_has_a_spread_of_its_own() -> None:
    found, _ = _weighed(_rows())
    assert found is not None
    shares = found.shares
    assert sum(shares["email"][:3]) == pytest.approx(0.8, abs=0.15)
    assert sum(shares["direct_mail"][:6]) < 0.05
    assert sum(shares["direct_mail"][7:12]) > 0.7
    assert all(sum(each) == pytest.approx(1.0) for each in shares.values())


def test_effects_are_found_more_exactly_than_from_all_orders_alike() -> None:
    histories = [_rows(8_000, seed=seed) for seed in range(6)]
    weighed = [_error(rows) for rows in histories]
    alike = [_error(rows.drop_columns([history.DELAYED])) for rows in histories]
    assert np.mean(weighed) < 0.75 * np.mean(alike)


def test_weighing_keeps_the_size_of_the_effect() -> None:
    model = _fit(_rows(20_000))
    found = model.effects(pa.table({"taste": [0.0, 1.0], "noise": [0.0, 0.0]}), ["email:none"])[:, 0]
    assert found == pytest.approx([0.021, 0.04], abs=0.006)
    slope = model.quality["calibration_slope"]
    assert slope["low"] < 1 < slope["high"]
    within = model.data["half_within_hours"]
    assert within["email"] < 3
    assert 72 < within["direct_mail"] < 144


@pytest.mark.parametrize(
    "rows",
    [
        _rows(stamped_apart=True),
        _rows(average=0.0),
        _rows(60_000, later=1.0),
        _rows().set_column(7, history.DELAYED, pa.nulls(20_000, pa.list_(pa.float32(), SPANS))),
        _rows(300),
    ],
    ids=["the control is stamped at midnight", "nobody is moved", "orders only come sooner", "no moments", "few rows"],
)
def test_orders_are_not_weighed_where_their_moments_do_not_tell(rows: pa.Table) -> None:
    assert _weighed(rows)[0] is None


def _average(rows: pa.Table) -> tuple[float, float]:
    """The ridge's effect of an e-mail on the average person, and its standard error."""
    rows, data, _, layout, cap = fitting.prepared(rows, outcome="orders", feature_names=NAMES, seed=3)
    found = fitting.weigh(rows, data, layout, cap=cap)
    assert found is not None
    solution, row = ridge.learn(data, layout, fitting.target_of(found, data)).solution, layout.stack("email:none")[0]
    return float(row @ solution.coefficients), float(np.sqrt(row @ solution.covariance @ row))


def test_a_wave_without_a_control_tells_nothing() -> None:
    usual, rng = _rows(12_000), np.random.default_rng(5)
    taste = rng.standard_normal(4_000)
    counts = _counts(rng, np.zeros(4_000), PROMPT, own=10 * OWN)
    at = [START + timedelta(days=60)] * 4_000
    alone = _table(np.full(4_000, "email:none"), np.full(4_000, 1 / 3), counts, at, taste=taste, noise=taste[::-1])
    alone = alone.set_column(0, "customer_id", pa.array([f"D{n:06d}" for n in range(4_000)]))
    found, _ = _weighed(pa.concat_tables([usual, alone]))
    assert found is not None
    assert not found.weight[-4_000:].any()
    assert _average(pa.concat_tables([usual, alone]))[0] == pytest.approx(_average(usual)[0], abs=0.004)


def test_a_small_control_leaves_effects_as_large_and_less_sure() -> None:
    """Of many contacts beside few of a control; what people order by themselves is then known less well than what they order in all."""
    half, tenth = ([_average(_rows(20_000, seed=seed, control=share)) for seed in range(5)] for share in (0.5, 0.1))
    for found in (half, tenth):
        assert np.mean([value for value, _ in found]) == pytest.approx(0.0217, rel=0.2)
    assert np.mean([error for _, error in tenth]) > 1.15 * np.mean([error for _, error in half])
    off = [(value - 0.0217) / error for value, error in (*half, *tenth)]
    assert 0.3 < np.sqrt(np.mean(np.square(off))) < 2.0


def test_who_is_likelier_to_be_contacted_does_not_count_more() -> None:
    """People of taste are contacted more often and order twice as much by themselves; contacts move everybody alike."""
    found = []
    for seed in range(6):
        rng, people = np.random.default_rng(seed), 20_000
        taste, noise = rng.standard_normal(people), rng.standard_normal(people)
        contact = np.where(taste > 0.5, 0.9, 0.4)
        is_contacted = rng.random(people) < contact
        counts = _counts(rng, 0.02 * is_contacted, PROMPT, own=OWN * np.where(taste > 0.5, 2.0, 1.0)[:, None])
        propensity = np.where(is_contacted, contact, 1 - contact)
        rows = _table(ACTIONS[is_contacted * 1], propensity, counts, [START] * people, taste=taste, noise=noise)
        found.append(_average(rows)[0])
    assert np.mean(found) == pytest.approx(0.02, abs=0.003)


def test_one_row_with_endless_orders_counts_as_capped() -> None:
    rows = _rows(8_000)
    counts = history.counts_of(rows)
    first = int(np.flatnonzero(np.array(rows["action"].to_pylist()) == "email:none")[0])
    counts[first, 0] += 1e6
    spoilt = rows.set_column(7, history.DELAYED, _lists(counts))
    spoilt = spoilt.set_column(4, "y_orders", pa.array(counts.sum(axis=1)))
    assert _average(spoilt)[0] == pytest.approx(_average(rows)[0], abs=0.003)


@pytest.mark.parametrize("spans", [[7], [5, 6, 7, 8, 9, 10]], ids=["all orders at one moment", "orders known by the day"])
def test_effects_keep_their_size_where_orders_come_only_at_some_moments(spans: list[int]) -> None:
    rng, people = np.random.default_rng(4), 20_000
    taste, noise, treated = rng.standard_normal(people), rng.standard_normal(people), rng.integers(0, 2, people)
    share = np.zeros(SPANS)
    share[spans] = 1 / len(spans)
    counts = _counts(rng, 0.02 * treated, share, own=0.05 * share)
    rows = _table(ACTIONS[treated], np.full(people, 0.5), counts, [START] * people, taste=taste, noise=noise)
    size = float(counts[treated == 1].sum(1).mean() - counts[treated == 0].sum(1).mean())
    assert _average(rows)[0] == pytest.approx(size, abs=0.003)


def test_a_model_without_moments_is_the_one_of_all_orders_alike() -> None:
    rows = _rows(3_000, stamped_apart=True)
    plain = _fit(rows.drop_columns([history.DELAYED]))
    assert "half_within_hours" not in plain.data
    assert _fit(rows).version == plain.version


def test_an_effect_is_made_up_in_few_of_many_tests_without_one() -> None:
    assert sum(_weighed(_rows(2_000, seed=seed, average=0.0))[0] is not None for seed in range(100)) <= 5


def test_rows_in_any_order_give_the_same_model() -> None:
    rows = _rows(3_000)
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    assert _fit(rows).version == _fit(shuffled).version


POSITIVE = arrays.arrays(np.float64, SPANS, elements=st.floats(1e-6, 1.0))


@given(shares=POSITIVE, rate=POSITIVE)
def test_an_effect_spread_so_is_weighed_as_large_as_it_is(shares: np.ndarray, rate: np.ndarray) -> None:
    shares = shares / shares.sum()
    likelier, tells = spread._filter(shares, rate)
    assert float(likelier @ shares) == pytest.approx(1.0)
    assert (likelier > 0).all()
    assert tells >= 1.0 / (rate.sum() * (1 + spread.LIVELY)) * (1 - 1e-9)
