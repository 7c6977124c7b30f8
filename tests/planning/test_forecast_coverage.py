"""Does a forecast's 90 % interval hold what then happens? Many planted problems: a past test, a plan made from it, an outcome."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from liftwright.planning.forecast import forecast

CHANNELS = np.array(["email", "sms", "push"])
COST = np.array([0.002, 0.04, 0.001])
PEOPLE, DIMINISHING, MEAN, SPREAD, SLOPE = 2_000, 0.6, 0.2, 0.3, 0.4
"""Three actions whose true effect per person is drawn around MEAN (standard deviation SPREAD) and grows with one feature (SLOPE)."""
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def played(seed: int, *, arm: int, noise: float) -> bool:
    """One planted problem: is the outcome inside the interval forecast from a past test with `arm` people an arm?"""
    draw = np.random.default_rng(seed)
    feature = draw.standard_normal(PEOPLE)
    truth = np.stack([draw.normal(MEAN, SPREAD, 3), draw.normal(0.0, SLOPE, 3)])
    error = noise / arm**0.5
    seen = truth + draw.normal(0.0, error, (2, 3)) - draw.normal(0.0, error, (2, 1))
    (level, spread), (slope, _) = _believed(seen[0], MEAN, SPREAD, error), _believed(seen[1], 0.0, SLOPE, error)
    rows, who, action, factor = _plan(level + feature[:, None] * slope)
    caused = float(((truth[0, action] + feature[who] * truth[1, action]) * factor).sum() - COST[action].sum())
    happened = caused + draw.normal(0.0, noise * len(np.unique(who)) ** 0.5)
    errors = {f"{name}:none": float(spread[i]) for i, name in enumerate(CHANNELS)}
    said = forecast(rows, effect_se=errors, noise_sd=noise, currency="USD", diminishing=DIMINISHING).incremental_margin
    return said.low <= happened <= said.high


def _believed(seen: Floats, mean: float, spread: float, error: float) -> tuple[Floats, Floats]:
    """Means and standard deviations of three effects after a test whose arms share one control group (Gaussian posterior)."""
    prior, sampling = np.eye(3) * spread**2, error**2 * (np.eye(3) + 1.0)
    gain = prior @ np.linalg.inv(prior + sampling)
    return mean + gain @ (seen - mean), np.sqrt(np.diag(prior - gain @ prior))


def _plan(effect: Floats) -> tuple[pa.Table, Floats, Floats, Floats]:
    """Everybody's best action in two waves where it pays: the rows, who they are for, the action and its share of a first touch."""
    parts = []
    for wave in (1, 2):
        value = effect * DIMINISHING ** (wave - 1) - COST
        best = value.argmax(axis=1)
        who = np.flatnonzero(value.max(axis=1) > 0)
        parts.append((who, best[who], np.full(len(who), wave), value[who, best[who]]))
    who, action, wave, value = (np.concatenate([part[place] for part in parts]) for place in range(4))
    names = {"customer_id": [str(person) for person in who], "channel": CHANNELS[action], "offer": ["none"] * len(who)}
    return pa.table(names | {"wave": wave, "value": value, "cost": COST[action]}), who, action, DIMINISHING ** (wave - 1)


@pytest.mark.parametrize(("arm", "noise"), [(3_000, 20.0), (3_000, 5.0), (800, 5.0)])
def test_the_stated_interval_holds_the_outcome_about_as_often_as_it_says(arm: int, noise: float) -> None:
    covered = np.mean([played(seed, arm=arm, noise=noise) for seed in range(200)])
    assert 0.85 <= covered <= 0.95
