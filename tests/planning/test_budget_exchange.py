"""Which touches change their channel when money moves."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from liftwright.planning.budget_exchange import exchanges
from liftwright.planning.budget_moves import Move

MOVES = (Move("email", 10.0, 7.0, 0.5), Move("sms", 10.0, 13.0, 2.0))


def touch(number: int, worth: float, *, channel: str = "email", cost: float = 1.0) -> dict[str, Any]:
    return {
        "send_id": f"s{number}",
        "customer_id": f"p{number}",
        "wave": 1,
        "channel": channel,
        "offer": "none",
        "cost": cost,
        "worth": worth,
    }


def option(number: int, worth: float, *, channel: str = "sms", cost: float = 1.0) -> dict[str, Any]:
    return {**touch(number, worth, channel=channel, cost=cost), "variant": "v"}


@given(
    worths=st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.1, 2.0), st.floats(0.1, 2.0)), max_size=30),
    may_give_up=st.booleans(),
    room=st.one_of(st.none(), st.integers(0, 5)),
)
def test_no_more_money_moves_than_was_decided_and_every_exchange_pays(
    worths: list[tuple[float, float, float, float]], may_give_up: bool, room: int | None
) -> None:
    planned = [touch(n, mine, cost=cost) for n, (mine, _, cost, _) in enumerate(worths)]
    options = [option(n, other, cost=cost) for n, (_, other, _, cost) in enumerate(worths)]
    found = exchanges(MOVES, planned, options, room={"sms": room}, may_give_up=may_give_up)
    cost = {each["send_id"]: each["cost"] for each in planned}
    worth = {each["send_id"]: each["worth"] for each in planned}
    moved = [each for each in found if each.option is not None]
    given_up = [each for each in found if each.option is None]
    assert sum(cost[each.send_id] for each in found) <= 3.0 + 1e-9
    assert sum(each.option["cost"] for each in moved if each.option) <= 3.0 + 1e-9
    assert room is None or len(moved) <= room
    assert all(each.option["worth"] > worth[each.send_id] for each in moved if each.option)
    assert all(may_give_up and worth[each.send_id] < 0 for each in given_up)
    assert len({each.send_id for each in found}) == len(found)


def test_the_touches_worth_least_leave_first_and_another_person_or_offer_is_no_option() -> None:
    planned = [touch(1, 3.0), touch(2, 1.0), touch(3, 2.0), touch(4, 0.5)]
    options = [option(1, 9.0), option(2, 9.0), option(3, 9.0), {**option(4, 9.0), "offer": "save10"}]
    found = exchanges(MOVES, planned, options, room={}, may_give_up=False)
    assert [each.send_id for each in found] == ["s2", "s3", "s1"]


def test_a_designed_day_moves_even_where_it_does_not_pay() -> None:
    planned, options = [touch(1, 5.0)], [option(1, 1.0)]
    assert exchanges(MOVES, planned, options, room={}, may_give_up=False) == ()
    assert len(exchanges(MOVES, planned, options, room={}, may_give_up=False, must_pay=False)) == 1
