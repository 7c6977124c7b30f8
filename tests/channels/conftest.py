"""Deliveries; the servers they go to are those of `post_office`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from liftwright.domain.campaign import Send
from liftwright.domain.delivery import Delivery
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Variant
from post_office import mailbox, receiver  # noqa: F401 (fixtures)

NOW = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
CONTACT = {
    "email": "jana@example.com",
    "phone": "(415) 555-0123",
    "country": "US",
    "push_token": "device-1",
    "first_name": "Jana",
    "last_name": "Krüger",
    "street": "12 Oak Street",
    "city": "Springfield",
    "region": "IL",
    "postal_code": "62701",
}
MakeDelivery = Callable[..., Delivery]


@pytest.fixture
def make() -> MakeDelivery:
    """A delivery: number, channel, and whatever differs in the contact, the variant or the send."""

    def delivery(
        number: int = 1,
        channel: Channel = "email",
        *,
        contact: dict[str, str] | None = None,
        variant: dict[str, Any] | None = None,
        **send: Any,
    ) -> Delivery:
        text = {
            "variant_id": f"{channel}-v1",
            "channel": channel,
            "template": "t",
            "subject": "Hello {{first_name}}",
            "body": "Hi {{first_name}}",
        }
        fields = {
            "send_id": f"s{number:04d}",
            "idem_key": f"k{number}",
            "campaign_id": "cmp1",
            "plan_hash": "sha256:0",
            "customer_id": f"C{number:04d}",
            "wave": 0,
            "channel": channel,
            "offer": "save10",
            "discount": 0.1,
            "variant_id": f"{channel}-v1",
            "send_at": NOW,
            "priority": number,
            "cost": 0.01,
        }
        return Delivery(Send(**(fields | send)), Variant(**(text | (variant or {}))), CONTACT if contact is None else contact)

    return delivery
