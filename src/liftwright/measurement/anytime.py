"""Monitoring without a fixed end: bounds that hold at every look, however many there are and whenever one stops.

Means: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024, equation 10), whose half-width
after N people is s sqrt(2 (N r^2 + 1) / (N^2 r^2) log(sqrt(N r^2 + 1) / a)), r^2 = (-2 log a + log(-2 log a + 1)) / n*, with n* the
planned number. In standard errors only N / n* matters. Rare events: the beta-binomial mixture of Robbins (1970), which holds at
any count.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import betaln

SHAPE = 4.0
"""First shape of the mixture over rates: it looks mostly between half and twice its mean."""
ENOUGH = 25
"""Events from which on a rate counts as normal enough for the asymptotic bound."""


def critical(share: float, *, level: float = 0.95) -> float:
    """The |z| that is valid at every look, two-sided, at this share of the planned information (N / n*, may pass 1).

    Raises ValueError for a share that is not above 0.
    """
    if share <= 0.0:
        raise ValueError("a look needs some information")
    alpha = 1.0 - level
    spread = share * (-2.0 * math.log(alpha) + math.log(-2.0 * math.log(alpha) + 1.0))
    return math.sqrt(2.0 * (spread + 1.0) / spread * math.log(math.sqrt(spread + 1.0) / alpha))


def rate_floor(count: int, people: int, *, suspected: float, alpha: float = 0.05) -> float:
    """A lower bound of a rate that holds at every look with chance 1 - alpha; 0 when nothing happened.

    Every rate whose likelihood is less than alpha times that of a beta mixture is ruled out (Ville's inequality). suspected: the rate
    the mixture is centred on, fixed before looking; the bound holds for any, and is sharpest near it.
    """
    if count <= 0 or people <= 0:
        return 0.0
    shapes = SHAPE, SHAPE * (1.0 - suspected) / suspected
    mixture = float(betaln(shapes[0] + count, shapes[1] + people - count) - betaln(*shapes))

    def excess(rate: float) -> float:
        likelihood = count * math.log(rate) + (people - count) * math.log1p(-rate) if rate < 1.0 else -math.inf
        return mixture - likelihood + math.log(alpha)

    highest = min(count / people, 1.0 - 1e-12)
    if excess(highest) >= 0.0:
        return highest
    return float(brentq(excess, 1e-300, highest, xtol=1e-12))


def rise_floor(
    count: int,
    people: int,
    baseline_count: int,
    baseline_people: int,
    *,
    suspected: float,
    share: float = 1.0,
    alpha: float = 0.05,
) -> float:
    """A lower bound of how much higher a rate is than the holdout's, valid at every look with chance 1 - alpha; at least 0.

    share: part of the people planned to be contacted who have been. Where either arm has few events, the exact bound less the
    holdout's own rate; suspected as in `rate_floor`.
    """
    anyway = baseline_count / baseline_people if baseline_people else 0.0
    if min(count, baseline_count) < ENOUGH:
        return max(rate_floor(count, people, suspected=suspected, alpha=alpha) - anyway, 0.0)
    rate = count / people
    error = math.sqrt(rate * (1.0 - rate) / people + anyway * (1.0 - anyway) / baseline_people)
    return max(rate - anyway - critical(share, level=1.0 - 2.0 * alpha) * error, 0.0)
