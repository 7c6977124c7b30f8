"""The report in sentences, written by rule from its numbers: what was done, what it caused, what may be concluded, what is in doubt."""

from __future__ import annotations

from scipy.stats import norm

from liftwright.domain.evidence import Estimate, Report
from liftwright.domain.money import Money
from liftwright.measurement.integrity import CONTAMINATION_BOUND, SRM_BOUND
from liftwright.measurement.secondary import MEANS
from liftwright.measurement.stopping import z_of

LARGEST_FACTOR = 100.0
"""A test so many times as large is no advice."""


def narrative(report: Report) -> str:
    """What happened, in sentences whose numbers all come from the report."""
    told = (_delivery(report), _effect(report), _conclusion(report), _doubts(report), goal_words(report))
    return " ".join(sentence for sentence in told if sentence)


def headline(report: Report, *, critical: float | None = None) -> str:
    """The verdict in a sentence or two, by rule. critical: the |z| this look needs; None for the only look, at the end."""
    lift = report.lift
    if report.verdict != "running":
        return " ".join(part for part in (_conclusion(report), _effect(report)) if part)
    if lift.mid is None or lift.low is None or lift.high is None:
        return f"Running; nothing can be read yet: {lift.reason or 'there is no estimate'}."
    ends = f"{lift.metric.replace('_', ' ')} per person {lift.mid:+.4f} ({lift.low:+.4f} to {lift.high:+.4f})"
    needs = "" if critical is None else f" A look before the end decides only beyond {critical:.2f} standard errors."
    if lift.reason:
        return f"Running, nothing is decided: {lift.reason}. So far: {ends}."
    if lift.low > 0 or lift.high < 0:
        says = "working" if lift.low > 0 else "harming"
        return f"Running, and surely {says}: {ends}; the interval of this look leaves zero out.{needs}"
    return f"Running, not conclusive yet: {ends}; the interval of this look includes zero.{needs}"


def goal_words(report: Report) -> str:
    """The goal's own measure in a sentence; empty when the rest has said it: it is the margin, or neither could be measured."""
    lift = report.lift
    if lift.metric not in MEANS or (lift.mid is None and lift.reason == report.unmeasured):
        return ""
    if lift.mid is None:
        return f"The goal's own measure, {lift.metric}, could not be measured: {lift.reason}."
    return f"The goal's own measure, {lift.metric}, changed by {lift.mid:.4f} per person ({lift.low:.4f} to {lift.high:.4f})."


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
        return f"{_why_invalid(report)}, so this figure must not be used until that is explained."
    if report.verdict == "running":
        return f"The flight is still running: {report.matured_share:.0%} of the window has been seen."
    if report.incremental_margin is None:
        return "So it cannot be told whether it paid."
    own = lift.metric if lift.metric in MEANS else ""
    if report.verdict in ("win", "harm"):
        return _decided(report, own)
    first = (
        "It was stopped because the planned effect could no longer be found."
        if report.verdict == "futile"
        else f"It cannot be told whether it {f'moved {own}' if own else 'paid'}."
    )
    return " ".join(part for part in (first, _as_planned(report), _what_it_takes(lift)) if part)


def _decided(report: Report, own: str) -> str:
    """What a win or harm means: for the goal's own metric, and for the money where its interval says so too."""
    money = report.incremental_margin
    assert money is not None
    moved = f"{own.capitalize()} surely {'rose' if report.verdict == 'win' else 'fell'}. " if own else ""
    if money.low > 0 or (not own and report.verdict == "win"):
        return f"{moved}The whole interval lies above zero: the campaign paid."
    if money.high < 0 or (not own and report.verdict == "harm"):
        return f"{moved}The whole interval lies below zero: the campaign cost more than it brought."
    return f"{moved}Whether it paid cannot be told: the interval of the margin includes zero."


def _why_invalid(report: Report) -> str:
    health = report.health
    if health.srm_p is not None and health.srm_p < SRM_BOUND:
        return f"The arms' sizes do not fit the plan (p = {health.srm_p:.1e})"
    return f"{health.contaminated_share:.0%} of the people held out were contacted"


def _as_planned(report: Report) -> str:
    """That no better was to be expected, where the plan had said so."""
    expected, detectable = report.expected, report.detectable
    if expected is None or detectable is None or expected >= detectable:
        return ""
    return (
        f"That was to be expected: at this size only effects from {detectable:.4f} {report.currency} per person can be found, "
        f"and the plan expected {expected:.4f}."
    )


def _what_it_takes(lift: Estimate) -> str:
    """How much larger a test would have to be to decide, if the effect seen is the true one (80 % power)."""
    if lift.reason:
        return f"What is missing: {lift.reason}."
    z = z_of(lift)
    if z is None or lift.mid is None or lift.mid <= 0:
        return "Nothing seen here speaks for repeating it unchanged."
    factor = (float(norm.ppf(0.5 + lift.level / 2) + norm.ppf(0.8)) / max(z, 1e-6)) ** 2
    if factor > LARGEST_FACTOR:
        return "The effect seen is too small to be found by any test of a sensible size."
    return f"If the effect seen is the true one, a test about {max(factor, 1.1):.1f} times as large would decide it."


def _doubts(report: Report) -> str:
    parts = []
    if report.health.contamination and report.health.contaminated_share <= CONTAMINATION_BOUND:
        parts.append(
            f"{report.health.contamination} people held out were contacted all the same, which makes the effect look smaller."
        )
    if report.health.lost:
        parts.append(f"{report.health.lost} people of the audience can no longer be analysed.")
    if report.health.late_data:
        parts.append(f"{report.health.late_data} events came in after the window was closed.")
    if report.trend is not None and report.trend.is_decaying:
        parts.append("The effect of a day surely falls from day to day: it wears off.")
    broken = [finding.says for finding in report.guardrails if finding.severity == "block"]
    return " ".join((*parts, *broken))
