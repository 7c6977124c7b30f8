"""How the effect of a contact is spread over the time since it, and orders weighed by that: early orders say more than late ones.

Within an hour of a message hardly anybody buys of their own accord, two weeks later nearly everybody does. An order so counts by how
much likelier a contact made it just then, share of the effect over usual rate (the matched filter of North 1943: the weights of least
variance), with weights that keep the size of the effect. The spread is learned channel by channel from the same randomised rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import linalg

from liftwright.scoring.design import Floats, Layout
from liftwright.scoring.history import DELAY_HOURS
from liftwright.scoring.uplift.sample import Bools, Ints, Sample

SURE = 3.29
"""Standard errors by which a channel's spread effect must differ from none before its orders are weighed."""
DENIED_Z = 2.58
"""Standard errors by which all orders of the window may differ from what the spread effect adds up to."""
ALIKE = 0.1
"""How far the hours at which a channel and the control are stamped may differ (total variation) for hours after to be comparable."""
_DELAYS = (0.0, 24.0, 48.0, 72.0, 96.0, 120.0, 168.0)
_HALF_LIVES = (12.0, 24.0, 48.0, 72.0, 120.0)
_PROMPT = (0.0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0)
_AT_ONCE = (0.75, 0.15, 0.10)
"""Candidate spreads: hours before anything happens, hours in which half of the rest comes, and, where it starts at once, the share that
comes in the first six hours beyond that, by _AT_ONCE over the first three spans."""
LIVELY = 0.15
"""What a contact is taken to add to the usual orders where the noise of a span is judged, so that a quiet one does not decide everything."""
CHUNK = 65_536
_PENALTY = 3_000.0


@dataclass(frozen=True)
class Weighed:
    """One entry per row: `residual` the weighed orders less those expected when left alone, `weight` how much the row tells (about 1 where
    the control is large, less where its noise stands beside it). Both 0 for the control and where a wave has none. `shares`: by channel whose
    effect is sure, its share in each span of DELAY_HOURS."""

    residual: Floats
    weight: Floats
    shares: dict[str, Floats]

    @property
    def half_within_hours(self) -> dict[str, float]:
        """By channel, the hours after a contact within which half of its effect comes."""
        ends = {channel: np.cumsum([0.0, *shares]) for channel, shares in self.shares.items()}
        return {channel: round(float(np.interp(0.5, reached, DELAY_HOURS)), 1) for channel, reached in ends.items()}


def weigh(data: Sample, layout: Layout, counts: Floats, *, hours: Ints) -> Weighed | None:
    """Orders weighed by their delay. counts: (rows, spans) orders in each span after the opportunity, capped as the outcome is; hours: the
    hour each row is stamped.

    None where the data does not tell: no channel's effect is sure, or contacts and control are stamped at different hours of the day.
    """
    control, known = data.action < 0, np.asarray((data.tried & (data.treated > 0)).any(axis=1))
    if not known.any():
        return None
    channels = np.array([layout.channels.index(action.partition(":")[0]) for action in layout.actions], dtype=np.int64)
    channel = np.where(known, channels[data.action], -1)
    usual = (data.weight[control] @ counts[control] + 0.5) / data.weight[control].sum()
    surprise = counts - _alone(data, counts.sum(axis=1))[:, None] * (usual / usual.sum())
    chance = np.maximum(_moved(data), 0.0) * data.weight
    shapes = np.concatenate([_candidates(), _busy(_candidates(), usual)])
    residual, tells, sure = np.zeros(len(data.y)), np.zeros(len(data.y)), {}
    for place, name in enumerate(layout.channels):
        mine = channel == place
        shares = _shares(surprise, chance, mine, control, candidates=shapes) if _alike(hours[mine], hours[control]) else None
        if shares is not None:
            sure[name] = shares
        counted, tells[mine] = _filter(shares, usual)
        residual[mine] = surprise[mine] @ counted
    return Weighed(residual, _weight(data, tells, known, rate=float(usual.sum())), sure) if sure else None


def _alike(contacts: Ints, control: Ints) -> bool:
    """Whether two sets of hours of the day are close enough."""
    if not len(contacts) or not len(control):
        return False
    shares = [np.bincount(hours % 24, minlength=24) / len(hours) for hours in (contacts, control)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2) <= ALIKE


def _alone(data: Sample, orders: Floats) -> Floats:
    """Expected orders of each row when left alone, from those of the control; of a wave without one, nothing that could be used."""
    control = data.action < 0
    x, weight = data.base[control], data.weight[control]
    waves = data.base.shape[1] - data.z.shape[1]
    penalty = np.diag(np.concatenate([np.full(waves, 1e-3), np.full(data.z.shape[1], 10.0)]))
    weighted = x * weight[:, None]
    return np.asarray(data.base @ linalg.solve(weighted.T @ x + penalty, weighted.T @ orders[control], assume_a="pos"))


