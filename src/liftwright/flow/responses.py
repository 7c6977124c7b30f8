"""What each channel's money has brought day by day in a running campaign, and the response curves that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.plan import Plan
from liftwright.flow import reporting
from liftwright.flow.earned import Earned
from liftwright.flow.fresh import newest
from liftwright.measurement import outcomes
from liftwright.planning import budget_curves
from liftwright.ports import Deps

Floats = npt.NDArray[np.float64]
LEAST_IN = 0.2
"""A day counts once this share of its orders is in."""
KEY = ["customer_id", "wave", "channel", "offer"]


def planned_margin(plan: Plan, sends: pa.Table, *, deps: Deps) -> Floats:
    """What each send was planned to bring before its cost, by the candidates the solver saw; 0 for an option it did not see."""
    table = deps.lake.get(plan.assignment.candidates).select([*KEY, "value", "cost"])
    known = table.append_column("brings", pc.add(table["value"], table["cost"])).drop_columns(["value", "cost"])
    asked = sends.select(KEY).append_column("place", pa.array(np.arange(sends.num_rows)))
    found = asked.join(known, keys=KEY, join_type="left outer").sort_by("place")
    return np.asarray(pc.fill_null(found["brings"], 0.0).to_numpy())


def curves(plan: Plan, known: Earned, channels: Sequence[str], *, deps: Deps) -> dict[str, budget_curves.Curve]:
    """The response of every channel, relative to plan: spend as a share of what was planned for a day, margin as a share of what it
    should have brought; as planned before anything is known.

    What a day caused is the margin of the people contacted less what they would have brought in the same time anyway: what the holdout
    brings per person and day, half of it in proportion to what each has spent before.
    """
    days = _days(plan, known, deps)
    return {channel: budget_curves.fit(days.get(channel, []), usual=1.0, expected=1.0) for channel in channels}


def _days(plan: Plan, known: Earned, deps: Deps) -> dict[str, list[budget_curves.Day]]:
    """Relative spend, caused margin and its standard error by channel and local day, scaled up for orders still to come.

    The spread is that of all contacts together: a day on which nobody happened to buy is not a day without doubt. What people would have
    brought anyway is only as sure as the holdout is large.
    """
    sends, zone = known.sends, ZoneInfo(deps.settings.time_zone)
    moments = pc.coalesce(sends["sent_at"], sends["send_at"]).to_pylist()
    days = np.array([at.astimezone(zone).date() for at in moments], dtype="datetime64[D]")
    channels = np.array(sends["channel"].to_pylist(), dtype=str)
    anyway, unsure = _anyway(plan, sends, deps)
    caused = known.margin - anyway * known.counted
    share, cost, brings = known.delays.share(known.ages), sends["cost"].to_numpy(), planned_margin(plan, sends, deps=deps)
    planned, spread = _planned(plan, deps), float(caused.std())
    found: dict[str, list[budget_curves.Day]] = {}
    for channel, day in sorted(set(zip(channels.tolist(), days.tolist(), strict=True))):
        mine = (channels == channel) & (days == np.datetime64(day))
        arrived, expected = float(share[mine].mean()), float(brings[mine].sum())
        if arrived < LEAST_IN or expected <= 0.0:
            continue
        relative = float(cost[mine].sum()) / planned[channel, day] if planned.get((channel, day)) else 1.0
        unit = expected / max(relative, 1e-9) * arrived
        error = float(np.hypot(spread * np.sqrt(mine.sum()), unsure * known.counted[mine].sum())) / unit
        found.setdefault(channel, []).append(budget_curves.Day(relative, float(caused[mine].sum()) / unit, error))
    return found


def _planned(plan: Plan, deps: Deps) -> dict[tuple[str, date], float]:
    """Cost by channel and day as it was approved."""
    rows = deps.lake.get(plan.assignment.digest).group_by(["channel", "send_on"]).aggregate([("cost", "sum")])
    return {(row["channel"], row["send_on"]): float(row["cost_sum"]) for row in rows.to_pylist()}


def _anyway(plan: Plan, sends: pa.Table, deps: Deps) -> tuple[Floats, float]:
    """Margin per day each contacted person would bring without a contact, and the standard error of its mean; 0 without a holdout."""
    audience = deps.lake.get(plan.audience.digest)
    prior = _by_person(audience, "prior_value")
    held = audience.filter(pc.and_(pc.equal(audience["arm"], "holdout"), pc.fill_null(audience["is_selected"], False)))
    row, _ = reporting.launched(plan.campaign_id, deps)
    starts_at, now = reporting.flight(plan, row, deps)[0], deps.now()
    length = (now - starts_at).total_seconds() / 86_400
    if not held.num_rows or length <= 0.0:
        return np.zeros(sends.num_rows), 0.0
    fresh = newest(deps)
    people = sorted({fresh.present_id(person) or person for person in held["customer_id"].to_pylist()})
    table = outcomes.outcomes(
        fresh.events, customer_ids=people, starts_at=starts_at, ends_at=now, margin_rate=deps.settings.margin.rate
    )
    margin = table["margin"].to_numpy() / length
    rate, unsure = float(margin.mean()), float(margin.std()) / float(np.sqrt(len(people)))
    usual = float(np.mean([prior.get(person, 0.0) for person in held["customer_id"].to_pylist()]))
    own = np.array([prior.get(person, 0.0) for person in sends["customer_id"].to_pylist()])
    return np.asarray(rate * (0.5 + 0.5 * own / usual if usual > 0.0 else np.ones(len(own)))), unsure


def _by_person(table: pa.Table, column: str) -> Mapping[str, float]:
    pairs = zip(table["customer_id"].to_pylist(), table[column].to_pylist(), strict=True)
    return {person: float(value or 0.0) for person, value in pairs}
