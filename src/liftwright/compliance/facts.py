"""Facts of people for the rules: one row per person and channel at one time, computed from tables handed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.compliance import contacts as counted
from liftwright.compliance import engine, places
from liftwright.domain.errors import DataError
from liftwright.domain.profile import FLAGS, Channel
from liftwright.settings import Settings

_ADDRESS_COLUMNS = {
    "email": ("email",),
    "sms": ("phone",),
    "voice": ("phone",),
    "direct_mail": ("address", "street", "postal_code"),
}
_YES = "('true', 't', 'yes', 'y', '1')"
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
    WITH who AS ({_who(columns)}),
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
        {_by_channel(channels, lambda channel: _consent(channel, columns))} AS consent,
        coalesce(quiet.everywhere, false) OR coalesce(list_contains(quiet.on_channels, c.channel), false) AS is_suppressed,
        who.objected OR coalesce(quiet.from_all, false) AS has_objected,
        who.no_sharing AS opted_out_of_sharing, who.no_calls AS on_do_not_call, who.is_minor, who.age,
        who.holdout_arm AS is_holdout, $has_assessment AS has_assessment, registered.place IS NOT NULL AS is_registered,
        {_by_channel(channels, lambda channel: _address(channel, columns))} AS has_address,
        bought.days AS days_since_purchase, {counted.FACTS.lstrip()},
        CAST($cap AS BIGINT) AS contacts_per_week, m.contacts_per_day, m.contacts_per_month, m.hours_between,
        m.unanswered AS unanswered_limit, c.most AS channel_per_week
    FROM who JOIN people_in who_people ON who_people.row_number = who.row_number CROSS JOIN channels_in c CROSS JOIN limits_in m
    LEFT JOIN quiet ON quiet.customer_id = who.customer_id
    LEFT JOIN bought ON bought.customer_id = who.customer_id
    LEFT JOIN registered_in registered ON registered.place = who.country || '-' || who.region {counted.JOINS}
    ORDER BY who.row_number, c.place"""


def _who(columns: Sequence[str]) -> str:
    """One row a person: country, state code, zone with its local time, flags and age."""
    country = "coalesce(nullif(upper(trim(CAST(p.country AS VARCHAR))), ''), $country)" if "country" in columns else "$country"
    region = (
        "nullif(regexp_replace(upper(trim(CAST(p.region AS VARCHAR))), '^US-', ''), '')"
        if "region" in columns
        else "CAST(NULL AS VARCHAR)"
    )
    zone = "CAST(p.time_zone AS VARCHAR)" if "time_zone" in columns else "CAST(NULL AS VARCHAR)"
    born = "TRY_CAST(CAST(p.birth_date AS VARCHAR) AS DATE)" if "birth_date" in columns else "CAST(NULL AS DATE)"
    minor_flag = _flag("minor", columns)
    return f"""
        SELECT a.*, local_in.zone, local_in.minute, local_in.weekday,
            CASE WHEN minor_flag THEN true
                 WHEN born IS NOT NULL THEN CAST($at AT TIME ZONE local_in.zone AS DATE) - INTERVAL 18 YEAR < born
                 ELSE minor_flag END AS is_minor,
            date_sub('year', born, CAST($at AT TIME ZONE local_in.zone AS DATE)) AS age
        FROM (
            SELECT p.row_number, p.holdout_arm, CAST(p.customer_id AS VARCHAR) AS customer_id, {country} AS country,
                coalesce(s.code, {region}) AS region, coalesce(own.zone, s.zone, n.zone, $zone) AS zone_name,
                CASE WHEN own.zone IS NOT NULL THEN 0 WHEN s.zone IS NOT NULL THEN s.behind ELSE n.behind END AS behind,
                CASE WHEN own.zone IS NOT NULL THEN 0 WHEN s.zone IS NOT NULL THEN s.ahead ELSE n.ahead END AS ahead,
                coalesce({_flag("objected", columns)}, false) AS objected, coalesce({_flag("no_sharing", columns)}, false) AS no_sharing,
                {_flag("no_calls", columns)} AS no_calls, {born} AS born, {minor_flag} AS minor_flag
            FROM people_in p
            LEFT JOIN states_in s ON {country} = 'US' AND {region} IN (s.code, s.name)
            LEFT JOIN countries_in n ON n.code = {country}
            LEFT JOIN local_in own ON own.zone = {zone}
        ) a JOIN local_in ON local_in.zone = a.zone_name"""


def _by_channel(channels: Sequence[str], of: Any) -> str:
    cases = " ".join(f"WHEN '{channel}' THEN {of(channel)}" for channel in channels)
    return f"CASE c.channel {cases} END" if cases else "NULL"


def _consent(channel: str, columns: Sequence[str]) -> str:
    """granted, denied or null; `yes`/`true`/`1` and `no`/`false`/`0` count as what they say, anything else as not known."""
    if f"consent_{channel}" not in columns:
        return "CAST(NULL AS VARCHAR)"
    said = f"lower(trim(CAST(who_people.consent_{channel} AS VARCHAR)))"
    return f"CASE WHEN {said} IN ('granted', 'true', 'yes', 'y', '1') THEN 'granted' WHEN {said} IN ('denied', 'false', 'no', 'n', '0') THEN 'denied' END"


def _address(channel: str, columns: Sequence[str]) -> str:
    named = [name for name in _ADDRESS_COLUMNS.get(channel, ()) if name in columns]
    filled = " OR ".join(f"coalesce(trim(CAST(who_people.{name} AS VARCHAR)), '') <> ''" for name in named)
    return f"({filled})" if filled else "CAST(NULL AS BOOLEAN)"


def _flag(name: str, columns: Sequence[str]) -> str:
    """A yes/no column under one of its names; null where the file has none."""
    present = [column for column in FLAGS[name] if column in columns]
    if not present:
        return "CAST(NULL AS BOOLEAN)"
    said = f"lower(trim(CAST(p.{present[0]} AS VARCHAR)))"
    return f"CASE WHEN {said} IS NULL OR {said} = '' THEN NULL ELSE {said} IN {_YES} END"
