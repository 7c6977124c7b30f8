"""Where measured uplift lies unused: groups nobody has written to lately, priced, with the goal that would ask for it.

A proposal and nothing more: the goal is planned, reviewed and approved like any other, at every level of autonomy. At the strategic level the
night proposes by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.agents.bench import Bench, solving
from liftwright.compliance import ladder as rules
from liftwright.compliance.autonomy import LEVELS
from liftwright.domain.profile import Channel
from liftwright.flow import current
from liftwright.flow import ladder as levels
from liftwright.planning.treatments import action_parts
from liftwright.ports import Deps

SUBJECT = "opportunities"
"""Subject of the journal entries that tell of proposed goals."""
QUIET_DAYS, FLIGHT_DAYS = 28, 14
Z90 = 1.645
GROUPS = {"recent": "recent buyers", "lapsed": "lapsed customers", "no buyer": "people who never bought"}
"""Stages of `audience.segments`, as a goal names them."""


def listed(*, deps: Deps, quiet_days: int = QUIET_DAYS) -> list[dict[str, Any]]:
    """`[{"group", "channel", "offer", "people", "last_contact_on", "margin": {"low", "mid", "high", "level"}, "cost", "because", "goal"}]`, most first.

    `people`: of the group, without a contact in `quiet_days` and not known to have said no to the channel, for whom one contact is likely
    to help and expected to earn more than it costs. `margin`: their expected extra margin of one contact each, cost taken off, major units, 90 %: the error of the
    average effect is common to all of them, what is special to a person is their own. Nothing where no past test ranks people: there is no measured uplift to use.
    """
    bench = current.scored(deps)
    if not bench.scored.effects.is_tested:
        return []
    last = _last_contacts(deps)
    found = [row for name, words in GROUPS.items() for row in _of_group(name, words, bench, last, deps, quiet_days)]
    best: dict[str, dict[str, Any]] = {}
    for row in sorted(found, key=lambda row: -row["margin"]["mid"]):
        best.setdefault(f"{row['group']}|{row['channel']}", row)
    return list(best.values())


def propose(*, deps: Deps) -> list[dict[str, Any]]:
    """Write down the goals that the strategic level proposes: opportunities on a channel whose people's class has earned it, in the band of
    what they cost. The same group on the same channel is proposed once in `QUIET_DAYS`. Returns what is new."""
    ladder, told, now = levels.of(deps), levels.entries(deps=deps), deps.now()
    if not any(entry.action == rules.PROMOTED for entry in told):
        return []
    known = {
        (entry.detail["group"], entry.detail["channel"])
        for entry in deps.journal.entries(subject=SUBJECT)
        if entry.at > now - timedelta(days=QUIET_DAYS)
    }
    found = []
    for row in listed(deps=deps):
        band = rules.band_of(ladder, row["cost"])
        level = rules.level_for(ladder, rules.class_of(ladder, "add_people"), (row["channel"],), band, told, at=now)
        if level == LEVELS[-1] and (row["group"], row["channel"]) not in known:
            deps.journal.append(at=now, actor="liftwright", action="goal.proposed", subject=SUBJECT, detail=row)
            found.append(row)
    return found


def _last_contacts(deps: Deps) -> dict[str, datetime]:
    """When each person was last written to or is going to be, over all campaigns."""
    table = deps.ledger.contacts_since(deps.now() - timedelta(days=365))
    if not table.num_rows:
        return {}
    latest = table.group_by("customer_id").aggregate([("send_at", "max")])
    return dict(zip(latest["customer_id"].to_pylist(), latest["send_at_max"].to_pylist(), strict=True))


def _of_group(
    stage: str, words: str, bench: Bench, last: dict[str, datetime], deps: Deps, quiet_days: int
) -> Iterator[dict[str, Any]]:
    since = deps.now() - timedelta(days=quiet_days)
    ids = [str(person) for person in bench.data.ids]
    here = np.array([str(name).startswith(stage) for name in bench.data.segments])
    quiet = np.array([person not in last or last[person] < since for person in ids])
    contacted = [last[person] for person, is_here in zip(ids, here, strict=True) if is_here and person in last]
    effects = bench.scored.effects
    likely = solving.is_likely(effects.values, effects.errors, least=solving.least_z(effects, sure=False))
    for place, action in enumerate(bench.data.actions):
        channel, offer = action_parts(action)
        unit = deps.settings.unit_cost(cast(Channel, channel))
        net = effects.values[:, place] - unit
        chosen = here & quiet & _may(bench, channel) & likely[:, place] & (net > 0)
        if not chosen.any():
            continue
        mid = float(net[chosen].sum())
        error = math.hypot(
            float(effects.average_errors[place]) * int(chosen.sum()), float(np.linalg.norm(effects.errors[chosen, place]))
        )
        if mid - Z90 * error <= 0:
            continue
        cost = math.ceil(unit * int(chosen.sum()) * 100) / 100
        yield {
            "group": words,
            "channel": channel,
            "offer": offer,
            "people": int(chosen.sum()),
            "last_contact_on": max(contacted).date().isoformat() if contacted else None,
            "margin": {
                "low": round(mid - Z90 * error, 2),
                "mid": round(mid, 2),
                "high": round(mid + Z90 * error, 2),
                "level": 0.9,
            },
            "cost": cost,
            "because": f"{words} had no contact for {quiet_days} days; a past test says a contact by {channel.replace('_', ' ')} pays",
            "goal": _goal(words, channel, cost, deps),
        }


def _may(bench: Bench, channel: str) -> npt.NDArray[np.bool_]:
    """Who has not said no to a channel."""
    people = bench.data.people
    name = f"consent_{channel}"
    if name not in people.column_names:
        return np.ones(people.num_rows, dtype=bool)
    said = pc.utf8_lower(people[name].cast("string"))
    denied = pc.fill_null(pc.is_in(said, value_set=pa.array(["denied", "no", "false", "0"])), False)
    return np.asarray(~denied.to_numpy(zero_copy_only=False), dtype=bool)


def _goal(words: str, channel: str, cost: float, deps: Deps) -> str:
    budget = max(1, math.ceil(2 * cost))
    return f"Sell more over the next {FLIGHT_DAYS} days to {words} by {channel.replace('_', ' ')}, budget {budget} {deps.settings.currency}"
