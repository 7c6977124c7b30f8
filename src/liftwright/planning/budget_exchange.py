"""Carrying a move of money out: which touches change their channel, and which are given up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liftwright.planning.budget_moves import Move


@dataclass(frozen=True)
class Exchange:
    """A planned touch (its id) and the option it becomes; None gives it up."""

    send_id: str
    option: Mapping[str, Any] | None


def exchanges(
    moves: Sequence[Move],
    planned: Sequence[Mapping[str, Any]],
    options: Sequence[Mapping[str, Any]],
    *,
    room: Mapping[str, int | None],
    may_give_up: bool,
) -> tuple[Exchange, ...]:
    """Move money between channels person by person: the touches worth least leave a channel that gives, for the best option of the same
    person, wave and offer in a channel that gains.

    planned: send_id, customer_id, wave, channel, offer, cost and value of the day's touches. options: candidates with customer_id, wave,
    channel, offer, variant, cost, value. room: how many more touches a channel can carry that day (missing or None = any number). A touch
    without such an option is given up where its channel's next unit of money brings less than itself, else it stays.
    """
    giving = {each.channel: each.before - each.after for each in moves if each.after < each.before}
    gaining = {each.channel: each.after - each.before for each in moves if each.after > each.before}
    losing = {each.channel for each in moves if may_give_up and each.marginal < 1.0}
    left = {channel: _any_number(room.get(channel)) for channel in gaining}
    by_touch: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for option in options:
        if option["channel"] in gaining:
            by_touch[_touch(option)].append(option)
    found = []
    for touch in sorted(planned, key=lambda each: (each["value"], each["send_id"])):
        channel, cost = touch["channel"], touch["cost"]
        if cost <= 0.0 or giving.get(channel, 0.0) < cost:
            continue
        fitting = [o for o in by_touch[_touch(touch)] if gaining[o["channel"]] >= o["cost"] and left[o["channel"]] >= 1]
        best = max(fitting, key=lambda option: (option["value"], option["channel"]), default=None)
        if best is None and channel not in losing:
            continue
        giving[channel] -= cost
        if best is not None:
            gaining[best["channel"]] -= best["cost"]
            left[best["channel"]] -= 1
        found.append(Exchange(send_id=touch["send_id"], option=best))
    return tuple(found)


def _any_number(room: int | None) -> float:
    return float("inf") if room is None else float(room)


def _touch(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What an option must share with the touch it takes the place of."""
    return row["customer_id"], row["wave"], row["offer"]
