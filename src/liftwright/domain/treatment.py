"""What can be proposed to a person: offers and variants of content."""

from __future__ import annotations

from pydantic import Field

from liftwright.domain.base import Value
from liftwright.domain.profile import Channel

NO_OFFER = "none"
"""The name of the offer that offers nothing: a message without an incentive."""


class Offer(Value):
    """What is proposed. `discount` is a share of the price (0.10 = 10 % off); `stock` how many may be redeemed, None = no limit."""

    name: str
    discount: float = Field(default=0.0, ge=0.0, le=1.0)
    stock: int | None = Field(default=None, ge=0)


class ClaimUse(Value):
    """One objective claim, number or price in a text and what proves it."""

    text: str
    evidence_id: str | None


class Variant(Value):
    """One version of content for one channel and offer. `{{first_name}}`-style merge tags are filled at delivery only."""

    variant_id: str
    channel: Channel
    offer: str = NO_OFFER
    subject: str = ""
    body: str
    call_to_action: str = ""
    template: str
    claims: tuple[ClaimUse, ...] = ()
    made_by: str = "template"
