"""What each channel's money has brought day by day in a running campaign, and the response curves that follow."""

from __future__ import annotations

from collections.abc import Mapping
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


def curves(plan: Plan, known: Earned, *, deps: Deps) -> dict[str, budget_curves.Curve]:
    """The response of every channel that costs money: planned before the start, then learned from what its days have caused.

    Caused is the margin of the people contacted that day less what they would have brought in the same time anyway: what the holdout
    brings per person and day, half of it in proportion to what each has spent before.
    """
    rows = deps.lake.get(plan.assignment.digest)
    planned = rows.group_by("channel").aggregate([("cost", "sum"), ("value", "sum"), ("send_on", "count_distinct")])
    days = _days(plan, known, deps)
    found = {}
    for row in sorted(planned.to_pylist(), key=lambda each: str(each["channel"])):
        usual = row["cost_sum"] / row["send_on_count_distinct"]
        expected = (row["value_sum"] + row["cost_sum"]) / row["send_on_count_distinct"]
        if usual > 0.0 and expected > 0.0:
            found[row["channel"]] = budget_curves.fit(days.get(row["channel"], []), usual=usual, expected=expected)
    return found


def _days(plan: Plan, known: Earned, deps: Deps) -> dict[str, list[budget_curves.Day]]:
    """Spend, caused margin and its standard error by channel and local day, scaled up for orders still to come.

    The spread is that of all contacts together: a day on which nobody happened to buy is not a day without doubt.
    """
    sends = known.sends
    zone = ZoneInfo(deps.settings.time_zone)
    moments = pc.coalesce(sends["sent_at"], sends["send_at"]).to_pylist()
    days = np.array([at.astimezone(zone).date().toordinal() for at in moments], dtype=np.int64)
    channels = np.array(sends["channel"].to_pylist(), dtype=str)
    caused = known.margin - _anyway(plan, sends, deps) * known.counted
    share, cost = known.delays.share(known.ages), sends["cost"].to_numpy()
    spread = float(caused.std())
    found: dict[str, list[budget_curves.Day]] = {}
    for channel in sorted(set(channels.tolist())):
        for day in sorted(set(days[channels == channel].tolist())):
            mine = (channels == channel) & (days == day)
            arrived = float(share[mine].mean())
            count = int(mine.sum())
            if arrived >= LEAST_IN:
                error = spread * float(np.sqrt(count)) / arrived
                margin = float(caused[mine].sum()) / arrived
                found.setdefault(channel, []).append(budget_curves.Day(float(cost[mine].sum()), margin, error))
    return found


def _anyway(plan: Plan, sends: pa.Table, deps: Deps) -> Floats:
    """Margin per day each contacted person would bring without a contact; 0 without a holdout."""
    audience = deps.lake.get(plan.audience.digest)
    prior = _by_person(audience, "prior_value")
    held = audience.filter(pc.and_(pc.equal(audience["arm"], "holdout"), pc.fill_null(audience["is_selected"], False)))
    row, _ = reporting.launched(plan.campaign_id, deps)
    starts_at, now = reporting.flight(plan, row, deps)[0], deps.now()
    length = (now - starts_at).total_seconds() / 86_400
    if not held.num_rows or length <= 0.0:
        return np.zeros(sends.num_rows)
    fresh = newest(deps)
    people = sorted({fresh.present_id(person) or person for person in held["customer_id"].to_pylist()})
    table = outcomes.outcomes(
        fresh.events, customer_ids=people, starts_at=starts_at, ends_at=now, margin_rate=deps.settings.margin.rate
    )
    rate = float(pc.sum(table["margin"]).as_py()) / (len(people) * length)
    usual = float(np.mean([prior.get(person, 0.0) for person in held["customer_id"].to_pylist()]))
    own = np.array([prior.get(person, 0.0) for person in sends["customer_id"].to_pylist()])
    return np.asarray(rate * (0.5 + 0.5 * own / usual if usual > 0.0 else np.ones(len(own))))


def _by_person(table: pa.Table, column: str) -> Mapping[str, float]:
    pairs = zip(table["customer_id"].to_pylist(), table[column].to_pylist(), strict=True)
    return {person: float(value or 0.0) for person, value in pairs}
