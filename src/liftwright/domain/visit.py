"""A visitor to a shop of ours: what they did a moment ago, and what was chosen for them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from liftwright.domain.base import AwareDatetime, Value

VisitKind = Literal["page_view", "click", "add_to_cart", "purchase"]


class VisitEvent(Value):
    """One thing a visitor did in a session. It counts at once, for this session; what stays known comes by import."""

    session: str = Field(min_length=1, max_length=100)
    type: VisitKind
    product_id: str | None = Field(default=None, max_length=200)
    category: str | None = Field(default=None, max_length=200)
    occurred_at: AwareDatetime
