"""Past opportunities become rows with outcomes inside their window, and tests say what they showed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from liftwright.scoring import history

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
STAMP = pa.timestamp("us", tz="UTC")
MakeRows = Callable[..., pa.Table]


def _treatments(**changed: Any) -> pa.Table:
    columns = {
        "customer_id": ["A", "B", "C"],
        "treated_at": pa.array([AT, AT, AT + timedelta(days=40)], STAMP),
        "arm": ["email:none", "control", "control"],
        "channel": pa.array(["email", None, None]),
        "offer": pa.array(["none", None, None]),
        "propensity": [0.5, 0.5, 0.5],
    }
    return pa.table(columns | changed)


def _events(*rows: tuple[str, str, timedelta, float | None, float | None]) -> pa.Table:
    return pa.table(
        {
            "customer_id": [row[0] for row in rows],
            "type": [row[1] for row in rows],
            "occurred_at": pa.array([AT + row[2] for row in rows], STAMP),
            "amount": pa.array([row[3] for row in rows], pa.float64()),
            "margin": pa.array([row[4] for row in rows], pa.float64()),
        }
    )


def _rows(
    tables: dict[str, pa.Table], *, as_of: datetime = AT + timedelta(days=30), asked: list[datetime] | None = None
) -> pa.Table | None:
    def features_at(moments: pa.Table) -> pa.Table:
        if asked is not None:
            asked.extend(moments["at"].to_pylist())
        known = [row for row, who in enumerate(moments["customer_id"].to_pylist()) if who in ("A", "B", "C")]
        days = [float(at.toordinal()) for at in moments["at"].take(pa.array(known, pa.int64())).to_pylist()]
        return pa.table({"row": pa.array(known, pa.int64()), "day": days})

    return history.training_rows(tables, as_of=as_of, window_days=14, margin_rate=0.4, features_at=features_at)


def test_outcomes_are_counted_inside_the_window_only() -> None:
    events = _events(
        ("A", "purchase", timedelta(0), 10.0, None),
        ("A", "purchase", timedelta(days=13, hours=23), 20.0, 15.0),
        ("A", "purchase", timedelta(days=14), 99.0, None),
        ("A", "purchase", timedelta(seconds=-1), 99.0, None),
        ("A", "visit", timedelta(days=1), None, None),
        ("B", "page_view", timedelta(days=1), None, None),
    )
    rows = _rows({"treatments": _treatments(), "events": events})
    assert rows is not None
    assert rows["customer_id"].to_pylist() == ["A", "B"]
    assert rows["action"].to_pylist() == ["email:none", "control"]
    assert rows["y_revenue"].to_pylist() == [30.0, 0.0]
    assert rows["y_margin"].to_pylist() == pytest.approx([10 * 0.4 + 15.0, 0.0])
    assert rows["y_orders"].to_pylist() == [2.0, 0.0]
    assert rows["y_visits"].to_pylist() == [1.0, 1.0]


def test_a_treatment_whose_window_is_not_over_is_left_out() -> None:
    events = _events(("A", "purchase", timedelta(0), 10.0, None))
    assert _rows({"treatments": _treatments(), "events": events}, as_of=AT + timedelta(days=13)) is None
    rows = _rows({"treatments": _treatments(), "events": events}, as_of=AT + timedelta(days=14))
    assert rows is not None
    assert rows.num_rows == 2


def test_features_are_asked_for_before_the_treatment() -> None:
    asked: list[datetime] = []
    rows = _rows({"treatments": _treatments(), "events": _events(("A", "visit", timedelta(0), None, None))}, asked=asked)
    assert asked == [datetime(2026, 3, 1, tzinfo=UTC)] * 2
    assert rows is not None
    assert rows["day"].to_pylist() == [float(AT.toordinal())] * 2


def test_every_opportunity_has_features_of_the_start_of_its_own_day() -> None:
    days = 90
    treatments = pa.table(
        {
            "customer_id": ["A", "B", "C"] * days,
            "treated_at": pa.array([AT + timedelta(days=n // 3, hours=n % 3) for n in range(3 * days)], STAMP),
            "arm": ["control", "push:none", "control"] * days,
            "channel": pa.array([None, "push", None] * days),
            "offer": pa.array([None, "none", None] * days),
            "propensity": [0.5] * (3 * days),
        }
    )
    asked: list[datetime] = []
    rows = _rows(
        {"treatments": treatments, "events": _events(("A", "visit", timedelta(0), None, None))},
        as_of=AT + timedelta(days=200),
        asked=asked,
    )
    assert rows is not None
    assert rows.num_rows == 3 * days
    assert all((at.hour, at.minute, at.second) == (0, 0, 0) for at in asked)
    assert rows["day"].to_pylist() == [float(stamp.toordinal()) for stamp in rows["at"].to_pylist()]


def test_orders_are_counted_by_the_time_since_the_opportunity() -> None:
    delays = [
        timedelta(0),
        timedelta(minutes=59),
        timedelta(hours=1),
        timedelta(hours=24),
        timedelta(days=13, hours=23),
        timedelta(days=14),
    ]
    events = _events(*[("A", "purchase", delay, 10.0, None) for delay in delays], ("A", "visit", timedelta(hours=2), None, None))
    rows = _rows({"treatments": _treatments(), "events": events})
    assert rows is not None
    counts = history.counts_of(rows)
    assert counts[:, [0, 1, 5, -1]].tolist() == [[2.0, 1.0, 1.0, 1.0], [0.0] * 4]
    assert counts.sum(axis=1).tolist() == rows["y_orders"].to_pylist() == [5.0, 0.0]
    assert history.counts_of(rows.slice(1)).tolist() == counts[1:].tolist()


@pytest.mark.parametrize(
    "tables",
    [
        {"treatments": _treatments(outcome_orders=[1.0, 0.0, 0.0])},
        {"treatments": _treatments(), "events": _events(("A", "visit", timedelta(0), None, None))},
    ],
    ids=["a wide file", "no order was ever seen"],
)
def test_orders_without_moments_have_no_delay(tables: dict[str, pa.Table]) -> None:
    rows = _rows(tables)
    assert rows is not None
    assert rows[history.DELAYED].null_count == rows.num_rows


def test_outcomes_of_a_wide_file_are_used_as_they_are() -> None:
    treatments = _treatments(
        outcome_visits=[1.0, 0.0, 0.0],
        outcome_orders=[1.0, 0.0, 0.0],
        outcome_revenue=[50.0, 0.0, 0.0],
        offer=pa.array(["womens", None, None]),
    )
    rows = _rows({"treatments": treatments})
    assert rows is not None
    assert rows["action"].to_pylist() == ["email:womens", "control"]
    assert rows["y_margin"].to_pylist() == [20.0, 0.0]
    assert rows["y_visits"].to_pylist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "treatments",
    [
        None,
        _treatments(arm=["email:none"] * 3),
        _treatments(arm=["control"] * 3),
        _treatments(propensity=pa.array([None] * 3, pa.float64())),
        _treatments().drop_columns(["propensity"]),
        _treatments(propensity=[0.0, 0.0, 0.0]),
    ],
)
def test_without_a_randomised_history_there_are_no_rows(treatments: pa.Table | None) -> None:
    tables = {"events": _events(("A", "visit", timedelta(0), None, None))} | (
        {} if treatments is None else {"treatments": treatments}
    )
    assert _rows(tables) is None


def test_a_past_test_finds_the_true_difference(make_rows: MakeRows) -> None:
    (test,) = history.past_tests(make_rows(people=40_000, average=0.05))
    visits = next(effect for effect in test.effects if effect.metric == "visits")
    assert visits.low is not None
    assert visits.high is not None
    assert visits.low < 0.05 < visits.high
    assert visits.high - visits.low < 0.02
    assert (test.action, test.control) == ("email:none", "control")
    assert [effect.metric for effect in test.effects] == ["visits", "orders", "revenue", "margin"]


def test_unequal_propensities_do_not_bias_a_past_test() -> None:
    rng = np.random.default_rng(5)
    count = 40_000
    eager = rng.random(count) < 0.5
    chance = np.where(eager, 0.8, 0.2)
    treated = rng.random(count) < chance
    visits = (rng.random(count) < 0.1 + 0.4 * eager + 0.05 * treated).astype(np.float64)
    rows = pa.table(
        {
            "customer_id": [str(n) for n in range(count)],
            "action": np.where(treated, "sms:none", "control"),
            "propensity": np.where(treated, chance, 1 - chance),
            **{f"y_{name}": visits for name in ("visits", "orders", "revenue", "margin")},
        }
    )
    effect = history.past_tests(rows)[0].effects[0]
    assert effect.mid == pytest.approx(0.05, abs=0.015)
    naive = visits[treated].mean() - visits[~treated].mean()
    assert naive > 0.2


def test_the_interval_covers_the_truth_as_often_as_it_says(make_rows: MakeRows) -> None:
    covered = 0
    for seed in range(200):
        effect = history.past_tests(make_rows(people=1500, seed=seed, average=0.05, waves=2))[0].effects[0]
        assert effect.low is not None
        assert effect.high is not None
        covered += effect.low <= 0.05 <= effect.high
    assert 0.90 <= covered / 200 <= 0.99


def test_an_outcome_that_was_not_recorded_gives_a_reason_and_no_number(make_rows: MakeRows) -> None:
    rows = make_rows(people=200)
    rows = rows.set_column(rows.column_names.index("y_orders"), "y_orders", pa.array(np.full(200, np.nan)))
    orders = history.past_tests(rows)[0].effects[1]
    assert (orders.mid, orders.reason) == (None, "this outcome was not recorded")
    few = history.past_tests(make_rows(people=20))[0].effects[0]
    assert few.mid is None
    assert "fewer than" in few.reason


def _sold(*, share: float, people: int = 2_000) -> pa.Table:
    """Orders of 100 at a rate of .4; `share` of those with the coupon got their 10 %."""
    offer = np.arange(people) % 2
    got = 10.0 * ((np.arange(people) // 2) % 100 < 100 * share) * offer
    return pa.table(
        {
            "action": np.array(["email:none", "email:save10"])[offer],
            "y_revenue": 100.0 - got,
            "y_margin": 40.0 - got,
        }
    )


def test_the_share_of_orders_that_redeem_a_coupon_is_read_from_what_was_paid_and_earned() -> None:
    assert history.redeemed(_sold(share=0.3), {"save10": 0.1}, margin_rate=0.4)["save10"] == pytest.approx(0.3, abs=1e-6)


def test_a_coupon_counts_in_full_where_the_history_cannot_tell() -> None:
    few, rows = _sold(share=0.3, people=100), _sold(share=0.3)
    unknown = rows.set_column(2, "y_margin", pa.array(0.4 * np.asarray(rows["y_revenue"])))
    wrong = rows.set_column(2, "y_margin", pa.array(np.asarray(rows["y_revenue"]) - 45.0))
    for table in (few, unknown, wrong, rows.slice(0, 0)):
        assert history.redeemed(table, {"save10": 0.1}, margin_rate=0.4) == {"save10": 1.0}


def test_clicks_and_opt_outs_are_counted_where_such_events_exist() -> None:
    events = _events(
        ("A", "click", timedelta(hours=1), None, None),
        ("A", "click", timedelta(days=2), None, None),
        ("A", "click", timedelta(days=20), None, None),
    )
    rows = _rows({"treatments": _treatments(), "events": events})
    assert rows is not None
    assert rows["y_clicks"].to_pylist() == [2.0, 0.0]
    assert np.isnan(rows["y_opt_outs"].to_numpy()).all()
