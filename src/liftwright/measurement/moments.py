"""What is kept of an arm: counts, means and sums of squares, enough for every estimate and small enough for a million people."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Arm:
    """One outcome of one arm, and one number `beside` it per person: a covariate, or the denominator of a ratio.

    people: how many. seen: people whose outcome is not 0. mean: of the outcome. squares: sum of squared deviations from it.
    beside, beside_squares: the same of the number beside. products: sum of the products of both deviations. cubes: sums of the products
    of three deviations, by how many of them are of the number beside (0 to 3).
    """

    people: int
    seen: int
    mean: float
    squares: float
    beside: float = 0.0
    beside_squares: float = 0.0
    products: float = 0.0
    cubes: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def variance(self) -> float:
        """Sample variance of the outcome; 0 with fewer than two people."""
        return self.squares / (self.people - 1) if self.people > 1 else 0.0

    @property
    def is_constant(self) -> bool:
        """Whether nobody differs from the others, up to rounding."""
        return self.squares <= 1e-18 * max(self.people, 1) * max(1.0, self.mean * self.mean)


def arm(outcome: npt.ArrayLike, beside: npt.ArrayLike | None = None, *, cap: float | None = None) -> Arm:
    """Count one arm. outcome, beside: one number per person. cap: outcomes above it count as the cap.

    Raises ValueError when `beside` is not one number per person.
    """
    values = np.asarray(outcome, dtype=np.float64)
    seen = int(np.count_nonzero(values))
    if not len(values):
        return Arm(people=0, seen=0, mean=0.0, squares=0.0)
    if cap is not None:
        values = np.minimum(values, cap)
    mean = float(values.mean())
    away = values - mean
    squares = float(away @ away)
    squared = away * away
    cube = float(squared @ away)
    if beside is None:
        return Arm(people=len(values), seen=seen, mean=mean, squares=squares, cubes=(cube, 0.0, 0.0, 0.0))
    others = np.asarray(beside, dtype=np.float64)
    if len(others) != len(values):
        raise ValueError("the covariate needs one number per person of each arm")
    middle = float(others.mean())
    apart = others - middle
    far = apart * apart
    cubes = cube, float(squared @ apart), float(away @ far), float(far @ apart)
    return Arm(len(values), seen, mean, squares, middle, float(apart @ apart), float(away @ apart), cubes)


def together(one: Arm, two: Arm) -> float:
    """Sample variance of the outcome over the people of both arms."""
    people = one.people + two.people
    between = one.people * two.people / people * (one.mean - two.mean) ** 2
    return (one.squares + two.squares + between) / (people - 1)


def adjusted(one: Arm, two: Arm, *, least: int) -> tuple[Arm, Arm, str]:
    """Both arms with the outcome cleared of what the number beside it, known before the start, explains (CUPED; Deng et al. 2013).

    With `least` people with an outcome in each arm every arm has its own slope (Lin 2013), with fewer they share one. The text says
    which; it is empty, and the arms are as given, where the number does not vary.
    """
    spread = one.beside_squares + two.beside_squares
    if spread <= 1e-12:
        return one, two, ""
    middle = (one.beside * one.people + two.beside * two.people) / (one.people + two.people)
    shared = (one.products + two.products) / spread
    has_own = min(one.seen, two.seen) >= least and min(one.beside_squares, two.beside_squares) > 1e-12
    slopes = [part.products / part.beside_squares if has_own else shared for part in (one, two)]
    first, second = (_cleared(part, slope, middle) for part, slope in zip((one, two), slopes, strict=True))
    return first, second, "regression on what people did before" if has_own else "adjusted for what people did before"


def _cleared(part: Arm, slope: float, middle: float) -> Arm:
    squares = part.squares - 2.0 * slope * part.products + slope * slope * part.beside_squares
    none, one, two, three = part.cubes
    cube = none - 3.0 * slope * one + 3.0 * slope**2 * two - slope**3 * three
    mean = part.mean - slope * (part.beside - middle)
    return Arm(part.people, part.seen, mean, max(squares, 0.0), cubes=(cube, 0.0, 0.0, 0.0))


def explained(part: Arm) -> float:
    """Share of the outcome's variance that the number beside it explains (R squared); 0 where one of them does not vary."""
    scale = part.squares * part.beside_squares
    return min(part.products * part.products / scale, 1.0) if scale > 0 and math.isfinite(scale) else 0.0
