"""How much of what models expect of a contact comes true, by cell: from the statistics of campaigns to a factor on expected effects."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np

from liftwright.domain.learning import CellStatistics, Moments
from liftwright.planning.disputes import settle
from liftwright.planning.priors import Belief, Cell, Shown, capped, posterior

FEWEST = 25
"""People who bought in the smaller arm, below which an estimate does not count by itself."""
TESTED, UNTESTED = Belief(scale=0.5, mean=0.25), Belief(scale=0.5, mean=1.0)
"""How far the share that comes true usually is from 1: where a randomised test stands behind what is expected, and where an assumption
does. A holdout of a few hundred people measures that share to within 1 or 2: by itself it must not turn a tested expectation over."""
LEAST, MOST = 0.0, 2.0
"""Bounds of the factor. Below 0 it would recommend those of whom harm was expected, whom no campaign has tried."""
SURE_Z = 1.645
"""A factor is the value nearest to 1 of its 90 % interval: only what is sure moves a plan. In a simulated market of 8,000 people the middle of
the interval, moved by two unlucky holdouts, took a third campaign to a third of its worth."""
LEAST_EXPECTED = 0.01
"""Where less than this was expected per person, major units, there is no share of it."""


@dataclass(frozen=True)
class Realised:
    """Factor on the positive expected effects of each cell with its standard error; rows used (ids), rows set aside, what is disputed in words."""

    factors: dict[Cell, tuple[float, float]]
    used: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


def learn(
    statistics: Sequence[CellStatistics], cells: Sequence[Cell], *, now: datetime, people: int, belief: Belief = TESTED
) -> Realised:
    """The factors of `cells` in a new campaign among `people`. Without believable statistics: none, and effects stay as the models say."""
    settled = settle(estimates(statistics, now=now), belief=belief)
    gone = tuple(name for source in settled.set_aside for name in source.split())
    if not settled.active:
        return Realised({}, set_aside=gone, says=settled.says)
    found = posterior(capped(settled.active, people=people), cells, belief=belief)
    factors = {
        cell: (min(max(1.0 + sure(float(mean), float(error)), LEAST), MOST), float(error))
        for cell, mean, error in zip(found.cells, found.means, found.errors, strict=True)
    }
    used = [source for each in settled.active for source in each.source.split()]
    return Realised(factors, tuple(used), gone, settled.says)


def sure(mean: float, error: float) -> float:
    """The value nearest to 0 of the interval of SURE_Z errors around a mean."""
    return math.copysign(max(abs(mean) - SURE_Z * error, 0.0), mean)


def estimates(statistics: Sequence[CellStatistics], *, now: datetime) -> list[Shown]:
    """Of every believed campaign, the share that came true less 1, of groups of cells that are large enough.

    Cells with fewer than FEWEST buyers in the smaller arm are put together within channel and offer, then within the channel, then within
    the campaign; what is still too thin does not enter.
    """
    found: list[Shown] = []
    believed = sorted((row for row in statistics if row.standing == "believed"), key=lambda row: (row.campaign_id, _key(row)))
    for _, rows in groupby(believed, key=lambda row: row.campaign_id):
        left = list(rows)
        for width in (3, 2, 1, 0):
            groups = _grouped(left, width)
            found += [shown for group in groups if _is_enough(group) and (shown := _shown(group, now)) is not None]
            left = [row for group in groups if not _is_enough(group) for row in group]
    return found


def by_channel(statistics: Sequence[CellStatistics]) -> dict[str, list[CellStatistics]]:
    """The believed rows of one campaign by channel, of channels that are large enough to say something of."""
    channels = sorted({row.channel for row in statistics if row.standing == "believed"})
    found = {channel: [row for row in statistics if row.channel == channel] for channel in channels}
    return {channel: rows for channel, rows in found.items() if _is_enough(rows)}


def foretold(rows: Sequence[CellStatistics]) -> float:
    """Extra margin per person that was expected of the contacts of these cells, both arms together."""
    weight = sum(row.treated.weight + row.holdout.weight for row in rows)
    return sum(row.treated.expected + row.holdout.expected for row in rows) / weight if weight > 0 else 0.0


def effect(rows: Sequence[CellStatistics]) -> tuple[float, float]:
    """Measured extra margin per person of cells together and its standard error, from the pooled variance of both arms."""
    treated, holdout = (_added(arm) for arm in ([row.treated for row in rows], [row.holdout for row in rows]))
    if not treated.weight or not holdout.weight:
        return 0.0, math.inf
    means = [arm.total / arm.weight for arm in (treated, holdout)]
    within = sum(arm.squares / arm.weight * arm.people - (arm.total / arm.weight) ** 2 * arm.people for arm in (treated, holdout))
    variance = max(within, 0.0) / max(treated.people + holdout.people - 2, 1)
    sizes = [arm.weight**2 / arm.weight_squares for arm in (treated, holdout)]
    return means[0] - means[1], math.sqrt(variance * (1.0 / sizes[0] + 1.0 / sizes[1]))


def _shown(rows: Sequence[CellStatistics], now: datetime) -> Shown | None:
    shares = np.array([row.treated.expected + row.holdout.expected for row in rows])
    wanted = foretold(rows)
    found, error = effect(rows)
    if wanted < LEAST_EXPECTED or (shares < 0).any() or error <= 0.0:
        return None
    treated, holdout = sum(row.treated.people for row in rows), sum(row.holdout.people for row in rows)
    return Shown(
        campaign=rows[0].campaign_id,
        cells={Cell(row.channel, row.segment, row.offer): float(s / shares.sum()) for row, s in zip(rows, shares, strict=True)},
        effect=found / wanted - 1.0,
        error=error / wanted,
        age_days=max((now - rows[0].ends_at).total_seconds() / 86_400, 0.0),
        people=1.0 / (1.0 / treated + 1.0 / holdout),
        source=" ".join(row.statistics_id for row in rows),
    )


def _is_enough(rows: Sequence[CellStatistics]) -> bool:
    return min(sum(row.treated.conversions for row in rows), sum(row.holdout.conversions for row in rows)) >= FEWEST


def _grouped(rows: Sequence[CellStatistics], width: int) -> list[list[CellStatistics]]:
    """Neighbours that share the first `width` parts of their key."""
    return [list(group) for _, group in groupby(rows, key=lambda row: _key(row)[:width])]


def _key(row: CellStatistics) -> tuple[str, ...]:
    return row.channel, row.offer, row.segment


def _added(arms: Iterable[Moments]) -> Moments:
    every = list(arms)
    names = Moments.model_fields
    return Moments(**{name: sum(getattr(arm, name) for arm in every) for name in names})
