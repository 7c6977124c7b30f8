"""Numbers with the evidence they stand on: estimates, reasons, lessons, model cards, the report."""

from __future__ import annotations

from typing import Any, Literal

from liftwright.domain.base import AwareDatetime, Value
from liftwright.domain.experiment import Verdict
from liftwright.domain.figures import ArmResult, Interval, LookPoint, Pace, Pooled, Trend
from liftwright.domain.policy import Finding

__all__ = [
    "Action",
    "Estimate",
    "Health",
    "Interval",
    "Lesson",
    "ModelCard",
    "PastTest",
    "Reason",
    "Report",
]


class Estimate(Value):
    """A measured effect. When it could not be measured, the numbers are None and `reason` says why.

    `error` is the standard error if there were no effect. `adjusted_p` holds for all secondary metrics of a report together (Holm). `query` gives `mid` back: SQL over the tables that
    `liftwright export` writes as `audience` and `outcomes`.
    """

    metric: str
    low: float | None = None
    mid: float | None = None
    high: float | None = None
    level: float = 0.95
    method: str = ""
    treated: int = 0
    holdout: int = 0
    error: float | None = None
    p_value: float | None = None
    adjusted_p: float | None = None
    reason: str = ""
    query: str = ""


class Reason(Value):
    """Why a person or group was chosen: the feature, its effect in the value's unit, and words."""

    feature: str
    effect: float
    says: str


class PastTest(Value):
    """What a past randomised test showed for one action against its control: effect per person of each outcome."""

    action: str
    control: str
    treated: int
    untreated: int
    effects: tuple[Estimate, ...]


class Lesson(Value):
    """What a campaign taught. `evidence_id` names the estimate row it stands on; text never carries a number that the row does not."""

    lesson_id: str
    campaign_id: str
    says: str
    scope: dict[str, str]
    evidence_id: str
    estimate: Estimate
    learned_at: AwareDatetime
    expires_at: AwareDatetime
    is_retired: bool = False


class ModelCard(Value):
    """What a model is for, what breaks it, how to turn it off."""

    model: str
    version: str
    optimises: str
    data: dict[str, Any]
    quality: dict[str, Any]
    breaks_when: tuple[str, ...]
    turn_off: str
    cadence: str
    state: Literal["on", "off"] = "on"

    @property
    def model_id(self) -> str:
        """NAME@VERSION, as a plan pins it."""
        return f"{self.model}@{self.version}"


class Action(Value):
    """Something the system did during the flight, and by which rule."""

    at: AwareDatetime
    kind: str
    rule: str
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    by: str


class Health(Value):
    """Whether the numbers may be believed at all. `lost`: people of the audience who cannot be analysed any more."""

    srm_p: float | None
    contamination: int
    contaminated_share: float = 0.0
    lost: int = 0
    late_data: int


class Report(Value):
    """What a campaign did, why, what it caused and what it taught. Money figures are major units of `currency`, totals for the campaign.

    `unmeasured` says why there is no incremental margin, and what to do about it; empty when there is one. `lift` is judged by the goal's
    own metric, `margin` always by margin, both per person; `sensitivity` is what was capped, under other caps. `anytime`: the interval of
    `lift` that holds at every look. `detectable` and `expected`: the plan's, per person. `queries` make the figures that carry none
    themselves; `data` names the table of outcomes in the lake that all of it was computed from.
    """

    campaign_id: str
    status: str
    currency: str
    approved_hash: str | None
    plan_hash: str | None
    sends: dict[str, int]
    lift: Estimate
    looks: int
    matured_share: float
    incremental_margin: Interval | None
    unmeasured: str = ""
    secondary: tuple[Estimate, ...] = ()
    margin: Estimate | None = None
    sensitivity: tuple[Estimate, ...] = ()
    verdict: Verdict
    health: Health
    guardrails: tuple[Finding, ...] = ()
    actions: tuple[Action, ...] = ()
    policy_violations: int = 0
    lessons: tuple[Lesson, ...] = ()
    narrative: str = ""
    series: tuple[LookPoint, ...] = ()
    arms: tuple[ArmResult, ...] = ()
    pacing: tuple[Pace, ...] = ()
    trend: Trend | None = None
    pooled: Pooled | None = None
    margin_rate: Interval | None = None
    anytime: Interval | None = None
    queries: dict[str, str] = {}
    detectable: float | None = None
    expected: float | None = None
    data: str = ""
