"""Push notifications through a signed webhook. Payload: `token`, `title` (50 characters), `body` (150), `button`."""

from __future__ import annotations

from typing import Any

from liftwright.channels.base import Refused
from liftwright.channels.webhook import WebhookAdapter, fitted
from liftwright.domain.delivery import Delivery
from liftwright.domain.profile import Channel

TITLE, BODY = 50, 150


class PushAdapter(WebhookAdapter):
    """One notification per send, to the device whose token is in the contact record."""

    channel: Channel = "push"

    def payload(self, delivery: Delivery) -> dict[str, Any]:
        """`token`, `title`, `body`, `button`."""
        token = delivery.contact.get("push_token", "").strip()
        if not token:
            raise Refused("no device to push to")
        return {
            "token": token,
            "title": fitted(delivery.variant.subject, delivery, most=TITLE, what="title"),
            "body": fitted(delivery.variant.body, delivery, most=BODY, what="text"),
            "button": delivery.variant.call_to_action,
        }
