"""Offline conversions for ad networks: hashed identifiers, a key against counting twice, and nobody who said no.

Columns: `conversion`, `conversion_key`, `occurred_at` (`yyyy-mm-dd hh:mm:ss+00:00`), `value`, `currency`, and three SHA-256 pairs in the
forms the large networks document: `google_email`, `google_phone` (with `+`), `meta_email`, `meta_phone` (digits only).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from liftwright.channels.identifiers import email_address, google_email, phone_number, sha256

COLUMNS = (
    "conversion", "conversion_key", "occurred_at", "value", "currency", "google_email", "google_phone", "meta_email", "meta_phone",
)  # fmt: skip
OPT_OUTS = ("gpc", "do_not_sell", "do_not_share", "opted_out")
"""Person columns that, when true, keep the person out: a global privacy control signal binds the known profile too."""
_AD_CONSENTS = ("consent_paid_social", "consent_display")


@dataclass(frozen=True)
class Conversions:
    """Rows to upload, and how many purchases were left out by reason."""

    rows: pa.Table
    left_out: dict[str, int]


def conversions(events: pa.Table, people: pa.Table, *, currency: str, name: str = "purchase") -> Conversions:
    """Purchases of people who may be reported. `events` and `people` are canonical tables; a repeated event gives one row.

    Left out: opt-out and global-privacy-control flags (`OPT_OUTS`), a denied consent to advertising, no identifier, no amount.
    """
    by_person = {row["customer_id"]: row for row in people.to_pylist()}
    rows: dict[str, dict[str, Any]] = {}
    left_out: Counter[str] = Counter()
    for event in events.to_pylist():
        if event["type"] != "purchase":
            continue
        person = by_person.get(event["customer_id"], {})
        row = _row(event, person, currency=currency, name=name)
        if isinstance(row, str):
            left_out[row] += 1
        else:
            rows.setdefault(row["conversion_key"], row)
    ordered = sorted(rows.values(), key=lambda row: (row["occurred_at"], row["conversion_key"]))
    schema = pa.schema([(column, pa.float64() if column == "value" else pa.string()) for column in COLUMNS])
    return Conversions(pa.Table.from_pylist(ordered, schema=schema), dict(left_out))


def _row(event: Mapping[str, Any], person: Mapping[str, Any], *, currency: str, name: str) -> dict[str, Any] | str:
    """One row, or the reason why there is none."""
    if not person:
        return "unknown person"
    if any(_is_yes(person.get(flag)) for flag in OPT_OUTS):
        return "opted out"
    if any(str(person.get(consent) or "").lower() == "denied" for consent in _AD_CONSENTS):
        return "consent denied"
    if event.get("amount") is None or event["amount"] <= 0:
        return "no amount"
    ids = _identifiers(person)
    if not any(ids.values()):
        return "no identifier"
    at: datetime = event["occurred_at"]
    return {
        "conversion": name,
        "conversion_key": _key(event),
        "occurred_at": at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00:00"),
        "value": round(float(event["amount"]), 2),
        "currency": event.get("currency") or currency,
        **ids,
    }


def _identifiers(person: Mapping[str, Any]) -> dict[str, str | None]:
    email = str(person.get("email") or "")
    phone = phone_number(str(person.get("phone") or ""), country=str(person.get("country") or ""))
    return {
        "google_email": sha256(google_email(email)),
        "google_phone": sha256(phone),
        "meta_email": sha256(email_address(email)),
        "meta_phone": sha256(phone.removeprefix("+") if phone else None),
    }


def _key(event: Mapping[str, Any]) -> str:
    """The same purchase always has the same key, and the key says nothing about the person."""
    if event.get("event_id"):
        return hashlib.sha256(f"event\x1f{event['event_id']}".encode()).hexdigest()[:32]
    known = (event["customer_id"], event["occurred_at"].astimezone(UTC).isoformat(), f"{float(event['amount']):.2f}")
    return hashlib.sha256("\x1f".join(known).encode()).hexdigest()[:32]


def _is_yes(value: Any) -> bool:
    return str(value).strip().lower() in ("true", "1", "1.0", "yes", "y", "denied") if value is not None else False
