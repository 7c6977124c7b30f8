"""One person's data: handed out to them, or erased for good, wherever it is kept. Whoever asks must be a person's user; see docs/privacy.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from liftwright.domain.campaign import Snapshot
from liftwright.domain.errors import ApprovalError, ConfigError, DataError
from liftwright.domain.profile import Identifiers
from liftwright.flow import fresh, signing, stopping
from liftwright.ports import Deps, Forgets

MAY = ("compliance", "admin")
"""Roles that may hand out or erase a person's data, where there are users."""
ADDRESSES = ("email", "phone")
REASON = "this person's data was erased"


def held(person: str, *, by: str, deps: Deps) -> dict[str, Any]:
    """Everything kept about a person: `{"person", "records", "tables": {name: rows}, "sends": rows}`; the journal notes who asked.

    `tables`: data as imported (`customers`, `events`, …) and what plans and decisions hold (`campaign c1: assignment`). Raises DataError
    PERSON-NOBODY, ApprovalError for a user who may not.
    """
    _must_be_allowed(by, deps=deps)
    who = _identifiers(person, deps=deps)
    found = deps.traces.find(who)
    sends = found.pop("sends")
    if not found and not sends.num_rows:
        raise _nobody(person)
    names = _names(deps) | {"visits": "visits"}
    tables: dict[str, list[dict[str, Any]]] = {}
    for digest, rows in found.items():
        tables.setdefault(names.get(digest, "computed from their data"), []).extend(rows.to_pylist())
    _note("person.exported", who, by=by, deps=deps)
    return {
        "person": person,
        "records": sorted(who.ids),
        "tables": dict(sorted(tables.items())),
        "sends": sends.to_pylist(),
    }


def looked_up(person: str, *, by: str, deps: Deps) -> dict[str, Any]:
    """How much is kept about a person: `{"person", "records", "rows", "files", "sends"}`; nothing is changed."""
    _must_be_allowed(by, deps=deps)
    who = _identifiers(person, deps=deps)
    found = deps.traces.find(who)
    sends = found.pop("sends").num_rows
    if not found and not sends:
        raise _nobody(person)
    rows = sum(table.num_rows for table in found.values())
    return {"person": person, "records": sorted(who.ids), "rows": rows, "files": len(found), "sends": sends}


def erase(person: str, *, by: str, reason: str, deps: Deps) -> dict[str, Any]:
    """Take a person out of everything but the journal: `{"person", "rows", "files", "sends", "cancelled", "outbox", "quarantine"}`.

    What still waits for them is cancelled and recalled first. Safe to repeat: a second time finishes what a crash left, and finds nothing
    more. Raises DataError PERSON-NOBODY where nothing is kept and nothing ever was, PERSON-BUSY while a message is on its way,
    ConfigError for a reason that names them.
    """
    _must_be_allowed(by, deps=deps)
    with deps.locks.hold("erasing"):
        who = _identifiers(person, deps=deps)
        kept = deps.traces.find(who)
        if all(not table.num_rows for table in kept.values()) and not any(deps.traces.are_erased(sorted(who.ids))):
            raise _nobody(person)
        _must_not_name(reason, kept, who)
        cancelled = _cancelled(kept["sends"], who, deps=deps)
        outbox = sum(
            adapter.forget(kept["sends"]["send_id"].to_pylist())
            for adapter in deps.channels.values()
            if isinstance(adapter, Forgets) and kept["sends"].num_rows
        )
        quarantine = _out_of_quarantine(who, deps.settings.home / "quarantine")
        gone = deps.traces.erase(who, by=by, reason=reason.strip(), now=deps.now())
    fresh.forget(deps)
    return {
        "person": person,
        "rows": gone.rows,
        "files": gone.files,
        "sends": gone.sends,
        "cancelled": cancelled,
        "outbox": outbox,
        "quarantine": quarantine,
    }


def count(*, deps: Deps, since: datetime | None = None) -> int:
    """How many people were erased, since a moment if one is given."""
    entries = [each for each in deps.journal.entries(subject="people") if each.action == "person.erased"]
    return len([each for each in entries if since is None or each.at > since])


def without_erased(tables: Mapping[str, pa.Table], *, deps: Deps) -> tuple[dict[str, pa.Table], int]:
    """Tables of a new import without the rows of people who were erased, and how many rows those were."""
    kept: dict[str, pa.Table] = {}
    left_out = 0
    for name, table in tables.items():
        columns = [column for column in ("customer_id", *ADDRESSES) if column in table.column_names]
        gone = [deps.traces.are_erased(table[column].cast(pa.string()).to_pylist()) for column in columns]
        keep = [not any(row) for row in zip(*gone, strict=True)] if gone else [True] * table.num_rows
        kept[name] = table if all(keep) else table.filter(pa.array(keep, pa.bool_()))
        left_out += table.num_rows - kept[name].num_rows
    return kept, left_out


def not_of_erased(quarantined: pa.Table, *, deps: Deps) -> pa.Table:
    """Rows that an import puts aside, without those of people who were erased."""
    keep = [not any(deps.traces.are_erased(_cells(text))) for text in quarantined["content"].to_pylist()]
    return quarantined if all(keep) else quarantined.filter(pa.array(keep, pa.bool_()))


