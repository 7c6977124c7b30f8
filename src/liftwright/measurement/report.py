"""The report of a campaign: the effect, whether it may be believed, the verdict, and a text written from the numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Action, Estimate, Health, Interval, Lesson, Report
from liftwright.domain.experiment import Analysis, Experiment, Verdict
from liftwright.domain.figures import Pace, Trend
from liftwright.domain.policy import Finding
from liftwright.measurement import anytime, integrity, moments, queries, ratio, secondary
from liftwright.measurement import arms as arm_results
from liftwright.measurement.estimate import BURN_IN, difference, outcomes_in_smaller_arm, total
from liftwright.measurement.narrative import narrative

SECONDARY = secondary.MEANS
COLUMNS = ("margin", "order_margin", *SECONDARY)
Floats = npt.NDArray[np.float64]
Arms = Mapping[str, tuple[Floats, Floats]]


@dataclass(frozen=True)
class Flight:
    """What is known of a campaign besides its people and their outcomes.

    sends: counts by state (planned, delivered, failed, unknown, suppressed). delivered: people with a delivered send. lost: people of
    the audience who cannot be analysed any more. is_futile: stopped by the futility rule. matured_share: share of the outcome window
    that has been seen. late_data: `outcomes.late_events`. has_outcomes: a purchase, return or visit of anybody came back since the
    launch. contact_cost: what deliveries cost, and `costs` by person reached. data: the lake's name of the table of outcomes.
    """

    campaign_id: str
    status: str
    currency: str
    approved_hash: str | None
    plan_hash: str | None
    sends: Mapping[str, int]
    delivered: Sequence[str]
    looks: int = 1
    lost: Collection[str] = ()
    has_ended: bool = False
    is_futile: bool = False
    has_outcomes: bool = True
    matured_share: float = 1.0
    late_data: int = 0
    guardrails: Sequence[Finding] = ()
    actions: Sequence[Action] = ()
    lessons: Sequence[Lesson] = ()
    policy_violations: int = 0
    contact_cost: float = 0.0
    costs: Mapping[str, float] = field(default_factory=dict)
    pacing: Sequence[Pace] = ()
    trend: Trend | None = None
    data: str = ""


def build(
    flight: Flight,
    *,
    audience: pa.Table,
    outcomes: pa.Table,
    experiment: Experiment,
    cap: float | None = None,
    critical: float | None = None,
    critical_each: float | None = None,
    critical_anytime: float | None = None,
) -> Report:
    """Measure by assignment among those selected in both arms.

    audience: customer_id, arm, is_selected, and the covariate the plan names (`prior_value` where it names none). outcomes:
    customer_id, margin, revenue, orders, visits, and order_margin where known. cap: greatest margin that counts per person, fixed before
    launch; the plan's own unless given. critical: |z| of a look before the end (`looks.critical`); critical_each: the same for each
    secondary metric; critical_anytime: |z| that holds at every look. Judged by the experiment's metric where that is one of SECONDARY, by
    margin otherwise. Total incremental margin = effect per person x selected people of the treated arm.
    """
    planned = experiment.analysis or Analysis(conversions=0.0, covariate="prior_value")
    arms = _arms(audience, outcomes, covariate=planned.covariate)
    plain = _Effects(
        arms=arms,
        covariate=planned.covariate if planned.covariate in arms else "",
        level=experiment.level,
        caps={"margin": planned.cap if cap is None else cap, "revenue": planned.revenue_cap},
        silence=_silence(flight, arms),
    )
    goal = experiment.primary_metric if experiment.primary_metric in SECONDARY else "margin"
    margin = plain.of("margin", critical=critical)
    lift = plain.of(goal, critical=critical).model_copy(update={"metric": experiment.primary_metric})
    report = _filled(flight, lift, margin, _health(flight, audience, experiment), arms, goal=goal)
    always = None if critical_anytime is None else total(plain.of(goal, critical=critical_anytime), people=1)
    beside = plain.beside(planned, critical=critical, critical_each=critical_each)
    by_arm = arm_results.results(audience, outcomes, costs=flight.costs, level=plain.level, critical=critical)
    shown = {**beside, "margin": margin, "anytime": always, "arms": by_arm}
    report = report.model_copy(update=shown)
    return report.model_copy(update={"narrative": narrative(report)})


@dataclass(frozen=True)
class _Effects:
    """How this report measures an effect; `silence` is why it cannot."""

    arms: Arms
    covariate: str
    level: float
    caps: Mapping[str, float | None]
    silence: str

    def of(self, metric: str, *, critical: float | None) -> Estimate:
        """The effect on one column; money is capped where the plan has a cap."""
        return self._under(metric, self.caps.get(metric), critical)

    def beside(self, planned: Analysis, *, critical: float | None, critical_each: float | None) -> dict[str, Any]:
        """What stands in the report beside the headline: other caps, secondary metrics, the margin rate, queries, the plan's own figures."""
        asked = {metric: queries.effect(metric, covariate=self.covariate) for metric in secondary.MEANS}
        asked |= {metric: queries.ratio(*parts) for metric, parts in secondary.RATIOS.items()}
        return {
            "sensitivity": self._under_other_caps(planned.stricter_cap, critical),
            "secondary": secondary.compare(
                self.arms, level=self.level, critical=critical_each, covariate=self.covariate, queries=asked
            ),
            "margin_rate": _margin_rate(self.arms, level=self.level),
            "queries": {
                "incremental_margin": queries.total("margin", cap=self.caps.get("margin"), covariate=self.covariate),
                "margin_rate": queries.rate("order_margin", "revenue"),
                "contamination": queries.contamination(),
            },
            "detectable": planned.detectable,
            "expected": planned.expected,
        }

    def _under_other_caps(self, stricter: float | None, critical: float | None) -> tuple[Estimate, ...]:
        """What was capped without a cap, and the margin with the stricter one."""
        if self.silence:
            return ()
        others = dict.fromkeys((("margin", None), ("margin", stricter), ("revenue", None)))
        asked = [(metric, cap) for metric, cap in others if self.caps.get(metric) is not None and cap != self.caps[metric]]
        return tuple(self._under(metric, cap, critical) for metric, cap in asked)

    def _under(self, metric: str, cap: float | None, critical: float | None) -> Estimate:
        treated, holdout = (len(arm) for arm in self.arms[metric])
        if self.silence and not (metric == "visits" and any(np.any(arm) for arm in self.arms[metric])):
            return Estimate(metric=metric, level=self.level, treated=treated, holdout=holdout, reason=self.silence)
        return difference(
            *self.arms[metric],
            metric=metric,
            level=self.level,
            cap=cap,
            covariate=self.arms[self.covariate] if self.covariate else None,
            critical=critical,
            query=queries.effect(metric, cap=cap, covariate=self.covariate),
        )


