"""Text messages through a signed webhook. Payload: `to` (E.164), `text`. One message: 160 GSM 03.38 septets, 70 characters otherwise."""

from __future__ import annotations

from typing import Any

from liftwright.channels.base import Refused
from liftwright.channels.identifiers import phone_number
from liftwright.channels.webhook import WebhookAdapter, fitted
from liftwright.domain.delivery import Delivery
from liftwright.domain.profile import Channel

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE = frozenset("^{}\\[~]|€\f")


def fits(text: str) -> bool:
    """Whether a text goes out as one message."""
    if all(char in _GSM or char in _GSM_DOUBLE for char in text):
        return sum(2 if char in _GSM_DOUBLE else 1 for char in text) <= 160
    return len(text.encode("utf-16-be")) // 2 <= 70


class SmsAdapter(WebhookAdapter):
    """One text message per send."""

    channel: Channel = "sms"

    def payload(self, delivery: Delivery) -> dict[str, Any]:
        """`to` and `text`."""
        to = phone_number(delivery.contact.get("phone", ""), country=delivery.contact.get("country", ""))
        if to is None:
            raise Refused("no usable phone number")
        return {"to": to, "text": fitted(delivery.variant.body, delivery, most=fits, what="text")}
