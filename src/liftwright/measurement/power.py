"""What a test can detect, and how large a holdout it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import norm

from liftwright.domain.experiment import Detectable

LOOKS_PRICE = 1.10
"""Daily looks with O'Brien-Fleming spending make the interval at the end about a tenth wider."""
SHARES = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.40, 0.50)


@dataclass(frozen=True)
class ShareChoice:
    """A holdout share, what it detects, what it costs (margin not caused in the holdout) and why it was chosen."""

    share: float
    detectable: Detectable
    cost: float
    is_measurable: bool
    says: str


def detectable(
    *, treated: int, holdout: int, mean: float, sd: float, power: float = 0.8, level: float = 0.95, looks: int = 1
) -> Detectable:
    """Smallest true difference in means found with the stated power, two-sided: (z_level + z_power) sd sqrt(1/n_t + 1/n_h).

    mean and sd: of one person's outcome without treatment. An empty arm detects nothing: the absolute figure is infinite.
    """
    if treated < 1 or holdout < 1:
        return Detectable(absolute=math.inf, relative=None)
    z = float(norm.ppf(0.5 + level / 2) + norm.ppf(power))
    absolute = z * sd * math.sqrt(1.0 / treated + 1.0 / holdout) * (LOOKS_PRICE if looks > 1 else 1.0)
    return Detectable(absolute=absolute, relative=absolute / mean if mean > 0 else None)


def holdout_share(
    *,
    people: int,
    mean: float,
    sd: float,
    expected_lift: float,
    power: float = 0.8,
    level: float = 0.95,
    looks: int = 1,
    default: float = 0.10,
    shares: Sequence[float] = SHARES,
) -> ShareChoice:
    """The smallest share whose detectable effect is at most 0.8 of the expected one; `default` when none can find it.

    expected_lift: expected extra outcome per treated person, in the unit of mean and sd.
    """

    def at(share: float) -> Detectable:
        held = round(people * share)
        return detectable(treated=people - held, holdout=held, mean=mean, sd=sd, power=power, level=level, looks=looks)

    for share in sorted(shares):
        found = at(share)
        if expected_lift > 0 and found.absolute <= 0.8 * expected_lift:
            says = (
                f"A holdout of {share:.0%} finds an effect of {found.absolute:.4g} per person; {expected_lift:.4g} is expected."
            )
            return ShareChoice(share, found, share * people * expected_lift, True, says)
    found = at(default)
    says = (
        f"Not measurable at this size: with {people} people even a holdout of {max(shares):.0%} finds only effects from "
        f"{at(max(shares)).absolute:.4g} per person, and {expected_lift:.4g} is expected. The holdout stays at {default:.0%}."
    )
    return ShareChoice(default, found, default * people * max(expected_lift, 0.0), False, says)
