"""Telling somebody that an approval waits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from liftwright.domain.approval import Risk
from liftwright.domain.base import AwareDatetime, Value

NoticeKind = Literal["asked", "escalated", "reminder"]
"""It waits; one more role must sign; it is due soon."""
NoticeWay = Literal["email", "webhook"]
NoticeState = Literal["planned", "sending", "sent", "failed", "unknown", "dropped"]
"""unknown: it may have arrived. dropped: there was nothing to tell any more."""
NoticeOutcome = Literal["sent", "failed", "unknown", "planned", "dropped"]
"""How a try ended; planned: it is tried again."""


class Notice(Value):
    """Something to tell one receiver, once: `recipient` is a user (email) or a webhook of the settings, never an address.

    `role`: which role an escalation asks for. `due_at`: when it is tried next.
    """

    approval_id: str
    plan_hash: str
    kind: NoticeKind
    role: str = ""
    way: NoticeWay
    recipient: str
    planned_at: AwareDatetime
    due_at: AwareDatetime
    state: NoticeState = "planned"
    attempts: int = 0
    reason: str = ""
    sent_at: AwareDatetime | None = None

    @property
    def notice_id(self) -> str:
        """The same for the same thing told to the same receiver: key of the row, Message-ID of the mail, `webhook-id`."""
        told = "\x1f".join((self.approval_id, self.plan_hash, self.kind, self.role, self.way, self.recipient))
        return "n-" + hashlib.sha256(told.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Telling:
    """What a receiver is told. `link` leads to the review page, which only shows; `to`: the address, for mail."""

    notice_id: str
    kind: NoticeKind
    at: AwareDatetime
    campaign_id: str
    approval_id: str
    title: str
    risk: Risk
    trigger: str
    needs: tuple[str, ...]
    asked_by: str
    due_at: AwareDatetime
    link: str
    role: str = ""
    to: str = ""


@dataclass(frozen=True)
class Told:
    """How telling ended: `sent`, `failed` for good, `unknown` or `later`, where it may be tried again. In doubt it may have arrived."""

    outcome: Literal["sent", "failed", "unknown", "later"]
    reason: str = ""
