"""What a solved assignment is expected to cause, how unsure that is, and how likely a target is."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pyarrow as pa
from scipy.stats import norm

from liftwright.domain.evidence import Interval
from liftwright.domain.money import Money
from liftwright.domain.plan import Forecast


def spread_of(
    rows: pa.Table, *, effect_se: Mapping[str, float], noise_sd: float, diminishing: float = 0.7, correlation: float = 0.5
) -> float:
    """Standard deviation of the plan's total incremental margin, major units.

    effect_se: by action, standard error of the mean effect of a first touch; wrong for one person, it is equally wrong for all
    who get the action, so it adds up over touches, not over their square root. Actions measured against the same control group
    are correlated (0.5 with equal arms). noise_sd: standard deviation of one person's margin over the flight.
    """
    weights: dict[str, float] = {}
    for row in rows.group_by(["channel", "offer", "wave"]).aggregate([("value", "count")]).to_pylist():
        action = f"{row['channel']}:{row['offer']}"
        weights[action] = weights.get(action, 0.0) + row["value_count"] * diminishing ** (row["wave"] - 1)
    errors = [weight * float(effect_se.get(action, 0.0)) for action, weight in sorted(weights.items())]
    own = sum(error**2 for error in errors)
    people = len(set(rows["customer_id"].to_pylist()))
    return math.sqrt((1.0 - correlation) * own + correlation * sum(errors) ** 2 + noise_sd**2 * people)


def forecast(
    rows: pa.Table,
    *,
    effect_se: Mapping[str, float],
    noise_sd: float,
    currency: str,
    target: float | None = None,
    level: float = 0.90,
    diminishing: float = 0.7,
    correlation: float = 0.5,
) -> Forecast:
    """Expected incremental margin with an interval that holds both effect uncertainty and the noise of outcomes.

    target: incremental margin asked for, in major units; the note then names the nearest goal that is likely (80%).
    """
    mid = math.fsum(rows["value"].to_pylist())
    sd = spread_of(rows, effect_se=effect_se, noise_sd=noise_sd, diminishing=diminishing, correlation=correlation)
    reach = float(norm.ppf(0.5 + level / 2)) * sd
    return Forecast(
        incremental_margin=Interval(low=mid - reach, mid=mid, high=mid + reach, level=level),
        cost=Money.of(math.fsum(rows["cost"].to_pylist()), currency),
        probability_of_target=None if target is None else chance_of(target, mid=mid, sd=sd),
        note="" if target is None else nearest_goal(target, mid=mid, sd=sd, currency=currency),
    )


def chance_of(target: float, *, mid: float, sd: float) -> float:
    """Chance that a normal total with this middle and spread reaches the target."""
    if sd <= 0.0:
        return 1.0 if mid >= target else 0.0
    return float(norm.sf((target - mid) / sd))


def reachable(*, mid: float, sd: float, chance: float = 0.80) -> float:
    """The greatest target that is reached with the given chance."""
    return mid - float(norm.ppf(chance)) * sd


def nearest_goal(target: float, *, mid: float, sd: float, currency: str, chance: float = 0.80) -> str:
    """One or two sentences: how likely the target is and, when it is not likely, what would be."""
    likely = chance_of(target, mid=mid, sd=sd)
    says = f"An incremental margin of {Money.of(target, currency)} is reached with a chance of {_percent(likely)}."
    if likely >= chance:
        return says
    within = reachable(mid=mid, sd=sd, chance=chance)
    if within <= 0.0:
        return f"{says} No gain is reached with a chance of {_percent(chance)}; the expected gain is {Money.of(mid, currency)}."
    return f"{says} With a chance of {_percent(chance)} this plan reaches {Money.of(within, currency)}."


def _percent(share: float) -> str:
    if 0.0 < share < 0.01:
        return "less than 1%"
    if 0.99 < share < 1.0:
        return "more than 99%"
    return f"{share:.0%}"
