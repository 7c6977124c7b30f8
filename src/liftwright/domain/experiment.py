"""The experiment a campaign is: arms, what it can detect, when it stops."""

from __future__ import annotations

from typing import Literal

from liftwright.domain.base import Share, Value

Arm = Literal["treated", "holdout"]
Verdict = Literal["win", "harm", "futile", "inconclusive", "running", "invalid"]


class StopRule(Value):
    """A pre-stated condition. `acts` False means it asks a person instead of acting."""

    name: str
    statistic: str
    bound: float
    says: str
    acts: bool = True


class Detectable(Value):
    """Smallest true effect the test finds with the stated power; absolute in the metric's unit per person, relative to the holdout mean."""

    absolute: float
    relative: float | None = None


class Analysis(Value):
    """How the campaign will be judged, fixed before launch from the past alone.

    `conversions`: people with an order expected in the smaller arm, at the rate of both, by the end of the window; looks spend error by
    the share of them seen. `cap` and `stricter_cap`: greatest margin of one person that counts (99 % and 95 % of past buyers),
    `revenue_cap`: greatest revenue (99 %), major units. `covariate`: the column of the audience's table that outcomes are adjusted for,
    `explained`: the share of a past outcome it explained. `expected` and `detectable`: effect per person among the people compared;
    where the second is larger the plan is not measurable at this size. `opt_out_price`: margin expected to be lost with one person who
    opts out.
    """

    conversions: float
    cap: float | None = None
    stricter_cap: float | None = None
    revenue_cap: float | None = None
    covariate: str = ""
    explained: Share = 0.0
    expected: float | None = None
    detectable: float | None = None
    opt_out_price: float = 0.0

    @property
    def is_measurable(self) -> bool:
        """Whether the test can find what the plan expects."""
        return self.expected is not None and self.detectable is not None and self.expected >= self.detectable


class Experiment(Value):
    """Frozen into the plan hash. The arm of a person is `sha256(salt : customer_id)`, fixed before anyone is chosen."""

    salt: str
    holdout_share: Share
    primary_metric: str
    mde: Detectable
    power: float = 0.8
    level: float = 0.95
    looks: int = 1
    method: str
    treated: int
    holdout: int
    stop_rules: tuple[StopRule, ...] = ()
    adjust_when: tuple[str, ...] = ()
    note: str = ""
    analysis: Analysis | None = None
    """None in plans from before it was frozen."""
