"""One way from the bytes of a made-up file to its tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from liftwright.audience.mapping.application import Intake, apply
from liftwright.audience.mapping.files import read
from liftwright.audience.mapping.recognition import recognise
from liftwright.settings import Settings

TakeIn = Callable[..., Intake]


@pytest.fixture
def now() -> datetime:
    """The moment of every import here."""
    return datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def take_in(now: datetime) -> TakeIn:
    """Read, recognise and apply the text of a file."""

    def taken(text: str | bytes, declared: str, *, mapping: dict[str, Any] | None = None, country: str = "US") -> Intake:
        table = read(text.encode() if isinstance(text, str) else text, name="file.csv").table
        found = recognise(table, name="file.csv", declared=declared, mapping=mapping)
        return apply(table, found, now=now, settings=Settings(country=country))

    return taken
