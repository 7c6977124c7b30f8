"""How much of the next batch each variant gets: Thompson sampling on margin, corrected for orders still to come.

The chance of being best is sharpened before it becomes a share: the floor already explores, and plain probability matching on top of it
explores twice (docs/adr/0008).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PRIOR_ORDERS = 1.0
"""Strength of the common prior, in orders."""
BOLDNESS = 4.0
"""Power of the chance of being best: 1 would be plain probability matching, a large number plays the favourite only."""
CAP_QUANTILE, CAP_FROM = 0.95, 20
"""An order counts for at most this quantile of all orders, from that many orders on: a few large ones say little about a text."""


@dataclass(frozen=True)
class VariantResult:
    """What is known of one variant. `exposure`: sends counted by the share of their orders that is in (`bandit_delay.Delays`): a send
    of this morning counts almost nothing, one whose window is over counts 1, which is the correction for delay.
    margin_sum and margin_squares: over its orders, major units.
    """

    exposure: float
    orders: int
    margin_sum: float
    margin_squares: float


def results(exposures: Mapping[str, float], margins: Mapping[str, npt.ArrayLike]) -> dict[str, VariantResult]:
    """What is known of each variant from its exposure and the margin of each of its orders, large orders capped alike for all."""
    earned = {name: np.asarray(margins[name], dtype=np.float64) for name in exposures}
    pooled = np.concatenate(list(earned.values())) if earned else np.zeros(0)
    cap = float(np.quantile(pooled, CAP_QUANTILE)) if len(pooled) >= CAP_FROM else np.inf
    found = {}
    for name, exposed in exposures.items():
        kept = np.minimum(earned[name], cap)
        found[name] = VariantResult(
            exposure=exposed, orders=len(kept), margin_sum=float(kept.sum()), margin_squares=float((kept**2).sum())
        )
    return found


def split(results: Mapping[str, VariantResult], *, floor: float = 0.05, seed: int = 0, draws: int = 4000) -> dict[str, float]:
    """Shares of the next batch, adding up to 1: by the chance of being best, and never less than `floor` (at most 1/variants).

    Orders per exposure are gamma-Poisson, margin per order normal around the variant's mean; both lean on the mean of all
    variants with the weight of one order. The floor keeps every variant measurable.
    """
    if not results:
        return {}
    names = sorted(results)
    chances = best_chances(results, seed=seed, draws=draws)
    best = np.array([chances[name] for name in names])
    bold = best**BOLDNESS / (best**BOLDNESS).sum()
    floor = min(max(floor, 0.0), 1.0 / len(names))
    shares = floor + (1.0 - floor * len(names)) * bold
    return dict(zip(names, shares.tolist(), strict=True))


def best_chances(results: Mapping[str, VariantResult], *, seed: int = 0, draws: int = 4000) -> dict[str, float]:
    """The chance of each variant to earn the most per send, as far as is known now."""
    names = sorted(results)
    sample = _sample([results[name] for name in names], np.random.default_rng([seed, 0xBA]), draws)
    best = np.bincount(sample.argmax(axis=1), minlength=len(names)) / draws
    return dict(zip(names, best.tolist(), strict=True))


def _sample(results: list[VariantResult], generator: np.random.Generator, draws: int) -> npt.NDArray[np.float64]:
    """Draws of margin per exposure, (draws, variants)."""
    exposures = np.array([max(result.exposure, 0.0) for result in results])
    orders = np.array([float(result.orders) for result in results])
    sums = np.array([result.margin_sum for result in results])
    squares = np.array([result.margin_squares for result in results])
    all_orders, all_exposure = orders.sum(), exposures.sum()
    mean = sums.sum() / all_orders if all_orders else 1.0
    variance = max(squares.sum() / all_orders - mean**2, (0.25 * mean) ** 2, 1e-12) if all_orders else 1.0
    rate = (all_orders + PRIOR_ORDERS) / (all_exposure + 1.0)
    rates = generator.gamma(orders + PRIOR_ORDERS, 1.0 / (exposures + PRIOR_ORDERS / rate), size=(draws, len(results)))
    centres = (sums + PRIOR_ORDERS * mean) / (orders + PRIOR_ORDERS)
    margins = generator.normal(centres, np.sqrt(variance / (orders + PRIOR_ORDERS)), size=(draws, len(results)))
    return np.asarray(rates * margins, dtype=np.float64)
