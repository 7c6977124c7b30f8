"""May a campaign's figures be believed: every check with its figure, and likely causes where they must not be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pyarrow.compute as pc

from liftwright.domain.evidence import Report
from liftwright.flow import in_force, proof, reporting
from liftwright.flow.fresh import newest
from liftwright.flow.proof import Figure
from liftwright.measurement import integrity
from liftwright.measurement import report as reports
from liftwright.ports import Deps

SILENCE = timedelta(days=3)
"""So long without an event of anybody, while outcomes are still counted, and something may have stopped sending them."""
HEALTH = {
    "lost": "people of the audience the newest data does not know",
    "late_data": "events received after the window closed",
}


def figures(seen: reporting.Look, report: Report, *, about: Mapping[str, str], deps: Deps) -> Iterator[Figure]:
    """The figure behind each check."""
    health = report.health
    srm = "smallest chi-square p-value of the arms' sizes (drawn, selected) and of people lost, times three"
    yield proof.kept("health.srm_p", "sample ratio, p", "", health.srm_p, method=srm, about=about)
    before = integrity.prior_gap(reports.compared(in_force.audience(seen.plan, deps=deps)))
    method = "p-value of the arms' difference in what people spent in the 90 days before, fixed before the launch"
    yield proof.kept("health.prior_p", "difference before the start, p", "", before, method=method, about=about)
    query = report.queries.get("contamination", "")
    yield proof.counted(
        "health.contamination", "people held out who were contacted", "people", health.contamination, query, about=about
    )
    for key, how in HEALTH.items():
        yield proof.kept(f"health.{key}", key.replace("_", " "), "", getattr(health, key), method=how, about=about)
    method = "from the newest event of anybody to now"
    yield proof.kept("health.silence", "days without an event", "days", _silence(deps), method=method, about=about)
    ripe = "mean share of the outcome window that has passed since each delivery"
    yield proof.kept("matured_share", "share of the window that is over", "share", report.matured_share, method=ripe, about=about)


def checks(seen: reporting.Look, report: Report, found: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each check in words, with its figure's key and whether it is as it should be. found: the figures by key."""
    health, share = report.health, seen.plan.experiment.compared_share
    has_ratio = health.srm_p is None or health.srm_p >= integrity.SRM_BOUND
    ratio = "The arms' sizes fit the plan" if has_ratio else "The arms' sizes do not fit the plan"
    before, silence = found["health.prior_p"]["mid"], found["health.silence"]["mid"]
    is_alike = before is None or before >= integrity.SRM_BOUND
    is_heard = report.status not in ("running", "paused") or (silence is not None and silence <= SILENCE.days)
    told = [
        ("health.srm_p", has_ratio, f"{ratio} ({1 - share:.0%} treated, {share:.0%} held out)"),
        ("health.prior_p", is_alike, _before_the_start(before, is_alike)),
        ("health.contamination", health.contaminated_share <= integrity.CONTAMINATION_BOUND, _left_alone(report)),
        ("health.silence", is_heard, "Events keep coming in" if is_heard else "No event came in lately: is tracking broken?"),
        ("health.lost", not health.lost, "People of the audience who cannot be analysed any more"),
        ("health.late_data", not health.late_data, "Events that came in after the window was closed"),
        ("matured_share", True, "Share of the outcome window that is over, over all contacts"),
        ("policy_violations", not report.policy_violations, "Sends that broke a rule of their moment"),
    ]
    return [{"key": key, "ok": ok, "says": says} for key, ok, says in told]


def causes(report: Report) -> list[str]:
    """Likely causes where the figures must not be used."""
    if report.verdict != "invalid":
        return []
    health = report.health
    found = []
    if health.srm_p is not None and health.srm_p < integrity.SRM_BOUND:
        found += [
            "people of one arm were lost from the data more often than of the other (an import that holds only people contacted does it)",
            "people who are one person turned out to be in two arms",
            "the table of the audience was changed after the launch",
        ]
    if health.contaminated_share > integrity.CONTAMINATION_BOUND:
        found.append("another system contacts the people held out; leave them out there too")
    return found


def _before_the_start(gap: float | None, is_alike: bool) -> str:
    if gap is None:
        return "What the arms spent before the start cannot be compared"
    return "Both arms spent alike before the start" if is_alike else "The arms differed before the start"


def _left_alone(report: Report) -> str:
    if not report.health.contamination:
        return "People held out were left alone"
    return f"{report.health.contaminated_share:.1%} of the people held out were contacted all the same"


def _silence(deps: Deps) -> float | None:
    """Days since the newest event that was not ahead of its time; None where there never was one."""
    events, now = newest(deps).events, deps.now()
    if events is None:
        return None
    past = events["occurred_at"].filter(pc.less_equal(events["occurred_at"], now))
    last = pc.max(past).as_py()
    return None if last is None else (now - last) / timedelta(days=1)
