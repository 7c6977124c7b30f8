"""One look at a running test: how much has been seen, how much error may be spent, and the |z| this look needs."""

from __future__ import annotations

from collections.abc import Sequence

from liftwright.measurement import anytime, sequential
from liftwright.measurement.estimate import BURN_IN
from liftwright.measurement.sequential import Look

MOST_BEFORE_END = 0.999
"""Error that looks before the end may spend at most, so that the last look is always one of its own."""


def conversions(seen: tuple[int, int], people: tuple[int, int]) -> float:
    """People with an order that the smaller arm would have at the rate of both arms together.

    This is what the pooled variance goes by; the smaller arm's own count is noisier and moves with the effect itself.
    """
    return sum(seen) * min(people) / sum(people) if sum(people) else 0.0


def look(*, conversions: float, planned: float | None, elapsed: float, has_ended: bool) -> Look:
    """What this look knows and may spend.

    conversions: as `conversions` counts them. planned: how many of them the plan expects by the end of the window; None where the plan
    does not say, then days stand for information. elapsed: share of the window that has passed. Error is spent by the share of
    planned information, but never ahead of the window: a campaign that gets its orders faster than planned does not run out of error
    before its end, where all the rest is spent.
    """
    information = elapsed if not planned else conversions / planned
    spending = 1.0 if has_ended else min(information, elapsed, MOST_BEFORE_END)
    return Look(information=information, spending=spending)


def is_decidable(conversions: int) -> bool:
    """Whether a look may decide anything: after the burn-in."""
    return conversions >= BURN_IN


def critical(now: Look, past: Sequence[Look], *, level: float) -> float | None:
    """The |z| this look needs after the `past` looks that could decide; None for the only look, at the end: the ordinary one.

    A past look that saw no less than this one is the same look. With nothing seen yet the bound is the furthest there is.
    """
    if now.information <= 0.0 or now.spending <= 0.0:
        return sequential.FURTHEST
    earlier = _rising([one for one in past if one.information < now.information - 1e-9 and one.spending <= now.spending])
    if not earlier and now.spending >= 1.0:
        return None
    return sequential.bounds_of([*earlier, now], alpha=1.0 - level)[-1]


def anytime_critical(now: Look, *, level: float) -> float | None:
    """The |z| of an interval that holds at every look, also beyond the end; None with nothing seen yet."""
    return anytime.critical(now.information, level=level) if now.information > 0.0 else None


def _rising(looks: Sequence[Look]) -> list[Look]:
    """Looks in the order of what they knew; where two knew the same, the later one."""
    kept: list[Look] = []
    for one in sorted(looks, key=lambda look: (look.information, look.spending)):
        if one.spending <= 0.0:
            continue
        if kept and one.information <= kept[-1].information + 1e-9:
            kept[-1] = one
        elif not kept or one.spending >= kept[-1].spending:
            kept.append(one)
    return kept
