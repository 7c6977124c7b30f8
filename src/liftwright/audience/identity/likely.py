"""Links that are estimated: records without a common key that are one person all the same, by Splink on DuckDB."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.identity import keys
from liftwright.audience.identity.decisions import SCHEMA
from liftwright.audience.identity.records import Records, Tables
from liftwright.audience.identity.resolution import Resolution, resolved
from liftwright.audience.identity.weights import (
    ALIKE,
    FIELDS,
    LEAST_UNREACHABLE,
    LEAST_WEIGHT,
    MODEL,
    NEAR,
    PSEUDO_RECORDS,
    prior_bits,
    settings,
)

MOST_IN_A_BLOCK = 40
"""Records that agree on one blocking key; a larger block is a default value, not a person."""
_BLOCKS = (
    "last || born", "first || born", "born || zip", "born || city", "first || last || city", "first || last || left(born, 4)",
    "first || last || right(born, 4)", "first || address", "last || left(first, 1) || address", "last || left(first, 1) || zip",
    "first || zip || left(last, 2)", "first || zip || right(last, 3)", "zip || address || left(first, 1)",
    "email", "phone", "split_part(email, '@', 1)", "born || right(phone, 4)", "born || left(address, 6)",
)  # fmt: skip
"""What a pair must have in common, any of it, to be looked at."""


_BORN_APART = "coalesce(hamming(a.born, b.born) > 2, false)"
"""More than a slip lies between the birth dates: parent and child may share everything else."""
_SAME_FIRST = (
    "a.first = b.first OR (length(least(a.first, b.first)) > 2 AND (starts_with(a.first, b.first) OR starts_with(b.first, a.first))) OR "
    f"(jaro_winkler_similarity(a.first, b.last) >= {NEAR} AND jaro_winkler_similarity(a.last, b.first) >= {NEAR})"
)
"""The same first name, its short form, or both names in the wrong field."""
_MISSPELT = (
    f"(jaro_winkler_similarity(a.first, b.first) >= {ALIKE} OR starts_with(a.first, b.first) OR starts_with(b.first, a.first))"
    " AND (hamming(a.born, b.born) <= 2 OR damerau_levenshtein(a.email, b.email) <= 2)"
)
"""A first name that is nearly the same, or an initial: only with what brothers and sisters do not share."""
_NAMELESS = (
    "(a.first IS NULL OR b.first IS NULL) AND (a.born = b.born OR a.email = b.email)"
    " AND coalesce(damerau_levenshtein(a.email, b.email) <= 2, true)"
)
"""No first name to compare: only with the birth date or the e-mail address, and never with two addresses, which twins have."""
_UNREACHABLE = "coalesce(a.email, b.email, a.phone, b.phone) IS NULL"
"""Neither has an e-mail address or telephone: name, birth date and address are all there is, and a wrong link only saves a letter."""
_ANYBODY = f"{_UNREACHABLE} AND (a.born = b.born OR {_SAME_FIRST} OR jaro_winkler_similarity(a.first, b.first) >= {ALIKE})"


def likely_links(tables: Tables, *, at: datetime, country: str | None = None) -> pa.Table:
    """Rows for the table `identity_links`: pairs of records that keys do not link and the model does, with weight and evidence.

    `at` is when this is found out. Pairs already decided are left out, and so is everything when records have no names together with a
    birth date, an address or a postal code. Pure: the same tables give the same rows, in the order of their ids.
    """
    customers = tables.get("customers")
    if customers is None or not _can_be_estimated(customers):
        return SCHEMA.empty_table()
    found = resolved({name: tables[name] for name in ("customers", "identity_links") if name in tables}, country=country)
    from liftwright.audience import database

    with database.connect() as db:
        db.register("facts", _facts(found))
        db.register("decided", _decided(tables.get("identity_links"), found.records))
        db.execute("CREATE TABLE records AS SELECT * FROM facts")
        db.execute(f"CREATE TABLE pairs AS {_candidates()}")
        if not db.execute("SELECT count(*) FROM pairs").fetchall()[0][0]:
            return SCHEMA.empty_table()
        scored = _scored(db, count=len(found.records.ids))
    return _links(scored, found.records, at=at)


def _can_be_estimated(customers: pa.Table) -> bool:
    names = set(customers.column_names)
    return "last_name" in names and "first_name" in names and bool(names & {"birth_date", "street", "postal_code"})


def _facts(found: Resolution) -> pa.Table:
    """What the model compares, per record: `row`, `person` (equal where keys link), and comparable texts."""
    records = found.records
    person = np.arange(len(records.ids))
    for group in found.merged:
        person[group] = group[0]
    return pa.table(
        {
            "row": pa.array(range(len(person)), pa.int64()),
            "person": person,
            "first": records.first_names,
            "last": records.last_names,
            "born": records.births,
            "zip": keys.name_keys(records.column("postal_code")),
            "city": keys.name_keys(records.column("city")),
            "address": keys.name_keys(records.column("street")),
            "email": records.emails,
            "phone": keys.phone_tails(records.column("phone")),
        }
    )


def _decided(table: pa.Table | None, records: Records) -> pa.Table:
    """Rows of the pairs that `identity_links` speaks of already."""
    if table is None:
        return pa.table({"l": pa.array([], pa.int64()), "r": pa.array([], pa.int64())})
    known = records.table["customer_id"].combine_chunks()
    one, other = (pc.index_in(table[side].combine_chunks(), value_set=known) for side in ("left_id", "right_id"))
    return pa.table(
        {"l": pc.min_element_wise(one, other, skip_nulls=False), "r": pc.max_element_wise(one, other, skip_nulls=False)}
    )


def _candidates() -> str:
    """Pairs that share a block and that nothing excludes: already one person, decided, or born apart."""
    blocks = " UNION ALL ".join(
        f"SELECT row, person, {rule} AS rule, hash({block}) AS block FROM records WHERE ({block}) IS NOT NULL"
        for rule, block in enumerate(_BLOCKS)
    )
    return f"""
    WITH blocks AS ({blocks}),
    kept AS (SELECT * FROM blocks QUALIFY count(*) OVER (PARTITION BY rule, block) BETWEEN 2 AND {MOST_IN_A_BLOCK}),
    pairs AS (
        SELECT DISTINCT a.row AS l, b.row AS r FROM kept a
        JOIN kept b ON a.rule = b.rule AND a.block = b.block AND a.row < b.row AND a.person <> b.person
        ANTI JOIN decided ON decided.l = a.row AND decided.r = b.row)
    SELECT '0' AS match_key, l AS join_key_l, r AS join_key_r, {_UNREACHABLE} AS is_unreachable FROM pairs
    JOIN records a ON a.row = l JOIN records b ON b.row = r
    WHERE (NOT ({_BORN_APART}) AND ({_SAME_FIRST} OR ({_MISSPELT}) OR ({_NAMELESS}))) OR ({_ANYBODY})
    ORDER BY l, r"""


def _scored(db: Any, *, count: int) -> pa.Table:
    """Pairs above the threshold: row_l, row_r, match_weight and gamma_<field> (-1 unknown, 0 different, more agree)."""
    from splink import DuckDBAPI, Linker

    api = DuckDBAPI(connection=db)
    linker = Linker(api.register("records"), settings(), log_level=None)
    linker.table_management.register_blocked_pairs_for_predict(api.register("pairs"))
    for value, u in ((level.tf, level.u) for _, levels in FIELDS.values() for level in levels if level.tf is not None):
        db.execute(f"CREATE TABLE shares_{value} AS {_shares(value, u)}")
        linker.table_management.register_term_frequency_lookup(api.register(f"shares_{value}"), value)
    found = linker.inference.predict(warning_mode="never").physical_name
    bits = db.sql(f"SELECT match_weight FROM {found}").to_arrow_table()["match_weight"].to_numpy()
    prior = prior_bits(bits, count * (count - 1) / 2)
    gammas = ", ".join(f"gamma_{name}" for name in FIELDS)
    return db.sql(
        f"SELECT row_l, row_r, match_weight + {prior} AS weight, {gammas} FROM {found}"
        f" JOIN pairs ON join_key_l = row_l AND join_key_r = row_r"
        f" WHERE weight >= CASE WHEN is_unreachable THEN {LEAST_UNREACHABLE} ELSE {LEAST_WEIGHT} END ORDER BY row_l, row_r"
    ).to_arrow_table()


def _shares(value: str, u: float) -> str:
    """The share of records with each value, drawn towards `u` as if `PSEUDO_RECORDS` more had been seen."""
    return (
        f"SELECT {value}, (count(*) + {PSEUDO_RECORDS * u}) / (sum(count(*)) OVER () + {PSEUDO_RECORDS}) AS tf_{value}"
        f" FROM records WHERE {value} IS NOT NULL GROUP BY {value}"
    )


def _links(scored: pa.Table, records: Records, *, at: datetime) -> pa.Table:
    ids = records.table["customer_id"].combine_chunks()
    count = scored.num_rows
    levels = [scored[f"gamma_{name}"].to_pylist() for name in FIELDS]
    agreed = [[name for name, level in zip(FIELDS, said, strict=True) if level > 0] for said in zip(*levels, strict=True)]
    columns = {
        "left_id": ids.take(scored["row_l"].combine_chunks()),
        "right_id": ids.take(scored["row_r"].combine_chunks()),
        "verdict": pa.repeat("same", count),
        "rule": pa.repeat("model", count),
        "weight": pc.round(scored["weight"].combine_chunks(), 2),
        "agreed": pa.array(agreed, pa.list_(pa.string())),
        "model": pa.repeat(MODEL, count),
        "decided_by": pa.repeat("liftwright", count),
        "decided_at": pa.repeat(pa.scalar(at, SCHEMA.field("decided_at").type), count),
    }
    return pa.table(columns, schema=SCHEMA)
