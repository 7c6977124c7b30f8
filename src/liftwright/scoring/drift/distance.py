"""How far two distributions lie apart, and whether chance alone could have done it."""

from __future__ import annotations

import numpy as np
from scipy.special import kolmogorov
from scipy.stats import chi2

from liftwright.scoring.design import Floats


def stability_index(then: Floats, now: Floats, *, rows_then: int, rows_now: int) -> float:
    """The population stability index of two rows of shares, less what chance brings on average; never below 0.

    Empty parts count half a row. Without any shift the plain index is about (parts - 1)(1/n + 1/m) (Yurdakul 2018), which matters
    below a few hundred rows only.
    """
    one, other = ((share * n + 0.5) / (n + 0.5 * len(share)) for share, n in ((then, rows_then), (now, rows_now)))
    plain = float(((other - one) * np.log(other / one)).sum())
    filled = int(((then > 0) | (now > 0)).sum())
    return max(plain - (filled - 1) * (1 / rows_then + 1 / rows_now), 0.0)


def jensen_shannon(then: Floats, now: Floats) -> float:
    """The Jensen-Shannon distance of two rows of shares, to base 2: 0 for the same, 1 for nothing in common (Endres and Schindelin 2003)."""
    middle = (then + now) / 2

    def divergence(share: Floats) -> float:
        there = share > 0
        return float((share[there] * np.log2(share[there] / middle[there])).sum())

    return float(np.sqrt(max((divergence(then) + divergence(now)) / 2, 0.0)))


def kolmogorov_smirnov(distance: float, *, rows_then: int, rows_now: int) -> float:
    """Chance of at least this largest distance between two empirical distributions of the same thing (two-sided, asymptotic)."""
    return float(kolmogorov(distance * (rows_then * rows_now / (rows_then + rows_now)) ** 0.5))


def homogeneity(then: Floats, now: Floats, *, rows_then: int, rows_now: int) -> float:
    """Chance of shares at least this unlike when both were drawn from the same (Pearson's chi-square); rare parts are put together."""
    counts = np.stack([then * rows_then, now * rows_now])
    share = counts.sum(axis=0) / (rows_then + rows_now)
    is_rare = share * min(rows_then, rows_now) < 5
    counts = np.column_stack([counts[:, ~is_rare], counts[:, is_rare].sum(axis=1)])
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    freedom = counts.shape[1] - 1
    return float(chi2.sf(((counts - expected) ** 2 / expected).sum(), freedom)) if freedom else 1.0
