"""Common random numbers: every chance is a function of (seed, purpose, day, person) and of nothing a policy does."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

Purpose = Literal[
    "people",
    "purchase",
    "basket",
    "redeem",
    "product",
    "moment",
    "visit",
    "browse",
    "open",
    "click",
    "opt_out",
    "complaint",
    "support",
    "arm",
    "hour",
    "wait",
    "channel",
    "household",
]
_NUMBER = {name: number for number, name in enumerate(get_args(Purpose), start=1)}


def generator(seed: int, purpose: Purpose, day: int = 0) -> np.random.Generator:
    """A fresh counter-based generator (Philox) for one purpose of one day."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, (_NUMBER[purpose] << 32) + day], dtype=np.uint64)))


def uniform(seed: int, purpose: Purpose, day: int, count: int) -> np.ndarray:
    """One uniform number in [0, 1) for each person, shape (count,)."""
    return generator(seed, purpose, day).random(count)


def normal(seed: int, purpose: Purpose, day: int, count: int) -> np.ndarray:
    """One standard normal number for each person, shape (count,)."""
    return generator(seed, purpose, day).standard_normal(count)