def _moved(data: Sample) -> Floats:
    """How much any contact moves the person of each row, by an R-learner on all outcomes alike, each fold's learned from the others."""
    size = 1 + data.z.shape[1]
    step, rest = (data.treated - data.expected[:, 1:]).sum(axis=1), data.y - data.expected[:, 0]
    grams, moments = np.zeros((data.folds, size, size)), np.zeros((data.folds, size))
    for fold in range(data.folds):
        mine = np.flatnonzero(data.fold == fold)
        for part in np.split(mine, range(CHUNK, len(mine), CHUNK)):
            x = np.column_stack([np.ones(len(part)), data.z[part]]) * step[part][:, None]
            weighted = x * data.weight[part][:, None]
            grams[fold] += weighted.T @ x
            moments[fold] += weighted.T @ rest[part]
    penalty = np.diag(np.concatenate([[1.0], np.full(data.z.shape[1], _PENALTY)]))
    found = np.zeros(len(data.y))
    for fold in range(data.folds):
        mine = data.fold == fold
        slopes = linalg.solve(grams.sum(0) - grams[fold] + penalty, moments.sum(0) - moments[fold], assume_a="pos")
        found[mine] = slopes[0] + data.z[mine] @ slopes[1:]
    return found


def _weight(data: Sample, tells: Floats, known: Bools, *, rate: float) -> Floats:
    """How much each row tells beside the noise of the control, which all contacts of a wave share (its effective size: Kish 1965).

    What people are expected to order when left alone is weighed as well: its noise counts the less the more early orders tell.
    """
    mean, waves, control = float(tells[known].mean()), int(data.wave.max()) + 1, data.action < 0
    contacts = np.bincount(data.wave[known], minlength=waves)
    first, second = (np.bincount(data.wave[control], data.weight[control] ** power, minlength=waves) for power in (1, 2))
    ratio = (contacts * second / np.maximum(first, 1e-12) ** 2)[data.wave]
    return np.asarray(np.where(known, data.weight * tells / mean / (1.0 + ratio / (mean * rate)), 0.0))


def _shares(surprise: Floats, chance: Floats, mine: Bools, control: Bools, *, candidates: Floats) -> Floats | None:
    """(spans,) share of a channel's effect in each span, the mean of all candidates by how well they fit; None where the effect is not
    sure.

    People count by how much a contact moves them, so that those it drives away do not hide when the others buy. Orders that only come sooner
    are missing later, and a spread that is none of the candidates gives another size: where all orders of the window together say otherwise,
    nothing is weighed.
    """
    means, errors = zip(*(_mean(surprise[arm], chance[arm]) for arm in (mine, control)), strict=True)
    lift, precise = means[0] - means[1], 1.0 / np.maximum(errors[0] ** 2 + errors[1] ** 2, 1e-12)
    size = np.maximum((candidates * lift * precise).sum(axis=1) / (candidates**2 * precise).sum(axis=1), 0.0)
    gained = (precise * (lift**2 - (lift - size[:, None] * candidates) ** 2)).sum(axis=1)
    likely = np.exp((gained - gained.max()) / 2)
    mean = (likely / likely.sum() * size) @ candidates
    is_denied = abs(lift.sum() - mean.sum()) > DENIED_Z * np.sqrt((1.0 / precise).sum())
    return None if not gained.max() > SURE**2 or is_denied else np.asarray(mean / mean.sum())


def _mean(rows: Floats, chance: Floats) -> tuple[Floats, Floats]:
    """Weighted mean of each column and its standard error, that of an unseen span as if one order more had been seen."""
    share = chance / max(float(chance.sum()), 1e-12)
    mean = share @ rows
    return mean, np.sqrt((share**2) @ (rows - mean) ** 2 + (share**2).max(initial=0.0))


@cache
def _candidates() -> Floats:
    """(candidates, spans) shares."""
    ends = np.array(DELAY_HOURS)
    prompt = np.concatenate([_AT_ONCE, np.zeros(len(ends) - 1 - len(_AT_ONCE))])
    found = []
    for delay in _DELAYS:
        for half in _HALF_LIVES:
            slow = -np.diff(0.5 ** (np.maximum(ends - delay, 0.0) / half))
            shares = _PROMPT if delay == 0.0 else (0.0,)
            found += [share * prompt + (1.0 - share) * slow / slow.sum() for share in shares]
    return np.array(found)


def _busy(shares: Floats, usual: Floats) -> Floats:
    """The same spreads where what a contact moves waits for hours in which people order at all: by night nobody does, and some shops know
    the day of an order only."""
    busy = shares * usual / np.diff(DELAY_HOURS)
    return np.asarray(busy / busy.sum(axis=1, keepdims=True))


def _filter(spread: Floats | None, rate: Floats) -> tuple[Floats, float]:
    """(spans,) what an order in each span counts, and what a row so tells: one over the variance of the estimated effect."""
    if spread is None:
        return np.ones(len(rate)), 1.0 / (rate.sum() * (1 + LIVELY))
    noise = rate + LIVELY * rate.sum() * spread
    tells = float((spread**2 / noise).sum())
    return spread / noise / tells, tells
