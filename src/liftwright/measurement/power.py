"""What a test can detect, and how large a holdout it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import norm

from liftwright.domain.experiment import Detectable

LOOKS_PRICE = 1.10
"""Daily looks with O'Brien-Fleming spending make the interval at the end about a tenth wider."""
NEEDED = 0.8
"""The detectable effect is to be at most this part of the expected one, which is itself uncertain."""
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
    most: float = 0.50,
    others: float = 0.0,
    shares: Sequence[float] = SHARES,
) -> ShareChoice:
    """The smallest share from `default` to `most` whose detectable effect is at most 0.8 of the expected one; `default` when none can
    find it. The price is what the people held out are expected not to bring.

    expected_lift: expected extra outcome per treated person, in the unit of mean and sd. others: share of the people in arms that are no
    part of the comparison.
    """

    def at(share: float) -> Detectable:
        held = max(round(people * share), 1)
        treated = max(people - held - round(people * others), 1)
        return detectable(treated=treated, holdout=held, mean=mean, sd=sd, power=power, level=level, looks=looks)

    lift = max(expected_lift, 0.0)
    allowed = sorted({default, *(share for share in shares if default < share <= most)})
    enough = [share for share in (*allowed, *sorted(shares)) if 0.0 < at(share).absolute <= NEEDED * lift]
    if enough and enough[0] in allowed:
        return _choice(enough[0], at(enough[0]), people, lift, "")
    short = f"{at(max(shares)).absolute:.4g} with {max(shares):.0%} held out"
    if enough:
        short = f"{at(enough[0]).absolute:.4g} with {enough[0]:.0%}, which would cost about {enough[0] * people * lift:,.2f}"
    return _choice(default, at(default), people, lift, short)


def _choice(share: float, found: Detectable, people: int, lift: float, short: str) -> ShareChoice:
    """A share in words; `short`: what it would take, where this share cannot find what is expected."""
    cost = share * people * lift
    price = f"It costs about {cost:,.2f} that the people held out would have brought."
    says = f"A holdout of {share:.0%} finds an effect of {found.absolute:.4g} per person; {lift:.4g} is expected. {price}"
    if short:
        says = (
            f"Not measurable at this size: a holdout of {share:.0%} of {people:,} people finds effects from {found.absolute:.4g} per "
            f"person, and {lift:.4g} is expected ({short}). The holdout stays at {share:.0%}. {price}"
        )
    return ShareChoice(share, found, cost, not short, says)
