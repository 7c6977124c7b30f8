"""An effect that wears off is called so; one that stays is not."""

from __future__ import annotations

import numpy as np
import pytest

from liftwright.measurement.novelty import trend

PEOPLE = (9_000, 1_000)


def days(effects: list[float], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Per arm and day the sum and the sum of squares of what people brought; the treated bring `effects` more."""
    found = []
    for people, extra in zip(PEOPLE, (np.array(effects), np.zeros(len(effects))), strict=True):
        values = (rng.random((len(effects), people)) < 0.05) * rng.gamma(2.0, 10.0, (len(effects), people)) + extra[:, None]
        found.append(np.stack([values.sum(axis=1), (values**2).sum(axis=1)], axis=1))
    return found[0], found[1]


def test_an_effect_that_falls_from_day_to_day_is_decaying_and_its_late_part_is_known() -> None:
    found = trend(*days([3.0 - 0.2 * day for day in range(14)], np.random.default_rng(0)), people=PEOPLE)
    assert found.is_decaying
    assert found.slope is not None
    assert found.slope.mid == pytest.approx(-0.2, abs=0.05)
    assert found.late is not None
    assert found.late.low < 3.0 - 0.2 * 11.5 < found.late.high
    assert len(found.days) == 14


def test_a_steady_effect_and_none_at_all_are_not_called_decaying() -> None:
    rng = np.random.default_rng(1)
    for effect in (0.0, 2.0):
        assert not any(trend(*days([effect] * 14, rng), people=PEOPLE).is_decaying for _ in range(30))


def test_few_days_are_no_trend() -> None:
    found = trend(*days([1.0] * 5, np.random.default_rng(2)), people=PEOPLE)
    assert (found.slope, found.is_decaying) == (None, False)
    assert found.reason == "a trend needs 6 days, 5 have been seen"


def test_days_on_which_nobody_did_anything_are_no_evidence() -> None:
    empty = np.zeros((10, 2))
    assert trend(empty, empty, people=PEOPLE).days == ()
