"""Complaints as a share of the mail of a week: what counts, and when there is too little mail to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from liftwright.agents.bench.data import LEAST_MAIL, Data

NOW = datetime(2026, 11, 2, 14, 0, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")


def rate(sent: int, *told: tuple[str, str, float], extra: tuple[tuple[str, str, float], ...] = ()) -> float | None:
    """Of `sent` mails yesterday, other contacts (channel, state, days ago), and events (type, channel, days ago)."""
    rows = [("email", "sent", 1.0)] * sent + list(extra)
    contacts = pa.table(
        {
            "channel": [row[0] for row in rows],
            "state": [row[1] for row in rows],
            "send_at": pa.array([NOW - timedelta(days=row[2]) for row in rows], TIME),
        }
    )
    events = pa.table(
        {
            "type": pa.array([row[0] for row in told], pa.string()),
            "channel": pa.array([row[1] for row in told], pa.string()),
            "occurred_at": pa.array([NOW - timedelta(days=row[2]) for row in told], TIME),
        }
    )
    data: Any = SimpleNamespace(as_of=NOW, tables={"events": events}, _contacts=contacts)
    return Data.complaint_rate.func(data)  # type: ignore[no-any-return]


def test_complaints_about_mail_of_the_last_week_count_and_nothing_else() -> None:
    counted = ("complaint", "email", 2.0)
    others = [("complaint", "sms", 2.0), ("opt_out", "email", 2.0), ("complaint", "email", 8.0), ("complaint", "email", -1.0)]
    assert rate(LEAST_MAIL, counted, *others) == pytest.approx(1 / LEAST_MAIL)
    assert rate(LEAST_MAIL) == 0.0


def test_with_little_mail_nothing_is_said() -> None:
    late = (("email", "sent", 9.0), ("sms", "sent", 1.0), ("email", "failed", 1.0))
    assert rate(LEAST_MAIL - 1, ("complaint", "email", 2.0), extra=late) is None
