"""When a delayed send may go: the local hours quiet-hour rules leave open, and the next moment for one row of facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.compliance import evaluate
from liftwright.compliance.predicate import facts_used
from liftwright.domain.policy import PolicyBundle, Rule

_CLOCK = frozenset({"local_minute", "local_weekday", "zone_behind", "zone_ahead"})
_HORIZON_DAYS = 8
Place = tuple[str, str, str | None, date]
"""Channel, country, region (None where it is not known) and day."""


def is_clock_rule(rule: Rule) -> bool:
    """True for a delaying rule that speaks of the time of day or week and nothing else."""
    return rule.scope == "person" and rule.delays and set(facts_used(rule.violated_when)) <= _CLOCK


def open_hours(bundle: PolicyBundle, places: Sequence[Place]) -> dict[Place, tuple[int, ...]]:
    """By place, the local hours (0 to 23) of that day in which a message may start at any minute of the hour, for people whose zone is
    known. An unknown region means the strictest of all. All places are judged at once."""
    if not places:
        return {}
    channels, countries, regions, days = zip(*places, strict=True)
    place = pa.array(np.repeat(np.arange(len(places)), 1440))
    by_place = {
        "local_weekday": pa.array([day.isoweekday() for day in days]),
        "send_on": pa.array(days, pa.date32()),
        "channel": pa.array(channels, pa.string()),
        "country": pa.array(countries, pa.string()),
        "region": pa.array(regions, pa.string()),
    }
    minutes = pa.array(np.tile(np.arange(1440), len(places)))
    exact = dict.fromkeys(("zone_behind", "zone_ahead"), pa.array(np.zeros(len(minutes), dtype=np.int64)))
    rows = pa.table({name: values.take(place) for name, values in by_place.items()} | {"local_minute": minutes} | exact)
    is_open = np.all(_is_open(bundle, rows).reshape(len(places), 24, 60), axis=2)
    return {here: tuple(np.flatnonzero(is_open[row]).tolist()) for row, here in enumerate(places)}


def delay_until(bundle: PolicyBundle, row: Mapping[str, Any], *, at: datetime, zone: tzinfo) -> datetime | None:
    """The next quarter of an hour after `at` (UTC) at which no clock rule stands in the way; a full cap waits at least a day, a pause
    between two contacts until it is over.

    None when there is no such moment within eight days. `row` holds the person facts the delay was decided on, `zone` the person's zone.
    """
    fired = {finding.rule for finding in evaluate.explain(bundle, row)}
    waits = [_wait(rule, row) for rule in bundle.rules if rule.id in fired and rule.delays and not is_clock_rule(rule)]
    start = at + max(waits, default=timedelta(0))
    start = start.astimezone(UTC).replace(minute=start.minute - start.minute % 15, second=0, microsecond=0) + timedelta(
        minutes=15
    )
    moments = [start + timedelta(minutes=15 * step) for step in range(_HORIZON_DAYS * 96)]
    rows = pa.Table.from_pylist([_at(row, moment.astimezone(zone)) for moment in moments])
    return next((moment for moment, is_open in zip(moments, _is_open(bundle, rows), strict=True) if is_open), None)


def _wait(rule: Rule, row: Mapping[str, Any]) -> timedelta:
    """How long a rule that is not about the hour makes a send wait at least."""
    since, pause = row.get("hours_since_contact"), row.get("hours_between")
    if "hours_since_contact" in facts_used(rule.violated_when) and since is not None and pause is not None:
        return timedelta(hours=pause - since)
    return timedelta(days=1)


def _at(row: Mapping[str, Any], local: datetime) -> dict[str, Any]:
    kept = {name: row.get(name) for name in ("channel", "country", "region", "zone_behind", "zone_ahead")}
    return kept | {"local_minute": local.hour * 60 + local.minute, "local_weekday": local.isoweekday(), "send_on": local.date()}


def _is_open(bundle: PolicyBundle, rows: pa.Table) -> npt.NDArray[np.bool_]:
    clock = bundle.model_copy(update={"rules": tuple(rule for rule in bundle.rules if is_clock_rule(rule))})
    verdicts = evaluate.people(clock, rows.append_column("customer_id", pa.repeat("", rows.num_rows)))
    return np.asarray(pc.equal(verdicts["outcome"], "allow"), dtype=bool)
