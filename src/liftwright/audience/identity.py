"""Who is who: records that share an e-mail address or a phone number are one person. Deterministic keys only, no guessing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Tables = Mapping[str, pa.Table]
MOST_SHARED = 4
"""A key that more records than this share belongs to an office or a household, not to a person."""
_REFERRING = ("events", "treatments", "leads")


def email_key(text: str | None) -> str | None:
    """A comparable e-mail address: lower case, no `+tag`; for Gmail no dots either. None when it is no address."""
    match = re.fullmatch(r"\s*([^@\s]+)@([^@\s]+\.[^@\s]+)\s*", text or "")
    if not match:
        return None
    name, domain = match.group(1).lower().split("+", 1)[0], match.group(2).lower().rstrip(".")
    if domain in ("gmail.com", "googlemail.com"):
        name, domain = name.replace(".", ""), "gmail.com"
    return f"{name}@{domain}" if name else None


def phone_key(text: str | None, *, country: str | None = None) -> str | None:
    """An E.164-like number: + and 8 to 15 digits. A ten-digit number of the US or Canada gets its +1. None when too short or long."""
    digits = re.sub(r"[^\d+]", "", (text or "").split("ext")[0].split("x")[0])
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not digits.startswith("+"):
        if len(digits) == 10 and country in ("US", "CA", None):
            digits = "1" + digits
        digits = "+" + digits
    return digits if re.fullmatch(r"\+[1-9]\d{7,14}", digits) else None


def people(tables: Tables) -> pa.Table:
    """One row per person, sorted by customer_id: the customers columns and `merged_from` (every customer_id this person has had).

    The id that is known longest stays (earliest created_at, then smallest). Of conflicting consents the most restrictive wins: a
    denial beats a grant, a grant beats silence. Other columns keep the first record's value, else the next one's. People who only
    appear in events, treatments or leads are people too. Records with different birth dates are never merged.
    """
    records = _records(tables)
    if not records.num_rows:
        return records.append_column("merged_from", pa.array([], pa.list_(pa.string())))
    groups = _groups(records)
    rows = records.to_pylist() if any(len(group) > 1 for group in groups) else []
    order = sorted((_leader(rows, group)[0], _leader(rows, group)) for group in groups) if rows else []
    if not rows:
        ids = records["customer_id"].to_pylist()
        table = records.append_column("merged_from", pa.array([[name] for name in ids], pa.list_(pa.string())))
        return table.sort_by("customer_id")
    ordered = [ranked for _, ranked in order]
    leaders = records.take(pa.array([ranked[0] for ranked in ordered]))
    merged = {place: ranked for place, ranked in enumerate(ordered) if len(ranked) > 1}
    for name in records.column_names:
        values = leaders[name].to_pylist()
        for place, ranked in merged.items():
            values[place] = _one_value(name, [rows[row][name] for row in ranked])
        leaders = leaders.set_column(leaders.column_names.index(name), name, pa.array(values, records.schema.field(name).type))
    origins = [[rows[row]["customer_id"] for row in ranked] for ranked in ordered]
    return leaders.append_column("merged_from", pa.array(origins, pa.list_(pa.string()))).sort_by("customer_id")


def _leader(rows: Sequence[dict[str, Any]], group: Sequence[int]) -> list[int]:
    """Records of a person, the one known longest first."""

    def known(row: int) -> tuple[float, str]:
        created = rows[row].get("created_at")
        return (created.timestamp() if isinstance(created, datetime) else float("inf"), rows[row]["customer_id"])

    return sorted(group, key=known)


def _one_value(name: str, values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    if name.startswith("consent_") and "denied" in known:
        return "denied"
    return known[0] if known else None


def _records(tables: Tables) -> pa.Table:
    customers = tables.get("customers")
    if customers is None:
        customers = pa.table({"customer_id": pa.array([], pa.string())})
    known = customers["customer_id"].combine_chunks()
    seen = [tables[name]["customer_id"] for name in _REFERRING if name in tables and "customer_id" in tables[name].column_names]
    more = pc.drop_null(pc.unique(pa.chunked_array([chunk for column in seen for chunk in column.chunks], pa.string())))
    new = more.filter(pc.invert(pc.is_in(more, value_set=known))).sort()
    if len(new):
        customers = pa.concat_tables([customers, pa.table({"customer_id": new})], promote_options="default")
    return customers.filter(pc.is_valid(customers["customer_id"]))


def _groups(records: pa.Table) -> list[list[int]]:
    """Rows joined by a shared key, as lists of row numbers."""
    parent = list(range(records.num_rows))

    def find(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for rows in _shared(records):
        for row in rows[1:]:
            parent[find(row)] = find(rows[0])
    groups: dict[int, list[int]] = defaultdict(list)
    for row in range(records.num_rows):
        groups[find(row)].append(row)
    return list(groups.values())


def _shared(records: pa.Table) -> list[list[int]]:
    birth = records["birth_date"].to_pylist() if "birth_date" in records.column_names else [None] * records.num_rows
    countries = records["country"].to_pylist() if "country" in records.column_names else [None] * records.num_rows
    found = [_by_key(records["customer_id"].to_pylist())]
    if "email" in records.column_names:
        found.append(_by_key([email_key(text) for text in records["email"].to_pylist()]))
    if "phone" in records.column_names:
        phones = zip(records["phone"].to_pylist(), countries, strict=True)
        found.append(_by_key([phone_key(text, country=country) for text, country in phones]))
    groups = [rows for each in found for rows in each if len(rows) <= MOST_SHARED]
    return [rows for rows in groups if not _contradict([birth[row] for row in rows])]


def _contradict(births: Sequence[date | None]) -> bool:
    return len({birth for birth in births if birth is not None}) > 1


def _by_key(keys: Sequence[str | None]) -> list[list[int]]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key is not None:
            rows[key].append(row)
    return [group for group in rows.values() if len(group) > 1]


def aliases(people: pa.Table) -> dict[str, str]:
    """Every customer_id a person has had, where it is not the one they have now, to the one they have now."""
    if "merged_from" not in people.column_names:
        return {}
    pairs = zip(people["customer_id"].to_pylist(), people["merged_from"].to_pylist(), strict=True)
    return {old: now for now, origins in pairs for old in origins or () if old != now}


def resolve(tables: Tables, people: pa.Table) -> dict[str, pa.Table]:
    """The same tables with every customer_id the one the person has now; events that only know an address get their customer_id."""
    known = aliases(people)
    return {name: _resolved(table, people, known) if name in _REFERRING else table for name, table in tables.items()}


def _resolved(table: pa.Table, people: pa.Table, known: Mapping[str, str]) -> pa.Table:
    if "customer_id" not in table.column_names:
        return table
    column = table["customer_id"]
    if known:
        old = pa.array(list(known), pa.string())
        now = pa.array(list(known.values()), pa.string())
        column = pc.coalesce(now.take(pc.index_in(column, value_set=old).combine_chunks()), column)
    for name, key in (("email", email_key), ("phone", phone_key)):
        if column.null_count and name in table.column_names and name in people.column_names:
            column = pc.coalesce(column, _looked_up(table[name], people, name, key))
    return table.set_column(table.column_names.index("customer_id"), "customer_id", column)


def _looked_up(column: pa.ChunkedArray, people: pa.Table, name: str, key: Any) -> pa.Array:
    owners: dict[str, str | None] = {}
    for address, person in zip(people[name].to_pylist(), people["customer_id"].to_pylist(), strict=True):
        found = key(address)
        if found is not None:
            owners[found] = None if found in owners else person
    return pa.array([owners.get(key(text) or "") for text in column.to_pylist()], pa.string())
