"""Whom a contact moves, who would come anyway, who will not come at all, whom it puts off: as counts, with what can be known of it.

What one person would have done otherwise is never seen. Sorting people by their expected effect is sound on randomised history only;
how many are moved one by one can only be bounded (Fréchet; Tian & Pearl 2000).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from liftwright.scoring.design import Floats

SURE = 0.9
"""How sure an effect has to be, one-sided, for its sign to count."""
FEWEST = 20
"""People of whom a count is told."""


@dataclass(frozen=True)
class Quadrants:
    """People by expected effect, and by expected outcome where the effect may be none. `moved` and `put_off`: least and greatest share of
    people who do it only, or no longer, because of a contact; None where the outcome is not a yes or no."""

    persuadable: int
    sure_thing: int
    lost_cause: int
    do_not_disturb: int
    moved: tuple[float, float] | None
    put_off: tuple[float, float] | None

    @property
    def says(self) -> str:
        """All of it in two or three sentences."""
        people = self.persuadable + self.sure_thing + self.lost_cause + self.do_not_disturb
        counted = (
            f"Of {people:,} people a contact like those of the past is {SURE:.0%} sure to help with {_told(self.persuadable)} (persuadable) and"
            f" to harm with {_told(self.do_not_disturb)} (do not disturb). With the others no effect is certain: {_told(self.sure_thing)} are"
            f" likelier than most to come anyway (sure things), {_told(self.lost_cause)} are not (lost causes)."
        )
        caveat = " Groups of people are sorted by what is expected of them; what a single person would have done otherwise cannot be seen."
        if self.moved is None:
            return counted + caveat
        return f"{counted}{caveat} Between {self.moved[0]:.1%} and {self.moved[1]:.1%} act only because of the contact."

    def as_json(self) -> dict[str, Any]:
        """Counts, bounds and words."""
        bounds = {name: None if pair is None else list(pair) for name, pair in (("moved", self.moved), ("put_off", self.put_off))}
        return {**asdict(self), **bounds, "says": self.says}


def quadrants(effects: Floats, errors: Floats, untreated: Floats, *, is_yes_or_no: bool) -> Quadrants:
    """Sort people (all arrays (people,), in the outcome's unit): `untreated` is the outcome expected without a contact."""
    z = float(norm.ppf(SURE))
    helped, harmed = effects - z * errors > 0.0, effects + z * errors < 0.0
    open_ = ~helped & ~harmed
    likely = untreated > untreated.mean()
    moved = put_off = None
    if is_yes_or_no:
        without = np.clip(untreated, 0.0, 1.0)
        with_it = np.clip(untreated + effects, 0.0, 1.0)
        moved = _bounds(with_it, without)
        put_off = _bounds(without, with_it)
    return Quadrants(
        persuadable=int(helped.sum()),
        sure_thing=int((open_ & likely).sum()),
        lost_cause=int((open_ & ~likely).sum()),
        do_not_disturb=int(harmed.sum()),
        moved=moved,
        put_off=put_off,
    )


def _told(people: int) -> str:
    """A count in words; small ones are not told."""
    return "none" if people == 0 else f"{people:,}" if people >= FEWEST else f"fewer than {FEWEST}"


def _bounds(does: Floats, does_otherwise: Floats) -> tuple[float, float]:
    """Least and greatest share of people who do it in the first case and not in the other."""
    least = float(np.maximum(does - does_otherwise, 0.0).mean())
    return least, float(np.minimum(does, 1.0 - does_otherwise).mean())
