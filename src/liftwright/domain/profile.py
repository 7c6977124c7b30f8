"""What is known of people by name: the eight channels that may reach them, and the flags that keep messages away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Channel = Literal["email", "sms", "push", "direct_mail", "voice", "paid_social", "display", "web"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
OWNED_CHANNELS: frozenset[Channel] = frozenset({"email", "push", "web"})
"""Channels whose contact cost is so small that a goal without a budget is still complete."""

FLAGS: dict[str, tuple[str, ...]] = {
    "objected": ("objected", "objects_to_marketing", "has_objected"),
    "no_sharing": ("gpc", "opted_out_of_sharing", "do_not_sell"),
    "no_calls": ("do_not_call", "on_do_not_call", "dnc"),
    "minor": ("is_minor", "minor"),
}
"""Yes/no columns that keep messages away from a person, and the names they go by in files."""
PROTECTIVE_FLAGS: frozenset[str] = frozenset(name for names in FLAGS.values() for name in names)
ERASED = "erased-"
"""How the name begins under which the ledger keeps the sends of somebody who was erased."""


@dataclass(frozen=True)
class Identifiers:
    """What one person is found by: every customer_id they ever had, their e-mail addresses and phone numbers as files spell them."""

    ids: frozenset[str]
    addresses: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        """Ids and addresses."""
        return self.ids | self.addresses


@dataclass(frozen=True)
class Erased:
    """What an erasure took away: rows of the lake in how many of its files, sends whose person is now unknown."""

    rows: int
    files: int
    sends: int
