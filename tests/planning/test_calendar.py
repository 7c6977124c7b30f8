"""The contact calendar: who hears from two campaigns within a week, what that is worth on both sides, and what the cap leaves no room for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.calendar import WEEK, Bids, Calendar, calendar

DAY = date(2026, 11, 2)


def touches(*rows: tuple[str, int, float | None], campaign: str | None = None, is_open: bool = False) -> pa.Table:
    """Touches by person, day and value."""
    columns: dict[str, Any] = {
        "customer_id": pa.array([row[0] for row in rows], pa.string()),
        "send_on": pa.array([DAY + timedelta(days=row[1]) for row in rows], pa.date32()),
        "value": pa.array([row[2] for row in rows], pa.float64()),
    }
    if campaign:
        columns |= {
            "campaign_id": pa.array([campaign] * len(rows), pa.string()),
            "is_open": pa.array([is_open] * len(rows), pa.bool_()),
        }
    return pa.table(columns)


def test_who_hears_from_two_within_a_week_is_counted_once_with_what_it_is_worth_on_both_sides() -> None:
    mine = touches(("A", 0, 1.0), ("A", 3, 2.0), ("B", 0, 5.0), ("C", 0, 7.0))
    booked = touches(("A", 6, 0.5), ("B", 7, 9.0), ("D", 0, 9.0), campaign="c1")
    (shared,) = calendar(mine, booked, cap=3, by=0.1).shared
    assert (shared.campaign_id, shared.people, shared.touches_here, shared.touches_there) == ("c1", 1, 2, 1)
    assert (shared.worth_here, shared.worth_there) == (3.0, 0.5)


def test_a_touch_in_a_week_that_is_full_without_it_does_not_fit() -> None:
    mine = touches(("A", 0, 1.0), ("B", 0, 2.0))
    booked = pa.concat_tables([touches(("A", 1, None), ("B", 2, None), campaign="c1"), touches(("A", 5, None), campaign="c2")])
    found = calendar(mine, booked, cap=2, by=0.1)
    assert (found.bids.lost, found.lost_people, found.lost_worth) == ((0,), 1, 1.0)
    assert [each.campaign_id for each in found.shared] == ["c1", "c2"]
    assert found.shared[0].worth_there is None
    assert calendar(mine, booked, cap=3, by=0.1).bids.lost == ()


def test_nothing_booked_is_no_clash() -> None:
    assert calendar(touches(("A", 0, 1.0)), touches(campaign="c1"), cap=1, by=0.1) == Calendar()


def test_a_dearer_touch_takes_the_place_of_the_cheapest_that_may_still_be_given_up() -> None:
    booked = touches(("A", 1, 2.0), ("A", 2, 1.0), campaign="c1", is_open=True)
    found = calendar(touches(("A", 0, 1.2)), booked, cap=2, by=0.1)
    assert (found.bids.lost, found.bids.won) == ((), {1: 0})
    assert calendar(touches(("A", 0, 1.05)), booked, cap=2, by=0.1).bids == Bids((0,), {})
    assert calendar(touches(("A", 0, 1.2)), booked, cap=2, by=0.5).bids == Bids((0,), {})


def test_what_has_left_or_has_no_price_is_never_given_up() -> None:
    gone = touches(("A", 1, 0.1), campaign="c1", is_open=False)
    nobody_knows = touches(("A", 1, None), campaign="c1", is_open=True)
    for booked in (gone, nobody_knows):
        assert calendar(touches(("A", 0, 99.0)), booked, cap=1, by=0.1).bids == Bids((0,), {})


def test_two_bookings_give_way_only_to_what_is_worth_more_than_both() -> None:
    booked = touches(("A", 0, 2.0), ("A", 6, 2.0), campaign="c1", is_open=True)
    assert calendar(touches(("A", 3, 4.0)), booked, cap=1, by=0.1).bids == Bids((0,), {})
    assert calendar(touches(("A", 3, 5.0)), booked, cap=1, by=0.1).bids == Bids((), {0: 0, 1: 0})


rows = st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 20), st.floats(0, 9)), min_size=1, max_size=12)


@given(rows, rows, st.integers(0, 4), st.booleans(), st.sampled_from([0.0, 0.1, 1.0]))
def test_what_is_left_fits_what_is_lost_does_not_and_what_gave_way_was_worth_less(
    here: list[Any], there: list[Any], cap: int, is_open: bool, by: float
) -> None:
    found = calendar(touches(*here), touches(*there, campaign="c1", is_open=is_open), cap=cap, by=by)
    if not any(p == q and abs(d - e) < WEEK for p, d, _ in here for q, e, _ in there):
        assert found == Calendar()
        return
    lost, won = set(found.bids.lost), found.bids.won
    left = [(p, d) for row, (p, d, _) in enumerate(there) if row not in won]
    kept = [(p, d) for row, (p, d, _) in enumerate(here) if row not in lost]
    shared = {p for p, _, _ in here} & {p for p, _, _ in there}

    def is_over(person: str, day: int, contacts: list[Any]) -> bool:
        ends = [d for p, d in contacts if p == person and day <= d < day + WEEK]
        return any(sum(p == person and end - WEEK < d <= end for p, d in contacts) > cap for end in ends)

    for person, day in kept:
        assert person not in _clashing(here, there) or not is_over(person, day, kept + left)
    for row in lost:
        person, day, _ = here[row]
        assert person in shared
        assert is_over(person, day, [*kept, *left, (person, day)])
    assert is_open or not won
    for row in set(won.values()):
        assert row not in lost
        assert here[row][2] > sum(there[booking][2] for booking, taker in won.items() if taker == row) * (1 + by)


def _clashing(here: list[Any], there: list[Any]) -> set[str]:
    """People both would contact within a week."""
    return {p for p, d, _ in here for q, e, _ in there if p == q and abs(d - e) < WEEK}
