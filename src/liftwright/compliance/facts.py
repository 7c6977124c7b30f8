"""Facts of people for the rules: one row per person and channel at one time, computed from tables handed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.compliance import contacts as counted
from liftwright.compliance import engine, lasting, places
from liftwright.domain.errors import DataError
from liftwright.domain.profile import Channel
from liftwright.settings import Settings

_LIMITS = ("contacts_per_day", "contacts_per_month", "hours_between", "unanswered")
_CHANNELS_IN = pa.schema([("place", pa.int64()), ("channel", pa.string()), ("most", pa.int64())])
_EMPTY_CONTACTS = {"customer_id": pa.string(), "channel": pa.string(), "send_at": pa.timestamp("us", "UTC"), "state": pa.string()}
_EMPTY_EVENTS = {
    "customer_id": pa.string(),
    "type": pa.string(),
    "channel": pa.string(),
    "occurred_at": pa.timestamp("us", "UTC"),
}


def person_facts(
    people: pa.Table,
    *,
    channels: Sequence[Channel],
    at: datetime,
    settings: Settings,
    contacts: pa.Table | None = None,
    events: pa.Table | None = None,
    arms: np.ndarray | None = None,
    contacts_per_week: int | None = None,
    sending: bool = False,
) -> pa.Table:
    """One row per person and channel, people in the order given and channels in the order given, with the declared person facts.

    `contacts` is the ledger's `contacts_since` (at least the last 30 days), `events` the canonical table, `arms` True for
    holdout, aligned with `people`. What is not known stays null. A null country is `settings.country`. Local time is that of the person's zone, else
    of their US state, else of the house's zone where it lies in their country, else of the first zone of their country; `zone_behind` and
    `zone_ahead` say by how much another zone of that state or country would be earlier or later.

    Opt-outs and complaints suppress for ever; only those that happened by `at` count. Contacts count when they were sent or are scheduled
    up to `at`. With `sending` the leased sends are the ones being checked: each counts those leased before it
    (earlier `send_at`, then channel) and not itself. `contacts_per_week` tightens the configured cap, never loosens it.
    """
    if at.tzinfo is None:
        raise DataError("FACTS-TIME", "The time of the facts has no offset.", next_step="Pass an aware time.")
    inputs = _inputs(people, channels=channels, at=at, settings=settings, contacts=contacts, events=events, arms=arms)
    values = _values(settings, at=at, contacts_per_week=contacts_per_week)
    with engine.session() as connection:
        for name, table in inputs.items():
            connection.register(name, table)
        facts = connection.sql(_query(people.column_names, channels, sending=sending), params=values).to_arrow_table()
    return facts


def lasting_facts(people: pa.Table, *, channels: Sequence[Channel], settings: Settings, at: datetime) -> pa.Table:
    """One row per person, in the order given: what the facts say of them at any time of day (`lasting.query`); `momentary` adds the rest."""
    inputs = _inputs(people, channels=channels, at=at, settings=settings, contacts=None, events=None, arms=None)
    values = _values(settings, at=at, contacts_per_week=None)
    with engine.session() as connection:
        for name in ("people_in", "states_in", "countries_in", "local_in"):
            connection.register(name, inputs[name])
        text = f"SELECT * EXCLUDE (row_number, holdout_arm) FROM ({lasting.query(people.column_names, channels)}) ORDER BY row_number"
        found = connection.sql(text, params={name: values[name] for name in ("country", "zone") if f"${name}" in text})
        return found.to_arrow_table()


def _values(settings: Settings, *, at: datetime, contacts_per_week: int | None) -> dict[str, Any]:
    """The values of the query's parameters."""
    cap = settings.limits.contacts_per_week
    return {
        "at": at.astimezone(UTC),
        "country": settings.country.upper(),
        "zone": settings.time_zone,
        "cap": cap if contacts_per_week is None else min(cap, contacts_per_week),
        "blackout": list(settings.limits.blackout),
        "has_assessment": bool(settings.sender.interest_assessment.strip()),
    }


def _inputs(
    people: pa.Table,
    *,
    channels: Sequence[Channel],
    at: datetime,
    settings: Settings,
    contacts: pa.Table | None,
    events: pa.Table | None,
    arms: np.ndarray | None,
) -> dict[str, pa.Table]:
    """The tables of the query, by the names it uses."""
    zones = _distinct(people, "time_zone")
    countries = {settings.country.upper(), *(str(name).strip().upper() for name in _distinct(people, "country") if name)}
    by_state, by_country = places.states(at=at), places.countries(countries, house=settings.time_zone, at=at)
    assumed = {state[2] for state in by_state} | {country[1] for country in by_country}
    local = places.local_times({*zones, settings.time_zone, *assumed}, at=at)
    limits, registered = (
        settings.limits,
        {place.upper() for place, words in settings.sender.registrations.items() if words.strip()},
    )
    ways = [
        (place, channel, settings.channels[channel].most_per_week if channel in settings.channels else None)
        for place, channel in enumerate(channels)
    ]
    return {
        "people_in": _numbered(people, arms),
        "contacts_in": _with_columns(contacts, _EMPTY_CONTACTS),
        "events_in": _with_columns(events, _EMPTY_EVENTS),
        "states_in": _rows(("code", "name", "zone", "behind", "ahead"), by_state),
        "countries_in": _rows(("code", "zone", "behind", "ahead"), by_country),
        "local_in": _rows(("zone", "minute", "weekday"), [(zone, *time) for zone, time in local.items()]),
        "registered_in": pa.table({"place": pa.array(sorted(registered), pa.string())}),
        "limits_in": pa.table({name: pa.array([getattr(limits, name)], pa.int64()) for name in _LIMITS}),
        "channels_in": _rows(("place", "channel", "most"), ways).cast(_CHANNELS_IN),
    }


