"""Every delivered send checked again, by other means than the gate that let it pass: holdout, consent at that time, caps."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.domain.plan import Plan
from liftwright.flow import untouchable
from liftwright.flow.fresh import Fresh, arms, pinned
from liftwright.ports import Deps

DENIED = frozenset({"denied", "false", "no", "n", "0"})
QUIETING = frozenset({"opt_out", "complaint"})


def violations(plan: Plan, delivered: Sequence[Mapping[str, Any]], fresh: Fresh, *, deps: Deps) -> int:
    """How many of these sends (rows of the ledger) should not have left: each counts once, whatever it broke."""
    treated, holdout = arms(plan.audience.digest, deps)
    everywhere = untouchable.planned_out(plan.experiment, {send["customer_id"] for send in delivered})
    denied = _denied(pinned(plan.pins.snapshot, deps))
    quiet = _quieted(fresh)
    over = _over_cap(plan, [send["send_at"] for send in delivered], deps) | _over_all(plan, delivered)
    broken = 0
    for send in delivered:
        person, channel = send["customer_id"], send["channel"]
        at = send["sent_at"] or send["send_at"]
        opted_out = quiet.get((fresh.present_id(person) or person, channel))
        broken += (
            person not in treated
            or person in holdout
            or person in everywhere
            or (person, channel) in denied
            or (opted_out is not None and opted_out < at)
            or (person, send["send_at"]) in over
        )
    return broken


def _denied(data: Fresh) -> frozenset[tuple[str, str]]:
    """(person, channel) that had said no when the plan was made."""
    people = data.people
    ids = people["customer_id"]
    found: set[tuple[str, str]] = set()
    for name in people.column_names:
        if name.startswith("consent_"):
            words = pc.utf8_lower(pc.utf8_trim_whitespace(people[name].cast(pa.string())))
            no = ids.filter(pc.is_in(words, value_set=pa.array(sorted(DENIED))))
            found |= {(person, name.removeprefix("consent_")) for person in no.to_pylist()}
    return frozenset(found)


class _Quiet(dict[tuple[str, str], datetime]):
    """Earliest known opt-out by person and channel; one without a channel counts for all."""

    def get(self, key: tuple[str, str], default: Any = None) -> Any:
        found = [at for at in (super().get(key), super().get((key[0], ""))) if at is not None]
        return min(found) if found else default


def _quieted(fresh: Fresh) -> _Quiet:
    """When we learnt that a person wants no more: on receipt where the data says when, else when it happened."""
    quiet = _Quiet()
    events = fresh.events
    if events is None:
        return quiet
    names = [name for name in ("customer_id", "type", "channel", "occurred_at", "received_at") if name in events.column_names]
    chosen = events.select(names).filter(pc.is_in(events["type"], value_set=pa.array(sorted(QUIETING))))
    for row in chosen.to_pylist():
        at = row.get("received_at") or row["occurred_at"]
        key = (row["customer_id"], row.get("channel") or "")
        quiet[key] = min(at, dict.get(quiet, key, at))
    return quiet


def _over_all(plan: Plan, delivered: Sequence[Mapping[str, Any]]) -> frozenset[tuple[str, datetime]]:
    """(person, moment) of this campaign's contacts beyond those the goal allows one person in the whole flight."""
    limit = plan.objective.constraint("max_contacts")
    if limit is None or not isinstance(limit.value, int | float):
        return frozenset()
    by_person: dict[str, list[datetime]] = defaultdict(list)
    for send in delivered:
        by_person[send["customer_id"]].append(send["send_at"])
    return frozenset((person, at) for person, times in by_person.items() for at in sorted(times)[int(limit.value) :])


def _over_cap(plan: Plan, moments: Sequence[datetime], deps: Deps) -> frozenset[tuple[str, datetime]]:
    """(person, moment) of contacts, by any campaign, that were one too many within a day, seven days or thirty."""
    if not moments:
        return frozenset()
    limits = deps.settings.limits
    limit = plan.objective.constraint("max_contacts_per_week")
    cap = limits.contacts_per_week
    if limit is not None and isinstance(limit.value, int | float):
        cap = min(cap, int(limit.value))
    caps = {1: limits.contacts_per_day, 7: cap, 30: limits.contacts_per_month}
    contacts = deps.ledger.contacts_since(min(moments) - timedelta(days=31))
    contacts = contacts.filter(pc.is_in(contacts["state"], value_set=pa.array(["sent", "unknown"])))
    counts = contacts["customer_id"].value_counts()
    often = counts.field("values").filter(pc.greater(counts.field("counts"), min(caps.values())))
    contacts = contacts.filter(pc.is_in(contacts["customer_id"], value_set=often))
    by_person: dict[str, list[datetime]] = defaultdict(list)
    for person, at in zip(contacts["customer_id"].to_pylist(), contacts["send_at"].to_pylist(), strict=True):
        by_person[person].append(at)
    over = set()
    for person, times in by_person.items():
        times.sort()
        for at in times:
            until = bisect_right(times, at)
            if any(until - bisect_right(times, at - timedelta(days=days)) > most for days, most in caps.items()):
                over.add((person, at))
    return frozenset(over)
