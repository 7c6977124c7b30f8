"""People and the eight channels that may reach them."""

from __future__ import annotations

from typing import Literal, get_args

from liftwright.domain.base import AwareDatetime, Value

Channel = Literal["email", "sms", "push", "direct_mail", "voice", "paid_social", "display", "web"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
OWNED_CHANNELS: frozenset[Channel] = frozenset({"email", "push", "web"})
"""Channels whose contact cost is so small that a goal without a budget is still complete."""

Consent = Literal["granted", "denied", "unknown"]

FLAGS: dict[str, tuple[str, ...]] = {
    "objected": ("objected", "objects_to_marketing", "has_objected"),
    "no_sharing": ("gpc", "opted_out_of_sharing", "do_not_sell"),
    "no_calls": ("do_not_call", "on_do_not_call", "dnc"),
    "minor": ("is_minor", "minor"),
}
"""Yes/no columns that keep messages away from a person, and the names they go by in files."""
PROTECTIVE_FLAGS: frozenset[str] = frozenset(name for names in FLAGS.values() for name in names)


class Identifier(Value):
    """One way to recognise a person, normalised (e-mail lower case, phone E.164)."""

    kind: Literal["customer_id", "email", "phone", "device_id", "household"]
    value: str


class Profile(Value):
    """One person after identity resolution. Names and addresses stay in the lake; a profile holds what rules need."""

    customer_id: str
    country: str | None = None
    region: str | None = None
    time_zone: str | None = None
    is_minor: bool | None = None
    consent: dict[str, Consent] = {}
    merged_from: tuple[str, ...] = ()
    created_at: AwareDatetime | None = None
