"""The report of a campaign: the effect, whether it may be believed, the verdict, and a text written from the numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import norm

from liftwright.domain.evidence import Action, Estimate, Health, Lesson, Report
from liftwright.domain.experiment import Experiment, Verdict
from liftwright.domain.money import Money
from liftwright.domain.policy import Finding
from liftwright.measurement.estimate import BURN_IN, difference, outcomes_in_smaller_arm, sample_ratio, total
from liftwright.measurement.stopping import SRM_BOUND, z_of

SECONDARY = ("revenue", "orders", "visits")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Flight:
    """What is known of a campaign besides its people and their outcomes.

    sends: counts by state (planned, delivered, failed, unknown, suppressed). delivered: people with a delivered send. is_futile:
    stopped by the futility rule. matured_share: share of the outcome window that has been seen. late_data: `outcomes.late_events`.
    has_outcomes: a purchase, return or visit of anybody came back since the launch.
    """

    campaign_id: str
    status: str
    currency: str
    approved_hash: str | None
    plan_hash: str | None
    sends: Mapping[str, int]
    delivered: Sequence[str]
    looks: int = 1
    has_ended: bool = False
    is_futile: bool = False
    has_outcomes: bool = True
    matured_share: float = 1.0
    late_data: int = 0
    guardrails: Sequence[Finding] = ()
    actions: Sequence[Action] = ()
    lessons: Sequence[Lesson] = ()
    policy_violations: int = 0


def build(
    flight: Flight,
    *,
    audience: pa.Table,
    outcomes: pa.Table,
    experiment: Experiment,
    cap: float | None = None,
    critical: float | None = None,
) -> Report:
    """Measure by assignment among those selected in both arms.

    audience: customer_id, arm, is_selected, prior_value. outcomes: customer_id, margin, revenue, orders, visits. cap: greatest margin
    that counts per person, fixed before launch. critical: |z| of a look before the end (`sequential.bound`).
    Total incremental margin = effect per person x selected people of the treated arm.
    """
    arms = _arms(audience, outcomes)
    metric, level = experiment.primary_metric, experiment.level
    if silence := _silence(flight, arms):
        treated, holdout = (len(arm) for arm in arms["margin"])
        lift = Estimate(metric=metric, level=level, treated=treated, holdout=holdout, reason=silence)
    else:
        lift = difference(
            *arms["margin"], metric=metric, level=level, cap=cap, covariate=arms.get("prior_value"), critical=critical
        )
    health = Health(
        srm_p=_arm_sizes(audience, share=experiment.compared_share),
        contamination=_contamination(audience, flight.delivered),
        late_data=flight.late_data,
    )
    report = _filled(flight, lift, health, arms, level=experiment.level)
    return report.model_copy(update={"narrative": narrative(report)})


def _silence(flight: Flight, arms: Mapping[str, tuple[Floats, Floats]]) -> str:
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


def _filled(flight: Flight, lift: Estimate, health: Health, arms: Mapping[str, tuple[Floats, Floats]], *, level: float) -> Report:
    seen = outcomes_in_smaller_arm(*arms["margin"])
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
        incremental_margin=total(lift, people=len(arms["margin"][0])),
        unmeasured=lift.reason if lift.mid is None else "",
        secondary=_secondary(arms, level=level),
        verdict=verdict(lift, health=health, has_ended=flight.has_ended, is_futile=flight.is_futile, conversions=seen),
        health=health,
        guardrails=tuple(flight.guardrails),
        actions=tuple(flight.actions),
        policy_violations=flight.policy_violations,
        lessons=tuple(flight.lessons),
    )


def verdict(lift: Estimate, *, health: Health, has_ended: bool, is_futile: bool, conversions: int) -> Verdict:
    """invalid when the arms cannot be compared; running before the end; then win, harm, futile or inconclusive by the interval."""
    if health.srm_p is not None and health.srm_p < SRM_BOUND:
        return "invalid"
    if not has_ended:
        return "running"
    if lift.low is not None and lift.high is not None and conversions >= BURN_IN:
        if lift.low > 0:
            return "win"
        if lift.high < 0:
            return "harm"
    return "futile" if is_futile else "inconclusive"


def narrative(report: Report) -> str:
    """What happened, in sentences whose numbers all come from the report."""
    return " ".join(
        sentence for sentence in (_delivery(report), _effect(report), _conclusion(report), _doubts(report)) if sentence
    )


def compared(audience: pa.Table) -> pa.Table:
    """The people of the treated arm and of the holdout; arms on request are no part of the comparison."""
    return audience.filter(pc.is_in(audience["arm"], value_set=pa.array(["treated", "holdout"])))


def _arms(audience: pa.Table, outcomes: pa.Table) -> dict[str, tuple[Floats, Floats]]:
    """Per column, the values of treated and holdout people who were (or would have been) selected; nothing seen counts as 0."""
    audience = compared(audience)
    chosen = audience.filter(pc.fill_null(audience["is_selected"], False))
    where = pc.index_in(chosen["customer_id"], value_set=outcomes["customer_id"].combine_chunks())
    is_holdout = np.array(chosen["arm"].to_pylist(), dtype=object) == "holdout"
    found: dict[str, tuple[Floats, Floats]] = {}
    for name in ("margin", *SECONDARY):
        values = np.nan_to_num(np.array(outcomes[name].take(where).to_pylist(), dtype=np.float64), nan=0.0)
        found[name] = (values[~is_holdout], values[is_holdout])
    if "prior_value" in chosen.column_names:
        prior = np.nan_to_num(np.array(chosen["prior_value"].to_pylist(), dtype=np.float64), nan=0.0)
        found["prior_value"] = (prior[~is_holdout], prior[is_holdout])
    return found


def _arm_sizes(audience: pa.Table, *, share: float) -> float | None:
    """The smaller p-value of assigned and analysed people, doubled for looking twice."""
    audience = compared(audience)
    is_holdout = np.array(audience["arm"].to_pylist(), dtype=object) == "holdout"
    selected = np.array(audience["is_selected"].to_pylist(), dtype=bool)
    values = [
        sample_ratio(int((~is_holdout & mask).sum()), int((is_holdout & mask).sum()), share)
        for mask in (np.ones(len(is_holdout), dtype=bool), selected)
    ]
    known = [value for value in values if value is not None]
    return min(1.0, 2.0 * min(known)) if known else None


def _contamination(audience: pa.Table, delivered: Sequence[str]) -> int:
    held = audience.filter(pc.equal(audience["arm"], "holdout"))["customer_id"].to_pylist()
    return len(set(held) & set(delivered))


def _secondary(arms: Mapping[str, tuple[Floats, Floats]], *, level: float) -> tuple[Estimate, ...]:
    """Other outcomes at a level that holds for all of them together (Bonferroni)."""
    together = 1.0 - (1.0 - level) / len(SECONDARY)
    return tuple(difference(*arms[name], metric=name, level=together) for name in SECONDARY)


def _delivery(report: Report) -> str:
    sends = report.sends
    lost = [f"{sends[name]} {name}" for name in ("failed", "unknown", "suppressed") if sends.get(name)]
    tail = f" ({', '.join(lost)})" if lost else ""
    return f"{sends.get('delivered', 0)} of {sends.get('planned', 0)} planned sends were delivered{tail}."


def _effect(report: Report) -> str:
    lift, money = report.lift, report.incremental_margin
    if money is None:
        return f"What it caused is not measurable yet: {report.unmeasured or lift.reason}."
    low, mid, high = (Money.of(round(value, 6), report.currency) for value in (money.low, money.mid, money.high))
    return (
        f"Compared with {lift.holdout} people held out, the {lift.treated} people selected brought {mid} of extra margin "
        f"({lift.level:.0%} interval {low} to {high}), {money.mid / max(lift.treated, 1):.4f} {report.currency} per person."
    )


def _conclusion(report: Report) -> str:
    lift = report.lift
    if report.verdict == "invalid":
        return f"The arms' sizes do not fit the plan (p = {report.health.srm_p:.1e}), so this figure must not be used until that is explained."
    if report.verdict == "running":
        return f"The flight is still running: {report.matured_share:.0%} of the window has been seen."
    if report.verdict == "win":
        return "The whole interval lies above zero: the campaign paid."
    if report.verdict == "harm":
        return "The whole interval lies below zero: the campaign cost more than it brought."
    if report.incremental_margin is None:
        return "So it cannot be told whether it paid."
    first = (
        "It was stopped because the planned effect could no longer be found."
        if report.verdict == "futile"
        else "It cannot be told whether it paid."
    )
    return f"{first} {_what_it_takes(lift)}".strip()


def _what_it_takes(lift: Estimate) -> str:
    """How much larger a test would have to be to decide, if the effect seen is the true one (80 % power)."""
    if lift.reason:
        return f"What is missing: {lift.reason}."
    z = z_of(lift)
    if z is None or lift.mid is None or lift.mid <= 0:
        return "Nothing seen here speaks for repeating it unchanged."
    factor = (float(norm.ppf(0.5 + lift.level / 2) + norm.ppf(0.8)) / max(z, 1e-6)) ** 2
    if factor > 100:
        return "The effect seen is too small to be found by any test of a sensible size."
    return f"If the effect seen is the true one, a test about {max(factor, 1.1):.1f} times as large would decide it."


def _doubts(report: Report) -> str:
    parts = []
    if report.health.contamination:
        parts.append(
            f"{report.health.contamination} people held out were contacted all the same, which makes the effect look smaller."
        )
    if report.health.late_data:
        parts.append(f"{report.health.late_data} events came in after the window was closed.")
    broken = [finding.says for finding in report.guardrails if finding.severity == "block"]
    return " ".join((*parts, *broken))
