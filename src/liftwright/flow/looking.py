"""Looks at a running campaign: what earlier ones saw, what this one may spend, and the chart of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from liftwright.domain.campaign import JournalEntry
from liftwright.domain.evidence import Report
from liftwright.domain.experiment import Experiment
from liftwright.domain.figures import LookPoint
from liftwright.measurement import looks, secondary, sequential
from liftwright.measurement.sequential import Look
from liftwright.ports import Deps


@dataclass(frozen=True)
class Moment:
    """This look among the others.

    conversions: people with an order in the smaller arm. critical, critical_each: |z| the primary and each secondary metric need;
    anytime: |z| of an interval that holds at every look.
    """

    at: datetime
    conversions: int
    look: Look
    critical: float | None
    critical_each: float | None
    anytime: float | None
    past: tuple[LookPoint, ...]


def fractions(campaign_id: str, deps: Deps) -> tuple[float, ...]:
    """Shares of the flight at which the stop rules were judged so far."""
    return tuple(float(entry.detail["fraction"]) for entry in _ticks(campaign_id, deps))


def past(campaign_id: str, deps: Deps) -> tuple[LookPoint, ...]:
    """The looks at which the stop rules were judged so far, oldest first, as they were written down."""
    return tuple(LookPoint.model_validate(entry.detail["look"]) for entry in _ticks(campaign_id, deps) if "look" in entry.detail)


def moment(
    experiment: Experiment,
    *,
    at: datetime,
    seen: tuple[int, int],
    people: tuple[int, int],
    elapsed: float,
    has_ended: bool,
    is_open_ended: bool,
    past: Sequence[LookPoint],
) -> Moment:
    """This look's bounds after the `past` ones.

    seen: people with an order by arm, of `people`. elapsed: share of the window (flight and outcome days) that has passed.
    is_open_ended: the look is at a campaign that has ended, on data that still comes in; then it uses what holds at every look.
    """
    planned = experiment.analysis.conversions if experiment.analysis is not None else None
    counted = looks.conversions(seen, people)
    now = looks.look(conversions=counted, planned=planned, elapsed=elapsed, has_ended=has_ended)
    earlier = [Look(one.information, one.spending) for one in past if looks.is_decidable(one.conversions)]
    anytime = looks.anytime_critical(now, level=experiment.level)
    each = secondary.level_each(experiment.level)
    bounds: tuple[float | None, float | None]
    if is_open_ended:
        bounds = anytime or sequential.FURTHEST, looks.anytime_critical(now, level=each) or sequential.FURTHEST
    else:
        bounds = looks.critical(now, earlier, level=experiment.level), looks.critical(now, earlier, level=each)
    return Moment(
        at=at, conversions=min(seen), look=now, critical=bounds[0], critical_each=bounds[1], anytime=anytime, past=tuple(past)
    )


def point(now: Moment, report: Report) -> LookPoint:
    """This look on the chart."""
    lift, always = report.lift, report.anytime
    return LookPoint(
        at=now.at,
        conversions=now.conversions,
        information=now.look.information,
        spending=now.look.spending,
        critical=now.critical,
        low=lift.low,
        mid=lift.mid,
        high=lift.high,
        anytime_low=None if always is None else always.low,
        anytime_high=None if always is None else always.high,
    )


def _ticks(campaign_id: str, deps: Deps) -> list[JournalEntry]:
    return [entry for entry in deps.journal.entries(subject=campaign_id) if entry.action == "campaign.tick"]
