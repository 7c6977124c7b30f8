"""What another way of deciding would have brought, from decisions that were logged with the chance of what was chosen.

Self-normalised weighting (SNIPS: Swaminathan and Joachims 2015) and doubly robust (DR: Dudík, Langford and Li 2011). A log without
chances, or one in which the other policy's choices hardly occur, is refused: without chances, weighting by how often each action was
chosen is wrong by more than a tenth and looks sure of itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from liftwright.domain.evidence import Interval

Floats = npt.NDArray[np.float64]
LEAST_EFFECTIVE = 0.05
"""Least effective sample size as a share of the decisions."""
LEAST_REWARDED = 25
"""Least number of decisions with a reward that the other policy might have taken too."""
LEAST_EITHER = 50
"""Least number of people who bought, and who did not, to tell whether chances are calibrated."""
NO_PROPENSITIES = "the log does not hold the chance of what was chosen, so no other policy can be judged by it"


@dataclass(frozen=True)
class Evaluation:
    """The value of a policy per decision, in the reward's unit. logged: of the policy that wrote the log. gain: what the other policy
    brings more, by DR against the same decisions. effective: as many independent decisions of the other policy the log is worth;
    max_weight: of one decision. Refused: `refusal` says why, and there is no value."""

    decisions: int
    logged: float
    snips: Interval | None = None
    doubly_robust: Interval | None = None
    gain: Interval | None = None
    always_valid: Interval | None = None
    effective: float = 0.0
    max_weight: float = 0.0
    refusal: str = ""


def evaluate(
    rewards: npt.ArrayLike,
    *,
    propensities: npt.ArrayLike | None,
    target: npt.ArrayLike,
    supported: npt.ArrayLike | None = None,
    expected_chosen: npt.ArrayLike | None = None,
    expected_target: npt.ArrayLike | None = None,
    level: float = 0.95,
) -> Evaluation:
    """Judge a policy on logged decisions; arrays have one entry per decision.

    propensities: the logged chance of the chosen action, after every filter. target: the chance that the other policy gives that same
    action. supported: whether everything the other policy may do had a chance in the log. expected_chosen and expected_target: a
    model's reward of the chosen action and of the other policy (`cross_fitted`; 0 makes DR an ordinary weighted mean).
    always_valid: the gain's interval that holds however often it is looked at (`confidence_sequence`).
    Raises ValueError when the arrays differ in length.
    """
    reward, aim = np.asarray(rewards, dtype=np.float64), np.asarray(target, dtype=np.float64)
    logged = float(reward.mean()) if len(reward) else 0.0
    if propensities is None:
        return Evaluation(len(reward), logged, refusal=NO_PROPENSITIES)
    chance = np.asarray(propensities, dtype=np.float64)
    if not len(reward) == len(aim) == len(chance):
        raise ValueError("rewards, propensities and target need one entry per decision")
    problem = _unusable(chance, supported)
    if problem:
        return Evaluation(len(reward), logged, refusal=problem)
    weight = aim / chance
    effective = float(weight.sum() ** 2 / (weight**2).sum()) if weight.any() else 0.0
    known = Evaluation(len(reward), logged, effective=effective, max_weight=float(weight.max()))
    problem = _too_thin(known, rewarded=int(np.count_nonzero(reward[weight > 0] > 0.0)))
    if problem:
        return replace(known, refusal=problem)
    chosen, other = (
        np.zeros(len(reward)) if each is None else np.asarray(each, dtype=np.float64)
        for each in (expected_chosen, expected_target)
    )
    return _valued(known, reward, weight / weight.mean(), chosen, other, level=level)


def cross_fitted(
    features: Floats, chosen: npt.NDArray[np.int64], rewards: Floats, *, actions: int, folds: int = 5, penalty: float = 10.0
) -> Floats:
    """Expected reward of every action at every decision, (decisions, actions): a ridge per action, fitted on the other folds.

    A decision's own reward is never in its prediction. An action that another fold did not see gets that fold's mean reward.
    """
    columns = np.column_stack([np.ones(len(features)), features])
    fold = np.arange(len(rewards)) % folds
    found = np.zeros((len(rewards), actions))
    ridge = np.diag([1e-9, *np.full(features.shape[1], penalty)])
    for part in range(folds):
        out = fold == part
        for action in range(actions):
            rows = ~out & (chosen == action)
            x = columns[rows]
            fit = np.linalg.solve(x.T @ x + ridge, x.T @ rewards[rows]) if rows.any() else None
            found[out, action] = float(rewards[~out].mean()) if fit is None else columns[out] @ fit
    return found


def confidence_sequence(values: npt.ArrayLike, *, alpha: float = 0.05, planned: int | None = None) -> Interval:
    """The mean of these values with an interval that holds at every look (asymptotic confidence sequence, Waudby-Smith et al. 2024).

    Narrowest when `planned` values are in (missing = as many as there are now). Infinitely wide below two values.
    """
    each = np.asarray(values, dtype=np.float64)
    count = len(each)
    if count < 2:
        return Interval(low=-math.inf, mid=float(each.mean()) if count else 0.0, high=math.inf, level=1.0 - alpha)
    tuned = (-2.0 * math.log(alpha) + math.log(-2.0 * math.log(alpha) + 1.0)) / max(planned or count, 1)
    inside = count * tuned + 1.0
    half = float(each.std(ddof=1)) * math.sqrt(2.0 * inside / (count**2 * tuned) * math.log(math.sqrt(inside) / alpha))
    mid = float(each.mean())
    return Interval(low=mid - half, mid=mid, high=mid + half, level=1.0 - alpha)


def calibration_slope(chances: npt.ArrayLike, happened: npt.ArrayLike) -> float | None:
    """Slope of what happened on the log-odds of its chance (logistic regression): 1 is right, below 1 the chances are too sure.

    None with fewer than LEAST_EITHER that happened, or that did not.
    """
    outcome = np.asarray(happened, dtype=bool)
    if min(int(outcome.sum()), int((~outcome).sum())) < LEAST_EITHER:
        return None
    kept = np.clip(np.asarray(chances, dtype=np.float64), 1e-6, 1.0 - 1e-6)
    columns, beta = np.column_stack([np.ones(len(kept)), np.log(kept / (1.0 - kept))]), np.array([0.0, 1.0])
    for _ in range(50):
        fitted = 1.0 / (1.0 + np.exp(-np.clip(columns @ beta, -30.0, 30.0)))
        curvature = (columns * (fitted * (1.0 - fitted))[:, None]).T @ columns + 1e-6 * np.eye(2)
        beta = beta + np.linalg.solve(curvature, columns.T @ (outcome - fitted))
    return float(beta[1])


def _unusable(chance: Floats, supported: npt.ArrayLike | None) -> str:
    if not len(chance):
        return "the log holds no decision"
    if not (np.isfinite(chance) & (chance > 0.0) & (chance <= 1.0)).all():
        return NO_PROPENSITIES
    lost = 0 if supported is None else int(np.count_nonzero(~np.asarray(supported, dtype=bool)))
    return (
        f"the log never had a chance of what the other policy would do in {lost:,} of {len(chance):,} decisions" if lost else ""
    )


def _too_thin(known: Evaluation, *, rewarded: int) -> str:
    if known.effective < LEAST_EFFECTIVE * known.decisions:
        return (
            f"the log is worth {known.effective:,.0f} decisions of the other policy, "
            f"{known.effective / known.decisions:.1%} of {known.decisions:,}; {LEAST_EFFECTIVE:.0%} are needed"
        )
    if rewarded < LEAST_REWARDED:
        return f"only {rewarded} decisions that the other policy might have taken have an outcome; {LEAST_REWARDED} are needed"
    return ""


def _valued(known: Evaluation, reward: Floats, share: Floats, chosen: Floats, other: Floats, *, level: float) -> Evaluation:
    """Both estimates from their influence values; `share` are the weights over their mean."""
    weighted = float((share * reward).mean())
    rest = reward - chosen
    robust = other + share * rest - (share - 1.0) * float((share * rest).mean())
    return replace(
        known,
        snips=_interval(weighted + share * (reward - weighted), level=level),
        doubly_robust=_interval(robust, level=level),
        gain=_interval(robust - reward, level=level),
        always_valid=confidence_sequence(robust - reward, alpha=1.0 - level),
    )


def _interval(values: Floats, *, level: float) -> Interval:
    """The mean of influence values with its normal interval."""
    mid, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    z = float(norm.ppf(0.5 + level / 2.0))
    return Interval(low=mid - z * error, mid=mid, high=mid + z * error, level=level)
