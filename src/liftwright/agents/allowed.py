"""What a goal and the house leave open: channels, offers, contacts per person."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from liftwright.domain.goal import Objective
from liftwright.domain.profile import CHANNELS, Channel
from liftwright.domain.treatment import NO_OFFER, Offer
from liftwright.settings import Settings

if TYPE_CHECKING:
    from liftwright.agents.bench import Bench


def channel_rows(bench: Bench, objective: Objective) -> list[dict[str, Any]]:
    """The bench's channels that the goal allows, each with its name under `channel`."""
    rows = [row | {"channel": row.get("channel") or row.get("name")} for row in bench.channels()]
    only, without = _named(objective, "only_channels"), _named(objective, "exclude_channels")
    return [row for row in rows if row["channel"] not in without and (not only or row["channel"] in only)]


def channels(bench: Bench, objective: Objective) -> tuple[Channel, ...]:
    """Names of the channels that the goal allows, in the house's order."""
    names = {row["channel"] for row in channel_rows(bench, objective)}
    return tuple(channel for channel in CHANNELS if channel in names)


def offers(bench: Bench, objective: Objective) -> tuple[Offer, ...]:
    """Offers whose discount the goal allows; a message without an offer is always among them."""
    limit = objective.constraint("max_discount")
    most = float(limit.value) if limit is not None and isinstance(limit.value, int | float) else 1.0
    if objective.constraint("no_discount") is not None:
        most = 0.0
    found = tuple(offer for offer in bench.offers() if offer.discount <= most + 1e-9)
    line = named_line(objective.product, [offer.name for offer in found if offer.discount == 0])
    if line is not None:
        return tuple(offer for offer in found if offer.name == line)
    return found if any(offer.name == NO_OFFER for offer in found) else (Offer(name=NO_OFFER), *found)


def named_line(product: str | None, lines: Sequence[str]) -> str | None:
    """The creative line of a past test that the goal asks for by name: "women's" names `womens`; None when it names none of them."""
    words = re.sub(r"[^a-z0-9 ]", "", (product or "").lower()).split()
    return next((line for line in lines if line != NO_OFFER and line.lower() in words), None)


def most_touches(objective: Objective, settings: Settings) -> int:
    """The most contacts one person may get during the flight: the weekly cap of the house or the goal times the weeks begun, and the goal's own number."""
    weekly = settings.limits.contacts_per_week
    asked = objective.constraint("max_contacts_per_week")
    if asked is not None and isinstance(asked.value, int | float):
        weekly = min(weekly, int(asked.value))
    most = weekly * math.ceil(objective.days / 7)
    in_all = contacts_in_all(objective)
    return most if in_all is None else min(most, in_all)


def contacts_in_all(objective: Objective) -> int | None:
    """The contacts one person may get in the whole flight where the goal says so."""
    asked = objective.constraint("max_contacts")
    return int(asked.value) if asked is not None and isinstance(asked.value, int | float) else None


def usual_touches(objective: Objective, settings: Settings) -> int:
    """The rules' own choice: one in five days and at least two, within the cap; more than that tires people faster than it pays."""
    return min(most_touches(objective, settings), max(2, math.ceil(objective.days / 5)))


def _named(objective: Objective, kind: str) -> set[str]:
    names: set[str] = set()
    for constraint in objective.constraints:
        if constraint.kind == kind:
            names |= {constraint.value} if isinstance(constraint.value, str) else {str(v) for v in _tuple(constraint.value)}
    return names


def _tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)
