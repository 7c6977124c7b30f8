"""What the facts of people say at any time of day: place, flags, birthday, consents and addresses, read out of a customer table once."""

from __future__ import annotations

from collections.abc import Sequence

from liftwright.domain.profile import FLAGS

_ADDRESS_COLUMNS = {
    "email": ("email",),
    "sms": ("phone",),
    "voice": ("phone",),
    "direct_mail": ("address", "street", "postal_code"),
}
_YES = "('true', 't', 'yes', 'y', '1')"


def query(columns: Sequence[str], channels: Sequence[str]) -> str:
    """SQL over `people_in`, `states_in`, `countries_in` and `local_in`: one row a person.

    `row_number, holdout_arm, customer_id, country, region` (code of a known state), `zone_name` and whose it is (`zone_of`: person, state,
    country or null for the house's), `objected, no_sharing, no_calls, born, minor_flag`, and `consent_<channel>, address_<channel>`.
    """
    country = "coalesce(nullif(upper(trim(CAST(p.country AS VARCHAR))), ''), $country)" if "country" in columns else "$country"
    region = (
        "nullif(regexp_replace(upper(trim(CAST(p.region AS VARCHAR))), '^US-', ''), '')"
        if "region" in columns
        else "CAST(NULL AS VARCHAR)"
    )
    zone = "CAST(p.time_zone AS VARCHAR)" if "time_zone" in columns else "CAST(NULL AS VARCHAR)"
    born = "TRY_CAST(CAST(p.birth_date AS VARCHAR) AS DATE)" if "birth_date" in columns else "CAST(NULL AS DATE)"
    consents = "".join(f", {_consent(name, columns)} AS consent_{name}" for name in channels)
    addresses = "".join(f", {_address(name, columns)} AS address_{name}" for name in channels)
    return f"""
        SELECT p.row_number, p.holdout_arm, CAST(p.customer_id AS VARCHAR) AS customer_id, {country} AS country,
            coalesce(s.code, {region}) AS region, coalesce(own.zone, s.zone, n.zone, $zone) AS zone_name,
            CASE WHEN own.zone IS NOT NULL THEN 'person' WHEN s.zone IS NOT NULL THEN 'state' WHEN n.zone IS NOT NULL THEN 'country' END AS zone_of,
            coalesce({_flag("objected", columns)}, false) AS objected, coalesce({_flag("no_sharing", columns)}, false) AS no_sharing,
            {_flag("no_calls", columns)} AS no_calls, {born} AS born, {_flag("minor", columns)} AS minor_flag{consents}{addresses}
        FROM people_in p
        LEFT JOIN states_in s ON {country} = 'US' AND {region} IN (s.code, s.name)
        LEFT JOIN countries_in n ON n.code = {country}
        LEFT JOIN local_in own ON own.zone = {zone}"""


def by_channel(channels: Sequence[str], prefix: str) -> str:
    """The column of a person that is about the channel of the row."""
    cases = " ".join(f"WHEN '{channel}' THEN {prefix}_{channel}" for channel in channels)
    return f"CASE c.channel {cases} END" if cases else "NULL"


def _consent(channel: str, columns: Sequence[str]) -> str:
    """granted, denied or null; `yes`/`true`/`1` and `no`/`false`/`0` count as what they say, anything else as not known."""
    if f"consent_{channel}" not in columns:
        return "CAST(NULL AS VARCHAR)"
    said = f"lower(trim(CAST(p.consent_{channel} AS VARCHAR)))"
    return f"CASE WHEN {said} IN ('granted', 'true', 'yes', 'y', '1') THEN 'granted' WHEN {said} IN ('denied', 'false', 'no', 'n', '0') THEN 'denied' END"


def _address(channel: str, columns: Sequence[str]) -> str:
    named = [name for name in _ADDRESS_COLUMNS.get(channel, ()) if name in columns]
    filled = " OR ".join(f"coalesce(trim(CAST(p.{name} AS VARCHAR)), '') <> ''" for name in named)
    return f"({filled})" if filled else "CAST(NULL AS BOOLEAN)"


def _flag(name: str, columns: Sequence[str]) -> str:
    """A yes/no column under one of its names; null where the file has none."""
    present = [column for column in FLAGS[name] if column in columns]
    if not present:
        return "CAST(NULL AS BOOLEAN)"
    said = f"lower(trim(CAST(p.{present[0]} AS VARCHAR)))"
    return f"CASE WHEN {said} IS NULL OR {said} = '' THEN NULL ELSE {said} IN {_YES} END"
