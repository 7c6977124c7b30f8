"""The one shape every domain object has: frozen, closed to unknown fields, times aware."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value: equal by content, refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _must_be_aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a time needs an offset, for example 2026-11-01T09:00:00+00:00")
    return at


AwareDatetime = Annotated[datetime, AfterValidator(_must_be_aware)]
Share = float
"""A number from 0 to 1."""
