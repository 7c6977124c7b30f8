"""Scores as chances, and how good scores are: isotonic calibration, AUC with its interval, log-loss, calibration error."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.stats import norm

from liftwright.scoring.design import Floats

Bools = npt.NDArray[np.bool_]
Steps = tuple[tuple[float, ...], tuple[float, ...]]
"""Raw scores, rising, and the calibrated chance at each, not falling; between them a straight line."""
GROUPS = 10


def steps(score: Floats, happened: Bools) -> Steps:
    """Knots of the isotonic fit; each level is drawn a little to the base rate, so that nobody is certain."""
    order = np.argsort(score, kind="stable")
    found = isotonic_regression(happened[order].astype(np.float64))
    rate = float(happened.mean())
    at, share = [], []
    for start, end in itertools.pairwise(np.asarray(found.blocks)):
        count = end - start
        at.append(float(score[order][start:end].mean()))
        share.append(float((found.x[start] * count + 2.0 * rate) / (count + 2.0)))
    share = list(np.maximum.accumulate(share))
    knots = sorted(dict(zip(at, (float(s) for s in share), strict=True)).items())
    return tuple(k for k, _ in knots), tuple(v for _, v in knots)


def auc(score: Floats, happened: Bools) -> float:
    """Chance that a positive scores above a negative, ties counting half (Mann-Whitney). NaN when either is missing."""
    rank = _ranks(score)
    yes = int(happened.sum())
    pairs = yes * (len(happened) - yes)
    return float((rank[happened].sum() - yes * (yes + 1) / 2) / pairs) if pairs else float("nan")


def auc_interval(score: Floats, happened: Bools, *, level: float = 0.95) -> tuple[float, float, float]:
    """AUC with its normal interval from the variance of the placements (DeLong, DeLong and Clarke-Pearson 1988), inside [0, 1]."""
    middle = auc(score, happened)
    yes, no = score[happened], score[~happened]
    placed_yes = (_ranks(score)[happened] - _ranks(yes)) / len(no)
    placed_no = 1.0 - (_ranks(score)[~happened] - _ranks(no)) / len(yes)
    spread = float(np.sqrt(placed_yes.var() / len(yes) + placed_no.var() / len(no)))
    half = float(norm.ppf((1 + level) / 2)) * spread
    return max(middle - half, 0.0), middle, min(middle + half, 1.0)


def log_losses(chance: Floats, happened: Bools) -> Floats:
    """Minus the logarithm of the chance given to what happened, per row."""
    kept = np.clip(chance, 1e-9, 1 - 1e-9)
    return np.asarray(-np.where(happened, np.log(kept), np.log(1 - kept)))


def calibration_error(chance: Floats, happened: Bools) -> float:
    """Mean distance of expected and observed shares over ten groups of equal size by chance."""
    order = np.argsort(chance, kind="stable")
    parts = [part for part in np.array_split(order, GROUPS) if len(part)]
    return float(sum(abs(chance[part].mean() - happened[part].mean()) * len(part) for part in parts) / max(len(order), 1))


def quality(score: Floats, chance: Floats, happened: Bools) -> dict[str, float]:
    """What a card says of cross-fitted scores: auc with its 95 % interval, log_loss, calibration_error, base_rate."""
    low, middle, high = auc_interval(score, happened)
    return {
        "auc": middle,
        "auc_low": low,
        "auc_high": high,
        "log_loss": float(log_losses(chance, happened).mean()),
        "calibration_error": calibration_error(chance, happened),
        "base_rate": float(happened.mean()),
    }


def _ranks(score: Floats) -> Floats:
    """Ranks from 1, ties sharing their mean."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])
