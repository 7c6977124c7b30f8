"""Who is who: one row per person, from everything the records and what was decided about them say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from liftwright.audience.identity.clusters import Clusters
from liftwright.audience.identity.folding import folded, kept_rows
from liftwright.audience.identity.households import with_households
from liftwright.audience.identity.keyed import Link, keyed_links
from liftwright.audience.identity.records import Records, Tables, gather


@dataclass(frozen=True)
class Resolution:
    """`merged`: rows of `records` per person with several, the leading one first. `links` made them; `refused` would contradict."""

    records: Records
    merged: list[list[int]]
    links: list[Link]
    refused: list[Link]


def people(tables: Tables, *, country: str | None = None) -> pa.Table:
    """One row per person, sorted by customer_id: the customers columns, `merged_from` and, where there are addresses, `household_id`.

    Records with the same e-mail address or telephone number are one person, as are pairs that the table `identity_links` calls the
    same; unless birth dates or names contradict, the pair was told apart, or a desk or a crowd holds the key. `merged_from` is every
    customer_id a person has had; the id of the known contact known longest stays. For the other columns see `folding`. `country`
    (ISO 3166 alpha-2) reads national telephone numbers of records without a country.
    """
    found = resolved(tables, country=country)
    table = folded(found.records.table, found.merged)
    return with_households(table.append_column("merged_from", _origins(found)))


def _origins(found: Resolution) -> pa.Array:
    """The customer_ids of every person, the leading one first."""
    kept = kept_rows(len(found.records.ids), found.merged)
    leads = np.searchsorted(kept, [group[0] for group in found.merged])
    lengths = np.ones(len(kept), dtype=np.int64)
    lengths[leads] = [len(group) for group in found.merged]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    rows = np.empty(offsets[-1], dtype=np.int64)
    rows[offsets[:-1]] = kept
    for start, group in zip(offsets[leads].tolist(), found.merged, strict=True):
        rows[start : start + len(group)] = group
    ids = found.records.table["customer_id"].combine_chunks().take(pa.array(rows))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), ids)


def resolved(tables: Tables, *, country: str | None = None) -> Resolution:
    """Records, links and people, before anything is folded."""
    records = gather(tables, country=country)
    told, apart = _decided(tables.get("identity_links"), records)
    links = keyed_links(records) + told
    if not links:
        return Resolution(records, [], [], [])
    linked = sorted({row for link in links for row in (link.left, link.right)})
    clusters = Clusters(len(records.ids), records.persons(linked), apart=apart)
    refused = clusters.join(links)
    leading = records.leading.tolist()
    merged = [sorted(group, key=leading.__getitem__) for group in clusters.merged()]
    dropped = set(refused)
    return Resolution(records, merged, [link for link in links if link not in dropped], refused)


def _decided(table: pa.Table | None, records: Records) -> tuple[list[Link], list[tuple[int, int]]]:
    """Rows of `identity_links` about records that are still here: links, and pairs that stay apart."""
    if table is None or not table.num_rows:
        return [], []
    known = records.table["customer_id"].combine_chunks()
    places = [pc.index_in(table[side].combine_chunks(), value_set=known) for side in ("left_id", "right_id")]
    here = pc.and_(pc.is_valid(places[0]), pc.is_valid(places[1]))
    pairs = np.stack([np.asarray(place.filter(here)) for place in places], axis=1) if len(here) else np.zeros((0, 2), int)
    rows = table.filter(here)
    links: list[Link] = []
    apart: list[tuple[int, int]] = []
    said: Sequence[tuple[str, str, float | None]] = list(
        zip(*(rows[name].to_pylist() for name in ("verdict", "rule", "weight")), strict=True)
    )
    for (one, other), (verdict, rule, weight) in zip(pairs.tolist(), said, strict=True):
        left, right = sorted((one, other))
        if left == right:
            continue
        if verdict == "different":
            apart.append((left, right))
        else:
            links.append(Link(left, right, "told" if rule == "told" else "model", weight))
    return links, apart


def aliases(people: pa.Table) -> dict[str, str]:
    """Every customer_id a person has had, where it is not the one they have now, to the one they have now."""
    if "merged_from" not in people.column_names:
        return {}
    origins = people["merged_from"].combine_chunks()
    many = np.flatnonzero(np.asarray(pc.fill_null(pc.list_value_length(origins), 0)) > 1)
    now = people["customer_id"].take(pa.array(many)).to_pylist()
    return {
        old: present
        for present, ids in zip(now, origins.take(pa.array(many)).to_pylist(), strict=True)
        for old in ids
        if old != present
    }
