"""The measured effect per person, with an interval that holds for small holdouts and skewed money."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import norm

from liftwright.domain.evidence import Estimate, Interval
from liftwright.measurement import moments, skew
from liftwright.measurement.moments import Arm

METHOD = "difference in means, pooled variance"
BURN_IN = 25
"""No automatic decision before this many people with an outcome in the smaller arm."""
REGRESSION_FROM = 100
"""People with an outcome in each arm from which on each arm has its own regression slope."""
STEEPEST = 3.0
"""How many times as large as the treated arm's the holdout's outcomes may be taken for under a harmful effect."""


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
    """Mean of the treated arm less mean of the holdout, per person, by assignment (intention to treat): `compare` on raw outcomes.

    cap: outcomes above it count as the cap (fixed before launch). covariate: one number per person and arm known before the start.
    """
    one, two = covariate if covariate is not None else (None, None)
    arms = moments.arm(treated, one, cap=cap), moments.arm(holdout, two, cap=cap)
    return compare(*arms, metric=metric, level=level, cap=cap, critical=critical, query=query)


def compare(
    treated: Arm,
    holdout: Arm,
    *,
    metric: str,
    level: float = 0.95,
    cap: float | None = None,
    critical: float | None = None,
    query: str = "",
) -> Estimate:
    """The effect per person from what is kept of each arm; what stands beside the outcome is used as a covariate.

    The p-value uses the pooled (score-type) variance and allows for skewness (`skew`), so that it keeps its level when the holdout is the
    small arm; the interval inverts that test. cap: what the outcomes were capped at, for the words only. critical: |z| in place of the level's quantile, for a look
    before the end. Without two people an arm, or without any variation, the numbers are None and `reason` says why.
    """
    blank = Estimate(metric=metric, level=level, treated=treated.people, holdout=holdout.people, query=query)
    if min(blank.treated, blank.holdout) < 2:
        return blank.model_copy(update={"reason": "an arm has fewer than two people"})
    seen = min(treated.seen, holdout.seen)
    one, two, note = moments.adjusted(treated, holdout, least=REGRESSION_FROM)
    if one.is_constant and two.is_constant:
        return blank.model_copy(update={"reason": "nobody's outcome differs from the others' of their arm"})
    mid = one.mean - two.mean
    error, skewness = _under_no_effect(one, two)
    low, high = _interval(one, two, z=quantile(level) if critical is None else critical)
    capped = "" if cap is None else f"outcomes above {cap:.2f} count as {cap:.2f}"
    notes = (METHOD, capped, note, "" if critical is None else "sequential")
    found = {
        "low": low,
        "mid": mid,
        "high": high,
        "error": error,
        "method": ", ".join(part for part in notes if part),
        "p_value": float(2.0 * norm.sf(abs(skew.straightened(mid / error, skewness)))),
        "reason": "" if seen >= BURN_IN else few(seen),
    }
    return blank.model_copy(update=found)


def few(seen: int) -> str:
    """Why nothing is decided yet."""
    return f"only {seen} people with an outcome in the smaller arm, {BURN_IN} are needed to decide"


def quantile(level: float) -> float:
    """The |z| of a two-sided interval of this level, for one look."""
    return float(ndtri(0.5 + level / 2.0))


def outcomes_in_smaller_arm(treated: npt.ArrayLike, holdout: npt.ArrayLike) -> int:
    """How many people have any outcome (not 0) in the arm that has fewer of them."""
    return int(min(np.count_nonzero(np.asarray(treated)), np.count_nonzero(np.asarray(holdout))))


def total(estimate: Estimate, *, people: int) -> Interval | None:
    """The effect per person times the people it was caused in; None when it could not be measured."""
    if estimate.low is None or estimate.mid is None or estimate.high is None:
        return None
    return Interval(low=estimate.low * people, mid=estimate.mid * people, high=estimate.high * people, level=estimate.level)


def _under_no_effect(treated: Arm, holdout: Arm) -> tuple[float, float]:
    """Standard error and skewness of the difference when both arms are alike (score type).

    The pooled variance does not move with the difference, so the skewness is that of the difference itself.
    """
    sizes = treated.people, holdout.people
    error = math.sqrt(moments.together(treated, holdout) * (1.0 / sizes[0] + 1.0 / sizes[1]))
    third = (treated.cubes[0] + holdout.cubes[0]) / sum(sizes)
    return error, third * (1.0 / sizes[0] ** 2 - 1.0 / sizes[1] ** 2) / error**3


def _interval(treated: Arm, holdout: Arm, *, z: float) -> tuple[float, float]:
    """All effects that the pooled test does not reject, by inverting it.

    An effect d below zero says that the holdout's outcomes are r = (mean of treated - d) / mean of treated times the treated
    ones, so its spread is taken as r times theirs (r at most `STEEPEST`; 1 where d is above zero or the mean is not positive). At
    d = 0 it is the pooled test itself.
    """
    sizes, middle = (treated.people, holdout.people), treated.mean
    mid = middle - holdout.mean

    def reach(effect: float, side: float) -> float:
        """How far the difference may lie from this effect, above (side 1) or below it (side -1)."""
        ratio = min(max((middle - effect) / middle, 1.0), STEEPEST) if middle > 0 else 1.0
        common = (treated.squares + holdout.squares / ratio**2) / (sum(sizes) - 2)
        error = math.sqrt(common * (1.0 / sizes[0] + ratio**2 / sizes[1]))
        third = (treated.cubes[0] + holdout.cubes[0] / ratio**3) / sum(sizes)
        skewness = third * (1.0 / sizes[0] ** 2 - ratio**3 / sizes[1] ** 2) / error**3
        return side * skew.bent(side * z, skewness) * error

    low, high = mid - reach(0.0, 1.0), mid + reach(0.0, -1.0)
    far = 8.0 * z * math.sqrt((treated.variance + holdout.variance) * (1.0 / sizes[0] + 1.0 / sizes[1])) + 1e-12
    while far <= max(reach(mid - far, 1.0), reach(mid + far, -1.0)):
        far *= 2.0
    if low < 0.0:
        low = float(brentq(lambda effect: mid - effect - reach(effect, 1.0), mid - far, mid, xtol=1e-9 * far))
    if high < 0.0:
        high = float(brentq(lambda effect: mid - effect + reach(effect, -1.0), mid, mid + far, xtol=1e-9 * far))
    return low, high
