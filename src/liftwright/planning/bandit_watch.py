"""Which texts may compete in the time that is left, and which only look good: writing must not outrun testing, nor clicks margin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

LEAST_ORDERS = 25
"""Orders a text must be able to get before anything can be said about it."""
USUAL_RATE = 0.02
"""Orders per contact, where none was seen yet."""


@dataclass(frozen=True)
class Admission:
    """The texts that compete, those that wait, how many contacts a text needs, and in words why the others wait."""

    open: tuple[str, ...]
    waiting: tuple[str, ...]
    least: int
    says: str


def admit(
    texts: Sequence[str], *, left: int, exposures: Mapping[str, float] | None = None, orders: int = 0, started: Sequence[str] = ()
) -> Admission:
    """Let new texts in, in this order, while every open one can still get its least exposure in the `left` contacts.

    Texts that have `started` stay open; without any, the first is. exposures: contacts so far, corrected for delay. The least exposure
    is what LEAST_ORDERS take at the rate of all texts together.
    """
    had = exposures or {}
    seen = sum(had.values())
    least = math.ceil(LEAST_ORDERS / min(orders / seen if orders and seen > 0 else USUAL_RATE, 1.0))
    allowed = [text for text in texts if text in started] or list(texts[:1])
    needed = sum(max(least - had.get(text, 0.0), 0.0) for text in allowed)
    for text in texts:
        if text not in allowed and needed + least <= left:
            allowed.append(text)
            needed += least
    waiting = tuple(text for text in texts if text not in allowed)
    says = (
        f"{', '.join(waiting)} {'waits' if len(waiting) == 1 else 'wait'}: a text needs about {least:,} contacts to be told apart from "
        f"others, and there are {left:,} for the {len(allowed)} that {'is' if len(allowed) == 1 else 'are'} open."
        if waiting
        else ""
    )
    return Admission(open=tuple(text for text in texts if text in allowed), waiting=waiting, least=least, says=says)


@dataclass(frozen=True)
class Lure:
    """A text that is clicked surely more and earns surely less than the others. Both differences per contact, with intervals."""

    text: str
    clicks: tuple[float, float]
    margin: tuple[float, float]
    says: str


def lures(clicked: Mapping[str, npt.ArrayLike], earned: Mapping[str, npt.ArrayLike], *, level: float = 0.95) -> tuple[Lure, ...]:
    """Texts whose clicks per contact are above and whose margin per contact is below the other texts', both intervals apart from 0.

    clicked, earned: by text, one number per contact (clicked or not, margin in major units). Silent below LEAST_ORDERS contacts with
    margin on either side.
    """
    found = []
    for text in sorted(clicked):
        others = [name for name in clicked if name != text]
        if not others:
            continue
        own, rest = np.asarray(earned[text], dtype=np.float64), np.concatenate([np.asarray(earned[name]) for name in others])
        if min(np.count_nonzero(own), np.count_nonzero(rest)) < LEAST_ORDERS:
            continue
        clicks = _difference(np.minimum(clicked[text], 1.0), np.concatenate([np.minimum(clicked[n], 1.0) for n in others]), level)
        margin = _difference(own, rest, level)
        if clicks[0] > 0.0 and margin[1] < 0.0:
            says = (
                f"{text} is clicked {clicks[0]:.2%} to {clicks[1]:.2%} more often per contact than the other texts, but brings "
                f"{-margin[1]:.2f} to {-margin[0]:.2f} less margin."
            )
            found.append(Lure(text=text, clicks=clicks, margin=margin, says=says))
    return tuple(found)


def _difference(one: npt.NDArray[np.float64], two: npt.NDArray[np.float64], level: float) -> tuple[float, float]:
    error = math.sqrt(float(one.var(ddof=1)) / len(one) + float(two.var(ddof=1)) / len(two))
    mid, half = float(one.mean() - two.mean()), float(norm.ppf(0.5 + level / 2.0)) * error
    return mid - half, mid + half
