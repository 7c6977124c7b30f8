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
