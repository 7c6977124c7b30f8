"""Every figure of a launched campaign with what it stands on: the same list for its page, its evidence, and its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.campaign import JournalEntry
from liftwright.domain.evidence import Report
from liftwright.domain.figures import ArmResult, LookPoint
from liftwright.flow import believing, groups, outlook, proof, reporting, resplit
from liftwright.flow.proof import Figure
from liftwright.measurement import queries
from liftwright.measurement.stopping import Guardrail
from liftwright.ports import Deps

PER_PERSON = ("revenue", "orders", "visits", "margin")
SUMS = {"people": "people", "buyers": "people", "orders": "orders", "revenue": "", "margin": ""}
"""Sums of an arm and their unit; money where it is empty."""
_KEPT = "state NOT IN ('cancelled', 'suppressed', 'failed')"
STATES = {
    "planned": "",
    "waiting": "state IN ('planned', 'leased', 'sending')",
    "delivered": "state = 'sent'",
    **{name: f"state = '{name}'" for name in ("failed", "unknown", "suppressed", "cancelled")},
}
"""What the ledger counts, as conditions on its rows."""


@dataclass(frozen=True)
class Measured:
    """A look at a campaign with what its page is made of, each read once. `report` is the one shown for that look."""

    seen: reporting.Look
    report: Report
    sends: pa.Table
    texts: list[dict[str, Any]]


def now(campaign_id: str, *, deps: Deps) -> Measured:
    """A campaign as it stands. Raises GoalError for one that was never launched."""
    seen = reporting.look(campaign_id, deps=deps)
    sends = deps.ledger.sends(campaign_id, columns=("customer_id", "channel", "state", "send_at", "sent_at", "wave", "cost"))
    return Measured(seen, reporting.as_closed(seen.report, deps=deps), sends, resplit.standing(seen.plan, deps=deps))


def figures(found: Measured, *, deps: Deps) -> list[Figure]:
    """Every figure, in the order of the page."""
    seen, report, sends = found.seen, found.report, found.sends
    about = {"plan": seen.plan.plan_hash, "outcomes": report.data}
    return [
        *_effects(report, about),
        *_plan(report, about),
        *(figure for arm in report.arms for figure in _arm(arm, report.currency, about)),
        *(figure for each in seen.guardrails for figure in _guardrail(each, about)),
        *_series(report, deps),
        *_sends(report, about),
        *outlook.figures(seen.plan, about=about, deps=deps),
        *(figure for row in paced(sends, now=deps.now()) for figure in _pace(row, report.currency, about)),
        *_days(report, about),
        *_fatigue(sends, about),
        *groups.contacts(report, sends, about=about, deps=deps),
        *groups.segments(seen.plan, report, about=about, deps=deps),
        *_texts(found.texts, report.currency, about),
        *believing.figures(seen, report, about=about, deps=deps),
        *_lessons(report),
        *_pooled(report),
    ]


def _effects(report: Report, about: Mapping[str, str]) -> Iterator[Figure]:
    money, lift = report.currency, report.lift
    yield proof.of_interval(
        "incremental_margin",
        "Incremental margin",
        money,
        report.incremental_margin,
        query=report.queries.get("incremental_margin", ""),
        reason=report.unmeasured or lift.reason,
        method="effect per person times the people treated",
        about=about,
    )
    yield proof.of_estimate("lift", f"{_plain(lift.metric)} per person", _unit(lift.metric, money), lift, about=about)
    if report.margin is not None and lift.metric in PER_PERSON[:3]:
        yield proof.of_estimate("margin", "margin per person", money, report.margin, about=about)
    if lift.p_value is not None:
        yield proof.kept("lift.p", "p-value of the effect", "", lift.p_value, method=lift.method, about=about)
    yield proof.of_interval(
        "anytime",
        "the same, with an interval that holds at every look",
        _unit(lift.metric, money),
        report.anytime,
        method="asymptotic confidence sequence",
        reason="too early",
        about=about,
    )
    for each in report.secondary:
        tail = " per person" if each.metric in PER_PERSON else ""
        yield proof.of_estimate(
            f"secondary.{each.metric}", _plain(each.metric) + tail, _unit(each.metric, money), each, about=about
        )
    for number, each in enumerate(report.sensitivity):
        yield proof.of_estimate(f"sensitivity.{number}", f"{each.metric} per person under another cap", money, each, about=about)
    rate = report.margin_rate
    query = report.queries.get("margin_rate", "")
    yield proof.of_interval(
        "margin_rate", "margin rate of treated orders", "share", rate, query=query, reason="too early", about=about
    )


def _plan(report: Report, about: Mapping[str, str]) -> Iterator[Figure]:
    for key, name in (("detectable", "smallest effect the test can find"), ("expected", "effect the plan expected")):
        value = getattr(report, key)
        yield proof.kept(f"plan.{key}", f"{name}, per person", report.currency, value, method="fixed before launch", about=about)


def _arm(arm: ArmResult, money: str, about: Mapping[str, str]) -> Iterator[Figure]:
    for column, unit in SUMS.items():
        query = queries.arm_total(arm.arm, column)
        total = getattr(arm, column)
        yield proof.counted(f"arms.{arm.arm}.{column}", f"{arm.arm}: {column}", unit or money, total, query, about=about)
        if column in PER_PERSON:
            mean, name = total / arm.people if arm.people else None, f"{arm.arm}: {column} per person"
            query = queries.arm_mean(arm.arm, column)
            yield proof.counted(f"arms.{arm.arm}.{column}.mean", name, unit or money, mean, query, about=about)
    mine = f"arm = '{arm.arm}' AND {queries.REACHED} AND is_selected"
    reached = f"SELECT count(DISTINCT customer_id) FROM sends JOIN audience USING (customer_id) WHERE {mine}"
    cost = f"SELECT coalesce(sum(cost), 0) FROM sends JOIN audience USING (customer_id) WHERE {mine}"
    yield proof.counted(f"arms.{arm.arm}.reached", f"{arm.arm}: people reached", "people", arm.reached, reached, about=about)
    yield proof.counted(f"arms.{arm.arm}.contact_cost", f"{arm.arm}: contact cost", money, arm.contact_cost, cost, about=about)
    if arm.arm != "holdout":
        name, method = f"{arm.arm}: margin per person above the holdout", "difference in means, pooled variance"
        yield proof.of_interval(f"arms.{arm.arm}.gain", name, money, arm.gain, reason="too early", method=method, about=about)


def _guardrail(each: Guardrail, about: Mapping[str, str]) -> Iterator[Figure]:
    name, method = (
        _plain(each.name),
        "people contacted with such an event since the launch, from the table of outcomes and the ledger",
    )
    values = {"count": each.count, "people": each.people, "holdout": each.baseline_count, "held": each.baseline_people}
    for part, value in values.items():
        yield proof.kept(f"guardrail.{each.name}.{part}", f"{name}: {part}", "people", value, method=method, about=about)
    rate = each.count / each.people if each.people else None
    yield proof.kept(
        f"guardrail.{each.name}.rate", f"{name}: rate among people contacted", "share", rate, method=method, about=about
    )
    stated = "stated by the plan's stop rules"
    yield proof.kept(f"guardrail.{each.name}.limit", f"{name}: limit", "share", each.limit, method=stated, about=about)


def _series(report: Report, deps: Deps) -> Iterator[Figure]:
    """Looks that were written down name their journal entry; the last one is this look."""
    unit = _unit(report.lift.metric, report.currency)
    entries = {_moment(entry.detail["look"]): entry for entry in _ticks(report.campaign_id, deps)}
    for number, point in enumerate(report.series):
        entry = entries.get(point.at)
        about = {"entry": entry.entry_hash} if entry is not None else {"outcomes": report.data}
        yield _look(number, point, unit, about)


def _look(number: int, point: LookPoint, unit: str, about: Mapping[str, str]) -> Figure:
    return Figure(
        f"series.{number}",
        f"effect per person at look {number + 1}",
        unit,
        mid=point.mid,
        low=point.low,
        high=point.high,
        method="as it was written down at that look" if "entry" in about else "this look",
        reason="" if point.mid is not None else "too early",
        kind="journal" if "entry" in about else "object",
        about=about,
    )


def _ticks(campaign_id: str, deps: Deps) -> list[JournalEntry]:
    entries = deps.journal.entries(subject=campaign_id)
    return [entry for entry in entries if entry.action == "campaign.tick" and "look" in entry.detail]


def _moment(look: Mapping[str, Any]) -> datetime:
    return LookPoint.model_validate(look).at


def _sends(report: Report, about: Mapping[str, str]) -> Iterator[Figure]:
    for state, count in report.sends.items():
        query = queries.sends(where=STATES.get(state, ""))
        if state == "duplicates":
            query = queries.sends("count(*) - count(DISTINCT idem_key)")
        yield proof.counted(f"sends.{state}", f"sends {_plain(state)}", "sends", count, query, about=about)
    method = "every delivered send against the rules as they were at its moment"
    yield proof.kept("policy_violations", "sends against a rule", "sends", report.policy_violations, method=method, about=about)


def paced(sends: pa.Table, *, now: datetime) -> list[dict[str, Any]]:
    """By channel: touches planned (what was called off apart), due by now, delivered, and their cost."""
    kept = sends.filter(pc.invert(pc.is_in(sends["state"], value_set=pa.array(["cancelled", "suppressed", "failed"]))))
    rows = []
    for channel in sorted(set(kept["channel"].to_pylist())):
        mine = kept.filter(pc.equal(kept["channel"], channel))
        gone = mine.filter(pc.is_in(mine["state"], value_set=pa.array(reporting.REACHED)))
        due = int(pc.sum(pc.less_equal(mine["send_at"], pa.scalar(now, mine["send_at"].type))).as_py() or 0)
        cost = float(pc.sum(gone["cost"]).as_py() or 0.0)
        whole = float(pc.sum(mine["cost"]).as_py() or 0.0)
        row = {"channel": channel, "planned": mine.num_rows, "due": due, "delivered": gone.num_rows, "cost": cost}
        rows.append(row | {"planned_cost": whole, "now": now})
    return rows


def _pace(row: Mapping[str, Any], money: str, about: Mapping[str, str]) -> Iterator[Figure]:
    mine = f"channel = '{row['channel']}' AND "
    due = f"{mine}{_KEPT} AND send_at <= TIMESTAMPTZ '{row['now'].isoformat()}'"
    asked = {
        "planned": queries.sends(where=mine + _KEPT),
        "due": queries.sends(where=due),
        "delivered": queries.sends(where=mine + queries.REACHED),
        "cost": queries.sends("coalesce(sum(cost), 0)", where=mine + queries.REACHED),
        "planned_cost": queries.sends("coalesce(sum(cost), 0)", where=mine + _KEPT),
    }
    for name, query in asked.items():
        unit = money if "cost" in name else "sends"
        yield proof.counted(
            f"pacing.{row['channel']}.{name}", f"{_plain(row['channel'])}: {_plain(name)}", unit, row[name], query, about=about
        )


def _days(report: Report, about: Mapping[str, str]) -> Iterator[Figure]:
    method = "sends of the ledger by day in the workspace's time zone"
    for each in report.pacing:
        for name in ("planned", "delivered", "cost"):
            unit = report.currency if name == "cost" else "sends"
            yield proof.kept(
                f"day.{each.day}.{name}", f"{each.day}: {name}", unit, getattr(each, name), method=method, about=about
            )
    if report.trend is not None:
        trend = report.trend
        for key, found in (("slope", trend.slope), ("late", trend.late)):
            name = "change of a day's effect per day" if key == "slope" else "effect per person and day in the last third"
            reason = trend.reason or "too early"
            yield proof.of_interval(
                f"trend.{key}", name, report.currency, found, reason=reason, method="daily effects", about=about
            )


def _fatigue(sends: pa.Table, about: Mapping[str, str]) -> Iterator[Figure]:
    gone = sends.filter(pc.is_in(sends["state"], value_set=pa.array(reporting.REACHED)))
    counts = gone.group_by("customer_id").aggregate([([], "count_all")])["count_all"].to_pylist()
    each = f"(SELECT count(*) AS n FROM sends WHERE {queries.REACHED} GROUP BY customer_id)"
    values = {
        "people": ("people contacted", len(counts), f"SELECT count(*) FROM {each}"),
        "mean": ("contacts per person contacted", sum(counts) / len(counts) if counts else None, f"SELECT avg(n) FROM {each}"),
        "most": ("contacts of the person contacted most", max(counts, default=0), f"SELECT coalesce(max(n), 0) FROM {each}"),
    }
    for key, (name, value, query) in values.items():
        unit = "people" if key == "people" else "contacts"
        yield proof.counted(f"fatigue.{key}", name, unit, value, query, about=about)


def _texts(texts: Sequence[Mapping[str, Any]], money: str, about: Mapping[str, str]) -> Iterator[Figure]:
    method = "gamma-Poisson orders and normal margin per text, 4,000 draws, orders corrected for delay"
    for row in texts:
        query = queries.sends(where=f"variant_id = '{row['variant']}' AND {queries.REACHED}")
        key, name = f"text.{row['variant']}", f"text {row['variant']}"
        yield proof.counted(f"{key}.sent", f"{name}: sent", "sends", row["sent"], query, about=about)
        for part, unit in (("orders", "orders"), ("margin", money), ("share", "share"), ("best", "chance")):
            yield proof.kept(f"{key}.{part}", f"{name}: {part}", unit, row[part], method=method, about=about)


def _lessons(report: Report) -> Iterator[Figure]:
    for lesson in report.lessons:
        about = {"lesson": lesson.lesson_id, "evidence": lesson.evidence_id}
        yield proof.of_estimate(f"lesson.{lesson.lesson_id}", lesson.says, lesson.estimate.metric, lesson.estimate, about=about)


def _pooled(report: Report) -> Iterator[Figure]:
    if report.pooled is not None:
        about = {each.campaign_id: f"effect {each.mid:.6f}, error {each.error:.6f}" for each in report.pooled.campaigns}
        for key, name in (("fixed", "mean effect of closed campaigns"), ("random", "effect of a next campaign of this kind")):
            found, why = getattr(report.pooled, key), report.pooled.reason or "too early"
            yield proof.of_interval(f"pooled.{key}", f"{name}, per person", report.currency, found, reason=why, about=about)


def _unit(metric: str, money: str) -> str:
    return {"orders": "orders", "visits": "visits", "margin_rate": "share"}.get(metric, money)


def _plain(name: str) -> str:
    return name.replace("_", " ")
