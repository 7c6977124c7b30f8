"""Customers and events from a few words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

SCHEMA = {
    "customer_id": pa.string(), "email": pa.string(), "phone": pa.string(), "first_name": pa.string(), "last_name": pa.string(),
    "birth_date": pa.date32(), "street": pa.string(), "city": pa.string(), "postal_code": pa.string(), "country": pa.string(),
    "created_at": pa.timestamp("us", tz="UTC"), "consent_email": pa.string(), "consent_sms": pa.string(), "objected": pa.string(),
    "kind": pa.string(), "score": pa.float64(),
}  # fmt: skip
Table = Callable[..., pa.Table]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def customers() -> Table:
    """A customers table with every canonical column used here; what a row does not say is null."""

    def made(*rows: dict[str, Any]) -> pa.Table:
        return pa.table({name: pa.array([row.get(name) for row in rows], kind) for name, kind in SCHEMA.items()})

    return made


@pytest.fixture(scope="session")
def events() -> Table:
    """Events one minute after the other: (customer_id or None, session or None)."""

    def made(*rows: tuple[str | None, str | None], **more: list[Any]) -> pa.Table:
        return pa.table(
            {
                "customer_id": pa.array([who for who, _ in rows], pa.string()),
                "session_id": pa.array([session for _, session in rows], pa.string()),
                "type": pa.array(["visit"] * len(rows)),
                "occurred_at": pa.array([NOON + timedelta(minutes=n) for n in range(len(rows))], pa.timestamp("us", tz="UTC")),
                **{name: pa.array(values, pa.string()) for name, values in more.items()},
            }
        )

    return made
