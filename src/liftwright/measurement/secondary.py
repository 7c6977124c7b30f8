"""Several metrics at once: p-values adjusted by Holm, and intervals that hold for all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from liftwright.domain.evidence import Estimate
from liftwright.measurement import estimate, moments, ratio

Floats = npt.NDArray[np.float64]
Arms = Mapping[str, tuple[Floats, Floats]]
MEANS = ("revenue", "orders", "visits")
RATIOS = {"margin_rate": ("order_margin", "revenue"), "average_order_value": ("revenue", "orders")}
"""Ratio metrics: what is divided by what, both per person."""
METRICS = (*MEANS, *RATIOS)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values (Holm 1979): comparing each with alpha keeps the chance of any false finding at alpha."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        found[place] = highest
    return tuple(found)


def compare(
    arms: Arms, *, level: float, critical: float | None = None, covariate: str = "", queries: Mapping[str, str] | None = None
) -> tuple[Estimate, ...]:
    """Every secondary metric whose columns are there, at a level that holds for all of them together, with Holm-adjusted p-values.

    arms: per column the values of treated and holdout people. critical: |z| of a look before the end, at that level (`level_each`).
    covariate: the column the means are adjusted for.
    """
    asked, each = queries or {}, level_each(level)
    beside = arms.get(covariate, (None, None))
    found = []
    for name in MEANS:
        if name in arms:
            one, two = (moments.arm(part, other) for part, other in zip(arms[name], beside, strict=True))
            found.append(estimate.compare(one, two, metric=name, level=each, critical=critical, query=asked.get(name, "")))
    for name, (above, below) in RATIOS.items():
        if above in arms and below in arms:
            one, two = (moments.arm(part, other) for part, other in zip(arms[above], arms[below], strict=True))
            found.append(ratio.compare(one, two, metric=name, level=each, critical=critical, query=asked.get(name, "")))
    return _adjusted(found)


def level_each(level: float) -> float:
    """The level of each interval, so that all hold together with `level` (Bonferroni; Holm's p-values reject no less)."""
    return 1.0 - (1.0 - level) / len(METRICS)


def _adjusted(found: Sequence[Estimate]) -> tuple[Estimate, ...]:
    known = [place for place, one in enumerate(found) if one.p_value is not None]
    adjusted = dict(zip(known, holm([found[place].p_value or 0.0 for place in known]), strict=True))
    return tuple(one.model_copy(update={"adjusted_p": adjusted.get(place)}) for place, one in enumerate(found))
