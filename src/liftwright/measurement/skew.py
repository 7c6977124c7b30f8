"""The normal quantile corrected for skewness, in a form that stays monotone.

A difference of means of skewed outcomes is skewed when the arms differ in size: the smaller arm's tail shows. To first order the
statistic z with skewness g behaves like z - g (z^2 - 1) / 6 (Cornish and Fisher 1938); the cubic term that makes the correction
monotone, and so lets an interval be inverted, is Hall's (1992, "On the removal of skewness by transformation").
"""

from __future__ import annotations

import math

MOST = 1.5
"""Skewness beyond this is taken for this: the expansion says nothing there."""


def straightened(z: float, skewness: float) -> float:
    """z on the normal scale."""
    bend = _bend(skewness)
    return z if bend == 0.0 else ((1.0 + bend * z) ** 3 - 1.0) / (3.0 * bend) - bend


def bent(critical: float, skewness: float) -> float:
    """The z whose straightened value is `critical`: the inverse of `straightened`."""
    bend = _bend(skewness)
    return critical if bend == 0.0 else (math.cbrt(1.0 + 3.0 * bend * (critical + bend)) - 1.0) / bend


def _bend(skewness: float) -> float:
    bend = -min(max(skewness, -MOST), MOST) / 6.0
    return bend if abs(bend) > 1e-9 else 0.0
