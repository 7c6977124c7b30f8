"""The shop's own pages: what a customer sees at the next visit, set through a signed webhook.

Payload: `customer_id`, `title` (70 characters), `body` (300), `button`, all plain text; the page escapes what it shows.
"""

from __future__ import annotations

from typing import Any

from liftwright.channels.webhook import WebhookAdapter, fitted
from liftwright.domain.delivery import Delivery
from liftwright.domain.profile import Channel

TITLE, BODY = 70, 300


class WebAdapter(WebhookAdapter):
    """One banner per send, for one known customer."""

    channel: Channel = "web"

    def payload(self, delivery: Delivery) -> dict[str, Any]:
        """`customer_id`, `title`, `body`, `button`."""
        return {
            "customer_id": delivery.send.customer_id,
            "title": fitted(delivery.variant.subject, delivery, most=TITLE, what="title"),
            "body": fitted(delivery.variant.body, delivery, most=BODY, what="text"),
            "button": delivery.variant.call_to_action,
        }