def _distinct(people: pa.Table, column: str) -> list[Any]:
    return people[column].unique().to_pylist() if column in people.column_names else []


def _numbered(people: pa.Table, arms: np.ndarray | None) -> pa.Table:
    held = np.zeros(people.num_rows, dtype=bool) if arms is None else np.asarray(arms, dtype=bool)
    if len(held) != people.num_rows:
        raise DataError("FACTS-ARMS", f"{len(held)} arms for {people.num_rows} people.", next_step="Draw an arm for everybody.")
    return people.append_column("row_number", pa.array(np.arange(people.num_rows))).append_column("holdout_arm", pa.array(held))


def _with_columns(table: pa.Table | None, columns: dict[str, Any]) -> pa.Table:
    rows = 0 if table is None else table.num_rows
    present = () if table is None else table.column_names
    return pa.table(
        {
            name: table[name].cast(kind) if table is not None and name in present else pa.nulls(rows, kind)
            for name, kind in columns.items()
        }
    )


def _rows(names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def _query(columns: Sequence[str], channels: Sequence[str], *, sending: bool) -> str:
    return f"""
    WITH lasting AS ({lasting.query(columns, channels)}),
    who AS ({_WHO}),
    quiet AS (
        SELECT customer_id,
               coalesce(bool_or(channel IS NULL AND type = 'opt_out'), false) AS from_all,
               coalesce(bool_or(channel IS NULL), false) AS everywhere,
               list(DISTINCT lower(channel)) FILTER (channel IS NOT NULL) AS on_channels
        FROM events_in WHERE type IN ('opt_out', 'complaint') AND occurred_at <= $at GROUP BY customer_id),
    bought AS (
        SELECT customer_id, date_diff('day', max(occurred_at), CAST($at AS TIMESTAMPTZ)) AS days
        FROM events_in WHERE type = 'purchase' AND occurred_at <= $at GROUP BY customer_id),
    {counted.tables(sending=sending)}
    SELECT who.customer_id, c.channel, who.country, who.region, CAST($at AT TIME ZONE who.zone AS DATE) AS send_on,
        who.minute AS local_minute, who.weekday AS local_weekday, who.behind AS zone_behind, who.ahead AS zone_ahead,
        list_contains(CAST($blackout AS DATE[]), CAST($at AT TIME ZONE who.zone AS DATE)) AS is_blackout,
        {lasting.by_channel(channels, "who.consent")} AS consent,
        coalesce(quiet.everywhere, false) OR coalesce(list_contains(quiet.on_channels, c.channel), false) AS is_suppressed,
        who.objected OR coalesce(quiet.from_all, false) AS has_objected,
        who.no_sharing AS opted_out_of_sharing, who.no_calls AS on_do_not_call, who.is_minor, who.age,
        who.holdout_arm AS is_holdout, $has_assessment AS has_assessment, registered.place IS NOT NULL AS is_registered,
        {lasting.by_channel(channels, "who.address")} AS has_address,
        bought.days AS days_since_purchase, {counted.FACTS.lstrip()},
        CAST($cap AS BIGINT) AS contacts_per_week, m.contacts_per_day, m.contacts_per_month, m.hours_between,
        m.unanswered AS unanswered_limit, c.most AS channel_per_week
    FROM who CROSS JOIN channels_in c CROSS JOIN limits_in m
    LEFT JOIN quiet ON quiet.customer_id = who.customer_id
    LEFT JOIN bought ON bought.customer_id = who.customer_id
    LEFT JOIN registered_in registered ON registered.place = who.country || '-' || who.region {counted.JOINS}
    ORDER BY who.row_number, c.place"""


_WHO = """
        SELECT l.*, local_in.zone, local_in.minute, local_in.weekday,
            CASE WHEN l.zone_of = 'person' THEN 0 WHEN l.zone_of = 'state' THEN s.behind ELSE n.behind END AS behind,
            CASE WHEN l.zone_of = 'person' THEN 0 WHEN l.zone_of = 'state' THEN s.ahead ELSE n.ahead END AS ahead,
            CASE WHEN l.minor_flag THEN true
                 WHEN l.born IS NOT NULL THEN CAST($at AT TIME ZONE local_in.zone AS DATE) - INTERVAL 18 YEAR < l.born
                 ELSE l.minor_flag END AS is_minor,
            date_sub('year', l.born, CAST($at AT TIME ZONE local_in.zone AS DATE)) AS age
        FROM lasting l JOIN local_in ON local_in.zone = l.zone_name
        LEFT JOIN states_in s ON l.country = 'US' AND l.region = s.code
        LEFT JOIN countries_in n ON n.code = l.country"""
"""One row a person: what lasts, the local time, and the age on that day."""
