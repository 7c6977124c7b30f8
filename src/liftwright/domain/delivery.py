"""What is handed to a channel, and what the channel says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from liftwright.domain.campaign import Send
from liftwright.domain.treatment import Variant


@dataclass(frozen=True)
class Delivery:
    """One send with everything needed to deliver it. `contact` holds address fields; it never reaches a model or a log."""

    send: Send
    variant: Variant
    contact: Mapping[str, str]


@dataclass(frozen=True)
class Receipt:
    """What a channel says of one delivery. `unknown` when it may or may not have left; `delayed` when it surely has not and should be tried later."""

    send_id: str
    outcome: Literal["sent", "failed", "unknown", "delayed"]
    provider_id: str = ""
    reason: str = ""
