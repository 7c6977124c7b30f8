"""Calibration never reorders people; the measures of quality are those of their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liftwright.scoring import calibration

CASES = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: 0 < sum(happened for _, happened in rows) < len(rows)
)


def _arrays(rows: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score / 10 for score, _ in rows]), np.array([happened for _, happened in rows])


@given(CASES)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, bool]]) -> None:
    score, happened = _arrays(rows)
    pairs = [(a > b) + 0.5 * (a == b) for a in score[happened] for b in score[~happened]]
    assert calibration.auc(score, happened) == pytest.approx(np.mean(pairs))
    low, middle, high = calibration.auc_interval(score, happened)
    assert 0 <= low <= middle <= high <= 1


@given(CASES)
def test_calibrated_chances_keep_the_order_and_the_range(rows: list[tuple[int, bool]]) -> None:
    score, happened = _arrays(rows)
    at, share = calibration.steps(score, happened)
    assert list(at) == sorted(at)
    assert list(share) == sorted(share)
    assert 0 < share[0] <= share[-1] < 1


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_scores_that_are_too_sure_become_honest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.05, 0.6, 8000)
    sure = truth**3
    happened = rng.random(8000) < truth
    chance = np.interp(sure, *calibration.steps(sure, happened))
    assert calibration.calibration_error(chance, happened) < 0.02 < calibration.calibration_error(sure, happened)


def test_nine_in_ten_intervals_and_more_cover_the_true_auc() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        happened = rng.random(300) < 0.3
        low, _, high = calibration.auc_interval(rng.standard_normal(300) + happened, happened)
        hits += low <= 0.76025 <= high
    assert 0.9 <= hits / 200 <= 0.99
