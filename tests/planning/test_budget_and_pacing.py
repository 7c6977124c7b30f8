"""Where the money goes and when."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.planning.budget import curve, split
from liftwright.planning.pacing import allowance, spread
from liftwright.planning.waves import Wave

FIRST, SECOND = date(2026, 1, 1), date(2026, 1, 4)
WAVES = (Wave(1, FIRST, 3), Wave(2, SECOND, 4))


def plan(touches: list[tuple[str, str, int]]) -> pa.Table:
    costs = {"email": 0.5, "sms": 2.0}
    return pa.table(
        {
            "customer_id": [f"p{i}" for i in range(len(touches))],
            "channel": pa.array([c for c, _, _ in touches], pa.string()),
            "offer": pa.array([o for _, o, _ in touches], pa.string()),
            "wave": pa.array([w for _, _, w in touches], pa.int64()),
            "send_on": pa.array([WAVES[w - 1].send_on for _, _, w in touches], pa.date32()),
            "cost": pa.array([costs[c] for c, _, _ in touches], pa.float64()),
            "priority": pa.array(range(len(touches), 0, -1), pa.int64()),
        }
    )


TOUCHES = st.lists(
    st.tuples(st.sampled_from(["email", "sms"]), st.sampled_from(["none", "save10"]), st.integers(1, 2)), max_size=40
)


@given(touches=TOUCHES)
def test_every_way_of_splitting_the_spend_adds_up_to_the_same_total(touches: list[tuple[str, str, int]]) -> None:
    found = split(plan(touches))
    expected = sum(0.5 if c == "email" else 2.0 for c, _, _ in touches)
    for part in (found.by_channel, found.by_offer, found.by_day, found.by_channel_day):
        assert sum(part.values()) == pytest.approx(expected)
    assert sum(found.touches_by_channel.values()) == sum(found.touches_by_offer.values()) == found.touches == len(touches)


@given(touches=TOUCHES)
def test_the_curve_never_falls_and_ends_at_the_total(touches: list[tuple[str, str, int]]) -> None:
    points = curve(plan(touches), starts_on=FIRST, ends_on=date(2026, 1, 10))
    assert len(points) == 10
    assert all(a.spent <= b.spent for a, b in pairwise(points))
    assert points[-1].spent == pytest.approx(split(plan(touches)).total)


def test_todays_money_is_held_by_whichever_limit_is_nearest() -> None:
    points = curve(plan([("sms", "none", 1)] * 10 + [("sms", "none", 2)] * 10), starts_on=FIRST, ends_on=date(2026, 1, 7))
    held = allowance(points, today=FIRST, spent=5.0, total=100.0)
    assert (held.amount, held.held_by) == (pytest.approx(17.0), "the spending curve")
    assert allowance(points, today=SECOND, spent=35.0, total=38.0).amount == pytest.approx(3.0)
    assert allowance(points, today=SECOND, spent=20.0, spent_today=4.0, total=100.0, daily=5.0).held_by == "the most per day"
    assert allowance(points, today=date(2025, 12, 31), spent=0.0, total=100.0).amount == 0.0
    assert allowance(points, today=SECOND, spent=60.0, total=100.0).amount == 0.0


@given(touches=TOUCHES, most=st.integers(6, 50))
def test_spreading_keeps_daily_capacity_and_the_days_of_the_wave(touches: list[tuple[str, str, int]], most: int) -> None:
    rows = plan(touches)
    try:
        found = spread(rows, waves=WAVES, capacity_per_day={"email": most})
    except DataError:
        loads = [sum(c == "email" and w == wave.index for c, _, w in touches) > most * wave.days for wave in WAVES]
        assert any(loads)
        return
    per_day: dict[tuple[str, date], int] = {}
    for row in found.to_pylist():
        wave = WAVES[row["wave"] - 1]
        assert 0 <= (row["send_on"] - wave.send_on).days < wave.days
        per_day[row["channel"], row["send_on"]] = per_day.get((row["channel"], row["send_on"]), 0) + 1
    assert all(count <= most for (channel, _), count in per_day.items() if channel == "email")


def test_the_most_important_touches_go_out_first() -> None:
    found = spread(plan([("email", "none", 1)] * 4), waves=WAVES, capacity_per_day={"email": 2})
    days = {row["priority"]: row["send_on"] for row in found.to_pylist()}
    assert days == {1: FIRST, 2: FIRST, 3: date(2026, 1, 2), 4: date(2026, 1, 2)}
