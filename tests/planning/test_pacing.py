"""On which day of its wave a touch goes out."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from liftwright.domain.errors import DataError
from liftwright.planning.pacing import spread
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
