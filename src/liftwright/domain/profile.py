"""What is known of people by name: the eight channels that may reach them, and the flags that keep messages away."""

from __future__ import annotations

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
