"""Figures of a campaign by groups of its people: the effect in each segment, which is exploratory, and who opted out after how many contacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.evidence import Report
from liftwright.domain.plan import Plan
from liftwright.flow import in_force, proof, reporting
from liftwright.flow.proof import Figure
from liftwright.measurement import queries
from liftwright.measurement import report as reports
from liftwright.measurement.estimate import difference
from liftwright.ports import Deps

MOST_CONTACTS = 3
"""So many contacts or more are one group."""


def segments(plan: Plan, report: Report, *, about: Mapping[str, str], deps: Deps) -> Iterator[Figure]:
    """The effect per person in each segment the plan drew people from, by name: `segment.0`, `segment.1`, …

    Their intervals hold for all of them together (Bonferroni) at one look; nothing is decided by them.
    """
    audience, table, metric = in_force.audience(plan, deps=deps), _outcomes(report, deps), report.lift.metric
    if "segment" not in audience.column_names or metric not in table.column_names:
        return
    people = reports.compared(audience.filter(pc.fill_null(audience["is_selected"], False)))
    places = pc.index_in(people["customer_id"], value_set=table["customer_id"].combine_chunks())
    values = np.nan_to_num(np.asarray(table[metric].take(places).to_numpy(), dtype=np.float64))
    named, held = (np.asarray(people[name].to_numpy(), dtype=object) for name in ("segment", "arm"))
    names = sorted({name for name in named if name})
    for number, name in enumerate(names):
        one, two = (values[(named == name) & (held == arm)] for arm in ("treated", "holdout"))
        query = queries.effect(metric, only=f"segment = '{name.replace(chr(39), chr(39) * 2)}'")
        found = difference(one, two, metric=metric, level=1.0 - (1.0 - report.lift.level) / len(names), query=query)
        words = f"{metric.replace('_', ' ')} per person, exploratory: {name}"
        yield proof.of_estimate(f"segment.{number}", words, _unit(metric, report.currency), found, about=about)


def contacts(report: Report, sends: pa.Table, *, about: Mapping[str, str], deps: Deps) -> Iterator[Figure]:
    """People by how many contacts reached them, and how many of them opted out: `contacts.1.people`, `contacts.1.opt_outs`, …"""
    gone = sends.filter(pc.is_in(sends["state"], value_set=pa.array(reporting.REACHED)))
    counts = gone.group_by("customer_id").aggregate([([], "count_all")])
    table = _outcomes(report, deps)
    left = set(table.filter(pc.greater(table["opt_outs"], 0))["customer_id"].to_pylist())
    groups: dict[int, list[str]] = {}
    for person, count in zip(counts["customer_id"].to_pylist(), counts["count_all"].to_pylist(), strict=True):
        groups.setdefault(min(count, MOST_CONTACTS), []).append(person)
    for count, people in sorted(groups.items()):
        where = f"n {'>=' if count == MOST_CONTACTS else '='} {count}"
        each = f"(SELECT customer_id, count(*) AS n FROM sends WHERE {queries.REACHED} GROUP BY customer_id)"
        name = "1 contact" if count == 1 else f"{count}{' or more' if count == MOST_CONTACTS else ''} contacts"
        asked = f"SELECT count(*) FROM {each} WHERE {where}"
        yield proof.counted(f"contacts.{count}.people", f"{name}: people", "people", len(people), asked, about=about)
        asked = f"SELECT count(*) FILTER (WHERE opt_outs > 0) FROM {each} JOIN outcomes USING (customer_id) WHERE {where}"
        who = len(left.intersection(people))
        yield proof.counted(f"contacts.{count}.opt_outs", f"{name}: opted out", "people", who, asked, about=about)


def _outcomes(report: Report, deps: Deps) -> pa.Table:
    return deps.lake.get(deps.lake.present(report.data))


def _unit(metric: str, money: str) -> str:
    return metric if metric in ("orders", "visits") else money
