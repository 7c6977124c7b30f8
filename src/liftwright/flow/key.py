"""What makes a touch the same touch: a person gets at most one per campaign, channel and wave."""

from __future__ import annotations

import hashlib


def touch(campaign_id: str, customer_id: str, channel: str, wave: int) -> str:
    """The key of a touch, unique in the ledger."""
    return f"{campaign_id}:{customer_id}:{channel}:{wave}"


def of_send(key: str) -> str:
    """The id of the send with this key."""
    return "s-" + hashlib.sha256(key.encode()).hexdigest()[:24]


def send_id(campaign_id: str, customer_id: str, channel: str, wave: int) -> str:
    """The id of the send of a touch."""
    return of_send(touch(campaign_id, customer_id, channel, wave))
