"""Voice calls through a signed webhook. Payload: `to` (E.164), `say` (900 characters, about a minute), `language`."""

from __future__ import annotations

from typing import Any

from liftwright.channels.base import Refused
from liftwright.channels.identifiers import phone_number
from liftwright.channels.webhook import WebhookAdapter, fitted
from liftwright.domain.delivery import Delivery
from liftwright.domain.profile import Channel

SAY = 900


class VoiceAdapter(WebhookAdapter):
    """One call per send; the receiver reads the text out."""

    channel: Channel = "voice"

    def payload(self, delivery: Delivery) -> dict[str, Any]:
        """`to`, `say`, `language`."""
        to = phone_number(delivery.contact.get("phone", ""), country=delivery.contact.get("country", ""))
        if to is None:
            raise Refused("no usable phone number")
        say = fitted(delivery.variant.body, delivery, most=SAY, what="text")
        return {"to": to, "say": say, "language": delivery.contact.get("language", "en")}