def _must_be_allowed(by: str, *, deps: Deps) -> None:
    user = signing.known(by, deps=deps)
    if user is not None and not set(MAY) & set(user.roles):
        able = [each.name for each in deps.users.all() if each.is_active and set(MAY) & set(each.roles)]
        raise ApprovalError(
            "PERSON-NOT-YOURS",
            f"{user.name} may not hand out or erase anybody's data.",
            next_step=f"Who could: {', '.join(able) or f'a user with the role {MAY[0]}'}.",
        )


def _identifiers(person: str, *, deps: Deps) -> Identifiers:
    """Every id and address of the person with this id, from all that was ever imported."""
    snapshot = deps.lake.snapshot()
    ids = {person}
    if snapshot is not None:
        now = fresh.of(snapshot, deps)
        present = now.present_id(person)
        ids |= now.ever([present]) if present is not None else set()
    addresses: set[str] = set()
    for table in _files(snapshot, deps):
        theirs = table.filter(pc.is_in(table["customer_id"], value_set=pa.array(sorted(ids), pa.string())))
        for name in set(ADDRESSES) & set(table.column_names):
            addresses |= {str(value).strip() for value in theirs[name].to_pylist() if value is not None and str(value).strip()}
    return Identifiers(ids=frozenset(ids), addresses=frozenset(addresses))


def _files(snapshot: Snapshot | None, deps: Deps) -> Iterator[pa.Table]:
    """Every file that names people and may have their addresses: an older one may have an address that a newer one has not."""
    for name in ("customers", "leads", "events"):
        for digest in (snapshot.files if snapshot else {}).get(name, ()):
            table = deps.lake.get(digest)
            if "customer_id" in table.column_names and set(ADDRESSES) & set(table.column_names):
                yield table


def _names(deps: Deps) -> dict[str, str]:
    """What a file of the lake is, by its digest now."""
    snapshot = deps.lake.snapshot()
    names = {digest: name for name, digests in (snapshot.files if snapshot else {}).items() for digest in digests}
    for campaign in deps.campaigns.all():
        for row in deps.campaigns.revisions(campaign.campaign_id):
            plan = deps.campaigns.plan(campaign.campaign_id, row["revision"])
            if plan is None:
                continue
            parts = {"audience": plan.audience.digest} | {
                part: getattr(plan.assignment, name)
                for part, name in (
                    ("assignment", "digest"),
                    ("candidates", "candidates"),
                    ("draws", "draws"),
                    ("postage", "postage"),
                )
            }
            names |= {
                deps.lake.present(digest): f"campaign {campaign.campaign_id}: {part}" for part, digest in parts.items() if digest
            }
    return names


def _cancelled(sends: pa.Table, who: Identifiers, *, deps: Deps) -> int:
    """Cancel and recall what waits for them."""
    cancelled = 0
    for campaign_id in sorted(set(sends["campaign_id"].to_pylist())):
        ids = sorted(who.ids)
        cancelled += deps.ledger.cancel_planned(campaign_id, reason=REASON, now=deps.now(), customer_ids=ids)
        cancelled += sum(stopping.recall(campaign_id, reason=REASON, deps=deps, customer_ids=ids).values())
    return cancelled


def _out_of_quarantine(who: Identifiers, folder: Path) -> int:
    """Rows that imports put aside and that have one of their ids or addresses as a cell."""
    wanted = {value.lower() for value in who.all}
    taken = 0
    for path in sorted(folder.glob("*.parquet")):
        table = pq.read_table(path)
        keep = pa.array(
            [not wanted & {cell.lower() for cell in _cells(text)} for text in table["content"].to_pylist()], pa.bool_()
        )
        left = table.filter(keep)
        if left.num_rows < table.num_rows:
            beside = path.with_name(f".{path.name}.part")
            pq.write_table(left, beside)
            beside.replace(path)
            taken += table.num_rows - left.num_rows
    return taken


def _cells(content: str | None) -> list[str]:
    """The values in a row that was put aside, whatever parted them."""
    return re.findall(r"[^\s|,;\"']+", content or "")


def _must_not_name(reason: str, kept: Mapping[str, pa.Table], who: Identifiers) -> None:
    """The journal keeps the reason for ever, so it must not say who it was. Words of up to two letters say nothing."""
    words = {value.lower() for value in who.all} | set(_own_names(kept.values()))
    said = {word.strip(".:!?()").lower() for word in _cells(reason)}
    if not said or len(reason) > 200 or said & {word for word in words if len(word) > 2}:
        raise ConfigError(
            "PERSON-REASON",
            "The reason must be given in up to 200 characters and must not name the person: the journal keeps it for ever.",
            next_step='Say why, not who: --reason "asked by letter of 3 May".',
        )


def _own_names(tables: Iterable[pa.Table]) -> Iterator[str]:
    for table in tables:
        for name in set(table.column_names) & {"first_name", "last_name"}:
            yield from (value.strip().lower() for value in table[name].to_pylist() if value)


def _note(action: str, who: Identifiers, *, by: str, deps: Deps) -> None:
    detail = {"who": sorted(deps.traces.pseudonym(value) for value in who.ids)}
    deps.journal.append(at=deps.now(), actor=by, action=action, subject="people", detail=detail)


def _nobody(person: str) -> DataError:
    return DataError(
        "PERSON-NOBODY", f"Nothing is kept about '{person[:60]}'.", next_step="Give a customer_id of an imported file."
    )
