"""Paid social: the person joins the audience of one advertisement, through a signed webhook.

Payload: `audience`, `member` with SHA-256 of the normalised e-mail and phone (never the clear text), `title` (60 characters),
`body` (250), `button`. An advertisement is the same for everybody, so it carries no merge tags.
"""

from __future__ import annotations

from typing import Any

from liftwright.channels.base import Refused
from liftwright.channels.identifiers import email_address, phone_number, sha256
from liftwright.channels.webhook import WebhookAdapter
from liftwright.domain.delivery import Delivery
from liftwright.domain.profile import Channel
from liftwright.domain.treatment import Variant

TITLE, BODY = 60, 250


class PaidSocialAdapter(WebhookAdapter):
    """One audience member per send."""

    channel: Channel = "paid_social"

    def payload(self, delivery: Delivery) -> dict[str, Any]:
        """`audience`, `member`, `title`, `body`, `button`."""
        return advertisement(delivery, title=TITLE, body=BODY)


def advertisement(delivery: Delivery, *, title: int, body: int) -> dict[str, Any]:
    """One member of an advertisement's audience, recognisable only to a network that knows the address. Raises Refused."""
    contact, variant = delivery.contact, delivery.variant
    member = {
        "email_sha256": sha256(email_address(contact.get("email", ""))),
        "phone_sha256": sha256(phone_number(contact.get("phone", ""), country=contact.get("country", ""))),
    }
    known = {name: value for name, value in member.items() if value}
    if not known:
        raise Refused("no address an audience can be matched by")
    _check(variant, title=title, body=body)
    return {
        "audience": f"{delivery.send.campaign_id}:{variant.variant_id}",
        "member": known,
        "title": variant.subject,
        "body": variant.body,
        "button": variant.call_to_action,
    }


def _check(variant: Variant, *, title: int, body: int) -> None:
    if "{{" in variant.subject + variant.body:
        raise Refused("an advertisement carries no merge tags")
    if len(variant.subject) > title or len(variant.body) > body:
        raise Refused("the text is longer than the channel carries")
