"""The measured effect per person, with an interval that holds for small holdouts and skewed money."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from liftwright.domain.evidence import Estimate, Interval

Floats = npt.NDArray[np.float64]
METHOD = "difference in means, pooled variance"
BURN_IN = 25
"""No automatic decision before this many people with an outcome in the smaller arm."""


@dataclass(frozen=True)
class _Arms:
    treated: Floats
    holdout: Floats
    notes: tuple[str, ...]


def difference(
    treated: npt.ArrayLike,
    holdout: npt.ArrayLike,
    *,
    metric: str,
    level: float = 0.95,
    cap: float | None = None,
    covariate: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    critical: float | None = None,
    query: str = "",
) -> Estimate:
    """Mean of the treated arm less mean of the holdout, per person, by assignment (intention to treat).

    The p-value uses the pooled (score-type) variance, which keeps its level when the holdout is the small arm; the interval inverts
    that test. cap: outcomes above it count as the cap (fixed before launch).
    covariate: one number per person and arm known before the start (CUPED). critical: |z| in place of the level's quantile, for
    a look before the end. Without two people an arm, or without any variation, the numbers are None and `reason` says why.
    """
    arms = _prepare(treated, holdout, cap=cap, covariate=covariate)
    blank = Estimate(metric=metric, level=level, treated=len(arms.treated), holdout=len(arms.holdout), query=query)
    if min(blank.treated, blank.holdout) < 2:
        return blank.model_copy(update={"reason": "an arm has fewer than two people"})
    error = _null_error(arms.treated, arms.holdout)
    if error == 0.0:
        return blank.model_copy(update={"reason": "nobody's outcome differs from the others' of their arm"})
    mid = float(arms.treated.mean() - arms.holdout.mean())
    low, high = _interval(arms.treated, arms.holdout, z=float(norm.ppf(0.5 + level / 2)) if critical is None else critical)
    seen = outcomes_in_smaller_arm(treated, holdout)
    found = {
        "low": low,
        "mid": mid,
        "high": high,
        "method": ", ".join((METHOD, *arms.notes, *(["sequential"] if critical is not None else []))),
        "p_value": float(2.0 * norm.sf(abs(mid) / error)),
        "reason": ""
        if seen >= BURN_IN
        else f"only {seen} people with an outcome in the smaller arm, {BURN_IN} are needed to decide",
    }
    return blank.model_copy(update=found)


def outcomes_in_smaller_arm(treated: npt.ArrayLike, holdout: npt.ArrayLike) -> int:
    """How many people have any outcome (not 0) in the arm that has fewer of them."""
    return int(min(np.count_nonzero(np.asarray(treated)), np.count_nonzero(np.asarray(holdout))))


def total(estimate: Estimate, *, people: int) -> Interval | None:
    """The effect per person times the people it was caused in; None when it could not be measured."""
    if estimate.low is None or estimate.mid is None or estimate.high is None:
        return None
    return Interval(low=estimate.low * people, mid=estimate.mid * people, high=estimate.high * people, level=estimate.level)


def sample_ratio(treated: int, holdout: int, share: float) -> float | None:
    """Chi-square p-value of the arm sizes against the planned holdout share; None when there is nobody or nothing to compare."""
    people = treated + holdout
    if people == 0 or not 0.0 < share < 1.0:
        return None
    expected = people * share
    statistic = (holdout - expected) ** 2 / expected + (holdout - expected) ** 2 / (people - expected)
    return float(chi2.sf(statistic, 1))


def cap_for(past: npt.ArrayLike, *, quantile: float = 0.99) -> float | None:
    """The cap to fix before launch: a quantile of what past buyers' outcomes were; None below 100 buyers."""
    values = np.asarray(past, dtype=np.float64)
    buyers = values[values > 0]
    return float(np.quantile(buyers, quantile)) if len(buyers) >= 100 else None


def _prepare(
    treated: npt.ArrayLike, holdout: npt.ArrayLike, *, cap: float | None, covariate: tuple[npt.ArrayLike, npt.ArrayLike] | None
) -> _Arms:
    one, two = np.asarray(treated, dtype=np.float64), np.asarray(holdout, dtype=np.float64)
    notes: list[str] = []
    if cap is not None:
        one, two = np.minimum(one, cap), np.minimum(two, cap)
        notes.append(f"outcomes above {cap:.2f} count as {cap:.2f}")
    if covariate is not None and min(len(one), len(two)) >= 2:
        before = tuple(np.asarray(part, dtype=np.float64) for part in covariate)
        slope = _slope((one, two), (before[0], before[1]))
        if slope is not None:
            middle = np.concatenate(before).mean()
            one, two = one - slope * (before[0] - middle), two - slope * (before[1] - middle)
            notes.append("adjusted for what people did before")
    return _Arms(treated=one, holdout=two, notes=tuple(notes))


def _slope(after: tuple[Floats, Floats], before: tuple[Floats, Floats]) -> float | None:
    """Slope of outcome on covariate within arms; None when the covariate does not vary."""
    if any(len(a) != len(b) for a, b in zip(after, before, strict=True)):
        raise ValueError("the covariate needs one number per person of each arm")
    spread = sum(float(((x - x.mean()) ** 2).sum()) for x in before)
    if spread <= 1e-12:
        return None
    return sum(float(((x - x.mean()) * (y - y.mean())).sum()) for x, y in zip(before, after, strict=True)) / spread


def _null_error(treated: Floats, holdout: Floats) -> float:
    """Standard error under no effect: the variance of everybody together (score type); 0 where nobody varies within an arm."""
    together = np.concatenate([treated, holdout])
    if max(float(np.ptp(treated)), float(np.ptp(holdout))) <= 1e-9 * max(1.0, float(np.abs(together).max())):
        return 0.0
    return math.sqrt(float(together.var(ddof=1)) * (1.0 / len(treated) + 1.0 / len(holdout)))


def _interval(treated: Floats, holdout: Floats, *, z: float) -> tuple[float, float]:
    """All effects that the pooled test does not reject, by inverting it.

    An effect d below zero says that the holdout's outcomes are r = (mean of treated - d) / mean of treated times the treated
    ones, so its spread is taken as r times theirs (r at most 3; 1 where d is above zero or the mean is not positive). At d = 0 it
    is the pooled test itself.
    """
    sizes = len(treated), len(holdout)
    middle = float(treated.mean())
    mid = middle - float(holdout.mean())
    spreads = float(treated.var(ddof=1)), float(holdout.var(ddof=1))

    def excess(effect: float) -> float:
        ratio = min(max((middle - effect) / middle, 1.0), 3.0) if middle > 0 else 1.0
        common = ((sizes[0] - 1) * spreads[0] + (sizes[1] - 1) * spreads[1] / ratio**2) / (sum(sizes) - 2)
        error = math.sqrt(common * (1.0 / sizes[0] + ratio**2 / sizes[1]))
        return abs(mid - effect) - z * error

    far = 4.0 * z * math.sqrt(sum(spreads) * (1.0 / sizes[0] + 1.0 / sizes[1])) + 1e-12
    return float(brentq(excess, mid - far, mid, xtol=1e-9 * far)), float(brentq(excess, mid, mid + far, xtol=1e-9 * far))
