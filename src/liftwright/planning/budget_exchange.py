"""Carrying a move of money out: which touches change their channel, and which are given up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liftwright.planning.budget_moves import MOST_A_DAY, Move


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
    must_pay: bool = True,
) -> tuple[Exchange, ...]:
    """Move money between channels person by person: the touches worth least leave a channel that gives, for the best option of the same
    person, wave and offer in a channel that gains.

    planned: send_id, customer_id, wave, channel, offer, cost and worth (expected margin less cost, by what the channel has brought so far)
    of the day's touches. options: candidates with customer_id, wave, channel, offer, variant, cost, worth. room: how many more touches
    a channel can carry that day (missing or None = any number). must_pay: only for an option that is worth more. A touch whose margin
    is expected to be below its cost is given up where that is allowed, up to the most a channel may lose in a day.
    """
    books = _Books(
        giving={each.channel: each.before - each.after for each in moves if each.after < each.before},
        gaining={each.channel: each.after - each.before for each in moves if each.after > each.before},
        spare={each.channel: MOST_A_DAY * each.before for each in moves},
        room={each.channel: _any_number(room.get(each.channel)) for each in moves},
    )
    by_touch = _by_touch(options, books.gaining)
    found = []
    for touch in sorted(planned, key=lambda each: (each["worth"], each["send_id"])):
        if touch["cost"] <= 0.0 or books.spare.get(touch["channel"], 0.0) < touch["cost"]:
            continue
        least = touch["worth"] if must_pay else -float("inf")
        fitting = [each for each in by_touch[_touch(touch)] if each["worth"] > least and books.allow(touch, each)]
        best = max(fitting, key=lambda option: (option["worth"], option["channel"]), default=None)
        if best is not None or (may_give_up and touch["worth"] < 0.0):
            books.enter(touch, best)
            found.append(Exchange(send_id=touch["send_id"], option=best))
    return tuple(found)


@dataclass(frozen=True)
class _Books:
    """Money that may still leave and join each channel, at most what it may lose in a day, and touches it can still carry."""

    giving: dict[str, float]
    gaining: dict[str, float]
    spare: dict[str, float]
    room: dict[str, float]

    def allow(self, touch: Mapping[str, Any], option: Mapping[str, Any]) -> bool:
        """Whether the touch may become the option."""
        channel = option["channel"]
        leaves = self.giving.get(touch["channel"], 0.0) >= touch["cost"]
        return bool(leaves and self.gaining[channel] >= option["cost"] and self.room[channel] >= 1)

    def enter(self, touch: Mapping[str, Any], option: Mapping[str, Any] | None) -> None:
        """Take the touch's money out, and put the option's in."""
        channel = touch["channel"]
        self.spare[channel] -= touch["cost"]
        self.giving[channel] = self.giving.get(channel, 0.0) - touch["cost"]
        if option is not None:
            self.gaining[option["channel"]] -= option["cost"]
            self.room[option["channel"]] -= 1


def _by_touch(
    options: Sequence[Mapping[str, Any]], gaining: Mapping[str, float]
) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    """Options in channels that gain, by the touch they could take the place of."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for option in options:
        if option["channel"] in gaining:
            found[_touch(option)].append(option)
    return found


def _any_number(room: int | None) -> float:
    return float("inf") if room is None else float(room)


def _touch(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What an option must share with the touch it takes the place of."""
    return row["customer_id"], row["wave"], row["offer"]
