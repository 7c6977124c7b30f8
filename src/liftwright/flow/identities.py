"""Who is who, in the workspace: repeats looked for after an import, one person's records shown, pairs told apart or together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from liftwright.audience import identity
from liftwright.domain.campaign import Snapshot
from liftwright.domain.errors import DataError
from liftwright.flow import fresh
from liftwright.ports import Deps

_TABLE = "identity_links"


def look_for_repeats(snapshot: Snapshot, *, deps: Deps) -> tuple[Snapshot, tuple[str, ...]]:
    """Estimate which customers are the same person and keep the links found; the snapshot that has them, and what to tell about it.

    Pairs that were decided before are not looked at again, so doing it twice adds nothing.
    """
    lake = fresh.Tables(snapshot, deps)
    tables = {name: lake[name] for name in ("customers", _TABLE) if name in lake}
    found = identity.likely_links(tables, at=deps.now(), country=deps.settings.country)
    if not found.num_rows:
        return snapshot, ()
    source = _source("estimated", snapshot.snapshot_id)
    says = f"{found.num_rows} pairs of records are most likely one person each and count as such; see `liftwright identity show`."
    return deps.lake.add({_TABLE: found}, source=source, now=deps.now()), (says,)


def show(customer_id: str, *, deps: Deps) -> dict[str, Any]:
    """The person with this id, now or ever: their records, what links them, what was told apart, who shares their letters.

    DataError IDENTITY-NOBODY when no record has the id.
    """
    now = fresh.newest(deps)
    row = now.rows.get(customer_id)
    if row is None:
        raise DataError(
            "IDENTITY-NOBODY", f"Nobody has the id '{customer_id}'.", next_step="Use a customer_id of an imported file."
        )
    person = now.people.slice(row, 1).to_pylist()[0]
    records = person["merged_from"]
    links = identity.links(now.tables, country=deps.settings.country).to_pylist() if len(records) > 1 else []
    told = now.tables[_TABLE].to_pylist() if _TABLE in now.tables else []
    return {
        "person": person["customer_id"],
        "records": records,
        "links": [_shown(link) for link in links if link["left_id"] in records and link["right_id"] in records],
        "apart": [
            _shown(row) for row in told if row["verdict"] == "different" and {row["left_id"], row["right_id"]} & set(records)
        ],
        "household": _household(now.people, person),
        "consent": {name.removeprefix("consent_"): said for name, said in person.items() if name.startswith("consent_")},
    }


def tell(one: str, other: str, *, verdict: identity.Verdict, by: str, deps: Deps) -> list[dict[str, Any]]:
    """Record for good that two records are the `same` person or `different` ones, and show whom they belong to now.

    Takes customer_ids of records. DataError IDENTITY-NOBODY or IDENTITY-PAIR when they are not two records of the workspace.
    """
    known = fresh.newest(deps).rows
    for customer_id in (one, other):
        if customer_id not in known:
            raise DataError(
                "IDENTITY-NOBODY",
                f"Nobody has the id '{customer_id}'.",
                next_step="See the ids with: liftwright identity show PERSON.",
            )
    row = identity.told(one, other, verdict=verdict, by=by, at=deps.now())
    deps.lake.add({_TABLE: row}, source=_source(verdict, *sorted((one, other)), deps.now().isoformat()), now=deps.now())
    deps.journal.append(
        at=deps.now(),
        actor=by,
        action=f"identity.{verdict}",
        subject="people",
        detail={"who": [deps.traces.pseudonym(row[side][0].as_py()) for side in ("left_id", "right_id")]},
    )
    shown = {person["person"]: person for person in (show(one, deps=deps), show(other, deps=deps))}
    return list(shown.values())


def _source(*parts: str) -> str:
    return hashlib.sha256("\n".join((_TABLE, *parts)).encode()).hexdigest()


def _shown(link: dict[str, Any]) -> dict[str, Any]:
    names: Sequence[str] = ("left_id", "right_id", "rule", "weight", "agreed", "model", "decided_by", "decided_at")
    return {name: link[name] for name in names if link[name] is not None}


def _household(people: pa.Table, person: dict[str, Any]) -> list[str]:
    """The other people of the household."""
    place = person.get("household_id")
    if place is None:
        return []
    pairs = zip(people["customer_id"].to_pylist(), people["household_id"].to_pylist(), strict=True)
    return [customer_id for customer_id, where in pairs if where == place and customer_id != person["customer_id"]]