def _silence(flight: Flight, arms: Arms) -> str:
    """Why there is no margin to compare, and what to import; empty when somebody of either arm bought or gave back.

    Then the treated arm's margin is what its contacts cost, which says nothing about what they caused.
    """
    if any(np.any(arm) for name in ("revenue", "orders") for arm in arms[name]):
        return ""
    if not flight.has_outcomes:
        return (
            "no purchase, return or visit since the launch has come back; import what happened with "
            "`liftwright import FILE --as events`"
        )
    return (
        "outcomes come back, but nobody of the two groups compared has bought yet; "
        "if they did, import it with `liftwright import FILE --as events`"
    )


def _health(flight: Flight, audience: pa.Table, experiment: Experiment) -> Health:
    return integrity.health(
        compared(audience),
        share=experiment.compared_share,
        delivered=flight.delivered,
        lost=flight.lost,
        late_data=flight.late_data,
    )


def _filled(flight: Flight, lift: Estimate, margin: Estimate, health: Health, arms: Arms, *, goal: str) -> Report:
    seen = outcomes_in_smaller_arm(*arms[goal])
    return Report(
        campaign_id=flight.campaign_id,
        status=flight.status,
        currency=flight.currency,
        approved_hash=flight.approved_hash,
        plan_hash=flight.plan_hash,
        sends={"duplicates": 0, **flight.sends},
        lift=lift,
        looks=flight.looks,
        matured_share=flight.matured_share,
        incremental_margin=total(margin, people=len(arms["margin"][0])),
        unmeasured=margin.reason if margin.mid is None else "",
        verdict=verdict(lift, health=health, has_ended=flight.has_ended, is_futile=flight.is_futile, conversions=seen),
        health=health,
        guardrails=tuple(flight.guardrails),
        actions=tuple(flight.actions),
        policy_violations=flight.policy_violations,
        lessons=tuple(flight.lessons),
        pacing=tuple(flight.pacing),
        trend=flight.trend,
        data=flight.data,
    )


def verdict(lift: Estimate, *, health: Health, has_ended: bool, is_futile: bool, conversions: int) -> Verdict:
    """invalid when the arms cannot be compared; running before the end; then win, harm, futile or inconclusive by the interval."""
    if not integrity.is_believable(health):
        return "invalid"
    if not has_ended:
        return "running"
    return decided(lift, conversions=conversions) or ("futile" if is_futile else "inconclusive")


def decided(lift: Estimate, *, conversions: int) -> Verdict | None:
    """win or harm where the interval of this look says so and the burn-in is over; None otherwise."""
    if lift.low is None or lift.high is None or conversions < BURN_IN:
        return None
    return "win" if lift.low > 0 else "harm" if lift.high < 0 else None


def compared(audience: pa.Table) -> pa.Table:
    """The people of the treated arm and of the holdout; arms on request are no part of the comparison."""
    return audience.filter(pc.is_in(audience["arm"], value_set=pa.array(["treated", "holdout"])))


def _margin_rate(arms: Arms, *, level: float) -> Interval | None:
    """Margin share of the treated arm's revenue, with an interval that holds at every look; None where nothing is known of it."""
    if "order_margin" not in arms or min(part.sum() for part in arms["revenue"]) <= 0:
        return None
    arm = moments.arm(arms["order_margin"][0], arms["revenue"][0])
    return ratio.rate(arm, level=level, critical=anytime.critical(1.0, level=level)) if arm.seen >= BURN_IN else None


def _arms(audience: pa.Table, outcomes: pa.Table, *, covariate: str) -> dict[str, tuple[Floats, Floats]]:
    """Per column, the values of treated and holdout people who were (or would have been) selected; nothing seen counts as 0."""
    chosen = audience.filter(pc.fill_null(audience["is_selected"], False))
    where = pc.index_in(chosen["customer_id"], value_set=outcomes["customer_id"].combine_chunks())
    sides = [np.asarray(pc.equal(chosen["arm"], arm)) for arm in ("treated", "holdout")]
    columns = {name: outcomes[name].take(where) for name in COLUMNS if name in outcomes.column_names}
    if covariate in chosen.column_names:
        columns[covariate] = chosen[covariate]
    values = {
        name: np.nan_to_num(np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64))
        for name, column in columns.items()
    }
    return {name: (column[sides[0]], column[sides[1]]) for name, column in values.items()}
