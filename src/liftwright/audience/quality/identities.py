"""One person under several ids, one address in several spellings, and one person who both said yes and no."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from liftwright.audience.identity import MOST_SHARED, email_keys, phone_key
from liftwright.audience.quality.look import DAY_US, Look, is_time, microseconds
from liftwright.domain.readiness import Gap

LEAST_SHARE, FEWEST = 0.002, 3
"""Fewer records than both of these are chance."""
ANSWER_DAYS = 30
"""A customer file written so long after an opt-out should know of it."""
Groups = list[list[int]]


def check(look: Look) -> list[Gap]:
    """Split identities, case duplicates and consent conflicts of the customer file."""
    customers = look.table("customers")
    if customers is None:
        return []
    by_case = spelled_differently(customers)
    told = {row for group in by_case for row in group}
    by_key = [group for group in same_person(customers, told=told) if not told.issuperset(group)]
    found = []
    enough = max(FEWEST, LEAST_SHARE * customers.num_rows)
    ids = customers["customer_id"].to_pylist()
    if (count := _size(by_case)) >= enough:
        found.append(_duplicates(look, customers, [ids[row] for group in by_case for row in group], count))
    if (count := _size(by_key)) >= enough:
        found.append(_split(look, customers, [ids[row] for group in by_key for row in group], count))
    return found + _consent(look, customers, by_case + by_key)


def _size(groups: Groups) -> int:
    return len({row for group in groups for row in group})


def spelled_differently(customers: pa.Table) -> Groups:
    """Records with different ids whose e-mail addresses differ in upper and lower case or blanks only."""
    if "email" not in customers.column_names:
        return []
    emails = customers["email"].to_pylist()
    groups = _grouped(customers, [str(text).strip().lower() if text else None for text in emails])
    return [group for group in groups if len({emails[row] for row in group}) > 1]


def same_person(customers: pa.Table, *, told: Collection[int] = ()) -> Groups:
    """Records with different ids that share a normalised address or phone, or name and birth date; those that only differ in case
    are left to `spelled_differently` (their rows are `told`), and people with different birth dates are different people."""
    groups: Groups = []
    if "email" in customers.column_names:
        emails = customers["email"].to_pylist()
        keyed = _grouped(customers, email_keys(customers["email"]).to_pylist())
        groups += [group for group in keyed if not _only_case([emails[row] for row in group])]
    if "phone" in customers.column_names:
        groups += _grouped(
            customers, [phone_key(str(text)) if text is not None else None for text in customers["phone"].to_pylist()]
        )
    groups = [group for group in groups if _may_be_one(customers, group)]
    return groups + _by_name(customers, told={*told, *(row for group in groups for row in group)})


def _only_case(emails: Sequence[Any]) -> bool:
    return len(set(emails)) > 1 and len({str(text).strip().lower() for text in emails}) == 1


def _grouped(customers: pa.Table, keys: Iterable[Any]) -> Groups:
    ids = customers["customer_id"].to_pylist()
    rows: dict[Any, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key is not None:
            rows[key].append(row)
    return [group for group in rows.values() if 1 < len(group) <= MOST_SHARED and len({ids[row] for row in group}) > 1]


def _may_be_one(customers: pa.Table, group: Sequence[int]) -> bool:
    for name in ("birth_date", "first_name"):
        if name in customers.column_names:
            known = {str(customers[name][row].as_py()).strip().lower() for row in group if customers[name][row].is_valid}
            if len(known) > 1:
                return False
    return True


def _by_name(customers: pa.Table, *, told: Collection[int]) -> Groups:
    """Same name and birth date, where that happens far more often than by chance among people whom no address has told yet."""
    if not {"first_name", "last_name", "birth_date"} <= set(customers.column_names):
        return []
    names = zip(customers["first_name"].to_pylist(), customers["last_name"].to_pylist(), strict=True)
    called = [f"{a} {b}".strip().lower() if a and b else None for a, b in names]
    born = customers["birth_date"].to_pylist()
    both = [(name, day) if name and day else None for name, day in zip(called, born, strict=True)]
    groups = [group for group in _grouped(customers, both) if not set(group) <= set(told)]
    chance = _repeat(called) * _repeat(born) * customers.num_rows**2 / 2
    return groups if len(groups) > 5 * chance + FEWEST else []


def _repeat(values: Sequence[Any]) -> float:
    """Chance that two random records have the same value."""
    known = np.array([str(value) for value in values if value is not None])
    if len(known) < 2:
        return 0.0
    counts = np.unique(known, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1)).sum() / (len(known) * (len(known) - 1)))


def _duplicates(look: Look, customers: pa.Table, people: list[str], count: int) -> Gap:
    return look.gap(
        "case_duplicate", "customers", "email", concerned=count, of=customers.num_rows,
        says=f"{count:,} records have an e-mail address that another record spells with other capitals: one person is counted as several.",
        fix="Write addresses in lower case at the source, and keep one record for each.",
        risk=(look.earned_by(people), f"margin of the last 90 days from the people of these {count:,} records"),
    )  # fmt: skip


def _split(look: Look, customers: pa.Table, people: list[str], count: int) -> Gap:
    return look.gap(
        "split_identity", "customers", "customer_id", concerned=count, of=customers.num_rows,
        says=f"{count:,} records share an address, a phone, or name and birth date with a record of another id: caps, history and holdout"
        " are per record, so such a person can be treated and held out at once.",
        fix="Export one id per person, or let the import join them and check the merged people.",
        risk=(look.earned_by(people), f"margin of the last 90 days from the people of these {count:,} records"),
    )  # fmt: skip


def _consent(look: Look, customers: pa.Table, groups: Groups) -> list[Gap]:
    ids = customers["customer_id"].to_pylist()
    found = []
    for name in (column for column in customers.column_names if column.startswith("consent_")):
        says = customers[name].to_pylist()
        torn = {ids[row] for group in groups if {"granted", "denied"} <= {says[row] for row in group} for row in group}
        ignored = _ignored(
            look, name.removeprefix("consent_"), {who for who, said in zip(ids, says, strict=True) if said == "granted"}
        )
        if people := torn | ignored:
            channel = name.removeprefix("consent_")
            gap = look.gap(
                "consent_conflict", "customers", name, concerned=len(people), of=customers.num_rows, severity="block",
                says=f"{len(people):,} records say yes to {channel} although the same person said no: in another record, or by opting out"
                f" more than {ANSWER_DAYS} days before the file was written. Contacting them breaks their word.",
                fix="Ask the source which answer is the last one; until then the house takes the no.",
                risk=(look.earned_by(people), f"margin of the last 90 days from these {len(people):,} records"),
            )  # fmt: skip
            found.append(gap)
    return found


def _ignored(look: Look, channel: str, granted: set[str]) -> set[str]:
    """Who opted out so long before the customer file was written that it should know."""
    events = look.table("events")
    if events is None or "channel" not in events.column_names or not granted:
        return set()
    latest = _written(look) - ANSWER_DAYS * DAY_US
    who = look.sql(
        f"SELECT DISTINCT customer_id FROM events WHERE type = 'opt_out' AND channel = '{channel}' AND epoch_us(occurred_at) < {latest}",
        events=events,
    )["customer_id"]
    return granted & set(who.to_pylist())


def _written(look: Look) -> int:
    """When the customer file was written as far as it shows, microseconds: its newest time that is not ahead of now; else now."""
    now, customers = int(look.now.timestamp() * 1e6), look.table("customers")
    if customers is None:
        return now
    times = [name for name in customers.column_names if is_time(customers.schema.field(name).type)]
    known = [at[(at <= now) & (at > np.iinfo(np.int64).min)] for at in (microseconds(customers[name]) for name in times)]
    return max((int(at.max()) for at in known if len(at)), default=now)
