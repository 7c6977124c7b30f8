"""Why records are one person, and what is wrong with the identities of a file. Ids only, never names or addresses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.identity.decisions import SCHEMA
from liftwright.audience.identity.folding import is_denied, is_granted
from liftwright.audience.identity.keyed import groups
from liftwright.audience.identity.records import Tables
from liftwright.audience.identity.resolution import Resolution, resolved

_SHOWN = 5
_CONTACT_ID = re.compile(r"@|^\+?\d{8,15}$")


@dataclass(frozen=True)
class Counted:
    """How many people (or records) something is true of, and the ids of a few of them; an id that is an address is shown as a digest."""

    count: int
    examples: tuple[tuple[str, ...], ...]


def links(tables: Tables, *, country: str | None = None) -> pa.Table:
    """Every link that makes people out of records, in the columns of `identity_links`, sorted: keys that agree, estimates, what was told."""
    found = resolved(tables, country=country)
    ids = found.records.ids
    known = _known(tables.get("identity_links"))
    rows: list[dict[str, object]] = []
    for link in found.links:
        left, right = ids[link.left], ids[link.right]
        if link.rule in ("email", "phone"):
            rows.append({"left_id": left, "right_id": right, "verdict": "same", "rule": link.rule, "agreed": [link.rule]})
        else:
            rows.append(known[left, right])
    order = sorted(rows, key=lambda row: (row["left_id"], row["right_id"], row["rule"]))
    return pa.Table.from_pylist(order, schema=SCHEMA)


def _known(table: pa.Table | None) -> dict[tuple[str, str], dict[str, object]]:
    rows = [] if table is None else table.select(SCHEMA.names).to_pylist()
    return {(row["left_id"], row["right_id"]): row for row in rows}


def split_identities(tables: Tables, *, country: str | None = None) -> Counted:
    """People who are in the file under more than one customer_id; examples name their ids."""
    found = resolved(tables, country=country)
    return _counted(found, found.merged)


def case_duplicates(tables: Tables, *, country: str | None = None) -> Counted:
    """People with records whose e-mail addresses are the same but for capital letters."""
    found = resolved({"customers": tables["customers"]} if "customers" in tables else {}, country=country)
    texts = found.records.column("email").cast(pa.string())
    told = {}
    for rows in groups(pc.ascii_lower(pc.utf8_trim_whitespace(texts))):
        written = set(texts.take(pa.array(rows)).to_pylist())
        if len({text.strip() for text in written}) > 1:
            told[rows[0]] = rows
    return _counted(found, told.values())


def consent_conflicts(tables: Tables, *, country: str | None = None) -> Counted:
    """People one of whose records grants a channel that another denies; the denial counts."""
    found = resolved(tables, country=country)
    table = found.records.table
    conflicting: dict[int, list[int]] = {}
    for name in (name for name in table.column_names if name.startswith("consent_")):
        said = table[name].to_pylist()
        for group in found.merged:
            values = [said[row] for row in group]
            if any(map(is_denied, values)) and any(map(is_granted, values)):
                conflicting[group[0]] = group
    return _counted(found, [conflicting[lead] for lead in sorted(conflicting)])


def _counted(found: Resolution, rows: Iterable[list[int]]) -> Counted:
    ids = found.records.ids
    all_rows = sorted(rows)
    return Counted(len(all_rows), tuple(tuple(pseudonym(ids[row]) for row in group) for group in all_rows[:_SHOWN]))


def pseudonym(customer_id: str) -> str:
    """The id itself, or a digest of it where it is an e-mail address or a telephone number."""
    if not _CONTACT_ID.search(customer_id):
        return customer_id
    return "p-" + hashlib.sha256(customer_id.encode()).hexdigest()[:12]
