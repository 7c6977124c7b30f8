"""The contact calendar: who hears from two campaigns within a week, what that is worth on both sides, and what the cap leaves no room for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.calendar import WEEK, calendar

DAY = date(2026, 11, 2)


def touches(*rows: tuple[str, int, float | None], campaign: str | None = None) -> pa.Table:
    """Touches by person, day and value."""
    columns: dict[str, Any] = {
        "customer_id": pa.array([row[0] for row in rows], pa.string()),
        "send_on": pa.array([DAY + timedelta(days=row[1]) for row in rows], pa.date32()),
        "value": pa.array([row[2] for row in rows], pa.float64()),
    }
    return pa.table(columns | ({"campaign_id": pa.array([campaign] * len(rows), pa.string())} if campaign else {}))


def test_who_hears_from_two_within_a_week_is_counted_once_with_what_it_is_worth_on_both_sides() -> None:
    mine = touches(("A", 0, 1.0), ("A", 3, 2.0), ("B", 0, 5.0), ("C", 0, 7.0))
    booked = touches(("A", 6, 0.5), ("B", 7, 9.0), ("D", 0, 9.0), campaign="c1")
    (shared,) = calendar(mine, booked, cap=3).shared
    assert (shared.campaign_id, shared.people, shared.touches_here, shared.touches_there) == ("c1", 1, 2, 1)
    assert (shared.worth_here, shared.worth_there) == (3.0, 0.5)


def test_a_touch_in_a_week_that_is_full_without_it_does_not_fit() -> None:
    mine = touches(("A", 0, 1.0), ("B", 0, 2.0))
    booked = pa.concat_tables([touches(("A", 1, None), ("B", 2, None), campaign="c1"), touches(("A", 5, None), campaign="c2")])
    found = calendar(mine, booked, cap=2)
    assert (found.full, found.full_people, found.full_worth) == (1, 1, 1.0)
    assert [each.campaign_id for each in found.shared] == ["c1", "c2"]
    assert found.shared[0].worth_there is None
    assert calendar(mine, booked, cap=3).full == 0


def test_nothing_booked_is_no_clash() -> None:
    found = calendar(touches(("A", 0, 1.0)), touches(campaign="c1"), cap=1)
    assert (found.shared, found.full) == ((), 0)


rows = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 20), st.floats(0, 9)), min_size=1, max_size=12)


@given(rows, rows, st.integers(0, 4))
def test_it_says_what_counting_by_hand_says(here: list[Any], there: list[Any], cap: int) -> None:
    found = calendar(touches(*here), touches(*there, campaign="c1"), cap=cap)
    beside = [sum(p == q and abs(d - e) < WEEK for q, e, _ in there) for p, d, _ in here]
    if not sum(beside):
        assert (found.shared, found.full) == ((), 0)
        return
    assert found.full == sum(count >= cap for count in beside)
    assert found.shared[0].touches_here == sum(count > 0 for count in beside)
